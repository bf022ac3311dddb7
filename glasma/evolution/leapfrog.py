"""The leapfrog: explicit, second order in a_t, stable for a_t < (Σ_i a_i⁻²)^−½.

    E_i(t+½) = E_i(t−½) − a_t Σ_{j≠i} [U_{x,ij} + U_{x,i−j}]_ah/(g a_i a_j²) − a_t J_i(t)
    U_i(t+1) = exp(i g a_t a_i E_i(t+½)) U_i(t)

It keeps the Gauss constraint to rounding (Gelfand, Ipp, Müller, PRD 94 (2016) 014020, section III).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from types import SimpleNamespace

import numpy as np

from glasma.evolution.active_region import grow_active_region, start_active_region
from glasma.evolution.initial_state import initial_state
from glasma.evolution.laboratory import LaboratoryScheme
from glasma.evolution.leapfrog_kernels import leapfrog_kernels, workspace
from glasma.lattice.fields import Fields
from glasma.lattice.gauge import GaussResidual, gauss_residual
from glasma.lattice.grid import Interval
from glasma.nuclei.nucleus import Nucleus


class Leapfrog(LaboratoryScheme):
    """The leapfrog on one grid, a `glasma.evolution.scheme.Scheme`; parameters as for `LaboratoryScheme`."""

    #: Cells by which a field can move in a step, and what counts as none at the edge of the region, in units of rounding.
    _reach, _noise = 1, 1

    @cached_property
    def _kernels(self) -> SimpleNamespace:
        return leapfrog_kernels(self.group)

    @cached_property
    def _workspaces(self) -> dict[Interval, np.ndarray]:
        nx, ny, _ = self.grid.shape
        return {bounds: workspace(self.group, ny, self.dtype) for bounds in self.workers.ranges(nx)}

    def initial_state(self, nuclei: Sequence[Nucleus]) -> Fields:
        """Fields and charges of nuclei that do not touch yet."""
        fields = initial_state(self.grid, self.group, nuclei, self.dtype, self.workers)
        if self.only_active:
            start_active_region(fields, self.workers, self._noise * float(np.finfo(self.dtype).eps))
        return fields

    def step(self, fields: Fields) -> None:
        """(E, q)(t − ½), U(t) → (E, q)(t + ½), U(t + 1)"""
        if self.only_active:
            grow_active_region(fields, self.workers, self._reach)
        region = self.region(fields)
        fields.work += self._deposit(fields, (fields.E,))
        self._kick(fields, region)
        arrived = self.workers.exchange(fields.E, region)
        fields.work += self._move(fields)
        self._drift(fields, region, arrived)
        fields.step += 1

    def _kick(self, fields: Fields, region: list[Interval]) -> None:
        real = self.dtype.type
        c_transverse, c_longitudinal = real(self.grid.a_t), real(self.grid.a_t / self.grid.a_z**2)

        kernels, workspaces = self._kernels, self._workspaces

        moving = self.workers.moving(region)

        def planes(x0: int, x1: int) -> None:
            F = workspaces[x0, x1]
            for z0, z1 in moving:
                kernels.electric(x0, x1, z0, z1, fields.E, fields.U, F, c_transverse, c_longitudinal)

        self.workers.over_planes(self.grid.shape[0], planes)

    def _drift(self, fields: Fields, region: list[Interval], arrived: Callable[[], None]) -> None:
        """The own links, and when the neighbours' electric fields have `arrived`, the copies of theirs."""
        a_t, nx = self.dtype.type(self.grid.a_t), self.grid.shape[0]
        moving, transverse = self.workers.moving(region), (fields.U[:2], fields.E[:2])

        def planes(x0: int, x1: int) -> None:
            for z0, z1 in moving:
                self._kernels.links(x0, x1, z0, z1, fields.U, fields.E, a_t)

        self.workers.over_planes(nx, planes)
        arrived()
        self.workers.over_copies(nx, planes)
        self.workers.over_copies_along_z(nx, region, lambda *box: self._kernels.links(*box, *transverse, a_t))

    def gauss_residual(self, fields: Fields) -> GaussResidual:
        """Violation of the Gauss constraint where the fields move."""
        return gauss_residual(fields, self.workers, self.region(fields))
