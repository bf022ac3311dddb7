"""What the schemes in the laboratory frame share on the GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glasma.cuda.charges import deposit_currents, move_charges
from glasma.cuda.device import copies, launch
from glasma.cuda.gauss import gauss_residual, unitarity_violation
from glasma.cuda.leapfrog_kernels import kick, leapfrog_kernels
from glasma.cuda.measure import field_energy, measure, stress_tensor
from glasma.evolution.laboratory import LaboratoryScheme
from glasma.lattice.fields import Fields
from glasma.lattice.gauge import GaussResidual
from glasma.lattice.grid import Interval
from glasma.observables.measure import Measurement


class OnGpu(LaboratoryScheme):
    """Comes before a scheme of the CPU among the bases of a class, and puts in its place what touches the fields."""

    def _kick(self, fields: Fields, region: list[Interval]) -> None:
        real = self.dtype.type
        own, moving = self.workers.own(self.grid.shape[0]), self.workers.moving(region)
        kick(fields, own, moving, real(self.grid.a_t), real(self.grid.a_t / self.grid.a_z**2))

    def _drift(self, fields: Fields, region: list[Interval], arrived: Callable[[], None]) -> None:
        self._links(fields, region, fields.U, self.dtype.type(self.grid.a_t), arrived)

    def _links(
        self, fields: Fields, region: list[Interval], other: Any, step: np.floating, arrived: Callable[[], None]
    ) -> None:
        """other ← exp(i step g a_i E_i) U at the own planes, and at the copies when the neighbours' fields have `arrived`."""
        nx, ny, _ = self.grid.shape
        moving, arrays = self.workers.moving(region), (other, fields.U, fields.E)

        def planes(x0: int, x1: int, intervals: Sequence[Interval], arrays: Sequence[Any]) -> None:
            for z0, z1 in intervals:
                launch(leapfrog_kernels(self.group).links, (x1 - x0, ny, z1 - z0 + 1), x0, x1, z0, z1, *arrays, step)

        own = self.workers.own(nx)
        planes(own.start, own.stop, moving, arrays)
        arrived()
        for x0, x1 in copies(self.workers, nx):
            planes(x0, x1, moving, arrays)
        # The longitudinal links of copies along z rest, or are moved with the own ones.
        planes(0, nx, [(z, z + 1) for z in self.workers.copies_along_z(region)], [array[:2] for array in arrays])

    def _deposit(self, fields: Fields, into: Sequence[Any]) -> float:
        self.workers.take_over_charges(fields)
        return deposit_currents(fields, self.workers, into)

    def _move(self, fields: Fields) -> float:
        return move_charges(fields, self.workers)

    def gauss_residual(self, fields: Fields) -> GaussResidual:
        """Violation of the Gauss constraint where the fields move."""
        return gauss_residual(fields, self.workers, self.region(fields))

    def energy(self, fields: Fields) -> float:
        """½ ∫ (E² + B²), units 1/(g² a_T)."""
        return field_energy(fields, self.workers, self.region(fields))

    def measure(self, fields: Fields, region: Sequence[Interval] | None = None) -> Measurement:
        """Energies and T^{μν} at t − ½, means over the transverse plane; where the fields move, or in a region within."""
        return measure(fields, self.workers, region or self.region(fields))

    def stress_tensor(self, fields: Fields, x0: int = 0, x1: int | None = None) -> np.ndarray:
        """T^{μν} at the sites of planes x0 ≤ x < x1, (10, x1 − x0, ny, nz), in the memory of the host."""
        return stress_tensor(fields, self.workers, self.region(fields), x0, x1)

    def unitarity_violation(self, fields: Fields) -> float:
        """Largest |U†U − 1| over all links."""
        return unitarity_violation(fields.group, fields.U, self.workers)
