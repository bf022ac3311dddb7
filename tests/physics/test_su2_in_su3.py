"""SU(2) inside SU(3): the two groups' codes check each other."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.evolution.leapfrog import Leapfrog
from glasma.evolution.semi_implicit import SemiImplicit
from glasma.group import su2, su3
from glasma.lattice.grid import Grid
from glasma.observables.measure import measure
from tests.conftest import SEPARATED
from tests.states import embedded_su2_nuclei, relative_difference

ROUNDING = 2e-12


@pytest.mark.parametrize("scheme_of", [Leapfrog, SemiImplicit])
def test_su2_embedded_in_su3_reproduces_the_su2_collision(scheme_of):
    """Colour in the first three generators stays there, and does what it does in SU(2)."""
    substeps, exact = (2, {}) if scheme_of is Leapfrog else (1, {"tolerance": 1e-14})
    grid = Grid((6, 8, 64), anisotropy=0.25, substeps=substeps)
    states, schemes = [], []
    for group in (su2, su3):
        scheme = scheme_of(grid, group, **exact)
        fields = scheme.initial_state(embedded_su2_nuclei(grid, group))
        for _ in range(SEPARATED * substeps // 2):
            scheme.step(fields)
        states.append(fields)
        schemes.append(scheme)
    small, large = states

    assert relative_difference(large.E[:, :3], small.E) < ROUNDING
    assert np.abs(large.E[:, 3:]).max() < ROUNDING * np.abs(small.E).max()
    embedded = np.zeros((3, *grid.shape, 3, 3), complex)
    embedded[..., 2, 2] = 1
    embedded[..., :2, :2] = su2.link_to_matrix(np.moveaxis(small.U, 1, 0))
    assert relative_difference(su3.link_to_matrix(np.moveaxis(large.U, 1, 0)), embedded) < ROUNDING
    for charges, expected in zip(large.charges, small.charges, strict=True):
        assert relative_difference(charges.q[:, :3], expected.q) < ROUNDING

    measured = [measure(f, s.workers, s.region(f)) for f, s in zip(states, schemes, strict=True)]
    assert relative_difference(measured[1].components, measured[0].components) < ROUNDING
    assert relative_difference(measured[1].tensor, measured[0].tensor) < ROUNDING
    assert abs(large.work / small.work - 1) < ROUNDING
