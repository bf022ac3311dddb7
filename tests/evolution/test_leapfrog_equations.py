"""The compiled leapfrog against its equations, written with complex matrices."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.backend import Workers
from glasma.evolution.leapfrog import Leapfrog
from glasma.evolution.leapfrog_kernels import TILE
from glasma.lattice.grid import Grid
from tests.states import antihermitian_part, dagger, drift_links, relative_difference, rough_fields


def shift(matrix: np.ndarray, direction: int, steps: int) -> np.ndarray:
    """The field at x + steps · direction."""
    return np.roll(matrix, -steps, axis=direction)


def force(group, U: np.ndarray, grid: Grid) -> np.ndarray:
    """Σ_{j≠i} [U_{x,ij} + U_{x,i−j}]_ah / a_j², (3, dim_g, nx, ny, nz)."""
    result = np.zeros((3, group.DIMENSION, *grid.shape))
    for i in range(3):
        for j in {0, 1, 2} - {i}:
            forward = U[i] @ shift(U[j], i, 1) @ dagger(shift(U[i], j, 1)) @ dagger(U[j])
            before = shift(U[j], j, -1)
            backward = U[i] @ dagger(shift(before, i, 1)) @ dagger(shift(U[i], j, -1)) @ before
            result[i] += antihermitian_part(group, forward + backward) / grid.spacings[j] ** 2
    return result


@pytest.mark.parametrize(("shape", "threads"), [((4, 6, 20), 1), ((5, 4, TILE + 24), 1), ((5, 6, 20), 2)])
def test_one_step_is_the_leapfrog_of_the_wilson_action(group, shape, threads):
    """Fields without any symmetry, in boxes longer than a tile and cut among threads too."""
    grid = Grid(shape, anisotropy=0.6, substeps=3)
    fields = rough_fields(grid, group)
    expected = fields.copy()
    first, last = grid.interior
    kick = -grid.a_t * force(group, group.link_to_matrix(np.moveaxis(fields.U, 1, 0)), grid)
    expected.E[:2, ..., first:last] += kick[:2, ..., first:last]
    expected.E[2, ..., first - 1 : last] += kick[2, ..., first - 1 : last]
    drifted = expected.copy()
    drift_links(drifted, grid.a_t)
    expected.U[:2, ..., first:last] = drifted.U[:2, ..., first:last]
    expected.U[2, ..., first - 1 : last] = drifted.U[2, ..., first - 1 : last]

    Leapfrog(grid, group, workers=Workers(threads)).step(fields)
    assert relative_difference(fields.E, expected.E) < 1e-14
    assert relative_difference(fields.U, expected.U) < 1e-14
    assert fields.step == 1
