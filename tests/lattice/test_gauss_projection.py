"""The projection onto the Gauss constraint: exact, covariant, and the least change that makes it so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasma.backend import Workers
from glasma.errors import ConvergenceError
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.leapfrog import Leapfrog
from glasma.group import GROUPS
from glasma.lattice import gauge, milne, milne_constraints
from glasma.lattice.fields import Fields, vacuum
from glasma.lattice.gauss_projection import project
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields
from tests.plane_waves import AMPLITUDE, PlaneWave
from tests.states import colliding_nuclei, random_omega, relative_difference, rough_fields, smooth_fields

LIMIT = {"float64": 1e-12, "float32": 1e-5}

#: Cells along the beam that are solved line by line, and such that are not.
SHORT, LONG = 0.25, 0.5


def laboratory(group, a_z: float = LONG, dtype=np.float64, shape=(4, 5, 14)) -> Fields:
    """Links and electric fields that are random everywhere."""
    fields = rough_fields(Grid(shape, anisotropy=a_z), group)
    return replace(fields, U=fields.U.astype(dtype), E=fields.E.astype(dtype))


def boost_invariant(group, dtype=np.float64, shape=(6, 7)) -> MilneFields:
    """Links, A_η and momenta that are random everywhere, the momenta at τ = 1.25 a_T."""
    rng = np.random.default_rng(3)
    U = group.link_from_matrix(random_omega(group, (2, 1, *shape), rng))
    A, E = (rng.standard_normal((n, group.DIMENSION, 1, *shape)) for n in (1, 3))
    return MilneFields(Grid((*shape, 1)), group, np.moveaxis(U, 0, 1).astype(dtype), A.astype(dtype), E.astype(dtype), step=3)


def residual(fields: Fields | MilneFields) -> float:
    """Largest violation over all planes that move."""
    if isinstance(fields, MilneFields):
        return milne_constraints.gauss_residual(fields, Workers()).max_rel
    return gauge.gauss_residual(fields, Workers(), [fields.grid.interior]).max_rel


def product(fields: Fields | MilneFields, first: np.ndarray, second: np.ndarray) -> float:
    """The scalar product of changes of the momenta whose square is twice their energy."""
    components = (first.astype(float) * second).sum(axis=(1, 2, 3, 4))
    if isinstance(fields, MilneFields):
        tau = fields.tau_of_momenta
        return float(components @ [1 / tau, 1 / tau, tau])
    return float(fields.grid.a_z * components @ [a**-2 for a in fields.grid.spacings])


@pytest.fixture(params=["laboratory", "short cells", "boost invariant"])
def make(request):
    """A function (group, dtype) → random fields."""
    states = {
        "laboratory": lambda group, dtype=np.float64: laboratory(group, LONG, dtype),
        "short cells": lambda group, dtype=np.float64: laboratory(group, SHORT, dtype),
        "boost invariant": boost_invariant,
    }
    return states[request.param]


def test_constraint_holds_after_the_projection_of_random_fields(group, dtype, make):
    fields = make(group, dtype)
    before = fields.copy()
    found = project(fields)
    assert found.residual_before == pytest.approx(residual(before), rel=1e-6)
    assert found.residual_before > 0.3
    assert found.residual_after <= LIMIT[dtype.name]
    assert residual(fields) <= LIMIT[dtype.name]
    assert found.iterations > 5
    np.testing.assert_array_equal(fields.U, before.U)


def test_frozen_ends_stay_but_for_the_link_that_moves_with_the_first_plane(group):
    fields = laboratory(group)
    before = fields.copy()
    project(fields)
    first, last = fields.grid.interior
    changed = (fields.E != before.E).any(axis=(1, 2, 3))
    expected = np.zeros(changed.shape, bool)
    expected[:, first:last] = expected[2, first - 1] = True
    np.testing.assert_array_equal(changed, expected)


@pytest.mark.parametrize("a_z", [LONG, SHORT])
def test_fields_with_charges_are_projected_and_keep_the_constraint(group, a_z):
    """A collision with noise in its electric field: afterwards the whole box moves, and the run is as exact as any."""
    grid = Grid((4, 6, 64), anisotropy=a_z)
    scheme = Leapfrog(grid, group)
    fields = scheme.initial_state(colliding_nuclei(grid, group, width=1.5))
    rng = np.random.default_rng(2)
    fields.E += 0.1 * np.abs(fields.E).max() * rng.standard_normal(fields.E.shape)
    charges = [c.q.copy() for c in fields.charges]
    assert project(fields).residual_after <= 1e-12
    assert scheme.region(fields) == [grid.interior]
    for _ in range(10):
        scheme.step(fields)
        assert scheme.gauss_residual(fields).max_rel < 2e-12
    assert all(relative_difference(c.q, q) > 0.01 for c, q in zip(fields.charges, charges, strict=True))


def test_boost_invariant_run_keeps_the_constraint(group):
    fields = boost_invariant(group)
    scheme = BoostInvariant(fields.grid, group)
    project(fields)
    for _ in range(20):
        scheme.step(fields)
        assert scheme.gauss_residual(fields).max_rel < 4e-12


def test_fields_that_satisfy_the_constraint_stay_as_they_are(group, make):
    """So do projected ones, and the region of a run."""
    grid = Grid((6, 6, 64), anisotropy=0.25)
    scheme = Leapfrog(grid, group)
    run = scheme.initial_state(colliding_nuclei(grid, group))
    scheme.step(run)
    projected = make(group)
    project(projected)
    for fields in (run, projected):
        before = fields.copy()
        found = project(fields)
        assert found.iterations == found.energy_change == 0
        assert found.residual_after == found.residual_before
        np.testing.assert_array_equal(fields.E, before.E)
        assert not isinstance(fields, Fields) or fields.region == before.region


def test_projection_and_gauge_transformation_commute(group, make, rng):
    fields = make(group)
    transform = milne.gauge_transform if isinstance(fields, MilneFields) else gauge.gauge_transform
    omega = random_omega(group, [n for n in fields.grid.shape if n > 1], rng)
    transformed = transform(fields, omega)
    first, second = project(fields), project(transformed)
    assert relative_difference(transformed.E, transform(fields, omega).E) < 1e-11
    assert abs(first.iterations - second.iterations) <= 2
    assert second.energy_change == pytest.approx(first.energy_change, rel=1e-10)


def test_change_is_orthogonal_to_all_changes_that_keep_the_constraint(group, make):
    """So it is the least.  The others are what the projection leaves of random momenta, without charges."""
    fields = make(group)
    before = fields.copy()
    found = project(fields)
    change = fields.E - before.E
    size = product(fields, change, change)
    for seed in range(3):
        other = before.copy()
        other.E[...] = np.random.default_rng(seed).standard_normal(other.E.shape)
        assert abs(product(fields, change, other.E)) > 1e-3 * (size * product(fields, other.E, other.E)) ** 0.5
        project(other)
        assert residual(other) <= 1e-12
        assert abs(product(fields, change, other.E)) < 1e-11 * (size * product(fields, other.E, other.E)) ** 0.5
    # Momenta, change and result form a right triangle.
    after = product(fields, fields.E, fields.E)
    assert found.energy_change == pytest.approx((after - product(fields, before.E, before.E)) / 2, rel=1e-10)
    assert found.energy_change == pytest.approx(-size / 2, rel=1e-10)


def test_longitudinal_momentum_may_be_kept(group, make):
    """Then the change is larger."""
    fields, full = make(group), make(group)
    before = fields.copy()
    project(fields, keep_longitudinal=True)
    project(full)
    assert residual(fields) <= 1e-12
    np.testing.assert_array_equal(fields.E[2], before.E[2])
    change, least = fields.E - before.E, full.E - before.E
    assert product(fields, change, change) > 1.01 * product(fields, least, least)
    # The two satisfy the same constraint, and the least change is orthogonal to their difference.
    assert product(fields, change - least, least) == pytest.approx(0, abs=1e-10 * product(fields, least, least))


@pytest.mark.parametrize(
    "modes", [(1, 0, 3), (0, 2, 5), (1, -3, 2), (2, 1, 7)], ids=lambda modes: "k=" + ",".join(map(str, modes))
)
@pytest.mark.parametrize("a_z", [LONG, SHORT])
def test_abelian_standing_waves_lose_their_longitudinal_part(group, modes, a_z):
    """Between the ideal conductors, a wave with the polarisation v keeps v − k (k·v)/k² with the lattice momentum k."""
    grid = Grid((8, 10, 30), anisotropy=a_z)
    v = np.array([0.4, -1.3, 0.8])

    def wave(transverse: bool) -> np.ndarray:
        def polarisation(grid, k):
            return 0.0, v - k * (k @ v) / (k @ k) if transverse else v

        return PlaneWave(grid, modes, polarisation).link_phases(0.4)

    fields = vacuum(grid, group)
    fields.E[:, -1] = wave(False)
    project(fields)
    assert np.abs(fields.E[:, -1] - wave(True)).max() < 1e-11 * AMPLITUDE
    assert np.abs(fields.E[:, :-1]).max() == 0


def test_abelian_momenta_of_the_periodic_plane_lose_their_longitudinal_part(group, rng):
    """In Fourier space P_i − k_i (k*·P)/k² with k_i = exp(i p_i) − 1; a constant φ is a zero mode, and does no harm."""
    shape = 9, 12
    fields = boost_invariant(group, shape=shape)
    fields.U[...] = np.array(group.IDENTITY)[:, None, None, None]
    fields.A[...] = fields.E[...] = 0
    fields.A[0, 1] = fields.E[2, 1] = 0.3
    momenta = rng.standard_normal((2, *shape))
    fields.E[:2, 1, 0] = momenta
    k = np.array(np.meshgrid(*[np.exp(2j * np.pi * np.fft.fftfreq(n)) - 1 for n in shape], indexing="ij"))
    k2 = (np.abs(k) ** 2).sum(axis=0)
    k2[0, 0] = 1
    P = np.fft.fft2(momenta)
    expected = np.fft.ifft2(P - k * (k.conj() * P).sum(axis=0) / k2).real
    project(fields)
    np.testing.assert_allclose(fields.E[:2, 1, 0], expected, atol=1e-11)
    np.testing.assert_allclose(fields.E[2, 1], 0.3, atol=1e-14)


@settings(deadline=None, max_examples=25)
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(7, 12)),
    a_z=st.sampled_from([0.1, 0.3, 0.7, 1.5]),
    keep=st.booleans(),
    seed=st.integers(0, 100),
)
def test_lattices_of_any_shape_are_projected(shape, a_z, keep, seed):
    su2 = GROUPS["SU(2)"]
    fields = rough_fields(Grid(shape, anisotropy=a_z), su2, seed)
    thin = boost_invariant(su2, shape=shape[:2])
    thin.E *= 1 + seed
    # One site with its own neighbours has no flux that could take up its charge.
    assert project(fields, keep_longitudinal=keep and shape[0] * shape[1] > 1).residual_after <= 1e-12
    assert project(thin).residual_after <= 1e-12


def test_results_do_not_depend_on_the_number_of_threads(group, make):
    results = []
    for threads in (1, 2, 3):
        fields = make(group)
        results.append((project(fields, Workers(threads)), fields.E))
    for found, E in results[1:]:
        assert found == results[0][0]
        np.testing.assert_array_equal(E, results[0][1])


def test_charge_that_no_field_screens_cannot_be_removed(dtype):
    """In the vacuum the sum of A_η × P_η over the plane is a charge for which P_i has no flux."""
    su2 = GROUPS["SU(2)"]
    fields = boost_invariant(su2, dtype)
    fields.U[...] = np.array(su2.IDENTITY)[:, None, None, None]
    charge = np.cross(fields.A[0], fields.E[2], axis=0).mean(axis=(1, 2, 3))
    scale = milne_constraints.gauss_residual(fields, Workers()).scale
    with pytest.raises(
        ConvergenceError, match=r"a violation of \S+ of the largest term .*charge .* is not zero: let the long"
    ) as error:
        project(fields, keep_longitudinal=True)
    left = float(str(error.value).split("violation of ")[1].split()[0])
    assert np.abs(charge).max() / scale < 1.1 * left < 5 * np.abs(charge).max() / scale
    assert project(fields).residual_after <= LIMIT[dtype.name]


def test_what_does_not_converge_is_named(group):
    with pytest.raises(ConvergenceError, match=r"left after 3 iterations and tolerance = 1e-12; raise max_iterations"):
        project(laboratory(group), max_iterations=3)
    with pytest.raises(ConvergenceError, match=r"tolerance = 1e-30; this is rounding: take a larger"):
        project(laboratory(group), tolerance=1e-30)
    with pytest.raises(ValueError, match="tolerance = 0: a positive"):
        project(laboratory(group), tolerance=0)
    fields = laboratory(group)
    fields.E[1, 0, 2, 3, 5] = np.nan
    with pytest.raises(ConvergenceError, match="not finite"):
        project(fields)


def test_smooth_fields_on_short_cells_take_few_iterations(group):
    """The solution along the lines keeps the number from growing with a_T/a_z."""
    counts = [
        project(smooth_fields(Grid((6, 6, round(8 / a_z)), anisotropy=a_z), group)).iterations for a_z in (1, 0.25, 0.0625)
    ]
    assert max(counts[1:]) <= counts[0] < 100
