"""The boost-invariant scheme of an improved action: what it conserves, and that of Wilson's action it is the plain one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from glasma.backend import Workers
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.improved_action import TransverseAction
from glasma.evolution.improved_boost_invariant import ImprovedBoostInvariant
from glasma.group import group_named
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields, StaticFields, gauge_transform
from tests.improved_terms import random_links
from tests.states import colliding_nuclei, random_omega, relative_difference, unitary

SHAPE = (6, 9, 1)

#: About what a fit to a fine lattice gives, with all other terms besides.
ACTION = TransverseAction(
    plaquette=1.33, square=0.12, cube=0.01, adjacent=-0.085, action_adjacent=0.02, diagonal=-0.04, action_diagonal=0.01,
    rectangle=-0.01, straight2=0.057, straight3=-0.02, straight4=0.009, gradient1=1.61, gradient2=-0.29, gradient3=0.09,
    gradient4=-0.02, gradient_diagonal=0.013, commutator=0.17,
)  # fmt: skip


def static_state(group, scheme: BoostInvariant, strength: float = 0.3) -> StaticFields:
    """Random fields without P, so that there is no charge."""
    rng = np.random.default_rng(5)
    nx, ny, _ = SHAPE
    links = random_links(group, 2, (1, nx, ny), 5, strength)[:, :, 0]
    scalar = strength * rng.standard_normal((group.DIMENSION, nx, ny))
    return scheme.start_static(links, scalar, np.zeros((3, group.DIMENSION, nx, ny)))


def drift(fields: MilneFields, time: float, tau: float) -> None:
    """U ← exp(i time P/τ) U and A ← A + time τ P_η."""
    for i in (0, 1):
        step = unitary(fields.group, time / tau * fields.E[i, :, 0])
        fields.U[i, :, 0] = fields.group.link_from_matrix(step @ fields.group.link_to_matrix(fields.U[i, :, 0]))
    fields.A += time * tau * fields.E[2]


def assert_same(found: MilneFields, expected: MilneFields, tolerance: float = 1e-12) -> None:
    for name in ("U", "A", "E"):
        assert relative_difference(getattr(found, name), getattr(expected, name)) < tolerance, name


def test_wilson_action_is_the_plain_scheme_in_proper_time(group):
    grid = Grid(SHAPE, substeps=8)
    plain, improved = BoostInvariant(grid, group), ImprovedBoostInvariant(grid, group, TransverseAction.wilson())
    expected, found = (scheme.initial_state(colliding_nuclei(grid, group, g2mu=1.0)) for scheme in (plain, improved))
    for _ in range(50):
        plain.step(expected)
        improved.step(found)
    assert_same(found, expected)
    assert found.work == pytest.approx(expected.work, rel=1e-12)
    assert improved.energy(found) == pytest.approx(plain.energy(expected), rel=1e-12)


def test_wilson_action_is_the_plain_scheme_in_a_static_box(group):
    grid = Grid(SHAPE, substeps=8)
    plain = BoostInvariant(grid, group, expansion="static")
    improved = ImprovedBoostInvariant(grid, group, TransverseAction.wilson(), expansion="static")
    expected, found = static_state(group, plain), static_state(group, improved)
    assert isinstance(found.copy(), StaticFields)
    for _ in range(50):
        plain.step(expected)
        improved.step(found)
    assert_same(found, expected)
    assert found.work == expected.work == 0
    assert improved.energy(found) == pytest.approx(plain.energy(expected), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("SU(2)", np.float64),
        ("SU(3)", np.float64),
        ("SU(2)", np.float32),
        # a minute of compiling
        pytest.param("SU(3)", np.float32, marks=pytest.mark.slow),
    ],
)
def test_gauss_constraint_holds_in_proper_time(name, dtype):
    group, grid = group_named(name), Grid(SHAPE, substeps=8)
    scheme = ImprovedBoostInvariant(grid, group, ACTION, dtype)
    fields = scheme.initial_state(colliding_nuclei(grid, group, g2mu=1.0))
    for _ in range(200):
        assert scheme.gauss_residual(fields).max_rel < (1e-12 if dtype == np.float64 else 2e-5)
        scheme.step(fields)
    assert np.abs(fields.A).max() > 0.01
    assert scheme.unitarity_violation(fields) < 60 * np.finfo(dtype).eps


def test_a_static_box_keeps_gauss_and_comes_back_in_time(group):
    """1000 steps there and back, with a grid of Δt < 0."""
    steps = 1000
    scheme = ImprovedBoostInvariant(Grid(SHAPE, substeps=16), group, ACTION, expansion="static")
    fields = static_state(group, scheme, 0.1)
    start = fields.copy()
    for _ in range(steps):
        scheme.step(fields)
    assert scheme.gauss_residual(fields).max_rel < 1e-12
    backward_grid = Grid(SHAPE, substeps=-16)
    backward = ImprovedBoostInvariant(backward_grid, group, ACTION, expansion="static")
    reversed_ = StaticFields(backward_grid, group, fields.U.copy(), fields.A.copy(), fields.E.copy())
    drift(reversed_, -scheme.grid.a_t, 1.0)
    for _ in range(steps):
        backward.step(reversed_)
    drift(reversed_, scheme.grid.a_t, 1.0)
    assert relative_difference(fields.E, start.E) > 0.5
    assert_same(reversed_, start, 1e-10)


def test_time_reversal_returns_the_light_cone(group):
    grid, steps = Grid(SHAPE, substeps=8), 60
    scheme = ImprovedBoostInvariant(grid, group, ACTION)
    fields = scheme.initial_state(colliding_nuclei(grid, group, g2mu=1.0))
    start = fields.copy()
    for _ in range(steps):
        scheme.step(fields)
    backward_grid = Grid(SHAPE, substeps=-8)
    backward = ImprovedBoostInvariant(backward_grid, group, ACTION)
    reversed_ = MilneFields(backward_grid, group, fields.U.copy(), fields.A.copy(), fields.E.copy(), -steps, fields.work)
    drift(reversed_, -grid.a_t, fields.tau_of_momenta)
    for _ in range(steps):
        backward.step(reversed_)
    assert relative_difference(fields.E, start.E) > 0.5
    assert relative_difference(reversed_.E, start.E) < 1e-11
    assert np.abs(reversed_.A).max() < 1e-11 * np.abs(fields.A).max()
    assert reversed_.work == pytest.approx(start.work, rel=1e-10)


def test_energy_and_work_of_the_expansion_cancel_at_second_order(group):
    sums = []
    for substeps in (16, 32, 64):
        grid = Grid(SHAPE, substeps=substeps)
        scheme = ImprovedBoostInvariant(grid, group, ACTION)
        fields = scheme.initial_state(colliding_nuclei(grid, group, g2mu=0.7))
        for _ in range(4 * substeps):
            scheme.step(fields)
        sums.append((scheme.energy(fields) + fields.work) / scheme.energy(fields))
    orders = [np.log2(abs(coarse / fine)) for coarse, fine in pairwise(sums)]
    assert abs(sums[-1]) < 1e-3
    assert orders == pytest.approx([2, 2], abs=0.25)


def test_energy_of_a_static_box_is_conserved_at_second_order(group):
    """It starts at rest: after the first half step the energy is that of t = 0 to second order."""
    drifts = []
    for substeps in (16, 32, 64):
        scheme = ImprovedBoostInvariant(Grid(SHAPE, substeps=substeps), group, ACTION, expansion="static")
        fields = static_state(group, scheme)
        start = scheme.energy(fields)
        for _ in range(4 * substeps):
            scheme.step(fields)
        drifts.append(scheme.energy(fields) / start - 1)
    orders = [np.log2(abs(coarse / fine)) for coarse, fine in pairwise(drifts)]
    assert abs(drifts[-1]) < 1e-3
    assert orders == pytest.approx([2, 2], abs=0.2)


def test_evolution_and_gauge_transformation_commute(group, rng):
    grid = Grid(SHAPE, substeps=8)
    scheme = ImprovedBoostInvariant(grid, group, ACTION)
    fields = scheme.initial_state(colliding_nuclei(grid, group, g2mu=1.0))
    omega = random_omega(group, SHAPE[:2], rng)
    transformed = gauge_transform(fields, omega)
    for _ in range(60):
        scheme.step(fields)
        scheme.step(transformed)
    expected = gauge_transform(fields, omega)
    assert relative_difference(transformed.U, fields.U) > 0.5
    assert_same(transformed, expected, 2e-12)
    assert transformed.work == pytest.approx(fields.work, rel=1e-12)


def test_results_do_not_depend_on_the_number_of_threads(group):
    results = []
    for threads in (1, 2, 4):
        grid = Grid(SHAPE, substeps=8)
        scheme = ImprovedBoostInvariant(grid, group, ACTION, workers=Workers(threads))
        fields = scheme.initial_state(colliding_nuclei(grid, group, g2mu=1.0))
        for _ in range(10):
            scheme.step(fields)
        results.append((fields.U, fields.A, fields.E, fields.work, scheme.energy(fields)))
    for other in results[1:]:
        for found, expected in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(found, expected)


def test_steps_and_starts_that_do_not_fit_are_refused(group):
    symanzik = TransverseAction.symanzik()
    with pytest.raises(ValueError, match=r"not below 0\.547\d.*substeps ≥ 2"):
        ImprovedBoostInvariant(Grid(SHAPE, substeps=1), group, symanzik)
    with pytest.raises(ValueError, match="expansion = 'box'"):
        BoostInvariant(Grid(SHAPE), group, expansion="box")
    static, nuclei = BoostInvariant(Grid(SHAPE), group, expansion="static"), colliding_nuclei(Grid(SHAPE), group)
    with pytest.raises(ValueError, match="start_static"):
        static.initial_state(nuclei)
    with pytest.raises(ValueError, match="start"):
        static_state(group, BoostInvariant(Grid(SHAPE), group))
