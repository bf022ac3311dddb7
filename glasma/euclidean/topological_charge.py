"""Topological charge density in four dimensions, from plaquettes and from clovers.

    q_x = 1/(32π²) Σ_{μνρσ} ε_{μνρσ} tr(F_{x,μν} F_{x,ρσ}),    F = [·]_ah of a plaquette, or the mean over the four of a clover,

with [M]_ah = (M − M†)/2i without its trace (P. Di Vecchia, K. Fabricius, G. C. Rossi, G. Veneziano, Nucl. Phys. B 192 (1981)
392).  Both are gauge invariant and become the continuum's density for smooth fields, with errors of a for plaquettes, which lie
to one side of the site, and of a² for clovers.  Q = Σ_x q_x.
"""

from __future__ import annotations

import numpy as np

from glasma.euclidean.observables import dimension_of, shifted
from glasma.group import dagger

#: The three products of ε_{μνρσ} F_{μν} F_{ρσ} up to order, with their signs; each occurs eight times.
_PAIRS = (((0, 1), (2, 3), 1), ((0, 2), (1, 3), -1), ((0, 3), (1, 2), 1))


def topological_charge_density(U: np.ndarray, definition: str = "clover") -> np.ndarray:
    """q_x of every configuration.

    Parameters
    ----------
    U : (configurations, 4, *lattice, N, N) complex
        Links.
    definition : "clover" or "plaquette"
        How F is taken.

    Returns
    -------
    (configurations, *lattice) real

    Raises
    ------
    ValueError
        If the lattice is not four-dimensional, or there is no such definition.
    """
    if dimension_of(U) != 4:
        raise ValueError(f"links of shape {U.shape}: the topological charge needs four dimensions")
    if definition not in _FIELD_STRENGTHS:
        raise ValueError(f"definition = {definition!r}: must be {' or '.join(map(repr, _FIELD_STRENGTHS))}")
    field_strength = _FIELD_STRENGTHS[definition]
    density = np.zeros(U.shape[:1] + U.shape[2:6])
    for first, second, sign in _PAIRS:
        density += sign * np.einsum("...ij,...ji->...", field_strength(U, *first), field_strength(U, *second)).real
    return density * (8 / (32 * np.pi**2))


def plaquette_field_strength(U: np.ndarray, mu: int, nu: int) -> np.ndarray:
    """[U_{x,μν}]_ah, Hermitian and traceless, (configurations, *lattice, N, N); F_x → Ω_x F_x Ω†_x."""
    u, v = U[:, mu], U[:, nu]
    return _antihermitian(u @ shifted(v, mu) @ dagger(v @ shifted(u, nu)))


def clover_field_strength(U: np.ndarray, mu: int, nu: int) -> np.ndarray:
    """The mean of [·]_ah over the four plaquettes of the plane that meet at x, all run through in the same sense."""
    u, v = U[:, mu], U[:, nu]
    to_far = u @ shifted(v, mu)
    # The plaquette of x as seen from its four corners, then brought to the site that is this corner.
    round_ = to_far @ dagger(v @ shifted(u, nu))
    at_mu = dagger(u) @ round_ @ u
    at_nu = dagger(v) @ round_ @ v
    at_far = dagger(to_far) @ round_ @ to_far
    leaves = round_ + shifted(at_mu, mu, -1) + shifted(at_nu, nu, -1) + shifted(shifted(at_far, mu, -1), nu, -1)
    return _antihermitian(leaves / 4)


def _antihermitian(m: np.ndarray) -> np.ndarray:
    a = (m - dagger(m)) / 2j
    return a - np.trace(a, axis1=-2, axis2=-1)[..., None, None] * (np.eye(m.shape[-1]) / m.shape[-1])


_FIELD_STRENGTHS = {"clover": clover_field_strength, "plaquette": plaquette_field_strength}
