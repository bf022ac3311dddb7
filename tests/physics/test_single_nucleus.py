"""A single nucleus in flight is a light-like wave that keeps its shape."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.energy import COMPONENTS
from glasma.lattice.grid import Grid
from glasma.observables.measure import measure
from glasma.observables.stress_energy import TENSOR
from tests.states import nucleus

T = {name: component for component, name in enumerate(TENSOR)}
GRID = Grid((12, 12, 96), anisotropy=0.125, substeps=2)
CELLS = 20


@pytest.fixture(params=[1, -1], ids=["right-mover", "left-mover"])
def flight(group, request):
    """Measurements at the start and after a flight over CELLS cells, of a nucleus with σ = 6 a_z and long waves only."""
    scheme = Leapfrog(GRID, group)
    source = nucleus(GRID, group, request.param, g2mu=0.3, ultraviolet=1.0, width=6.0, centre=-10.0 * request.param)
    fields = scheme.initial_state([source])
    start = measure(fields, scheme.workers, scheme.region(fields))
    for _ in range(CELLS * GRID.substeps):
        scheme.step(fields)
    return request.param, start, measure(fields, scheme.workers, scheme.region(fields))


def test_momentum_density_points_along_the_flight(flight):
    direction, start, end = flight
    for measured in (start, end):
        momentum = measured.tensor[T["T0z"]]
        assert direction * momentum.sum() > 0
        strong = measured.tensor[T["T00"]] > 0.01 * measured.tensor[T["T00"]].max()
        assert np.all(direction * momentum[strong] > 0)


def test_energy_momentum_and_pressure_of_a_light_like_wave_are_equal(flight):
    """T^00 = |T^0z| = T^zz up to the averages over neighbours."""
    direction, start, end = flight
    for measured in (start, end):
        density = measured.tensor[T["T00"]]
        for other in (direction * measured.tensor[T["T0z"]], measured.tensor[T["Tzz"]]):
            assert np.abs(other - density).max() < 1e-3 * density.max()
        transverse = measured.tensor[T["Txx"]] + measured.tensor[T["Tyy"]]
        assert np.abs(transverse).max() < 1e-3 * density.max()


def test_nucleus_keeps_its_shape_and_moves_with_the_speed_of_light(flight):
    direction, start, end = flight
    for name in ("E_T2", "B_T2"):
        component = COMPONENTS.index(name)
        moved = np.roll(start.components[component], direction * CELLS)
        assert np.abs(end.components[component] - moved).sum() < 0.02 * moved.sum()
    longitudinal = end.components[COMPONENTS.index("E_L2")].sum()
    assert longitudinal < 1e-5 * end.components[COMPONENTS.index("E_T2")].sum()
