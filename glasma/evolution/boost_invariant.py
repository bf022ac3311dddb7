"""The boost-invariant leapfrog in proper time: second order in Δτ, stable for Δτ < a_T/√2.

The Hamiltonian of the transverse plane, per unit of rapidity (g absorbed, a_T = 1),

    H = Σ_x [ (P_x² + P_y²)/(2τ) + τ P_η²/2 + τ 2 Re tr(1 − U_xy) + Σ_i (D_i A_η)²/(2τ) ],

gives with D_i A_η = U_i A_η(x+i) U†_i − A_η and f × g = −i[f, g]

    P_i(τ+½) = P_i(τ−½) − Δτ τ Σ_j [U_{x,ij} + U_{x,i−j}]_ah − (Δτ/τ) D_i A_η × A_η
    P_η(τ+½) = P_η(τ−½) + (Δτ/τ) Σ_i (D_i A_η − U†_i D_i A_η U_i |_{x−i})
    U_i(τ+1) = exp(i Δτ P_i(τ+½)/τ_{+½}) U_i(τ),   A_η(τ+1) = A_η(τ) + Δτ τ_{+½} P_η(τ+½)

(Krasnitz, Venugopalan, NPB 557 (1999) 237; Lappi, PRC 67 (2003) 054903).  Kick and drift are gauge invariant each, hence

    Σ_i (P_i − U†_i P_i U_i |_{x−i}) − A_η × P_η = 0

is kept to rounding.  H depends on τ, dH/dτ = −∫ P_L with P_L = ½(E_T² + B_T² − E_L² − B_L²): the work of the expansion is
summed by the midpoint rule for potential terms and the trapezoidal rule for kinetic ones.

With τ = 1 in all of this the equations are those of a box that does not expand; H is then conserved.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from glasma.backend import Workers
from glasma.evolution.boost_invariant_kernels import boost_invariant_kernels, workspace
from glasma.evolution.light_cone import light_cone_fields
from glasma.lattice.gauge import GaussResidual
from glasma.lattice.grid import Grid, Interval
from glasma.lattice.milne import MilneFields, StaticFields
from glasma.lattice.milne_constraints import gauss_residual, unitarity_violation
from glasma.lattice.storage import field_array
from glasma.nuclei.nucleus import Nucleus
from glasma.observables.measure import Measurement
from glasma.observables.milne_measure import field_energy, measure, stress_tensor

#: Steps between two projections of the links onto the group: rounding takes them off it by some 1e-16 a step.
_RENEW = 8

#: Δτ/τ for the links, Δτ τ for the scalar, and whether the links are projected.
Drift = tuple[np.floating, np.floating, bool]


class BoostInvariant:
    """The boost-invariant leapfrog on one grid.

    Parameters
    ----------
    grid : Grid
        Of shape (nx, ny, 1) and anisotropy 1; its a_t is Δτ.
    group : module
        glasma.group.su2 or su3.
    dtype : float64 or float32
    workers : Workers
    expansion : "milne" or "static"
        "static" for τ = 1, a box that does not expand: its states are `StaticFields`.

    Raises
    ------
    ValueError
        If the grid is not transverse, Δτ is beyond the bound of stability, or the expansion is another.
    """

    def __init__(
        self,
        grid: Grid,
        group: ModuleType,
        dtype: np.dtype | type = np.float64,
        workers: Workers | None = None,
        expansion: str = "milne",
    ) -> None:
        if expansion not in ("milne", "static"):
            raise ValueError(f'expansion = {expansion!r}: must be "milne" or "static"')
        if grid.shape[2] != 1 or grid.anisotropy != 1:
            raise ValueError(f"a boost-invariant grid has shape (nx, ny, 1) and anisotropy 1, not {grid}")
        self._check_step(grid)
        self._expands = expansion == "milne"
        self.grid, self.group, self.dtype = grid, group, np.dtype(dtype)
        self.workers = workers or Workers()
        #: The scheme is explicit.
        self.iterations = 0
        #: Newton steps and residual of the links at τ = 0+, once they are found.
        self.preparation: dict[str, float] = {}
        self._kernels = boost_invariant_kernels(group)
        self._workspaces = {
            bounds: workspace(group, grid.shape[1], self.dtype) for bounds in self.workers.ranges(grid.shape[0])
        }

    def _check_step(self, grid: Grid) -> None:
        if 2 * grid.a_t**2 >= 1:
            raise ValueError(f"Δτ = {grid.a_t} a_T is not below 1/√2: take substeps ≥ 2")

    def initial_state(self, nuclei: Sequence[Nucleus]) -> MilneFields:
        """Fields at Δτ, momenta at Δτ/2, after the collision of a right-mover and a left-mover at τ = 0.

        Raises
        ------
        ValueError
            If the nuclei are not one right-mover and one left-mover on this grid, or the box does not expand.
        ConvergenceError
            If a link of the forward light cone is not found.
        """
        if not self._expands:
            raise ValueError('expansion = "static": a collision needs "milne"; start a static box with start_static')
        nx, ny, _ = self.grid.shape
        fields = light_cone_fields(self.group, nuclei, (self.workers.planes_of_all(nx), ny))
        self.preparation = {"light_cone_iterations": fields.iterations, "light_cone_residual": fields.residual}
        return self.start(fields.links, fields.longitudinal)

    def start(self, links: np.ndarray, longitudinal: np.ndarray) -> MilneFields:
        """The first half step from U_i and P_η at τ = 0+, where P_i = A_η = 0.

        P_i and P_η are the Taylor series of the solution, P_i = −(τ²/2) Σ_j [..]_ah and P_η + (τ²/4) D² P_η at τ = Δτ/2: the
        kick has the singular coefficient 1/τ.

        Parameters
        ----------
        links : (2, link_reals, nx, ny)
        longitudinal : (dim_g, nx, ny)
        """
        links, longitudinal = self.workers.held(links, axis=2), self.workers.held(longitudinal, axis=1)
        nx, ny, _ = self.grid.shape
        shape = self.group.DIMENSION, 1, nx, ny
        P, A, E = (field_array((directions, *shape), self.dtype) for directions in (1, 1, 3))
        P[0, :, 0] = E[2, :, 0] = longitudinal
        fields = MilneFields(self.grid, self.group, links[:, :, None].astype(self.dtype), A, E)
        half = self.grid.a_t / 2
        # P_L at τ = 0 is −½(E_L² + B_L²) and even in τ.
        weights = (0.0, 0.0, -half, 0.0, -half, 0.0)
        fields.work = self._kick(fields, P, half**2 / 2, 0.0, half**2 / 4, weights)
        self.workers.exchange(fields.E)()
        self._kernels.drift(0, nx, fields.U, fields.A, fields.E, *self._drift(half, renew=True))
        return fields

    def start_static(self, links: np.ndarray, scalar: np.ndarray, momenta: np.ndarray) -> StaticFields:
        """The first half step of a static box from fields and momenta of one time t = 0.

        The Gauss constraint is kept as it is given.

        Parameters
        ----------
        links : (2, link_reals, nx, ny)
        scalar : (dim_g, nx, ny)
            A
        momenta : (3, dim_g, nx, ny)
            ∂_t A_x, ∂_t A_y, ∂_t A

        Raises
        ------
        ValueError
            If the scheme expands.
        """
        if self._expands:
            raise ValueError('expansion = "milne": start_static needs "static"; start at τ = 0+ with start')
        nx, ny, _ = self.grid.shape
        A, E = (field_array((directions, self.group.DIMENSION, 1, nx, ny), self.dtype) for directions in (1, 3))
        A[0, :, 0], E[:, :, 0] = scalar, momenta
        fields = StaticFields(self.grid, self.group, links[:, :, None].astype(self.dtype), A, E)
        half = self.grid.a_t / 2
        self._kick(fields, fields.A, half, half, half, (0.0,) * 6)
        drift = self._drift(1.0, renew=True)
        for x0, x1 in self.workers.ranges(nx):
            self._kernels.drift(x0, x1, fields.U, fields.A, fields.E, *drift)
        return fields

    def region(self, fields: MilneFields) -> list[Interval]:
        """The one plane that there is along z."""
        return [(0, 1)]

    def step(self, fields: MilneFields) -> None:
        """P(τ − ½), (U, A)(τ) → P(τ + ½), (U, A)(τ + 1)"""
        step, tau = self.grid.a_t, fields.tau
        before = after = tau
        weights: tuple[float, ...] = (0.0,) * 6
        if self._expands:
            before, after = tau - step / 2, tau + step / 2
            weights = (step / 2 / before**2, step / 2 / after**2, -step / 2, -step / 2, -step, step / tau**2)
        drift = self._drift(after, renew=fields.step % _RENEW == 0)
        fields.work += self._kick(fields, fields.A, step * tau, step / tau, step / tau, weights, drift)
        arrived = self.workers.exchange(fields.E)
        self._finish_drift(fields, drift)
        arrived()
        self._drift_copies(fields, drift)
        fields.step += 1

    def _drift(self, tau: float, renew: bool) -> Drift:
        """The coefficients of a drift with the momenta of τ, in the precision of the fields."""
        real = self.dtype.type
        return real(self.grid.a_t / tau), real(self.grid.a_t * tau), renew

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
        """Update the momenta, with `scalar` for A_η; with `drift` all but the edges of each thread's range drift too.

        Returns the work, Σ weights · (½P_T² before, after, ½P_η² before, after, B_L² , ½(D_i A_η)²).
        """
        real = self.dtype.type
        coefficients = real(c_force), real(c_cross), real(c_divergence)
        # The kernel sums squares without their factor ½; 2 Re tr(1 − U_xy) is B_L²/2 with it.
        halves = np.array([0.5, 0.5, 0.5, 0.5, 1.0, 0.5])
        factors = (np.asarray(weights) * halves).astype(self.dtype)
        return self._kick_with(fields, scalar, coefficients, factors, drift)

    def _kick_with(
        self,
        fields: MilneFields,
        scalar: np.ndarray,
        coefficients: tuple[np.floating, np.floating, np.floating],
        factors: np.ndarray,
        drift: Drift | None,
    ) -> float:
        """As `_kick`, in the precision of the fields; `factors` stand before the sums of the kernel."""
        work = np.zeros(self.grid.shape[0])
        moves = drift or (self.dtype.type(0), self.dtype.type(0), False)

        def planes(x0: int, x1: int) -> None:
            tile, plane = self._workspaces[x0, x1]
            self._kernels.kick(
                x0, x1, fields.U, scalar, fields.E, tile, plane, work,
                *coefficients, factors, drift is not None, *moves,
            )  # fmt: skip

        self.workers.over_planes(self.grid.shape[0], planes)
        return float(self.workers.sum(work))

    def _finish_drift(self, fields: MilneFields, drift: Drift) -> None:
        """What the kick has left: the first and last plane of each range, which its neighbours needed."""

        def planes(x0: int, x1: int) -> None:
            for x in sorted({x0, x1 - 1}):
                self._kernels.drift(x, x + 1, fields.U, fields.A, fields.E, *drift)

        self.workers.over_planes(self.grid.shape[0], planes)

    def _drift_copies(self, fields: MilneFields, drift: Drift) -> None:
        """The copies of the neighbours' planes, when their momenta have arrived."""
        self.workers.over_copies(
            self.grid.shape[0], lambda x0, x1: self._kernels.drift(x0, x1, fields.U, fields.A, fields.E, *drift)
        )

    @property
    def workspace_bytes(self) -> int:
        """Of the arrays that a step needs beside the fields."""
        return sum(array.nbytes for arrays in self._workspaces.values() for array in arrays)

    def length_element(self, fields: MilneFields) -> float:
        """τ at the time of the momenta: the length of a unit of rapidity, units a_T."""
        return fields.tau_of_momenta

    def gauss_residual(self, fields: MilneFields) -> GaussResidual:
        """Violation of the Gauss constraint, relative to its largest term."""
        return gauss_residual(fields, self.workers)

    def energy(self, fields: MilneFields) -> float:
        """H = dE/dη = τ ∫ ε at τ − Δτ/2, units 1/(g² a_T); with `fields.work` it is conserved, and after `start` zero."""
        return field_energy(fields, self.workers)

    def measure(self, fields: MilneFields) -> Measurement:
        """Energy densities and T^{μν} of the comoving observer at τ − Δτ/2."""
        return measure(fields, self.workers)

    def stress_tensor(self, fields: MilneFields, x0: int = 0, x1: int | None = None) -> np.ndarray:
        """T^{μν} of the comoving observer at the sites of planes x0 ≤ x < x1, (10, x1 − x0, ny, 1), at τ − Δτ/2."""
        return stress_tensor(fields, self.workers, x0, x1)

    def unitarity_violation(self, fields: MilneFields) -> float:
        """Largest |U†U − 1| over all links."""
        return unitarity_violation(fields, self.workers)
