"""The leapfrog of an improved action in proper time, or in a static box.

    H = Σ_x [ (P_x² + P_y²)/(2τ) + τ P_η²/2 + τ V_B[U] + V_φ[U, A_η]/τ ]

with the potentials of `glasma.evolution.improved_action`.  All else is that of `glasma.evolution.boost_invariant`, of which the
Wilson action is the same scheme: momenta half a step apart from fields, the Gauss constraint kept to rounding since V is gauge
invariant, the work of the expansion, the series at τ = 0+, P_i = −(τ²/2) ∂V_B and P_η − (τ²/4) ∂V_φ[P_η]/∂φ.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from glasma.backend import Workers
from glasma.evolution.boost_invariant import BoostInvariant, Drift
from glasma.evolution.improved_action import TransverseAction, largest_frequency
from glasma.evolution.improved_force import ImprovedForce
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields


class ImprovedBoostInvariant(BoostInvariant):
    """The boost-invariant leapfrog with an improved action, a `glasma.evolution.scheme.Scheme`.

    Energies in `measure` and `stress_tensor` are those of plaquettes and neighbours; `energy` is H.

    Parameters
    ----------
    grid, group, dtype, workers, expansion
        As for `BoostInvariant`.
    action : TransverseAction

    Raises
    ------
    ValueError
        As `BoostInvariant`, the bound of Δτ being that of the action.
    ConfigError
        If the action does not give waves.
    """

    def __init__(
        self,
        grid: Grid,
        group: ModuleType,
        action: TransverseAction,
        dtype: np.dtype | type = np.float64,
        workers: Workers | None = None,
        expansion: str = "milne",
    ) -> None:
        self.action = action
        super().__init__(grid, group, dtype, workers, expansion)
        nx, ny, _ = grid.shape
        self._force = ImprovedForce(
            action.planes, group, (1, nx, ny), self.dtype, self.workers,
            action.gradients, action.gradient_diagonal, action.commutator,
        )  # fmt: skip
        self._moves, self._rests = np.ones((2, ny), self.dtype), np.zeros((2, ny), self.dtype)

    def _check_step(self, grid: Grid) -> None:
        gradients = *self.action.gradients, self.action.gradient_diagonal
        bound = 2 / largest_frequency(self.action.planes, (1.0, 1.0, 1.0), gradients)
        if abs(grid.a_t) >= bound:
            raise ValueError(
                f"Δτ = {grid.a_t} a_T is not below {bound:.4f}, the bound of this action: "
                f"take substeps ≥ {int(1 / bound) + 1}"
            )  # fmt: skip

    def _kick(
        self,
        fields: MilneFields,
        scalar: np.ndarray,
        c_force: float,
        c_cross: float,
        c_divergence: float,
        weights: Sequence[float],
        drift: Drift | None = None,
    ) -> float:
        force, E = self._force, fields.E
        before_t, after_t, before_l, after_l, magnetic, gradient = weights
        works = any(weights)
        work = force.kinetic(E, before_t / 2, before_l / 2) if works else 0.0
        if c_cross == c_divergence:
            V_B, V_phi = force.kick(fields.U, scalar, E, self._moves, c_force, c_cross)
        else:
            # at τ = 0+ the scalar does not act on the links yet
            V_B, _ = force.kick(fields.U, None, E, self._moves, c_force)
            _, V_phi = force.kick(fields.U, scalar, E, self._rests, 0.0, c_divergence)
        if works:
            work += force.kinetic(E, after_t / 2, after_l / 2)
            work += magnetic * V_B / c_force + gradient * V_phi / c_divergence
        return work

    def _finish_drift(self, fields: MilneFields, drift: Drift) -> None:
        def planes(x0: int, x1: int) -> None:
            self._kernels.drift(x0, x1, fields.U, fields.A, fields.E, *drift)

        self.workers.over_planes(self.grid.shape[0], planes)

    @property
    def workspace_bytes(self) -> int:
        """Of the arrays that a step needs beside the fields."""
        return self._force.nbytes

    def energy(self, fields: MilneFields) -> float:
        """H at τ − Δτ/2, units 1/(g² a_T); with `fields.work` it is conserved, and after `start` zero."""
        tau, back = fields.tau_of_momenta, fields.copy()
        links, scalar, _ = self._drift(tau, renew=False)
        nx = self.grid.shape[0]
        self._kernels.drift(0, nx, back.U, back.A, back.E, -links / 2, -scalar / 2, False)
        potential = self._force.kick(back.U, back.A, back.E, self._rests, tau, 1 / tau)
        return self._force.kinetic(fields.E, 1 / (2 * tau), tau / 2) + sum(potential)
