"""Exact averages of two-dimensional lattice gauge theory on a torus, from the character expansion.

exp(β/N Re tr U) = Σ_r d_r c_r χ_r(U) gives Z = Σ_r c_r^V on a torus of V plaquettes, and for a loop around A of them, with a
disc inside and a torus with a hole outside, Σ_{r,s} N_{rsf} (d_s/d_r) c_r^{V−A} c_s^A / (N Z)
(A. A. Migdal, Sov. Phys. JETP 42 (1975) 413; B. Rusakov, Mod. Phys. Lett. A 5 (1990) 693).
"""

from __future__ import annotations

import numpy as np
from scipy.special import iv

_TERMS = 30


def su2_loop(beta: float, volume: int, area: int) -> float:
    """⟨Re tr/2⟩ of a loop around `area` of `volume` plaquettes of SU(2); c_j = (2/β) I_{2j+1}(β), d_j = 2j + 1."""
    d = np.arange(1, _TERMS + 1)
    c = iv(d, beta) / iv(1, beta)
    up = d[1:] / d[:-1] * c[:-1] ** (volume - area) * c[1:] ** area
    down = d[:-1] / d[1:] * c[1:] ** (volume - area) * c[:-1] ** area
    return float((up.sum() + down.sum()) / 2 / (c**volume).sum())


def su3_plaquette(beta: float, volume: int) -> float:
    """⟨Re tr U_p/3⟩ of SU(3): d ln Z/dβ / V."""
    h = 1e-4 * beta
    return (_su3_log_partition(beta + h, volume) - _su3_log_partition(beta - h, volume)) / (2 * h * volume)


def _su3_log_partition(beta: float, volume: int) -> float:
    scale = _su3_coefficient(0, 0, beta)
    terms = [(_su3_coefficient(p, q, beta) / scale) ** volume for p in range(8) for q in range(8)]
    return float(volume * np.log(scale) + np.log(sum(terms)))


def _su3_coefficient(p: int, q: int, beta: float) -> float:
    """c_r of the representation (p, q): Σ_n det I_{λ_i − i + j + n}(β/3)/d_r with rows λ = (p + q, q, 0)."""
    rows = np.array([p + q, q, 0])
    orders = (rows - np.arange(3))[:, None] + np.arange(3)
    total = sum(np.linalg.det(iv(orders + n, beta / 3)) for n in range(-20, 21))
    return total / ((p + 1) * (q + 1) * (p + q + 2) / 2)
