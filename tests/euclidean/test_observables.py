"""Loops against products of matrices, gauge transformations, shapes and wrong input."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from glasma.backend import Workers
from glasma.euclidean.observables import plaquette, polyakov_loops, wilson_loops
from tests.euclidean.states import rough_links, transformed
from tests.states import dagger

SHAPES = [(4, 6), (2, 4, 6), (2, 4, 3, 5)]


def around(U: np.ndarray, path: list[tuple[int, int]]) -> np.ndarray:
    """Re tr/N of a closed path of steps (axis, sign) from every site, link by link."""
    at, product = np.zeros(U.shape[1], int), np.eye(U.shape[-1])
    axes = tuple(range(1, U.shape[1] + 1))
    for mu, sign in path:
        at[mu] -= sign < 0
        link = np.roll(U[:, mu], tuple(-at), axes)
        product = product @ (link if sign > 0 else dagger(link))
        at[mu] += sign > 0
    return np.trace(product, axis1=-2, axis2=-1) / U.shape[-1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 4)])
def test_loop_is_the_trace_around_the_rectangle(group, shape, size, rng):
    """The largest wind around the lattice."""
    U = rough_links(group, shape, rng)
    m, n = size
    for i, j in permutations(range(len(shape)), 2):
        path = [(i, 1)] * m + [(j, 1)] * n + [(i, -1)] * m + [(j, -1)] * n
        found = wilson_loops(U, (i, j), size)
        assert found.shape == (2, *shape)
        np.testing.assert_allclose(found, around(U, path).real, atol=1e-13)
    np.testing.assert_array_equal(wilson_loops(U, (0, 1), size, Workers(2)), wilson_loops(U, (0, 1), size))


@pytest.mark.parametrize("shape", SHAPES)
def test_polyakov_loop_is_the_trace_around_the_lattice(group, shape, rng):
    U = rough_links(group, shape, rng)
    for axis, side in enumerate(shape):
        expected = around(U, [(axis, 1)] * side)
        loops = polyakov_loops(U, axis)
        # the starting point along the axis does not matter
        np.testing.assert_allclose(np.broadcast_to(np.expand_dims(loops, axis + 1), expected.shape), expected, atol=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
def test_observables_are_gauge_invariant(group, shape, rng):
    U = rough_links(group, shape, rng)
    V = transformed(U, group, rng)
    assert np.abs(U - V).max() > 0.5
    np.testing.assert_allclose(wilson_loops(V, (1, 0), (2, 3)), wilson_loops(U, (1, 0), (2, 3)), atol=1e-13)
    np.testing.assert_allclose(plaquette(V), plaquette(U), atol=1e-14)
    np.testing.assert_allclose(polyakov_loops(V, 1), polyakov_loops(U, 1), atol=1e-13)


def test_plaquette_of_the_vacuum_is_one(group):
    U = np.broadcast_to(np.eye(group.COLOURS, dtype=complex), (3, 2, 4, 4, group.COLOURS, group.COLOURS))
    np.testing.assert_array_equal(plaquette(U), np.ones(3))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda U: wilson_loops(U, (1, 1)), "plane = .* two different axes out of 0 to 1"),
        (lambda U: wilson_loops(U, (0, 2)), "two different axes"),
        (lambda U: wilson_loops(U, (0, 1), (0, 1)), "at least one link"),
        (lambda U: wilson_loops(U[0]), "need .configurations, D"),
        (lambda U: wilson_loops(U[:, :1]), "need .configurations, D"),
        (lambda U: wilson_loops(U[..., :1, :1]), "N = 1 is not of"),
        (lambda U: polyakov_loops(U, 2), "axis = 2: needs one out of 0 to 1"),
        (lambda U: polyakov_loops(U[..., 0], 0), "need .configurations, D"),
    ],
)
def test_what_has_no_such_loop_is_refused(call, words, group, rng):
    with pytest.raises(ValueError, match=words):
        call(rough_links(group, (4, 4), rng))
