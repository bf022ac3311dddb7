"""What the schemes in the laboratory frame share: the region that moves, and what is measured in it."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from glasma.backend import Workers
from glasma.evolution.charges import deposit_currents, move_charges
from glasma.lattice.energy import field_energy
from glasma.lattice.fields import Fields
from glasma.lattice.gauge import unitarity_violation
from glasma.lattice.grid import Grid, Interval
from glasma.observables.measure import Measurement, measure
from glasma.observables.stress_energy import stress_tensor


class LaboratoryScheme:
    """A scheme on a three-dimensional grid.

    Parameters
    ----------
    grid : Grid
    group : module
        glasma.group.su2 or su3.
    dtype : float64 or float32
    workers : Workers
    only_active : bool
        Evolve the active region only, instead of the whole box; the result is the same to rounding.
    """

    def __init__(
        self,
        grid: Grid,
        group: ModuleType,
        dtype: np.dtype | type = np.float64,
        workers: Workers | None = None,
        only_active: bool = True,
    ) -> None:
        self.grid, self.group, self.dtype = grid, group, np.dtype(dtype)
        self.workers = workers or Workers()
        self.only_active = only_active
        #: Iterations of the last step; 0 for an explicit scheme.
        self.iterations = 0
        #: The initial state needs no iteration.
        self.preparation: dict[str, float] = {}

    def region(self, fields: Fields) -> list[Interval]:
        """The planes along z that move."""
        return fields.region if self.only_active else [self.grid.interior]

    def _deposit(self, fields: Fields, into: Sequence[np.ndarray]) -> float:
        """Apply the currents to momenta; half of the work."""
        self.workers.take_over_charges(fields)
        return deposit_currents(fields, self.workers, into)

    def _move(self, fields: Fields) -> float:
        """Bring the charges that cross into their new cells; the other half of the work."""
        return move_charges(fields, self.workers)

    def length_element(self, fields: Fields) -> float:
        """a_z, the length along the beam that a plane stands for, units a_T."""
        return self.grid.a_z

    def energy(self, fields: Fields) -> float:
        """½ ∫ (E² + B²), units 1/(g² a_T)."""
        return field_energy(fields, self.workers, self.region(fields))

    def measure(self, fields: Fields, region: Sequence[Interval] | None = None) -> Measurement:
        """Energies and T^{μν} at t − ½, means over the transverse plane; where the fields move, or in a region within."""
        return measure(fields, self.workers, region or self.region(fields))

    def stress_tensor(self, fields: Fields, x0: int = 0, x1: int | None = None) -> np.ndarray:
        """T^{μν} at the sites of planes x0 ≤ x < x1, (10, x1 − x0, ny, nz), units 1/(g² a_T⁴), at t − ½."""
        return stress_tensor(fields, self.workers, self.region(fields), x0, x1)

    def unitarity_violation(self, fields: Fields) -> float:
        """Largest |U†U − 1| over all links."""
        return unitarity_violation(fields, self.workers)
