"""Projection onto the Gauss constraint: the least change of the momenta after which it holds.

Fields that do not come from a run, interpolated, upscaled or put together, violate the constraint.  Of all changes of the
momenta that mend it the one of least electric energy is a covariant gradient.  In the laboratory, with G the violation of
Σ_i (E_i − U†_i E_i U_i |_{x−i})/a_i² = ρ, the energy ½ Σ_i (δE_i)²/a_i² and a multiplier φ at every site give

    δE_i = D_i φ = U_i φ_{x+i} U†_i − φ_x,   Σ_i D†_i D_i φ/a_i² = G.

The planes of the frozen ends do not move, there φ = 0: the constraint becomes exact on every moving plane, the longitudinal
link between the last static plane and the first that moves changes as it does in a run, and what charge is left over sits on
the surfaces of these ideal conductors.  For boost-invariant fields the kinetic energy is (P_x² + P_y²)/(2τ) + τ P_η²/2 and

    δP_i = D_i φ,   δP_η = −A_η × φ/τ²,   (Σ_i D†_i D_i − A_η × A_η ×/τ²) φ = G

with τ the time of the momenta, where G is the violation of Σ_i (P_i − U†_i P_i U_i |_{x−i}) − A_η × P_η = 0.

The covariant Poisson equation is solved by conjugate gradients, which are covariant too: projection and gauge transformation
commute.  Where cells are short along the beam, Σ_i D†_i D_i/a_i² is preconditioned by D†_z D_z/a_z² + c, which is solved along
each line by elimination with the links that join its sites, covariantly again: for a_z = a_T/8 with a sixth of the iterations.
(The free Laplacian, inverted by a Fourier transformation, saves nine iterations in ten on weak fields in a smooth gauge, but
in a rough gauge it takes ten times as many as none.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from glasma.backend import Workers
from glasma.errors import ConvergenceError
from glasma.lattice import gauge, milne_constraints
from glasma.lattice.fields import Fields
from glasma.lattice.gauge import GaussResidual
from glasma.lattice.gauss_projection_kernels import projection_kernels
from glasma.lattice.milne import MilneFields
from glasma.lattice.storage import field_array

#: Violation, relative to `GaussResidual.scale`, at which a projection ends unless it is told another.
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}

#: The vectors of the iteration end at this part of the tolerance, which leaves room for the rounding of the momenta.
_MARGIN = 0.5

#: What a violation that stays means.
_NOT_NEUTRAL = "the colour charge of a plane whose links do not screen it is not zero: let the longitudinal momentum change too"
_ROUNDED = "this is rounding: take a larger tolerance or double precision"

#: Longest cell along the beam, in units of a_T, at which solving along z saves more than it costs.
_LINES_UP_TO = 0.3

#: c, the mean of D†_x D_x + D†_y D_y.
_TRANSVERSE = 4.0

#: A pass over the rounded momenta that leaves more than this part of the violation is the last.
_STALLED = 0.5


@dataclass(frozen=True)
class Projection:
    """What a projection did.

    Attributes
    ----------
    iterations : int
        Of conjugate gradients, one application of the covariant Laplacian each.
    residual_before, residual_after : float
        Largest violation of the constraint, relative to the scale of `GaussResidual`.
    energy_change : float
        Electric energy after less that before, units 1/(g² a_T); of boost-invariant fields per unit of rapidity.
    """

    iterations: int
    residual_before: float
    residual_after: float
    energy_change: float


def project(
    fields: Fields | MilneFields,
    workers: Workers | None = None,
    *,
    tolerance: float | None = None,
    max_iterations: int = 20_000,
    keep_longitudinal: bool = False,
) -> Projection:
    """Change the momenta by the least amount, in place, such that the Gauss constraint holds.

    Fields that satisfy it within the tolerance stay as they are.  In the laboratory all planes but the frozen ones are
    projected, and all of them move afterwards (`Fields.region`); the constraint is that of the leapfrog, the divergence of E.
    Fields in single precision are projected in double precision and rounded.

    Parameters
    ----------
    tolerance : float
        Largest violation relative to the scale of `GaussResidual`; by default 1e-12, in single precision 1e-5.
    max_iterations : int
        Of conjugate gradients.
    keep_longitudinal : bool
        Change E_x and E_y (P_x and P_y) only.  This can be impossible: a plane must then be neutral by itself.

    Raises
    ------
    ValueError
        If the tolerance is not positive.
    ConvergenceError
        If the tolerance is not reached: names the violation that remains.
    """
    exact = _in_double(fields)
    system = _system_of(exact, workers or Workers(), keep_longitudinal)
    limit = TOLERANCE[fields.dtype.name] if tolerance is None else tolerance
    if not limit > 0:
        raise ValueError(f"tolerance = {limit}: a positive number is needed")
    before = found = system.residual()
    iterations, energy_change = 0, 0.0
    # Vectors and momenta are rounded: what a pass leaves of the violation, the next one takes up.
    while not found.max_rel <= limit:
        if not np.isfinite(found.max_rel):
            raise ConvergenceError("Gauss projection: the violation is not finite; the fields hold NaN or infinity")
        solution = _solve(system, _MARGIN * limit * found.scale, max_iterations - iterations)
        iterations += solution.iterations
        if solution.failure:
            raise _unsolved(solution.violation / found.scale, iterations, limit, solution.failure)
        energy_change += system.change(solution.phi)
        if exact is not fields:
            fields.E[...] = exact.E
            exact.E[...] = fields.E
        last, found = found, system.residual()
        if not found.max_rel <= max(limit, _STALLED * last.max_rel):
            raise _unsolved(found.max_rel, iterations, limit, _ROUNDED)
    if iterations and isinstance(fields, Fields):
        fields.region = [fields.grid.interior]
    return Projection(iterations, before.max_rel, found.max_rel, energy_change)


def _unsolved(violation: float, iterations: int, limit: float, remedy: str) -> ConvergenceError:
    return ConvergenceError(
        f"Gauss projection: a violation of {violation:.1e} of the largest term is left after {iterations} iterations "
        f"and tolerance = {limit:g}; {remedy}"
    )


class _System:
    """The Poisson equation of one state, K φ = G, and the change of the momenta that follows from φ.

    Attributes
    ----------
    z0, z1 : int
        Planes of the last axis that are projected.
    norm : float
        A bound of the largest eigenvalue of M⁻¹K, with the preconditioner M.
    preconditioned : bool
        Whether M is not 1.
    """

    z0: int
    z1: int
    periodic: bool
    preconditioned = False

    def __init__(self, fields: Fields | MilneFields, workers: Workers, weights: tuple[float, ...]) -> None:
        self._workers = workers
        self._U, self._E = fields.U, fields.E
        self._weights = np.array(weights)
        self.kernels = projection_kernels(fields.group)
        self._shape = 1, fields.group.DIMENSION, *fields.U.shape[2:]
        self.rows = fields.U.shape[2] * fields.U.shape[3]
        self.norm = 4 * sum(weights)

    def residual(self) -> GaussResidual:
        """Violation of the constraint."""
        raise NotImplementedError

    def violation(self) -> np.ndarray:
        """G, (1, dim_g, ...)."""
        raise NotImplementedError

    def change(self, phi: np.ndarray) -> float:
        """Change the momenta; the change of the energy."""
        raise NotImplementedError

    def vector(self) -> np.ndarray:
        """Zeros, (1, dim_g, ...)."""
        return field_array(self._shape, np.float64)

    def sums(self, task: Callable[..., None]) -> float:
        """Run ``task(first row, last row, sums of rows)`` on all threads; the sum over the rows."""
        sums = np.zeros(self.rows)
        self.each(lambda r0, r1: task(r0, r1, sums))
        return float(np.sum(sums))

    def each(self, task: Callable[[int, int], None]) -> None:
        """Run ``task(first row, one past the last)`` on all threads."""
        self._workers.over_planes(self.rows, task)

    def apply(self, r0: int, r1: int, out: np.ndarray, phi: np.ndarray) -> None:
        """out ← K φ in a range of rows."""
        self.kernels.laplacian(r0, r1, self.z0, self.z1, out, phi, self._U, self._weights, self.periodic)

    def precondition(self, r0: int, r1: int, out: np.ndarray, r: np.ndarray) -> None:
        """out ← M⁻¹ r in a range of rows."""
        raise NotImplementedError

    def _change_links(self, phi: np.ndarray) -> float:
        """E_i ← E_i + D_i φ; the change of Σ_i w_i E_i²/2."""

        def task(r0: int, r1: int, sums: np.ndarray) -> None:
            self.kernels.change(r0, r1, self.z0, self.z1, self._E, sums, phi, self._U, self._weights, self.periodic)

        return self.sums(task)


class _Laboratory(_System):
    """Σ_i D†_i D_i φ/a_i² = G between the frozen ends."""

    periodic = False

    def __init__(self, fields: Fields, workers: Workers, keep_longitudinal: bool) -> None:
        super().__init__(fields, workers, (1.0, 1.0, 0.0 if keep_longitudinal else fields.grid.a_z**-2))
        self._fields = fields
        self.z0, self.z1 = fields.grid.interior
        self.preconditioned = not keep_longitudinal and fields.grid.a_z <= _LINES_UP_TO
        if self.preconditioned:
            # M ≥ D†_z D_z/a_z² and M ≥ c; the transverse part of K is below 2c.
            self.norm = 3.0
            self._coupling = fields.grid.a_z**-2
            self._pivots = _inverse_pivots(self.z1 - self.z0, self._coupling)

    def residual(self) -> GaussResidual:
        return gauge.gauss_residual(self._fields, self._workers, [(self.z0, self.z1)])

    def violation(self) -> np.ndarray:
        G = self.vector()
        for x in range(G.shape[2]):
            G[0, :, x] = gauge.constraint(self._fields, x, [(self.z0, self.z1)])[0]
        return G

    def precondition(self, r0: int, r1: int, out: np.ndarray, r: np.ndarray) -> None:
        self.kernels.solve_lines(r0, r1, self.z0, self.z1, out, r, self._U, self._coupling, self._pivots)

    def change(self, phi: np.ndarray) -> float:
        return self._fields.grid.a_z * self._change_links(phi)


class _BoostInvariant(_System):
    """(Σ_i D†_i D_i − A_η × A_η ×/τ²) φ = G on the periodic plane."""

    periodic = True

    def __init__(self, fields: MilneFields, workers: Workers, keep_longitudinal: bool) -> None:
        super().__init__(fields, workers, (1.0, 1.0))
        self._fields = fields
        self.z0, self.z1 = 0, fields.grid.shape[1]
        #: 1/τ², or none where P_η stays.
        self._inverse_tau2 = 0.0 if keep_longitudinal else fields.tau_of_momenta**-2
        self.norm += self._inverse_tau2 * float((fields.A**2).sum(axis=1).max())

    def residual(self) -> GaussResidual:
        return milne_constraints.gauss_residual(self._fields, self._workers)

    def violation(self) -> np.ndarray:
        G = self.vector()
        for x in range(G.shape[3]):
            G[0, :, 0, x] = milne_constraints.constraint(self._fields, x)[0]
        return G

    def apply(self, r0: int, r1: int, out: np.ndarray, phi: np.ndarray) -> None:
        super().apply(r0, r1, out, phi)
        if self._inverse_tau2:
            self.kernels.mass(r0, r1, out, phi, self._fields.A, self._inverse_tau2)

    def change(self, phi: np.ndarray) -> float:
        tau = self._fields.tau_of_momenta
        energy = self._change_links(phi) / tau
        if self._inverse_tau2:

            def task(r0: int, r1: int, sums: np.ndarray) -> None:
                self.kernels.change_scalar(r0, r1, self._E, sums, phi, self._fields.A, self._inverse_tau2)

            energy += self.sums(task) / tau
        return energy


def _inverse_pivots(sites: int, coupling: float) -> np.ndarray:
    """1/m_k with m_k = 2w + c − w²/m_{k−1}: the elimination of a matrix with 2w + c on its diagonal and −w beside it."""
    pivots = np.empty(sites)
    before = 0.0
    for k in range(sites):
        before = pivots[k] = 1 / (2 * coupling + _TRANSVERSE - coupling**2 * before)
    return pivots


def _in_double(fields: Fields | MilneFields) -> Fields | MilneFields:
    """The state itself, or a copy of it in double precision: weak fields have nearly zero modes, which single loses."""
    if fields.dtype == np.float64:
        return fields
    U, E = fields.U.astype(np.float64), fields.E.astype(np.float64)
    if isinstance(fields, MilneFields):
        return replace(fields, U=U, E=E, A=fields.A.astype(np.float64))
    return replace(fields, U=U, E=E, charges=tuple(replace(c, q=c.q.astype(np.float64)) for c in fields.charges))


def _system_of(fields: Fields | MilneFields, workers: Workers, keep_longitudinal: bool) -> _System:
    if isinstance(fields, MilneFields):
        return _BoostInvariant(fields, workers, keep_longitudinal)
    return _Laboratory(fields, workers, keep_longitudinal)


@dataclass(frozen=True)
class _Solution:
    """φ, the largest |G − K φ| of the iteration, and what to do if it is no solution."""

    phi: np.ndarray
    iterations: int
    violation: float
    failure: str = ""


def _solve(system: _System, limit: float, max_iterations: int) -> _Solution:
    """K φ = G by preconditioned conjugate gradients from φ = 0, until the largest component of the residual is `limit`.

    K has zero modes where φ ≠ 0 is covariantly constant (and in the direction of A_η), as in the vacuum of a periodic plane.
    A residual with a part along one is not in the range of K; then the directions p turn into the zero mode, and p·K p falls
    below the rounding of p·M p.
    """
    kernels, planes = system.kernels, (system.z0, system.z1)
    r, p, q, phi = system.violation(), system.vector(), system.vector(), system.vector()
    z = system.vector() if system.preconditioned else r
    largest = np.zeros(system.rows)
    epsilon = float(np.finfo(float).eps)
    start = float(np.abs(r).max())

    def curvature(r0: int, r1: int, sums: np.ndarray) -> None:
        system.apply(r0, r1, q, p)
        kernels.product(r0, r1, *planes, sums, p, q)

    def weigh(r0: int, r1: int, sums: np.ndarray) -> None:
        if system.preconditioned:
            system.precondition(r0, r1, z, r)
        kernels.product(r0, r1, *planes, sums, r, z)

    rz, pMp, beta, best = system.sums(weigh), 0.0, 0.0, start
    for iteration in range(1, max_iterations + 1):
        system.each(lambda r0, r1: kernels.follow(r0, r1, *planes, p, z, beta))  # noqa: B023
        # r is orthogonal to the direction before.
        pMp = rz + beta**2 * pMp
        pKp = system.sums(curvature)
        if not pKp > epsilon * system.norm * pMp:
            return _Solution(phi, iteration, best, _ROUNDED if best < epsilon**0.5 * start else _NOT_NEUTRAL)
        alpha = rz / pKp
        system.each(lambda r0, r1: kernels.advance(r0, r1, *planes, largest, phi, r, p, q, alpha))  # noqa: B023
        best = min(best, float(largest.max()))
        if best <= limit:
            return _Solution(phi, iteration, best)
        last, rz = rz, system.sums(weigh)
        beta = rz / last
    return _Solution(phi, max_iterations, best, "raise max_iterations or the tolerance")
