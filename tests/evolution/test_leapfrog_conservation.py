"""Energy, time reversal and unitarity of the source-free leapfrog."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.gauge import unitarity_violation
from glasma.lattice.grid import Grid
from tests.states import drift_links, relative_difference, smooth_fields


def energy_drift(group, substeps: int, seed: int) -> float:
    """Relative change of the energy over a fixed physical time, from a start that is the same for every time step."""
    grid = Grid((6, 4, 24), anisotropy=0.5, substeps=substeps)
    scheme, fields = Leapfrog(grid, group), smooth_fields(grid, group, seed)
    start = scheme.energy(fields)
    for _ in range(4 * substeps):
        scheme.step(fields)
    return scheme.energy(fields) / start - 1


@pytest.mark.parametrize("seed", [1, 2])
def test_energy_drift_is_of_second_order_in_the_time_step(group, seed):
    drift = [energy_drift(group, substeps, seed) for substeps in (6, 12, 24)]
    orders = [np.log2(abs(coarse / fine)) for coarse, fine in pairwise(drift)]
    assert abs(drift[-1]) < 1e-3
    assert orders == pytest.approx([2, 2], abs=0.1)


def test_time_reversal_returns_the_start_to_rounding(group):
    """The reverse of (E(t − ½), U(t)) is (−E(t − ½), U(t − 1)): the flipped field takes the links back first."""
    grid = Grid((6, 4, 24), anisotropy=0.5, substeps=3)
    scheme, fields = Leapfrog(grid, group), smooth_fields(grid, group)
    start = fields.copy()
    steps = 60
    for _ in range(steps):
        scheme.step(fields)
    assert relative_difference(fields.E, start.E) > 0.5
    fields.E *= -1
    drift_links(fields, grid.a_t)
    for _ in range(steps):
        scheme.step(fields)
    fields.E *= -1
    drift_links(fields, grid.a_t)
    assert relative_difference(fields.E, start.E) < 1e-11
    assert relative_difference(fields.U, start.U) < 1e-11


def test_links_stay_in_the_group(group, dtype, workers):
    grid = Grid((4, 4, 24), anisotropy=0.5, substeps=3)
    fields = smooth_fields(grid, group)
    fields.U, fields.E = fields.U.astype(dtype), fields.E.astype(dtype)
    scheme = Leapfrog(grid, group, dtype)
    for _ in range(100):
        scheme.step(fields)
    assert unitarity_violation(fields, workers) < 60 * np.finfo(dtype).eps
    determinant = np.linalg.det(group.link_to_matrix(np.moveaxis(fields.U, 1, 0)))
    assert np.abs(determinant - 1).max() < 300 * np.finfo(dtype).eps


def test_frozen_ends_never_change(group):
    grid = Grid((4, 4, 24), anisotropy=0.5, substeps=3)
    scheme, fields = Leapfrog(grid, group), smooth_fields(grid, group)
    start = fields.copy()
    for _ in range(30):
        scheme.step(fields)
    first, last = grid.interior
    for now, before in ((fields.U, start.U), (fields.E, start.E)):
        np.testing.assert_array_equal(now[..., last:], before[..., last:])
        np.testing.assert_array_equal(now[:2, ..., :first], before[:2, ..., :first])
        np.testing.assert_array_equal(now[2, ..., : first - 1], before[2, ..., : first - 1])
