"""Right after the overlap the Glasma consists of longitudinal flux tubes, electric and magnetic ones in equal parts."""

from __future__ import annotations

import pytest

from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.energy import COMPONENTS
from glasma.lattice.grid import Grid
from glasma.observables.measure import measure
from tests.states import colliding_nuclei


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_longitudinal_electric_and_magnetic_energies_are_equal(group, seed):
    grid = Grid((32, 32, 40), anisotropy=0.0625, substeps=2)
    scheme = Leapfrog(grid, group)
    fields = scheme.initial_state(colliding_nuclei(grid, group, seed, g2mu=0.3, cutoff=3.0, ultraviolet=1.5))
    for _ in range(2 * 9):
        scheme.step(fields)
        m = measure(fields, scheme.workers, scheme.region(fields)).components.sum(1)
        print(group.NAME, seed, fields.step, m)
