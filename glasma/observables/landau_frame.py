"""The local rest frame of the energy flow: T^μ_ν u^ν = ε u^μ with a timelike u (Landau frame), metric (+, −, −, −)."""

from __future__ import annotations

import numpy as np

from glasma.observables.stress_energy import TENSOR

_INDICES = ((0, 0), (0, 1), (0, 2), (0, 3), (1, 1), (2, 2), (3, 3), (1, 2), (1, 3), (2, 3))
_METRIC = np.diag([1.0, -1.0, -1.0, -1.0])

#: n in the power 2^n: eigenvalues nearer to each other than some 2⁻ⁿ of their size count as equal.  Half the digits of
#: float64, so that rounding does not split eigenvalues that are equal.
_SQUARINGS = 26

#: Largest |T u − ε u| of an eigenvector, relative to the size of T and u; above what unresolved eigenvalues leave.
_TOLERANCE = 1e-5


def landau_frame(tensor: np.ndarray, sites_per_chunk: int = 1 << 16) -> tuple[np.ndarray, np.ndarray]:
    """Local energy density and flow velocity from all ten components of T^{μν}.

    For fields whose energy flows no faster than light (|p_i| ≤ ε, as for all Yang–Mills fields and their averages), ε is the
    largest eigenvalue of T^μ_ν.  Its eigenvector is what (T + c 1)^(2^n) makes of the observer at rest, with
    c² = T^μ_ν T^ν_μ ≥ p_i²; the power is taken by repeated squaring.  If ε is degenerate with −p along one direction, as for
    the purely longitudinal fields right after the overlap, every velocity along it is a solution, and this is the one nearest
    to the observer at rest.

    Parameters
    ----------
    tensor : (10, ...) real
        In the order of `TENSOR`, any unit.
    sites_per_chunk : int
        Points that are worked on at once; a chunk takes about 1 KiB a point.

    Returns
    -------
    energy_density : (...) float64
        ε in the unit of the tensor; 0 where the tensor vanishes, NaN where no timelike eigenvector exists (a single wave or
        nucleus, whose energy moves with the speed of light) or the tensor is not finite.
    velocity : (4, ...) float64
        u^μ = γ(1, v); NaN where the energy density is.
    """
    if tensor.shape[:1] != (len(TENSOR),):
        raise ValueError(f"tensor has shape {tensor.shape}: needs the {len(TENSOR)} components of TENSOR first")
    shape = tensor.shape[1:]
    flat = tensor.reshape(len(TENSOR), -1)
    energy_density, velocity = np.empty(flat.shape[1]), np.empty((4, flat.shape[1]))
    rounding = np.finfo(tensor.dtype if tensor.dtype.kind == "f" else np.float64).eps
    for first in range(0, flat.shape[1], sites_per_chunk):
        chunk = slice(first, first + sites_per_chunk)
        energy_density[chunk], velocity[:, chunk] = _frames(flat[:, chunk].astype(np.float64), float(rounding))
    return energy_density.reshape(shape), velocity.reshape(4, *shape)


def _frames(components: np.ndarray, rounding: float) -> tuple[np.ndarray, np.ndarray]:
    """The same for components (10, n): ε (n,) and u^μ (4, n)."""
    T = np.empty((components.shape[1], 4, 4))
    for component, (mu, nu) in zip(components, _INDICES, strict=True):
        T[:, mu, nu] = T[:, nu, mu] = component
    scale = np.abs(T).max(axis=(1, 2))
    empty = scale == 0
    with np.errstate(invalid="ignore", divide="ignore"):
        mixed = (T / np.where(empty, 1, scale)[:, None, None]) @ _METRIC
        shift = np.sqrt(np.maximum(np.einsum("nij,nji->n", mixed, mixed), 0))
        u = _dominant_direction(mixed + shift[:, None, None] * np.eye(4))
        norm2 = np.einsum("ni,ij,nj->n", u, _METRIC, u)
        # Next to the light cone the direction is known to rounding only.
        timelike = norm2 > 64 * rounding
        u *= (np.sign(u[:, 0]) / np.sqrt(np.where(timelike, norm2, np.nan)))[:, None]
        eigenvalue = np.einsum("ni,ij,njk,nk->n", u, _METRIC, mixed, u)
        defect = np.abs(np.einsum("nij,nj->ni", mixed, u) - eigenvalue[:, None] * u).max(axis=1)
        timelike &= defect < _TOLERANCE * np.abs(u).max(axis=1)
    u[~timelike] = eigenvalue[~timelike] = np.nan
    u[empty], eigenvalue[empty] = (1, 0, 0, 0), 0
    return scale * eigenvalue, u.T


def _dominant_direction(matrix: np.ndarray) -> np.ndarray:
    """Unit vectors (n, 4) along matrix^(2^n) (1, 0, 0, 0)."""
    power = matrix
    for _ in range(_SQUARINGS):
        before = power
        power = power / np.abs(power).max(axis=(1, 2), keepdims=True)
        power = power @ power
        power /= np.abs(power).max(axis=(1, 2), keepdims=True)
        if np.nanmax(np.abs(power - before), initial=0.0) < 4 * np.finfo(float).eps:
            break
    u = power[:, :, 0]
    return u / np.linalg.norm(u, axis=1, keepdims=True)


def longitudinal_frame(T00: np.ndarray, T0z: np.ndarray, Tzz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Local energy density and velocity along z where nothing flows sideways, as for transverse means.

    ε_loc = ½ (T^00 − T^zz + √((T^00 + T^zz)² − 4 (T^0z)²)), v_z = 2 T^0z/(T^00 + T^zz + √…): Ipp, Müller, PLB 771 (2017) 74,
    arXiv:1703.00017.

    Parameters
    ----------
    T00, T0z, Tzz : (...) real, any unit

    Returns
    -------
    energy_density, v_z : (...) float64
        NaN where |T^0z| exceeds ½ (T^00 + T^zz) by more than rounding: there is no rest frame.  Where T^0z and T^00 + T^zz
        vanish, every frame is one, and v_z = 0.
    """
    rounding = max(np.finfo(np.result_type(part, np.float32)).eps for part in (T00, T0z, Tzz))
    T00, T0z, Tzz = (np.asarray(part, np.float64) for part in (T00, T0z, Tzz))
    total = T00 + Tzz
    square = (total - 2 * T0z) * (total + 2 * T0z)
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(np.where(np.abs(square) <= 8 * rounding * T00**2, np.maximum(square, 0), square))
        v_z = np.where((root == 0) & (T0z == 0), 0.0, 2 * T0z / (total + root))
    return 0.5 * (T00 - Tzz + root), v_z
