"""The transverse Poisson equation of a colour sheet."""

from __future__ import annotations

import numpy as np


def lattice_momentum_squared(shape: tuple[int, int]) -> np.ndarray:
    """k² = Σ_i (2/a_T)² sin²(k_i a_T/2) of a periodic lattice, (nx, ny), units a_T⁻²."""
    kx, ky = (2 * np.sin(np.pi * np.fft.fftfreq(n)) for n in shape)
    return kx[:, None] ** 2 + ky[None, :] ** 2


def solve_poisson(rho: np.ndarray, infrared: float, ultraviolet: float) -> np.ndarray:
    """φ of (m² − ∇²) φ = ρ with momenta up to Λ: φ(k) = ρ(k) θ(Λ − |k|)/(k² + m²).

    Parameters
    ----------
    rho : (dim_g, nx, ny)
        Charge density, units a_T⁻².
    infrared : float
        m in units 1/a_T.  With m = 0 the total charge is set to zero.
    ultraviolet : float
        Λ in units 1/a_T.

    Returns
    -------
    (dim_g, nx, ny), dimensionless
    """
    k2 = lattice_momentum_squared(rho.shape[1:])
    propagator = np.zeros_like(k2)
    kept = k2 <= ultraviolet**2
    if infrared == 0:
        kept[0, 0] = False
    propagator[kept] = 1 / (k2[kept] + infrared**2)
    return np.fft.ifft2(np.fft.fft2(rho) * propagator).real
