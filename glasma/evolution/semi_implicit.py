"""The semi-implicit scheme: no dispersion along the beam, so that a nucleus keeps its shape on any lattice; a_t = a_z allowed.

The leapfrog makes waves along z slower than light while the charges move with light, and so the nucleus radiates (the
numerical Cherenkov instability).  Time averages in the action cure it (Ipp, Müller, EPJC 78 (2018) 884, arXiv:1804.01995).
Here the scheme is the variational integrator of the discrete Lagrangian

    L_d(U_t, U_{t+1}) = Σ_x [ Σ_i 2 Re tr(1 − U_{i,t+1} U†_{i,t})/(g a_t a_i)² − V_d(U_t, U_{t+1}) ],

where V_d takes the transverse plaquettes of both time slices, Re tr C_ij(t) C†_ij(t+1) with C_ij = U_i U_j' − U_j U_i', and
in the longitudinal ones the links along z of both, ½ Re tr[C_zi(t) W†_zi(t|t+1) + C_zi(t+1) W†_zi(t+1|t)] with
W_zi(t|s) = U_z(s) U_i'(t) − U_i(t) U_z'(s).  With left derivatives ∂ the momenta of a step are

    p⁻_t = P + g a_t a_i ∂_t V_d,   p⁺_{t+1} = P − g a_t a_i ∂_{t+1} V_d,   P = [U_{t+1} U†_t]_ah/(g a_t a_i),

and the equation of motion p⁻_t = p⁺_t − a_t J(t) is solved for E in U_{t+1} = exp(i g a_t a_i E) U_t.  L_d is invariant under
gauge transformations that do not depend on time, hence the covariant divergence G[p⁻_t; U_t] = G[p⁺_{t+1}; U_{t+1}] for any
two slices (Noether), and G[p⁺; U] = ρ is the Gauss constraint, kept to the tolerance of the solution.

For weak fields sin²(ω a_t/2) is (s² + κ)/(1 + 2κ) for E across both k_T and z, and (s² + κ)/(1 + 2κ − κ s²) for the other
polarisation, which has E_z, with s = (a_t/a_z) sin(k_z a_z/2) and κ = Σ_T (a_t/a_T)² sin²(k_T a_T/2): ω is real for a_t ≤ a_z.

*Solution.*  The Jacobian of p⁻ by E has the eigenvalue 1 + 2κ for the first polarisation; for the other A_z and the A_i along
k_T have the block ((1 + 2κ, c), (c*, 1)) with |c|² = κ s².  Taking c times the residual of E_i from that of E_z makes it
triangular, with 1 and 1 + κ (2 − s²).  All lie in [1, 1 + 4 (a_t/a_T)²], and Chebyshev's iteration, which needs these bounds
and no scalar products, converges as ((√b − 1)/(√b + 1))ⁿ with b the upper one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from glasma.backend import Workers
from glasma.errors import ConvergenceError
from glasma.evolution.active_region import grow_active_region, start_active_region
from glasma.evolution.initial_state import initial_state
from glasma.evolution.laboratory import LaboratoryScheme
from glasma.evolution.leapfrog_kernels import leapfrog_kernels
from glasma.evolution.leapfrog_kernels import workspace as leapfrog_workspace
from glasma.evolution.semi_implicit_kernels import semi_implicit_kernels, workspace
from glasma.lattice.fields import Fields
from glasma.lattice.gauge import GaussResidual, gauss_residual
from glasma.lattice.grid import Grid, Interval
from glasma.lattice.storage import field_array
from glasma.nuclei.nucleus import Nucleus

#: A residual that has grown to this part of the largest momentum never returns.
_DIVERGED = 1e3

#: A residual that falls by less than this in a step is not on its way.
_STALLED = 0.8


class SemiImplicit(LaboratoryScheme):
    """The semi-implicit scheme on one grid, a `glasma.evolution.scheme.Scheme`.

    Parameters
    ----------
    grid, group, dtype, workers, only_active
        As for `LaboratoryScheme`.
    tolerance : float
        The solution of a step ends when the largest residual, the colour norm of (p⁻ − p⁺ + a_t J)/a_i on a link, is below this
        part of the largest ((p² + P²)/a_i²)^½.
    max_iterations : int
        A step that needs more stops the run.
    """

    def __init__(
        self,
        grid: Grid,
        group: ModuleType,
        dtype: np.dtype | type = np.float64,
        workers: Workers | None = None,
        only_active: bool = True,
        tolerance: float = 1e-10,
        max_iterations: int = 50,
    ) -> None:
        super().__init__(grid, group, dtype, workers, only_active)
        self.tolerance, self.max_iterations = tolerance, max_iterations
        self._kernels, self._leapfrog = semi_implicit_kernels(group), leapfrog_kernels(group)
        self._a_t = self.dtype.type(grid.a_t)

    @cached_property
    def _lines(self) -> dict[Interval, np.ndarray]:
        nx, ny, _ = self.grid.shape
        return {bounds: workspace(self.group, ny, self.dtype) for bounds in self.workers.ranges(nx)}

    @cached_property
    def _predictor_lines(self) -> dict[Interval, np.ndarray]:
        nx, ny, _ = self.grid.shape
        return {bounds: leapfrog_workspace(self.group, ny, self.dtype) for bounds in self.workers.ranges(nx)}

    def initial_state(self, nuclei: Sequence[Nucleus]) -> Fields:
        """Fields and charges of nuclei that do not touch yet; the charges are the divergence of the momentum."""
        fields = initial_state(self.grid, self.group, nuclei, self.dtype, self.workers, self._with_momentum)
        if self.only_active:
            start_active_region(fields, self.workers, self.tolerance)
        return fields

    def step(self, fields: Fields) -> None:
        """(E, q)(t − ½), U(t) → (E, q)(t + ½), U(t + 1)

        Raises
        ------
        ConvergenceError
            If the solution does not reach the tolerance.
        """
        if self.only_active:
            grow_active_region(fields, self.workers)
        region = self.region(fields)
        scale = self._momentum(fields, region)
        fields.work += self._deposit(fields, (self._buffers.momentum,))
        self._predict(fields, region)
        arrived = self._solve(fields, region, scale)
        fields.work += self._move(fields)
        self._drift(fields, region, arrived)
        fields.step += 1

    def gauss_residual(self, fields: Fields) -> GaussResidual:
        """Violation of G[p⁺; U] = ρ where the fields move."""
        return gauss_residual(self._with_momentum(fields), self.workers, self.region(fields))

    @cached_property
    def _buffers(self) -> Buffers:
        return Buffers(self.grid, self.group, self.dtype)

    def _each(self, region: list[Interval], task: Callable[[int, int, int, int], float | None]) -> float:
        """Run ``task(x0, x1, z0, z1)`` over the region on all threads; the largest result."""
        moving = self.workers.moving(region)

        def planes(x0: int, x1: int) -> float:
            return max((task(x0, x1, z0, z1) or 0.0 for z0, z1 in moving), default=0.0)

        return max(self.workers.over_planes(self.grid.shape[0], planes))

    def _on_all(
        self,
        region: list[Interval],
        task: Callable[[int, int, int, int], None],
        transverse: Callable[[int, int, int, int], None],
        arrived: Callable[[], None],
    ) -> None:
        """Run the task on the own planes, and on the copies of the neighbours' when what it needs of them has `arrived`.

        On the copies along z it is the `transverse` one: the longitudinal links there rest, or are moved with the own ones.
        """
        moving, nx = self.workers.moving(region), self.grid.shape[0]

        def planes(x0: int, x1: int) -> None:
            for z0, z1 in moving:
                task(x0, x1, z0, z1)

        self._each(region, task)
        arrived()
        self.workers.over_copies(nx, planes)
        self.workers.over_copies_along_z(nx, region, transverse)

    def _drift(self, fields: Fields, region: list[Interval], arrived: Callable[[], None]) -> None:
        """The own links, and when the neighbours' electric fields have `arrived`, the copies of theirs."""

        U, E = fields.U, fields.E

        def drift(x0: int, x1: int, z0: int, z1: int) -> None:
            self._leapfrog.links(x0, x1, z0, z1, U, E, self._a_t)

        def transverse(x0: int, x1: int, z0: int, z1: int) -> None:
            self._leapfrog.links(x0, x1, z0, z1, U[:2], E[:2], self._a_t)

        self._on_all(region, drift, transverse, arrived)

    def _other_slice(
        self, fields: Fields, region: list[Interval], time: float, arrived: Callable[[], None] = lambda: None
    ) -> None:
        """The links exp(i time g a_i E_i) U, with the static planes next to the region.

        Those of the neighbours' planes follow when their electric fields have `arrived`.
        """
        other, step = self._buffers.links, self.dtype.type(time)
        for z0, z1 in region:
            for static in (z0 - 1, z1):
                if 0 <= static < self.grid.shape[2]:
                    other[..., static] = fields.U[..., static]
        self._links(fields, region, other, step, arrived)

    def _links(
        self, fields: Fields, region: list[Interval], other: np.ndarray, step: np.floating, arrived: Callable[[], None]
    ) -> None:
        """other ← exp(i step g a_i E_i) U"""

        U, E = fields.U, fields.E

        def drift(x0: int, x1: int, z0: int, z1: int) -> None:
            self._kernels.links(x0, x1, z0, z1, other, U, E, step)

        def transverse(x0: int, x1: int, z0: int, z1: int) -> None:
            self._kernels.links(x0, x1, z0, z1, other[:2], U[:2], E[:2], step)

        self._on_all(region, drift, transverse, arrived)

    def _residual(
        self, fields: Fields, region: list[Interval], into: np.ndarray, base: np.ndarray, with_drift: bool = False
    ) -> float:
        """`base` less the momentum between U and the other slice; its largest norm, or that of it and P together."""
        buffers, real = self._buffers, self.dtype.type
        weight, inverse_a_z2 = real(with_drift), real(self.grid.a_z**-2)

        def largest(x0: int, x1: int, z0: int, z1: int) -> float:
            lines = self._lines[x0, x1]
            return self._kernels.residual(
                x0, x1, z0, z1, into, base, weight, fields.U, buffers.links, lines, self._a_t, inverse_a_z2
            )

        return float(self.workers.largest(self._each(region, largest))) ** 0.5

    def _momentum(self, fields: Fields, region: list[Interval]) -> float:
        """Hold p⁺(t) of U(t) and E(t − ½); the size of it and of P, which are not both zero where a wave turns back."""
        buffers = self._buffers
        for z0, z1 in self.workers.moving(region):
            buffers.increment[..., z0 - 1 : z1] = 0
        self._other_slice(fields, region, -self.grid.a_t)
        return self._residual(fields, region, buffers.momentum, buffers.increment, with_drift=True)

    def _with_momentum(self, fields: Fields) -> Fields:
        """The state with p⁺ in the place of E."""
        self._buffers.momentum[:] = 0
        self._momentum(fields, self.region(fields))
        self.workers.exchange(self._buffers.momentum)()
        return replace(fields, E=self._buffers.momentum)

    def _predict(self, fields: Fields, region: list[Interval]) -> None:
        """E_x, E_y(t + ½) as the leapfrog has them, to start from: exact for what moves along z; E_z as it was."""
        moving = self.workers.moving(region)
        longitudinal = [fields.E[2, ..., z0 - 1 : z1].copy() for z0, z1 in moving]
        self._kick(fields, region)
        for (z0, z1), before in zip(moving, longitudinal, strict=True):
            fields.E[2, ..., z0 - 1 : z1] = before

    def _kick(self, fields: Fields, region: list[Interval]) -> None:
        """The force of the leapfrog on E."""
        real = self.dtype.type
        c_transverse, c_longitudinal = real(self.grid.a_t), real(self.grid.a_t / self.grid.a_z**2)

        def kick(x0: int, x1: int, z0: int, z1: int) -> None:
            lines = self._predictor_lines[x0, x1]
            self._leapfrog.electric(x0, x1, z0, z1, fields.E, fields.U, lines, c_transverse, c_longitudinal)

        self._each(region, kick)

    def _solve(self, fields: Fields, region: list[Interval], scale: float) -> Callable[[], None]:
        """E(t + ½) by Chebyshev's iteration; what is returned waits for that of the neighbours' planes."""
        a_t, real, buffers = self.grid.a_t, self.dtype.type, self._buffers
        coupling = real(0.25 * a_t**2)
        chebyshev = _Chebyshev(1.0, 1 + 4 * a_t**2)
        residual = np.inf
        arrived = self.workers.exchange(fields.E, region)
        for iteration in range(1, self.max_iterations + 1):
            self._other_slice(fields, region, a_t, arrived)
            before, residual = residual, self._residual(fields, region, buffers.residual, buffers.momentum)
            if not residual <= _DIVERGED * scale:
                break
            # E_z takes part of the residual of E_x from the plane before in x, and of E_x and E_y from the next along z.
            self.workers.exchange(buffers.residual[:2], region, 1)()
            forward, onward = (real(c) for c in chebyshev.coefficients(residual / before))
            self._relax(fields, region, forward, onward, coupling)
            arrived = self.workers.exchange(fields.E, region)
            if residual <= self.tolerance * scale:
                self.iterations = iteration
                return arrived
        raise ConvergenceError(
            f"evolution.max_iterations = {self.max_iterations}: step {fields.step} is not solved, after {iteration} iterations "
            f"its residual is {residual / scale:.2g} of the largest momentum and evolution.tolerance = {self.tolerance:g}; "
            "raise evolution.substeps or the tolerance"
        )

    def _relax(
        self, fields: Fields, region: list[Interval], forward: np.floating, onward: np.floating, coupling: np.floating
    ) -> None:
        """One step of the iteration on E, with the residual and the last increment of the buffers."""
        arrays = fields.E, self._buffers.increment, self._buffers.residual, fields.U

        def relax(x0: int, x1: int, z0: int, z1: int) -> None:
            self._kernels.relax(x0, x1, z0, z1, *arrays, forward, onward, coupling)

        self._each(region, relax)


class _Chebyshev:
    """Coefficients of Chebyshev's iteration x ← x + d, d ← forward r + onward d for a spectrum in [low, high].

    Saad, Iterative Methods for Sparse Linear Systems, 2nd ed., algorithm 12.1.  Strong fields widen the spectrum: where the
    residual stalls, the bounds are widened and the iteration begins anew.
    """

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high
        self._begin()

    def _begin(self) -> None:
        self._ratio: float | None = None
        self._stalled = 0

    def coefficients(self, gain: float) -> tuple[float, float]:
        """`forward` and `onward` of the next step; `gain` is the residual relative to the last one."""
        self._stalled += gain > _STALLED
        if self._stalled == 2:
            self._low, self._high = self._low / 1.5, self._high * 1.5
            self._begin()
        centre, radius = (self._high + self._low) / 2, (self._high - self._low) / 2
        if self._ratio is None:
            self._ratio = radius / centre
            return 1 / centre, 0.0
        following = 1 / (2 * centre / radius - self._ratio)
        onward, self._ratio = following * self._ratio, following
        return 2 * following / radius, onward


class Buffers:
    """Arrays that a step needs beside the state, of NumPy or CuPy; zero where the fields are static."""

    def __init__(self, grid: Grid, group: ModuleType, dtype: np.dtype, arrays: Any = np) -> None:
        #: Links of the next time slice, or of the one before.
        self.links = field_array((3, group.LINK_REALS, *grid.shape), dtype, arrays)
        algebra = (3, group.DIMENSION, *grid.shape)
        self.momentum, self.residual, self.increment = (field_array(algebra, dtype, arrays) for _ in range(3))
