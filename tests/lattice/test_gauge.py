"""Gauge transformations, the Gauss constraint and unitarity, against complex matrices."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.backend import Workers
from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.fields import vacuum
from glasma.lattice.gauge import covariant_divergence, gauge_transform, gauss_residual, unitarity_violation
from glasma.lattice.grid import Grid
from tests.states import (
    colliding_nuclei,
    dagger,
    random_omega,
    relative_difference,
    rough_fields,
    to_components,
    to_matrix,
)

SHAPE = (4, 5, 16)


def test_covariant_divergence_is_that_of_the_matrices(group):
    grid = Grid(SHAPE, anisotropy=0.5)
    fields = rough_fields(grid, group)
    expected = np.zeros((group.DIMENSION, *grid.shape))
    for i, a in enumerate(grid.spacings):
        U, E = group.link_to_matrix(fields.U[i]), to_matrix(group, fields.E[i])
        expected += to_components(group, E - np.roll(dagger(U) @ E @ U, 1, axis=i)) / a**2
    for x in range(grid.shape[0]):
        found = covariant_divergence(fields, x, 2, 15)
        assert relative_difference(found[..., 2:15], expected[:, x, :, 2:15]) < 1e-14
        assert np.abs(found[..., :2]).max() == np.abs(found[..., 15:]).max() == 0


def test_gauss_residual_measures_a_known_violation(group, grid, workers):
    fields = Leapfrog(grid, group).initial_state(colliding_nuclei(grid, group))
    scale = gauss_residual(fields, workers).scale
    fields.E[0, 1, 2, 3, 30] += 0.125 * scale
    residual = gauss_residual(fields, workers)
    assert residual.scale == scale
    assert residual.max_rel == pytest.approx(0.125, rel=1e-12)
    assert gauss_residual(fields, workers, [(3, 30), (31, 61)]).max_rel < 1e-14


def test_gauss_residual_keeps_nan(group, grid, workers):
    fields = Leapfrog(grid, group).initial_state(colliding_nuclei(grid, group))
    fields.E[0, 0, 0, 0, 20] = np.nan
    assert np.isnan(gauss_residual(fields, workers).max_rel)


@pytest.mark.parametrize("threads", [1, 2])
def test_unitarity_violation_finds_the_worst_link(group, threads):
    fields = vacuum(Grid(SHAPE), group)
    assert unitarity_violation(fields, Workers(threads)) == 0
    fields.U[1, :, 3, 2, 5] *= 1 + 1e-5
    assert 1e-5 < unitarity_violation(fields, Workers(threads)) < 1e-4


def test_gauge_transformations_compose_and_invert(group, rng):
    grid = Grid(SHAPE)
    fields = rough_fields(grid, group)
    first, second = random_omega(group, grid.shape, rng), random_omega(group, grid.shape, rng)
    twice = gauge_transform(gauge_transform(fields, first), second)
    once = gauge_transform(fields, second @ first)
    back = gauge_transform(once, dagger(second @ first))
    assert relative_difference(twice.U, once.U) < 1e-13
    assert relative_difference(twice.E, once.E) < 1e-13
    assert relative_difference(back.U, fields.U) < 1e-13
    assert relative_difference(back.E, fields.E) < 1e-13
