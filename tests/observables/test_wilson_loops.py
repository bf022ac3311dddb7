"""Rectangular loops against products of matrices, the plaquette, a constant field, and gauge transformations."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from glasma.backend import Workers
from glasma.lattice.fields import Fields, vacuum
from glasma.lattice.gauge import gauge_transform
from glasma.lattice.grid import Grid
from glasma.observables.wilson_loops import mean_wilson_loop, wilson_loops
from tests.states import dagger, random_omega, rough_fields, unitary

GRID = Grid((5, 4, 9), anisotropy=0.5)
PLANES = tuple(permutations(range(3), 2))


def from_matrices(fields: Fields, plane: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """tr of the closed path of links, one by one around the rectangle, wrapped in all directions."""
    links = [fields.group.link_to_matrix(U) for U in fields.U]
    (i, j), (m, n) = plane, size
    path = [(i, 1)] * m + [(j, 1)] * n + [(i, -1)] * m + [(j, -1)] * n
    at, product = np.zeros(3, int), np.eye(fields.group.COLOURS)

    def here(d: int) -> np.ndarray:
        return np.roll(links[d], tuple(-at), axis=(0, 1, 2))

    for direction, sign in path:
        if sign > 0:
            product = product @ here(direction)
            at[direction] += 1
        else:
            at[direction] -= 1
            product = product @ dagger(here(direction))
    return np.trace(product, axis1=-2, axis2=-1).real / fields.group.COLOURS


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 2), (1, 5)])
def test_loop_is_the_trace_around_the_rectangle(group, plane, size):
    """The larger ones wrap around x and y, and none wraps around z."""
    fields = rough_fields(GRID, group)
    found = wilson_loops(fields.U, group, plane, size)
    along_z = sum(length for direction, length in zip(plane, size, strict=True) if direction == 2)
    assert found.shape == (5, 4, 9 - along_z)
    expected = from_matrices(fields, plane, size)[..., : 9 - along_z]
    np.testing.assert_allclose(found, expected, atol=1e-14)
    assert mean_wilson_loop(fields.U, group, plane, size) == pytest.approx(expected.mean(), abs=1e-14)


def test_loops_of_a_transverse_plane_wrap_in_both_directions(group):
    fields = rough_fields(Grid((6, 5, 3)), group)
    plane = np.moveaxis(fields.U[:2, ..., 1], (2, 3), (2, 3))[:, :, None]
    for size in ((1, 1), (3, 2)):
        expected = wilson_loops(fields.U, group, (0, 1), size)[..., 1]
        np.testing.assert_allclose(wilson_loops(np.ascontiguousarray(plane), group, (0, 1), size), expected, atol=1e-15)


def test_small_constant_field_gives_the_area_law_of_one_plaquette(group):
    """A_y = B x: every loop is the m n-th power of the plaquette, here in a window that does not wrap."""
    fields = vacuum(Grid((12, 4, 4)), group)
    phases = np.zeros((group.DIMENSION, *fields.grid.shape))
    phases[1] = 1e-4 * np.arange(12)[:, None, None]
    fields.U[1] = group.link_from_matrix(unitary(group, phases))
    loops = wilson_loops(fields.U, group, (0, 1), (3, 2))[:8]
    # 1 − Re tr exp(i φ t^2)/N_c = φ²/(4 N_c) with φ = B m n, not lost in the rounding of 1
    np.testing.assert_allclose(1 - loops, (1e-4 * 6) ** 2 / (4 * group.COLOURS), rtol=1e-6)


def test_loops_are_gauge_invariant_and_the_same_for_any_number_of_threads(group, rng):
    fields = rough_fields(GRID, group)
    transformed = gauge_transform(fields, random_omega(group, GRID.shape, rng))
    for plane in ((0, 1), (1, 2), (2, 0)):
        loops = wilson_loops(fields.U, group, plane, (3, 2))
        np.testing.assert_allclose(wilson_loops(transformed.U, group, plane, (3, 2)), loops, atol=1e-13)
        np.testing.assert_array_equal(wilson_loops(fields.U, group, plane, (3, 2), Workers(2)), loops)


def test_precision_of_the_links_is_kept(group):
    fields = rough_fields(GRID, group)
    single = wilson_loops(fields.U.astype(np.float32), group, (0, 2), (2, 2))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, wilson_loops(fields.U, group, (0, 2), (2, 2)), atol=3e-6)


@pytest.mark.parametrize(
    ("plane", "size", "words"),
    [
        ((1, 1), (1, 1), "two different directions"),
        ((0, 3), (1, 1), "two different directions"),
        ((0, 1), (0, 1), "at least one link"),
        ((0, 2), (1, 9), "does not fit into 9 planes"),
    ],
)
def test_loops_that_do_not_exist_are_refused(group, plane, size, words):
    with pytest.raises(ValueError, match=words):
        wilson_loops(vacuum(GRID, group).U, group, plane, size)


def test_arrays_that_are_not_links_are_refused(group):
    with pytest.raises(ValueError, match="need"):
        wilson_loops(np.zeros((2, group.LINK_REALS, 4, 4, 4)), group)
