"""The Gauss constraint holds at every step of a collision."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.gauge import covariant_divergence
from glasma.lattice.grid import Grid
from tests.conftest import SEPARATED
from tests.states import colliding_nuclei, relative_difference, smooth_fields

LIMIT = {"float64": 1e-12, "float32": 1e-4}


@pytest.mark.parametrize("substeps", [2, 3])
def test_gauss_constraint_holds_at_every_step_of_a_collision(group, dtype, substeps):
    """Before, during and after the overlap, with charges, over all planes that move."""
    grid = Grid((6, 8, 64), anisotropy=0.25, substeps=substeps)
    scheme = Leapfrog(grid, group, dtype, only_active=False)
    fields = scheme.initial_state(colliding_nuclei(grid, group, g2mu=1.0))
    density = np.abs(fields.charges[0].q).max() * substeps
    for _ in range(SEPARATED * substeps // 2 + 1):
        residual = scheme.gauss_residual(fields)
        assert residual.max_rel <= LIMIT[dtype.name]
        assert residual.rms_rel <= residual.max_rel
        assert residual.scale > 0.5 * density
        scheme.step(fields)
    right, left = fields.charges
    assert right.first_cell(0) >= left.first_cell(0) + left.cells


def test_gauss_constraint_of_free_fields_is_kept(group):
    """Without charges the divergence of E at every site stays what it was at the start."""
    grid = Grid((4, 6, 24), anisotropy=0.5, substeps=3)
    scheme, fields = Leapfrog(grid, group), smooth_fields(grid, group)

    def divergence() -> np.ndarray:
        return np.stack([covariant_divergence(fields, x, *grid.interior) for x in range(grid.shape[0])])

    start = divergence()
    for _ in range(60):
        scheme.step(fields)
    # A divergence is a colour vector at its site: conserved as it stands, not only in size.
    assert relative_difference(divergence(), start) < 1e-12
