"""One measurement: its parts belong together."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.backend import Workers
from glasma.evolution.leapfrog import Leapfrog
from glasma.observables.measure import measure
from glasma.observables.stress_energy import stress_tensor
from tests.conftest import OVERLAP
from tests.states import colliding_nuclei


@pytest.fixture
def collision(group, grid):
    scheme = Leapfrog(grid, group)
    fields = scheme.initial_state(colliding_nuclei(grid, group))
    for _ in range(OVERLAP):
        scheme.step(fields)
    return scheme, fields


def test_component_energies_add_up_to_the_field_energy(collision):
    scheme, fields = collision
    nx, ny, _ = fields.grid.shape
    components = measure(fields, scheme.workers, scheme.region(fields)).components
    assert components.sum() * nx * ny * fields.grid.a_z == pytest.approx(scheme.energy(fields), rel=1e-13)
    assert np.all(components.sum(axis=1) > 0)


def test_means_and_views_are_those_of_the_tensor_at_the_sites(collision):
    scheme, fields = collision
    _, ny, nz = fields.grid.shape
    measured = measure(fields, scheme.workers, scheme.region(fields))
    sites = stress_tensor(fields, scheme.workers, scheme.region(fields))
    np.testing.assert_allclose(measured.tensor, sites.mean(axis=(1, 2)), atol=1e-15)
    np.testing.assert_allclose(measured.side_view, sites[0, :, ny // 2], rtol=1e-6)
    np.testing.assert_allclose(measured.front_view, sites[0, :, :, nz // 2], rtol=1e-6)
    some = stress_tensor(fields, scheme.workers, scheme.region(fields), 3, 5)
    np.testing.assert_array_equal(some, sites[:, 3:5])


def test_a_measurement_changes_nothing(collision):
    scheme, fields = collision
    before = fields.copy()
    measure(fields, Workers(2), scheme.region(fields))
    np.testing.assert_array_equal(fields.U, before.U)
    np.testing.assert_array_equal(fields.E, before.E)
