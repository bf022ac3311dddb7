"""The leapfrog of an improved action in the laboratory frame, with colour charges.

    E_i(t+½) = E_i(t−½) − a_t a_i² ∂V_B/∂ε_i − a_t J_i(t),   U_i → exp(iε) U_i
    U_i(t+1) = exp(i a_t E_i(t+½)) U_i(t)

in stored units, V_B that of `glasma.evolution.improved_action`; all else is that of `glasma.evolution.leapfrog`, of which the
Wilson action is the same scheme.  V_B is the sum of all terms that lie between the ends of the box along z, one gauge-invariant
function of the links that move, with the frozen ones as constants: the Gauss constraint holds to rounding on every plane that
moves.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from glasma.backend import Workers
from glasma.evolution.improved_action import REACH, LaboratoryAction, largest_frequency
from glasma.evolution.improved_force import MARGIN, ImprovedForce
from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.fields import Fields
from glasma.lattice.grid import Grid, Interval
from glasma.lattice.storage import copy_field


class ImprovedLeapfrog(Leapfrog):
    """The leapfrog with an improved action, a `glasma.evolution.scheme.Scheme`.

    Energies in `measure` and `stress_tensor` are those of plaquettes; `energy` is the one that is conserved.

    Parameters
    ----------
    grid, group, dtype, workers, only_active
        As for `Leapfrog`.
    action : LaboratoryAction

    Raises
    ------
    ValueError
        If a_t is beyond the bound of stability of the action.
    ConfigError
        If the action does not give waves.
    """

    _reach, _noise = REACH + 1, 64

    def __init__(
        self,
        grid: Grid,
        group: ModuleType,
        action: LaboratoryAction,
        dtype: np.dtype | type = np.float64,
        workers: Workers | None = None,
        only_active: bool = True,
    ) -> None:
        super().__init__(grid, group, dtype, workers, only_active)
        self.action = action
        planes = action.planes(grid.spacings)
        bound = 2 / largest_frequency(planes, grid.spacings)
        if abs(grid.a_t) >= bound:
            raise ValueError(
                f"a_t = {grid.a_t} a_T is not below {bound:.4f}, the bound of this action: "
                f"take substeps ≥ {int(grid.a_z / bound) + 1}"
            )  # fmt: skip
        self._force = ImprovedForce(planes, group, grid.shape, self.dtype, self.workers)

    def _kick(self, fields: Fields, region: list[Interval]) -> None:
        for interval in region:
            self._force.kick(
                fields.U, None, fields.E, self._scale(interval), self.grid.a_t, interval=self._around(interval)
            )  # fmt: skip

    def _scale(self, interval: Interval) -> np.ndarray:
        """a_i² of the links that move, (3, nz): the longitudinal one before the first plane too."""
        z0, z1 = interval
        scale = np.zeros((3, self.grid.shape[2]), self.dtype)
        for i, a in enumerate(self.grid.spacings):
            scale[i, z0 - (i == 2) : z1] = a**2
        return scale

    def _around(self, interval: Interval) -> Interval:
        """The planes that terms reach which hold a link that moves."""
        return max(0, interval[0] - MARGIN), min(self.grid.shape[2], interval[1] + MARGIN)

    def energy(self, fields: Fields) -> float:
        """½ ∫ E² + V_B at t − ½, units 1/(g² a_T); with `fields.work` it is conserved."""
        region = self.region(fields)
        U, half = copy_field(fields.U), self.dtype.type(self.grid.a_t / 2)
        nx, total = self.grid.shape[0], 0.0
        for z0, z1 in region:
            self._kernels.links(0, nx, z0, z1, U, fields.E, -half)
        for z0, z1 in region:
            still = np.zeros((3, self.grid.shape[2]), self.dtype)
            total += self._force.kick(U, None, fields.E, still, 1.0, interval=self._around((z0, z1)))[0]
            for i, a in enumerate(self.grid.spacings):
                E = fields.E[i, ..., z0 - 1 : z1]
                total += sum(float(np.sum(np.square(E[:, x], dtype=np.float64))) for x in range(nx)) / (2 * a**2)
        return self.grid.a_z * total
