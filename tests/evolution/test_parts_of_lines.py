"""A site gets the same bits wherever along z the loops of a kernel begin and end: what ranks along z rest on."""

from __future__ import annotations

from itertools import pairwise
from types import ModuleType

import numpy as np
import pytest

from glasma.backend import PLACES_ROUND_ALIKE
from glasma.evolution.leapfrog_kernels import leapfrog_kernels, workspace
from glasma.lattice.fields import Fields
from glasma.lattice.grid import Grid
from glasma.speed import moving_fields

pytestmark = pytest.mark.skipif(not PLACES_ROUND_ALIKE, reason="the processor has no AVX-512")


def kicked_and_drifted(fields: Fields, ends: list[int]) -> Fields:
    """Kick and drift in one call for each interval between ends; all but the first take longitudinal links before it twice."""
    kernels, (nx, ny, _) = leapfrog_kernels(fields.group), fields.grid.shape
    real, grid, new = fields.dtype.type, fields.grid, fields.copy()
    F = workspace(fields.group, ny, fields.dtype)
    for z0, z1 in pairwise(ends):
        part = fields.copy()
        kernels.electric(0, nx, z0, z1, part.E, part.U, F, real(grid.a_t), real(grid.a_t / grid.a_z**2))
        if z0 > ends[0]:
            np.testing.assert_array_equal(part.E[2, ..., z0 - 1], new.E[2, ..., z0 - 1])
        new.E[..., z0:z1], new.E[2, ..., z0 - 1] = part.E[..., z0:z1], part.E[2, ..., z0 - 1]
    for z0, z1 in pairwise(ends):
        part = new.copy()
        part.U[...] = fields.U
        kernels.links(0, nx, z0, z1, part.U, part.E, real(grid.a_t))
        if z0 > ends[0]:
            np.testing.assert_array_equal(part.U[2, ..., z0 - 1], new.U[2, ..., z0 - 1])
        new.U[..., z0:z1], new.U[2, ..., z0 - 1] = part.U[..., z0:z1], part.U[2, ..., z0 - 1]
    return new


def rough_fields(group: ModuleType, dtype: np.dtype, nz: int) -> Fields:
    """Links and electric fields that differ from site to site."""
    return kicked_and_drifted(moving_fields(Grid((4, 5, nz), 1.0, 0.25, 2), group, dtype), [3, nz - 3])


@pytest.mark.parametrize("cuts", [[40], [11, 12, 14, 37], list(range(4, 61))], ids=["one", "some", "each"])
def test_a_line_in_parts_is_the_line(group, dtype, cuts):
    fields = rough_fields(group, dtype, 64)
    whole, parts = kicked_and_drifted(fields, [3, 61]), kicked_and_drifted(fields, [3, *cuts, 61])
    np.testing.assert_array_equal(parts.E, whole.E)
    np.testing.assert_array_equal(parts.U, whole.U)
    assert not np.array_equal(whole.E, fields.E)


def test_an_interval_without_planes_is_the_longitudinal_links_before_it(group, dtype):
    fields = rough_fields(group, dtype, 32)
    whole, edge = kicked_and_drifted(fields, [9, 20]), kicked_and_drifted(fields, [9, 9])
    for array, of_whole, before in ((edge.E, whole.E, fields.E), (edge.U, whole.U, fields.U)):
        np.testing.assert_array_equal(array[2, ..., 8], of_whole[2, ..., 8])
        assert not np.array_equal(array[2, ..., 8], before[2, ..., 8])
        array[2, ..., 8] = before[2, ..., 8]
        np.testing.assert_array_equal(array, before)
