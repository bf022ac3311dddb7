"""Fields on the forward light cone, τ = 0+, of two thin nuclei that have passed through each other.

Behind each nucleus the links are pure gauges U^A (right-mover) and U^B (left-mover), ahead of both they are 1.  The
Yang–Mills equations across the light cone give, in the lattice form of Krasnitz and Venugopalan (NPB 557 (1999) 237,
section 3; Lappi, PRC 67 (2003) 054903), the links U from

    [(U^A + U^B)(1 + U†)]_ah = 0

and the longitudinal field from the Gauss law on either branch of the cone.  The right-mover's charge, Σ_i div [U^A_i]_ah before
the collision, is div of the step of the links from U^B ahead of it to U behind it, less the step of E_z from 0 to E_L:

    E_L = Σ_i div [U U^B† − U^A]_ah = Σ_i div [U^B − U U^A†]_ah,

the second form from the left-mover, with div [U V†]_ah = [U V†]_ah |_x − [V† U]_ah |_{x−i}.  The two forms agree by the
condition on U (for SU(3) the parts from the links that begin at the site do, the others up to the order of the lattice
spacing).  Their mean is

    P_η = ½ Σ_i ( [(U_i − 1)(U^B_i − U^A_i)†]_ah + [(U†_i − 1)(U^B_i − U^A_i)]_ah |_{x−i} ).

In the continuum A_i = A^A_i + A^B_i and E_L = −i Σ_i [A^A_i, A^B_i].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from glasma.errors import ConvergenceError
from glasma.evolution.initial_state import pure_gauge
from glasma.group import dagger
from glasma.nuclei.nucleus import Nucleus

#: Largest component of the condition on U that counts as solved.
TOLERANCE = 1e-13

#: Newton steps before a link is given up.
ITERATIONS = 100

#: Links that are solved at once.
BATCH = 1 << 16

_LARGEST_STEP = 1.0


@dataclass(frozen=True)
class LightConeFields:
    """Fields at τ = 0+; P_i and A_η are zero.

    Attributes
    ----------
    links : (2, link_reals, nx, ny) float64
        U_i
    longitudinal : (dim_g, nx, ny) float64
        g P_η = g E_L, units 1/a_T².
    residual : float
        Largest component of [(U^A + U^B)(1 + U†)]_ah.
    iterations : int
        Newton steps of the slowest link.
    """

    links: np.ndarray
    longitudinal: np.ndarray
    residual: float
    iterations: int


def light_cone_fields(group: ModuleType, nuclei: Sequence[Nucleus], shape: tuple[int, int]) -> LightConeFields:
    """Fields at τ = 0+ of one right-mover and one left-mover.

    Raises
    ------
    ValueError
        If there are other nuclei, or their transverse lattice is not `shape`.
    ConvergenceError
        If a link is not found.
    """
    directions = sorted(nucleus.direction for nucleus in nuclei)
    if directions != [-1, 1]:
        raise ValueError(f"nuclei that move along {directions}: the forward light cone needs one along +1 and one along −1")
    left, right = sorted(nuclei, key=lambda nucleus: nucleus.direction)
    V_A, V_B = right.wilson_line(right.extent[0] - 1, 0.0), left.wilson_line(left.extent[1] + 1, 0.0)
    for V in (V_A, V_B):
        if V.shape != (*shape, group.COLOURS, group.COLOURS):
            raise ValueError(f"Wilson lines {V.shape} do not fit the transverse lattice {shape} of {group.NAME}")

    links, electric = [], np.zeros((group.DIMENSION, *shape))
    residual, iterations = 0.0, 0
    for i in (0, 1):
        U_A, U_B = pure_gauge(V_A, i), pure_gauge(V_B, i)
        U, worst, steps = solve_links(group, U_A, U_B, "xy"[i])
        electric += _outgoing(group, U_A, U_B, U) + np.roll(_incoming(group, U_A, U_B, U), 1, axis=1 + i)
        links.append(group.link_from_matrix(U))
        residual, iterations = max(residual, worst), max(iterations, steps)
    return LightConeFields(np.stack(links), 0.5 * electric, residual, iterations)


def _outgoing(group: ModuleType, U_A: np.ndarray, U_B: np.ndarray, U: np.ndarray) -> np.ndarray:
    """[(U − 1)(U^B − U^A)†]_ah: what a link gives to P_η at its start."""
    difference = dagger(U_B - U_A)
    return _antihermitian(group, U @ difference - difference)


def _incoming(group: ModuleType, U_A: np.ndarray, U_B: np.ndarray, U: np.ndarray) -> np.ndarray:
    """[(U† − 1)(U^B − U^A)]_ah: what a link gives to P_η at its end."""
    difference = U_B - U_A
    return _antihermitian(group, dagger(U) @ difference - difference)


def solve_links(group: ModuleType, U_A: np.ndarray, U_B: np.ndarray, direction: str = "x") -> tuple[np.ndarray, float, int]:
    """U of [(U^A + U^B)(1 + U†)]_ah = 0 for matrices (nx, ny, N_c, N_c); the largest residual and number of steps.

    The start is R² with the unitary factor R of U^A + U^B = R H, H ≥ 0: the solution for SU(2), where it is
    (U^A + U^B)(U^A + U^B)†⁻¹, and for any fields of one colour direction.  Newton's method on the algebra, U ← exp(iθ) U,
    does the rest.

    Raises
    ------
    ConvergenceError
        If a residual stays above `TOLERANCE`: names the first such link.
    """
    shape = U_A.shape
    total = (U_A + U_B).reshape(-1, *shape[-2:])
    U = np.empty_like(total)
    residuals = np.empty(len(total))
    iterations = 0
    for first in range(0, len(total), BATCH):
        batch = slice(first, first + BATCH)
        U[batch], residuals[batch], steps = _newton(group, total[batch])
        iterations = max(iterations, steps)
    # NaN counts as unsolved too.
    unsolved = np.flatnonzero(~(residuals <= TOLERANCE))
    if unsolved.size:
        x, y = divmod(int(unsolved[0]), shape[1])
        raise ConvergenceError(
            f"initial condition at τ = 0: link U_{direction} at site ({x}, {y}) has residual {residuals[unsolved[0]]:.1e} "
            f"after {ITERATIONS} iterations ({unsolved.size} such links); take a smaller g²μ a_T (a finer lattice)"
        )
    return U.reshape(shape), float(residuals.max()), iterations


def _newton(group: ModuleType, total: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Links, residuals and number of steps of matrices M = U^A + U^B, (links, N_c, N_c)."""
    generators, colours = group.GENERATORS, group.COLOURS
    # Y_ab = 2 Re tr(t^b t^a W) as a product of the elements of W.
    pairs = 2 * np.einsum("bij,ajk->abki", generators, generators).reshape(-1, colours**2)
    left, singular, right = np.linalg.svd(total)
    root = left @ right
    U = root @ root
    # Where U^A = −U^B no solution is singled out.
    U[singular.min(axis=-1) < TOLERANCE] = np.nan
    residual = np.empty(len(total))
    active = np.arange(len(total))
    for step in range(ITERATIONS + 1):
        W = total[active] @ dagger(U[active])
        defect = _antihermitian(group, total[active] + W)
        residual[active] = np.abs(defect).max(axis=0)
        moving = residual[active] > TOLERANCE
        active = active[moving]
        if not active.size or step == ITERATIONS:
            break
        elements = W[moving].reshape(-1, colours**2)
        Y = (elements.real @ pairs.real.T - elements.imag @ pairs.imag.T).reshape(-1, group.DIMENSION, group.DIMENSION)
        theta = np.linalg.solve(Y, defect[:, moving].T[..., None])[..., 0]
        size = np.linalg.norm(theta, axis=-1, keepdims=True)
        theta *= _LARGEST_STEP / np.maximum(size, _LARGEST_STEP)
        U[active] = _exponential(group, theta) @ U[active]
    return U, residual, step


def newton_bytes(group: ModuleType) -> int:
    """Bytes that a link takes while it is solved: the Jacobian as real numbers four times, and three matrices."""
    return 4 * 8 * group.DIMENSION**2 + 3 * 16 * group.COLOURS**2 + 12 * group.DIMENSION


def _exponential(group: ModuleType, theta: np.ndarray) -> np.ndarray:
    """exp(i θ^a t^a) of components (links, dim_g)."""
    values, vectors = np.linalg.eigh(np.einsum("na,aij->nij", theta, group.GENERATORS))
    return (vectors * np.exp(1j * values)[:, None, :]) @ dagger(vectors)


def _antihermitian(group: ModuleType, matrix: np.ndarray) -> np.ndarray:
    """Components Im tr(2 t^a M), (dim_g, ...)."""
    return 2 * np.einsum("aij,...ji->a...", group.GENERATORS, matrix, optimize=True).imag
