"""Poynting's theorem: what the fields lose the charges gain, ΔE = −Σ J·E."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.grid import Grid
from tests.states import colliding_nuclei

CELLS = 22


def balance_error(group, substeps: int, seed: int) -> float:
    """(ΔE + ∫ J·E)/E over the time in which light crosses CELLS cells, with the nuclei past each other at the end."""
    grid = Grid((6, 8, 64), anisotropy=0.25, substeps=substeps)
    scheme = Leapfrog(grid, group, only_active=False)
    fields = scheme.initial_state(colliding_nuclei(grid, group, seed))
    start = scheme.energy(fields)
    for _ in range(CELLS * substeps):
        scheme.step(fields)
    end = scheme.energy(fields)
    # The charges do work on the fields: without it nothing balances.
    assert abs(end / start - 1) > 0.05
    return (end - start + fields.work) / end


@pytest.mark.parametrize("seed", [1, 2])
def test_energy_balance_is_of_second_order_in_the_time_step(group, seed):
    errors = [balance_error(group, substeps, seed) for substeps in (3, 6, 12)]
    orders = [np.log2(abs(coarse / fine)) for coarse, fine in pairwise(errors)]
    assert all(1.7 < order < 2.3 for order in orders)


def test_energy_balance_holds_to_two_percent_at_the_usual_time_step(group):
    assert abs(balance_error(group, 2, seed=3)) < 0.02
