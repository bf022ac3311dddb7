"""The leapfrog of an improved action with colour charges and frozen ends."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from glasma.backend import Workers
from glasma.evolution.improved_action import LaboratoryAction
from glasma.evolution.improved_leapfrog import ImprovedLeapfrog
from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.fields import Fields
from glasma.lattice.gauge import gauge_transform
from glasma.lattice.grid import Grid
from tests.conftest import OVERLAP, SEPARATED
from tests.states import colliding_nuclei, drift_links, random_omega, relative_difference, rough_fields, smooth_fields

#: All terms, at random, around a plaquette of 1.
ACTION = LaboratoryAction(
    {name: 0.02 * np.sin(3.0 * n + 1) + name.startswith("plaquette") for n, name in enumerate(LaboratoryAction.names())}
)


def assert_same(found: Fields, expected: Fields, tolerance: float = 1e-12) -> None:
    for name in ("U", "E"):
        assert relative_difference(getattr(found, name), getattr(expected, name)) < tolerance, name
    for one, other in zip(found.charges, expected.charges, strict=True):
        assert relative_difference(one.q, other.q) < tolerance


def test_wilson_action_is_the_leapfrog_in_a_collision(group, grid):
    plain, improved = Leapfrog(grid, group), ImprovedLeapfrog(grid, group, LaboratoryAction.wilson())
    expected, found = (scheme.initial_state(colliding_nuclei(grid, group)) for scheme in (plain, improved))
    for _ in range(50):
        plain.step(expected)
        improved.step(found)
    assert_same(found, expected)
    assert found.work == pytest.approx(expected.work, rel=1e-12)
    assert improved.energy(found) == pytest.approx(plain.energy(expected), rel=1e-12)


def test_wilson_action_is_the_leapfrog_between_rough_frozen_ends(group):
    grid = Grid((4, 5, 17), anisotropy=0.6, substeps=3)
    expected, found = rough_fields(grid, group), rough_fields(grid, group)
    plain, improved = Leapfrog(grid, group), ImprovedLeapfrog(grid, group, LaboratoryAction.wilson())
    for _ in range(3):
        plain.step(expected)
        improved.step(found)
    assert_same(found, expected)


def test_gauss_constraint_and_energy_balance_of_a_collision(group, grid):
    """Charges turn as they cross links whose action is another: Gauss to rounding, energy and work to second order."""
    drifts = []
    for substeps in (2, 4, 8):
        finer = Grid(grid.shape, grid.spacing_fm, grid.anisotropy, substeps)
        scheme = ImprovedLeapfrog(finer, group, ACTION)
        fields = scheme.initial_state(colliding_nuclei(finer, group))
        start = scheme.energy(fields) + fields.work
        for _ in range(SEPARATED * substeps // 2):
            scheme.step(fields)
            if substeps == 2:
                assert scheme.gauss_residual(fields).max_rel < 1e-12
        drifts.append((scheme.energy(fields) + fields.work) / start - 1)
    orders = [np.log2(abs(coarse / fine)) for coarse, fine in pairwise(drifts)]
    assert orders == pytest.approx([2, 2], abs=0.3)


def test_only_the_active_region_gives_the_same_as_the_whole_box(group, grid):
    results = []
    for only_active in (True, False):
        scheme = ImprovedLeapfrog(Grid((4, 4, 160), 1.0, 0.25, 2), group, ACTION, only_active=only_active)
        fields = scheme.initial_state(colliding_nuclei(scheme.grid, group))
        for _ in range(OVERLAP):
            scheme.step(fields)
        results.append((fields, scheme.energy(fields), scheme.region(fields)))
    (active, energy, region), (whole, expected, box) = results
    assert region[0][0] > box[0][0] + 10
    assert_same(active, whole, 1e-11)
    assert energy == pytest.approx(expected, rel=1e-11)


def test_time_reversal_returns_the_start(group):
    """1000 steps there and back, with a grid of a_t < 0."""
    grid, steps = Grid((3, 4, 12), anisotropy=0.8, substeps=8), 1000
    fields = smooth_fields(grid, group, strength=0.1)
    start, scheme = fields.copy(), ImprovedLeapfrog(grid, group, ACTION, only_active=False)
    gauss = scheme.gauss_residual(fields)
    for _ in range(steps):
        scheme.step(fields)
    kept = scheme.gauss_residual(fields)
    assert kept.max_rel * kept.scale == pytest.approx(gauss.max_rel * gauss.scale, rel=1e-10)
    assert relative_difference(fields.E, start.E) > 0.5
    backward_grid = Grid(grid.shape, anisotropy=0.8, substeps=-8)
    backward = ImprovedLeapfrog(backward_grid, group, ACTION, only_active=False)
    reversed_ = Fields(backward_grid, group, fields.U.copy(), fields.E.copy())
    moving = slice(*grid.interior)
    drifted = reversed_.copy()
    drift_links(drifted, -grid.a_t)
    reversed_.U[:2, ..., moving] = drifted.U[:2, ..., moving]
    reversed_.U[2, ..., moving.start - 1 : moving.stop] = drifted.U[2, ..., moving.start - 1 : moving.stop]
    for _ in range(steps):
        backward.step(reversed_)
    assert relative_difference(reversed_.E, start.E) < 1e-10


def test_evolution_and_gauge_transformation_commute(group, grid, rng):
    scheme = ImprovedLeapfrog(grid, group, ACTION)
    fields = scheme.initial_state(colliding_nuclei(grid, group))
    omega = random_omega(group, grid.shape, rng)
    transformed = gauge_transform(fields, omega)
    for _ in range(OVERLAP):
        scheme.step(fields)
        scheme.step(transformed)
    assert_same(transformed, gauge_transform(fields, omega), 1e-11)


def test_results_do_not_depend_on_the_number_of_threads(group, grid):
    results = []
    for threads in (1, 3):
        scheme = ImprovedLeapfrog(grid, group, ACTION, workers=Workers(threads))
        fields = scheme.initial_state(colliding_nuclei(grid, group))
        for _ in range(10):
            scheme.step(fields)
        results.append((fields.U, fields.E, scheme.energy(fields)))
    for found, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_steps_beyond_the_bound_are_refused(group):
    with pytest.raises(ValueError, match="bound of this action: take substeps ≥ 3"):
        ImprovedLeapfrog(Grid((4, 4, 12), anisotropy=1.0, substeps=2), group, LaboratoryAction.symanzik())
