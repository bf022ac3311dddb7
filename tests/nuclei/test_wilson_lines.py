"""Wilson lines of a coherent nucleus."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from glasma.lattice.grid import Grid
from tests.states import dagger, nucleus

GRID = Grid((4, 5, 32), anisotropy=0.25)


@pytest.fixture(params=[1, -1], ids=["right-mover", "left-mover"])
def source(group, request):
    return nucleus(GRID, group, request.param, g2mu=1.0)


def test_wilson_line_is_a_group_element_one_ahead_and_static_behind(source):
    start, end = source.extent
    length = end - start
    for z in np.linspace(start - length, end + length, 60):
        V = source.wilson_line(z, 0.0)
        identity = np.broadcast_to(np.eye(V.shape[-1]), V.shape)
        np.testing.assert_allclose(V @ dagger(V), identity, atol=1e-14)
        np.testing.assert_allclose(np.linalg.det(V), 1, atol=1e-14)
        ahead = z >= end if source.direction > 0 else z <= start
        behind = z <= start if source.direction > 0 else z >= end
        if ahead:
            np.testing.assert_allclose(V, identity, atol=1e-14)
        if behind:
            np.testing.assert_allclose(V, source.wilson_line(z - source.direction * length, 0.0), atol=1e-14)
            assert np.abs(V - identity).max() > 0.1


def test_wilson_line_is_the_exponential_of_the_charge_passed(source):
    for depth in (-0.3, 0.0, 0.2, 9.0):
        V = source.wilson_line(source.centre - source.direction * depth, 0.0)
        passed = source.profile.behind(depth)
        for x, y in ((0, 0), (3, 4)):
            expected = scipy.linalg.expm(-1j * passed * source.potential[x, y])
            np.testing.assert_allclose(V[x, y], expected, atol=1e-13)


def test_wilson_line_moves_with_the_speed_of_light(source):
    for z in np.linspace(*source.extent, 7):
        moved = source.wilson_line(z + 0.7 * source.direction, 0.7)
        np.testing.assert_allclose(moved, source.wilson_line(z, 0.0), atol=1e-14)
