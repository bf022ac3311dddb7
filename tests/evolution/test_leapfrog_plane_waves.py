"""Weak fields of one colour are plane waves of the lattice dispersion relation.

sin²(ω a_t/2)/a_t² = Σ_i sin²(k_i a_i/2)/a_i².
"""

from __future__ import annotations

import numpy as np
import pytest

from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.grid import Grid
from tests.plane_waves import AMPLITUDE, MODES, PlaneWave, assert_follows, fields_of

GRID = Grid((8, 10, 30), anisotropy=0.5, substeps=2)


def solution(grid: Grid, k: np.ndarray) -> tuple[float, np.ndarray]:
    """Along z if k lies in the plane, else perpendicular to k and tilted against all axes."""
    polarisation = np.cross(k, [0.3, -0.7, 0.2]) if k[2] else np.array([0.0, 0.0, 1.0])
    return 2 / grid.a_t * np.arcsin(grid.a_t / 2 * np.linalg.norm(k)), polarisation


@pytest.mark.parametrize("modes", MODES, ids=lambda modes: "k=" + ",".join(map(str, modes)))
@pytest.mark.parametrize("colour", [0, -1], ids=["first", "last"])
def test_plane_waves_follow_the_lattice_dispersion_relation(group, modes, colour):
    assert_follows(Leapfrog(GRID, group), group, PlaneWave(GRID, modes, solution), colour, steps=300)


def test_other_colours_of_a_plane_wave_stay_empty(group):
    scheme, fields = Leapfrog(GRID, group), fields_of(PlaneWave(GRID, (1, 2, 7), solution), group, colour=0)
    for _ in range(50):
        scheme.step(fields)
    assert np.abs(fields.E[:, 1:]).max() < 1e-14 * AMPLITUDE
