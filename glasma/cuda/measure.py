"""Energies and the energy-momentum tensor on the GPU, a few planes in x at a time; see `glasma.observables.measure`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numba import cuda

from glasma.backend import Workers, index
from glasma.cuda.device import array_module, launch, slabs
from glasma.cuda.sums import over_lines
from glasma.lattice.energy import COMPONENTS, energies_at_site
from glasma.lattice.fields import Fields
from glasma.lattice.grid import Interval
from glasma.lattice.midpoint import midpoint_kernels
from glasma.lattice.plaquettes import wrapped
from glasma.lattice.storage import field_array, on_host
from glasma.observables.measure import Measurement, of_all_planes
from glasma.observables.stress_energy import TENSOR, stress_at_site


@cache
def measure_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels `half_step_back`, `component_energies` and `stress` of one group.

    V holds links half a step back at planes x0 − 1, x0, …; `out` and T what belongs to x0, x0 + 1, …
    """
    store, link_back = group.store, midpoint_kernels(group).link_back
    electric, magnetic = energies_at_site(group).electric, energies_at_site(group).magnetic
    at_site = stress_at_site(group)
    mean_electric, clover, tensor = at_site.mean_electric, at_site.clover, at_site.tensor

    @cuda.jit
    def half_step_back(V, x0, z0, z1, U, E, half_a_t):
        """V ← U(t − ½) for z0 ≤ z < z1."""
        k, j, i = cuda.grid(3)
        nx = U.shape[2]
        if i >= V.shape[2] or j >= U.shape[3] or k >= z1 - z0:
            return
        x, y, z = index((x0 + i + nx - 1) % nx), index(j), index(z0 + k)
        for d in range(3):
            store(V, index(d), index(i), y, z, link_back(U, E, index(d), x, y, z, half_a_t))

    @cuda.jit
    def component_energies(out, x0, z0, z1, V, E, longitudinal, half):
        """½E_L², ½E_T², ½B_L², ½B_T² at a site, (4, planes, ny, nz); `longitudinal` is 1/a_z²."""
        k, j, i = cuda.grid(3)
        ny = E.shape[3]
        if i >= out.shape[1] or j >= ny or k >= z1 - z0:
            return
        x, y, yp, z, zp = index(x0 + i), index(j), wrapped(j + 1, ny), index(z0 + k), index(z0 + k + 1)
        h, hp = index(i + 1), index(i + 2)
        s = index(i)
        out[0, s, y, z] = electric(E, 2, x, y, z, half * longitudinal)
        out[1, s, y, z] = electric(E, 0, x, y, z, half) + electric(E, 1, x, y, z, half)
        out[2, s, y, z] = magnetic(V, 0, 1, h, y, z, hp, yp, zp, half + half)
        b = magnetic(V, 0, 2, h, y, z, hp, yp, zp, longitudinal)
        out[3, s, y, z] = b + magnetic(V, 1, 2, h, y, z, hp, yp, zp, longitudinal)

    @cuda.jit
    def stress(T, x0, z0, z1, V, E, inverse_a_z, half):
        """T^{μν} at a site, (10, planes, ny, nz)."""
        k, j, i = cuda.grid(3)
        nx, ny = E.shape[2], E.shape[3]
        if i >= T.shape[1] or j >= ny or k >= z1 - z0:
            return
        quarter = half * half
        x, xm = index(x0 + i), wrapped(x0 + i - 1, nx)
        y, yp, ym = index(j), wrapped(j + 1, ny), wrapped(j - 1, ny)
        z, zp, zm = index(z0 + k), index(z0 + k + 1), index(z0 + k - 1)
        h, hp, hm = index(i + 1), index(i + 2), index(i)
        t = tensor(
            mean_electric(E, 0, x, y, z, xm, y, z, V, hm, half),
            mean_electric(E, 1, x, y, z, x, ym, z, V, h, half),
            mean_electric(E, 2, x, y, z, x, y, zm, V, h, half * inverse_a_z),
            clover(V, 1, 2, h, y, z, hp, hm, yp, ym, zp, zm, -quarter * inverse_a_z),
            clover(V, 0, 2, h, y, z, hp, hm, yp, ym, zp, zm, quarter * inverse_a_z),
            clover(V, 0, 1, h, y, z, hp, hm, yp, ym, zp, zm, -quarter),
            half,
        )
        s = index(i)
        T[0, s, y, z], T[1, s, y, z], T[2, s, y, z], T[3, s, y, z], T[4, s, y, z] = t[0], t[1], t[2], t[3], t[4]
        T[5, s, y, z], T[6, s, y, z], T[7, s, y, z], T[8, s, y, z], T[9, s, y, z] = t[5], t[6], t[7], t[8], t[9]

    return SimpleNamespace(half_step_back=half_step_back, component_energies=component_energies, stress=stress)


class _Slab:
    """Energies and tensor at planes x0 ≤ x < x1, as arrays of the GPU."""

    def __init__(self, fields: Fields, x0: int, x1: int, region: Sequence[Interval]) -> None:
        self._fields, self._x0, self._count = fields, x0, x1 - x0
        self._kernels, self._real = measure_kernels(fields.group), fields.dtype.type
        _, ny, nz = fields.grid.shape
        self._V = field_array((3, fields.group.LINK_REALS, self._count + 2, ny, nz), fields.dtype, array_module())
        half = self._real(0.5 * fields.grid.a_t)
        for z0, z1 in region:
            first, last = max(z0 - 1, 0), min(z1 + 1, nz)
            shape = self._count + 2, ny, last - first
            launch(self._kernels.half_step_back, shape, self._V, x0, first, last, fields.U, fields.E, half)

    def _at_sites(self, kernel: Any, components: int, region: Sequence[Interval], scale: float) -> Any:
        _, ny, nz = self._fields.grid.shape
        out = array_module().zeros((components, self._count, ny, nz), self._fields.dtype)
        for z0, z1 in region:
            arguments = self._x0, z0, z1, self._V, self._fields.E, self._real(scale), self._real(0.5)
            launch(kernel, (self._count, ny, z1 - z0), out, *arguments)
        return out

    def component_energies(self, region: Sequence[Interval]) -> Any:
        """½E_L², ½E_T², ½B_L², ½B_T², (4, planes, ny, nz), units 1/(g² a_T⁴), at t − ½."""
        return self._at_sites(self._kernels.component_energies, len(COMPONENTS), region, self._fields.grid.a_z**-2)

    def stress(self, region: Sequence[Interval]) -> Any:
        """T^{μν}, (10, planes, ny, nz), units 1/(g² a_T⁴), at t − ½."""
        return self._at_sites(self._kernels.stress, len(TENSOR), region, 1 / self._fields.grid.a_z)


def _with_links_before(region: Sequence[Interval]) -> list[Interval]:
    """The static plane before an interval counts too: its longitudinal link moves."""
    return [(z0 - 1, z1) for z0, z1 in region]


def field_energy(fields: Fields, workers: Workers, region: Sequence[Interval]) -> float:
    """½ ∫ (E² + B²) at t − ½ over the given intervals of z, units 1/(g² a_T)."""
    (nx, _, nz), intervals = fields.grid.shape, workers.own_along_z(_with_links_before(region))
    totals = np.zeros((nx, nz))
    for x0, x1 in slabs(fields.grid.shape, workers.own(nx)):
        energies = _Slab(fields, x0, x1, intervals).component_energies(intervals)
        totals[x0:x1] = over_lines(energies[None])[:, 0]
    return fields.grid.a_z * float(workers.along_z(workers.sum(totals)).sum())


def measure(fields: Fields, workers: Workers, region: Sequence[Interval]) -> Measurement:
    """Measure a state over the given intervals of z; the result is in the memory of the host."""
    nx, ny, nz = fields.grid.shape
    intervals, moving = workers.own_along_z(_with_links_before(region)), workers.own_along_z(region)
    middle = fields.grid.middle_planes[1]
    has_middle = bool(workers.own_along_z([(middle, middle + 1)]))
    components, tensor = np.zeros((nx, len(COMPONENTS), nz)), np.zeros((nx, len(TENSOR), nz))
    side_view, front_view = np.zeros((nx, nz), np.float32), np.zeros((nx, ny), np.float32)
    for x0, x1 in slabs(fields.grid.shape, workers.own(nx)):
        slab = _Slab(fields, x0, x1, intervals)
        components[x0:x1] = over_lines(slab.component_energies(intervals)[:, None])
        T = slab.stress(moving)
        tensor[x0:x1], side_view[x0:x1] = over_lines(T[:, None]), on_host(T[0, :, ny // 2])
        if has_middle:
            front_view[x0:x1] = on_host(T[0, :, :, middle])
    return of_all_planes(components, tensor, side_view, front_view, workers)


def stress_tensor(
    fields: Fields, workers: Workers, region: Sequence[Interval], x0: int = 0, x1: int | None = None
) -> np.ndarray:
    """T^{μν} of planes x0 ≤ x < x1 in the memory of the host, (10, x1 − x0, ny, nz); zero outside the intervals of z."""
    nx, ny, nz = fields.grid.shape
    count, own = (nx if x1 is None else x1) - x0, workers.own_along_z(region)
    T = np.empty((len(TENSOR), count, ny, nz), fields.dtype)
    for first, last in slabs((count, ny, nz)):
        T[:, first:last] = on_host(_Slab(fields, x0 + first, x0 + last, own).stress(own))
    return T
