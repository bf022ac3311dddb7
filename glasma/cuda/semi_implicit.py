"""The semi-implicit scheme on the GPU; see `glasma.evolution.semi_implicit`.

The CPU visits each plaquette once and keeps what it adds to its links.  Here a thread gathers what the plaquettes at its site
and behind it add to the links of its site, and leaves out the rest: no two threads write to one place, sums keep their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numba import cuda

from glasma.backend import index
from glasma.cuda.device import array_module, launch, require_memory, to_device
from glasma.cuda.gauss import gauss_residual
from glasma.cuda.laboratory import OnGpu
from glasma.evolution.semi_implicit import Buffers, SemiImplicit
from glasma.evolution.semi_implicit_kernels import semi_implicit_updates
from glasma.lattice.fields import Fields
from glasma.lattice.gauge import GaussResidual
from glasma.lattice.grid import Interval
from glasma.lattice.plaquettes import wrapped
from glasma.nuclei.nucleus import Nucleus


@cache
def semi_implicit_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels `residual` and `relax` of one group."""
    load_algebra, store_algebra, dot, add_scaled = group.load_algebra, group.store_algebra, group.dot, group.add_scaled
    updates = semi_implicit_updates(group)
    transverse, longitudinal, drift, residual_of = updates.transverse, updates.longitudinal, updates.drift, updates.residual
    increment, eliminated = updates.increment, updates.eliminated

    @cuda.jit
    def residual(x0, x1, z0, z1, d, norms, r, base, with_drift, U, V, a_t, inverse_a_z2):
        """r_d ← base_d − (momentum at U with the other slice V) for x0 ≤ x < x1 and z0 ≤ z < z1, r_z at z0 − 1 too.

        norms gains, as a maximum, the squared colour norm of r_d plus with_drift P²; r_z/a_z and P_z/a_z stand for r_z and P_z.
        d = 2 comes first and begins them.  One direction at a time is what the registers of a thread hold.
        """
        k, j, i = cuda.grid(3)
        nx, ny = U.shape[2], U.shape[3]
        if i >= x1 - x0 or j >= ny or k > z1 - z0 or (k == 0 and d < 2):
            return
        x, xp, xm = index(x0 + i), wrapped(x0 + i + 1, nx), wrapped(x0 + i - 1, nx)
        y, yp, ym = index(j), wrapped(j + 1, ny), wrapped(j - 1, ny)
        z = index(z0 - 1 + k)
        real = type(a_t)
        quarter, step = real(0.25) * a_t, real(1) / a_t
        weight, c_ab = real(1), quarter * inverse_a_z2
        largest = real(0) if d == 2 else norms[x, y, z]
        if d == 0:
            a, b = longitudinal(0, U, V, x, y, xp, y, z)[0], longitudinal(0, U, V, x, y, xp, y, index(z0 - 2 + k))[1]
            c, e = transverse(U, V, x, y, xp, yp, z)[0], transverse(U, V, x, ym, xp, y, z)[3]
        elif d == 1:
            a, b = longitudinal(1, U, V, x, y, x, yp, z)[0], longitudinal(1, U, V, x, y, x, yp, index(z0 - 2 + k))[1]
            c, e = transverse(U, V, x, y, xp, yp, z)[1], transverse(U, V, xm, y, x, yp, z)[2]
        else:
            a, b = longitudinal(0, U, V, x, y, xp, y, z)[2], longitudinal(0, U, V, xm, y, x, y, z)[3]
            c, e = longitudinal(1, U, V, x, y, x, yp, z)[2], longitudinal(1, U, V, x, ym, x, y, z)[3]
            weight, step, c_ab = inverse_a_z2, step * (real(1) + real(2) * a_t * a_t), quarter
        p = drift(index(d), U, V, x, y, z, step)
        f = residual_of(load_algebra(base, index(d), x, y, z), p, c_ab, a, b, quarter, c, e)
        store_algebra(r, index(d), x, y, z, f)
        norms[x, y, z] = max(largest, weight * (dot(f, f) + with_drift * dot(p, p)))

    @cuda.jit
    def relax(x0, x1, z0, z1, E, D, r, U, forward, onward, coupling):
        """One step of the iteration on E with the residual r; D holds its last increment; coupling = a_t²/4."""
        k, j, i = cuda.grid(3)
        nx, ny = U.shape[2], U.shape[3]
        if i >= x1 - x0 or j >= ny or k > z1 - z0:
            return
        x, y, z = index(x0 + i), index(j), index(z0 - 1 + k)
        plus = type(forward)(1)
        f = eliminated(r, U, x, y, wrapped(x0 + i - 1, nx), wrapped(j - 1, ny), z, coupling)
        step = increment(D, f, 2, x, y, z, forward, onward)
        store_algebra(D, 2, x, y, z, step)
        store_algebra(E, 2, x, y, z, add_scaled(load_algebra(E, 2, x, y, z), plus, step))
        if k == 0:
            return
        for d in range(2):
            step = increment(D, load_algebra(r, index(d), x, y, z), index(d), x, y, z, forward, onward)
            store_algebra(D, index(d), x, y, z, step)
            store_algebra(E, index(d), x, y, z, add_scaled(load_algebra(E, index(d), x, y, z), plus, step))

    return SimpleNamespace(residual=residual, relax=relax)


class CudaSemiImplicit(OnGpu, SemiImplicit):
    """The semi-implicit scheme on one grid, its fields on the GPU; parameters as for `SemiImplicit`.

    Raises
    ------
    ConfigError
        If there is no GPU.
    """

    def initial_state(self, nuclei: Sequence[Nucleus]) -> Fields:
        """Fields and charges of nuclei that do not touch yet, made on the host."""
        array_module()  # an error before the work
        host = SemiImplicit(
            self.grid, self.group, self.dtype, self.workers, self.only_active, self.tolerance, self.max_iterations
        )
        return to_device(host.initial_state(nuclei))

    def gauss_residual(self, fields: Fields) -> GaussResidual:
        """Violation of G[p⁺; U] = ρ where the fields move."""
        return gauss_residual(self._with_momentum(fields), self.workers, self.region(fields))

    @cached_property
    def _buffers(self) -> Buffers:
        reals = 3 * (self.group.LINK_REALS + 3 * self.group.DIMENSION) + 1
        require_memory(reals * self.grid.sites * self.dtype.itemsize)
        return Buffers(self.grid, self.group, self.dtype, array_module())

    @cached_property
    def _norms(self) -> Any:
        return array_module().zeros(self.grid.shape, self.dtype)

    def _residual(self, fields: Fields, region: list[Interval], into: Any, base: Any, with_drift: bool = False) -> float:
        real, (nx, ny, _) = self.dtype.type, self.grid.shape
        own, moving = self.workers.own(nx), self.workers.moving(region)
        arrays = self._norms, into, base, real(with_drift), fields.U, self._buffers.links
        weights = real(self.grid.a_t), real(self.grid.a_z**-2)
        for z0, z1 in moving:
            shape, bounds = (len(own), ny, z1 - z0 + 1), (own.start, own.stop, z0, z1)
            for d in (2, 0, 1):
                launch(semi_implicit_kernels(self.group).residual, shape, *bounds, d, *arrays, *weights)
        largest = [float(self._norms[own.start : own.stop, :, z0 - 1 : z1].max()) for z0, z1 in moving]
        return float(self.workers.largest(np.max(largest, initial=0.0))) ** 0.5

    def _relax(
        self, fields: Fields, region: list[Interval], forward: np.floating, onward: np.floating, coupling: np.floating
    ) -> None:
        nx, ny, _ = self.grid.shape
        own = self.workers.own(nx)
        arrays = fields.E, self._buffers.increment, self._buffers.residual, fields.U
        for z0, z1 in self.workers.moving(region):
            shape, bounds = (len(own), ny, z1 - z0 + 1), (own.start, own.stop, z0, z1)
            launch(semi_implicit_kernels(self.group).relax, shape, *bounds, *arrays, forward, onward, coupling)
