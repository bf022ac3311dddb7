"""Evolution and gauge transformation commute, and observables do not see the gauge."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.gauge import gauge_transform, unitarity_violation
from glasma.observables.measure import measure
from glasma.observables.stress_energy import stress_tensor
from tests.conftest import SEPARATED
from tests.states import colliding_nuclei, random_omega, relative_difference

ROUNDING = 2e-12


@pytest.fixture
def two_gauges(group, grid, rng):
    """A collision evolved in its own gauge, and in an arbitrary one from the start."""
    scheme = Leapfrog(grid, group)
    fields = scheme.initial_state(colliding_nuclei(grid, group, g2mu=1.0))
    omega = random_omega(group, grid.shape, rng)
    transformed = gauge_transform(fields, omega)
    for _ in range(SEPARATED):
        scheme.step(fields)
        scheme.step(transformed)
    return scheme, fields, transformed, omega


def test_evolution_and_gauge_transformation_commute(two_gauges):
    """Through the overlap, with charges and with the frozen ends."""
    _, fields, transformed, omega = two_gauges
    expected = gauge_transform(fields, omega)
    assert relative_difference(transformed.U, fields.U) > 0.5
    assert relative_difference(transformed.U, expected.U) < ROUNDING
    assert relative_difference(transformed.E, expected.E) < ROUNDING
    for found, charges in zip(transformed.charges, expected.charges, strict=True):
        assert relative_difference(found.q, charges.q) < ROUNDING
    assert transformed.work == pytest.approx(fields.work, rel=ROUNDING)


def test_observables_of_the_evolved_states_are_the_same(two_gauges):
    scheme, fields, transformed, _ = two_gauges
    region = scheme.region(fields)
    found, expected = (measure(state, scheme.workers, region) for state in (transformed, fields))
    for component in range(len(expected.components)):
        assert relative_difference(found.components[component], expected.components[component]) < ROUNDING
    # T^0x and the like are small sums of large terms: compare with the largest component.
    assert relative_difference(found.tensor, expected.tensor) < ROUNDING
    sites, expected_sites = (stress_tensor(state, scheme.workers, region) for state in (transformed, fields))
    assert relative_difference(sites, expected_sites) < ROUNDING
    assert relative_difference(found.side_view, expected.side_view) < 1e-6
    assert relative_difference(found.front_view, expected.front_view) < 1e-6
    assert scheme.energy(transformed) == pytest.approx(scheme.energy(fields), rel=1e-13)


def test_constraints_of_the_evolved_states_are_the_same(two_gauges):
    """The Gauss constraint holds in every gauge; its scale max |ρ^a| depends on the gauge by a factor √dim_g at most."""
    scheme, fields, transformed, _ = two_gauges
    found, expected = scheme.gauss_residual(transformed), scheme.gauss_residual(fields)
    assert max(found.max_rel, expected.max_rel) < 1e-13
    assert 1 / fields.group.DIMENSION**0.5 < found.scale / expected.scale < fields.group.DIMENSION**0.5
    assert max(unitarity_violation(state, scheme.workers) for state in (fields, transformed)) < 60 * np.finfo(float).eps
