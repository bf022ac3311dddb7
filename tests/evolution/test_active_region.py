"""Planes outside the active region do not move: leaving them out changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.grid import Grid
from tests.conftest import SEPARATED
from tests.states import colliding_nuclei, nucleus, relative_difference, smooth_fields

#: The field that leaks out of the active region, relative to the largest field; measured: below 1e-13.
LEAK = 1e-13


def test_active_region_gives_the_fields_of_the_whole_box(group):
    grid = Grid((4, 6, 160), anisotropy=0.25, substeps=2)
    active, whole = Leapfrog(grid, group), Leapfrog(grid, group, only_active=False)
    fields = active.initial_state(colliding_nuclei(grid, group))
    reference = fields.copy()
    assert active.region(fields) != whole.region(fields)
    planes = []
    for _ in range(SEPARATED):
        active.step(fields)
        whole.step(reference)
        planes.append(sum(z1 - z0 for z0, z1 in active.region(fields)))
    assert np.mean(planes) < 0.9 * (grid.interior[1] - grid.interior[0])
    assert relative_difference(fields.E, reference.E) < LEAK
    assert relative_difference(fields.U, reference.U) < LEAK
    assert active.energy(fields) == pytest.approx(whole.energy(reference), rel=LEAK)
    assert fields.work == pytest.approx(reference.work, rel=1e-10)
    for charges, expected in zip(fields.charges, reference.charges, strict=True):
        assert relative_difference(charges.q, expected.q) < LEAK


def test_distant_nuclei_have_separate_regions_which_merge_when_they_meet(group):
    grid = Grid((4, 4, 160), anisotropy=0.25, substeps=2)
    scheme = Leapfrog(grid, group)
    fields = scheme.initial_state([nucleus(grid, group, side, centre=-40.0 * side) for side in (1, -1)])
    regions = []
    for _ in range(60):
        regions.append(scheme.region(fields))
        scheme.step(fields)
    assert len(regions[0]) == 2
    assert len(regions[-1]) == 1
    covered = [sum(z1 - z0 for z0, z1 in region) for region in regions]
    assert np.all(np.diff(covered) >= 0)
    for region in regions:
        assert all(grid.interior[0] <= z0 < z1 <= grid.interior[1] for z0, z1 in region)


def test_without_charges_the_whole_box_is_active(group):
    grid = Grid((4, 4, 24))
    assert Leapfrog(grid, group).region(smooth_fields(grid, group)) == [grid.interior] == [(3, 21)]


def test_region_grows_ahead_of_light_where_a_coarse_nucleus_pushes_a_field_before_it(group):
    """A long flight of a coarse nucleus: its evanescent field outruns the light cone, and Gauss must not see the edge."""
    grid = Grid((6, 4, 200), anisotropy=0.25, substeps=2)
    scheme = Leapfrog(grid, group)
    fields = scheme.initial_state([nucleus(grid, group, 1, centre=-15.0)])
    front = scheme.region(fields)[-1][1]
    for _ in range(150):
        scheme.step(fields)
    assert scheme.region(fields)[-1][1] > front + 150 // grid.substeps
    _, z1 = scheme.region(fields)[0]
    assert np.abs(fields.E[..., z1 - 1]).max() <= 1e-15 * np.abs(fields.E).max()
    assert scheme.gauss_residual(fields).max_rel < 2e-14
