"""Constraints and measurements of boost-invariant fields on the GPU.

See `glasma.lattice.milne_constraints` and `glasma.observables.milne_measure`.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numba import cuda

from glasma.backend import Workers, index
from glasma.cuda.device import array_module, launch
from glasma.lattice.energy import COMPONENTS
from glasma.lattice.gauge import GaussResidual
from glasma.lattice.milne import MilneFields
from glasma.lattice.milne_constraints import constraint_kernels
from glasma.lattice.milne_midpoint import milne_midpoint_kernels
from glasma.lattice.plaquettes import wrapped
from glasma.lattice.storage import field_array, on_host
from glasma.observables.measure import Measurement, of_all_planes
from glasma.observables.milne_measure import milne_at_site
from glasma.observables.stress_energy import TENSOR, stress_at_site


@cache
def milne_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels `gauss`, `half_step_back`, `component_energies` and `stress` of one group.

    V, Az and F hold a copy of the last line before the first and of the first behind the last, along x and along y.
    """
    load_algebra, store_algebra = group.load_algebra, group.store_algebra
    gauss_at_site = constraint_kernels(group).gauss_at_site
    site_back, at_site, tensor = milne_midpoint_kernels(group).site_back, milne_at_site(group), stress_at_site(group).tensor
    energies, mean_electric = at_site.energies, at_site.mean_electric
    mean_gradient, mean_magnetic = at_site.mean_gradient, at_site.mean_magnetic
    zero, one, two = index(0), index(1), index(2)

    @cuda.jit
    def gauss(G, U, A, E, unit):
        """G[0] ← A_η × P_η and G[1] ← Σ_i (P_i − U†_i P_i U_i |_{x−i}) − A_η × P_η, (2, dim_g, 1, nx, ny)."""
        k, i = cuda.grid(2)
        nx, ny = U.shape[3], U.shape[4]
        if i >= nx or k >= ny:
            return
        x, y = index(i), index(k)
        current, violation = gauss_at_site(U, A, E, x, y, wrapped(i - 1, nx), wrapped(k - 1, ny), unit)
        store_algebra(G, zero, zero, x, y, current)
        store_algebra(G, one, zero, x, y, violation)

    @cuda.jit
    def half_step_back(V, Az, F, U, A, E, c_links, c_scalar, inverse_tau):
        """Links, A_z and electric fields of all sites and of the lines around them."""
        k, i = cuda.grid(2)
        nx, ny = U.shape[3], U.shape[4]
        if i >= nx + 2 or k >= ny + 2:
            return
        x, y = index((i + nx - 1) % nx), index((k + ny - 1) % ny)
        site_back(V, Az, F, index(i), index(k), U, A, E, x, y, c_links, c_scalar, inverse_tau)

    @cuda.jit
    def component_energies(out, V, Az, F, half):
        """½E_L², ½E_T², ½B_L², ½B_T², (4, nx, ny)."""
        k, i = cuda.grid(2)
        if i >= out.shape[1] or k >= out.shape[2]:
            return
        x, y = index(i), index(k)
        e = energies(index(i + 1), index(k + 1), index(i + 2), index(k + 2), V, Az, F, half)
        out[0, x, y], out[1, x, y], out[2, x, y], out[3, x, y] = e[0], e[1], e[2], e[3]

    @cuda.jit
    def stress(T, V, Az, F, half):
        """T^{μν}, (10, nx, ny)."""
        k, i = cuda.grid(2)
        if i >= T.shape[1] or k >= T.shape[2]:
            return
        unit = half + half
        x, xp, xm = index(i + 1), index(i + 2), index(i)
        y, yp, ym = index(k + 1), index(k + 2), index(k)
        t = tensor(
            mean_electric(zero, x, y, xm, y, V, F, half),
            mean_electric(one, x, y, x, ym, V, F, half),
            load_algebra(F, two, zero, x, y),
            mean_gradient(one, -unit, x, y, x, yp, x, ym, V, Az, half),
            mean_gradient(zero, unit, x, y, xp, y, xm, y, V, Az, half),
            mean_magnetic(x, y, xp, yp, xm, ym, V, half),
            half,
        )
        x, y = index(i), index(k)
        T[0, x, y], T[1, x, y], T[2, x, y], T[3, x, y], T[4, x, y] = t[0], t[1], t[2], t[3], t[4]
        T[5, x, y], T[6, x, y], T[7, x, y], T[8, x, y], T[9, x, y] = t[5], t[6], t[7], t[8], t[9]

    return SimpleNamespace(gauss=gauss, half_step_back=half_step_back, component_energies=component_energies, stress=stress)


def gauss_residual(fields: MilneFields, workers: Workers) -> GaussResidual:
    """Violation of the Gauss constraint, relative to its largest term."""
    arrays, (nx, ny, _) = array_module(), fields.grid.shape
    G = arrays.empty((2, fields.group.DIMENSION, 1, nx, ny), fields.dtype)
    launch(milne_kernels(fields.group).gauss, (nx, ny), G, fields.U, fields.A, fields.E, fields.dtype.type(1))
    terms = arrays.concatenate((G[0], fields.E[0], fields.E[1]))
    found = _largest_and_squares(G[1], terms)
    worst, squares, largest = workers.whole(found).T.tolist()
    scale = max(largest) or 1.0
    count = len(squares) * ny * fields.group.DIMENSION
    return GaussResidual(float(np.max(worst)) / scale, (sum(squares) / count) ** 0.5 / scale, scale)


def _largest_and_squares(G: Any, terms: Any) -> np.ndarray:
    """Of each plane max |G|, Σ G² and max |terms|, (planes, 3), in the memory of the host."""
    arrays, axes = array_module(), (0, 1, 3)
    worst, largest = (arrays.abs(values).max(axis=axes) for values in (G, terms))
    squares = arrays.square(G, dtype=np.float64).sum(axis=axes)
    return np.stack([on_host(numbers).astype(np.float64) for numbers in (worst, squares, largest)], axis=1)


class _Comoving:
    """Energies and tensor of a state, as arrays of the GPU; at copies of neighbours' planes they mean nothing."""

    def __init__(self, fields: MilneFields) -> None:
        self._fields, group, dtype = fields, fields.group, fields.dtype
        self._kernels, self._half = milne_kernels(group), dtype.type(0.5)
        self._shape = nx, ny = fields.grid.shape[:2]
        counts = (2, group.LINK_REALS), (1, group.DIMENSION), (3, group.DIMENSION)
        self._arrays = [field_array((*count, 1, nx + 2, ny + 2), dtype, array_module()) for count in counts]
        tau, half = fields.tau_of_momenta, fields.grid.a_t / 2
        weights = (dtype.type(weight) for weight in (half / tau, half * tau, 1 / tau))
        state = fields.U, fields.A, fields.E
        launch(self._kernels.half_step_back, (nx + 2, ny + 2), *self._arrays, *state, *weights)

    def _at_sites(self, kernel: Any, components: int) -> Any:
        out = array_module().empty((components, *self._shape), self._fields.dtype)
        launch(kernel, self._shape, out, *self._arrays, self._half)
        return out

    def component_energies(self) -> Any:
        """½E_L², ½E_T², ½B_L², ½B_T², (4, nx, ny)."""
        return self._at_sites(self._kernels.component_energies, len(COMPONENTS))

    def stress(self) -> Any:
        """T^{μν}, (10, nx, ny)."""
        return self._at_sites(self._kernels.stress, len(TENSOR))


def field_energy(fields: MilneFields, workers: Workers) -> float:
    """dE/dη = τ ∫ ε at τ − Δτ/2, units 1/(g² a_T)."""
    energies = _Comoving(fields).component_energies()
    return fields.tau_of_momenta * float(workers.sum(on_host(energies.sum(axis=(0, 2), dtype=np.float64))))


def measure(fields: MilneFields, workers: Workers) -> Measurement:
    """Energy densities and T^{μν} in the transverse mean, and T^00 in the plane and along y = ny/2."""
    ny = fields.grid.shape[1]
    seen = _Comoving(fields)
    components, T = seen.component_energies(), seen.stress()
    front_view = on_host(T[0]).astype(np.float32)
    return of_all_planes(_sums_over_y(components), _sums_over_y(T), front_view[:, ny // 2, None], front_view, workers)


def _sums_over_y(at_sites: Any) -> np.ndarray:
    """(components, nx, ny) → (nx, components, 1), in the memory of the host."""
    return on_host(at_sites.sum(axis=2, dtype=np.float64)).T[..., None]


def stress_tensor(fields: MilneFields, x0: int = 0, x1: int | None = None) -> np.ndarray:
    """T^{μν} at the sites of planes x0 ≤ x < x1 in the memory of the host, (10, x1 − x0, ny, 1)."""
    return on_host(_Comoving(fields).stress()[:, x0:x1, :, None])
