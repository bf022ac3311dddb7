"""Planes outside the active region do not move: leaving them out changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.evolution.active_region import active_region, whole_box
from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.grid import Grid
from tests.conftest import SEPARATED
from tests.states import colliding_nuclei, nucleus, relative_difference, smooth_fields

#: The field that leaks out of the active region, relative to the largest field; measured: below 1e-13.
LEAK = 1e-12


def test_active_region_gives_the_fields_of_the_whole_box(group):
    grid = Grid((4, 6, 120), anisotropy=0.25, substeps=2)
    active, whole = Leapfrog(grid, group), Leapfrog(grid, group, only_active=False)
    fields = active.initial_state(colliding_nuclei(grid, group))
    reference = fields.copy()
    assert active.region(fields) != whole.region(fields)
    for _ in range(SEPARATED):
        active.step(fields)
        whole.step(reference)
    assert active.region(fields) != whole.region(fields)
    assert relative_difference(fields.E, reference.E) < LEAK
    assert relative_difference(fields.U, reference.U) < LEAK
    assert active.energy(fields) == pytest.approx(whole.energy(reference), rel=LEAK)
    assert fields.work == pytest.approx(reference.work, rel=1e-10)
    for charges, expected in zip(fields.charges, reference.charges, strict=True):
        assert relative_difference(charges.q, expected.q) < LEAK


def test_distant_nuclei_have_separate_regions_which_merge_when_they_meet(group):
    grid = Grid((4, 4, 160), anisotropy=0.25, substeps=2)
    fields = Leapfrog(grid, group).initial_state([nucleus(grid, group, side, centre=-40.0 * side) for side in (1, -1)])
    regions = []
    for _ in range(60):
        regions.append(active_region(grid, fields.charges))
        for charges in fields.charges:
            charges.moves += 1
    assert len(regions[0]) == 2
    assert len(regions[-1]) == 1
    covered = [sum(z1 - z0 for z0, z1 in region) for region in regions]
    assert np.all(np.diff(covered) >= 0)
    for region in regions:
        assert all(grid.interior[0] <= z0 < z1 <= grid.interior[1] for z0, z1 in region)


def test_without_charges_the_whole_box_is_active(group):
    grid = Grid((4, 4, 24))
    assert active_region(grid, smooth_fields(grid, group).charges) == whole_box(grid) == [(3, 21)]
