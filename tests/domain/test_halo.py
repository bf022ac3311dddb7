"""What neighbours exchange, with a communicator that brings everything back to its only rank."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from glasma.domain.along_z import HaloAlongZ, bytes_a_step_along_z
from glasma.domain.halo import Halo, bytes_a_step
from glasma.lattice.grid import Grid
from glasma.lattice.storage import field_array


class Request:
    def __init__(self, wait: Callable[[], None] = lambda: None) -> None:
        self.Wait = wait


class Loop:
    """What is sent is received by the same rank, under the same tag, when one waits for it."""

    def __init__(self) -> None:
        self.sent: dict[int, np.ndarray] = {}

    def Irecv(self, buffer: np.ndarray, source: int, tag: int) -> Request:
        return Request(lambda: np.copyto(buffer, self.sent[tag]))

    def Isend(self, buffer: np.ndarray, target: int, tag: int) -> Request:
        self.sent[tag] = buffer.copy()
        return Request()


class OnlyRank:
    rank, size = 0, 1

    def __init__(self) -> None:
        self.communicator = Loop()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_copies_become_the_neighbours_planes_and_the_plan_knows_the_bytes(rng, group, dtype):
    grid = Grid((6, 5, 24))
    E = field_array((3, group.DIMENSION, *grid.shape), dtype)
    E[...] = rng.standard_normal(E.shape)
    before, halo = E.copy(), Halo(OnlyRank(), axis=2)
    arrived = halo.exchange(E, [grid.interior])
    E[..., 1:-1, :, :] += 1  # what is sent has left already
    np.testing.assert_array_equal(E[:, :, [0, -1]], before[:, :, [0, -1]])  # and nothing has come yet
    arrived()
    moving = slice(grid.interior[0] - 1, grid.interior[1])
    np.testing.assert_array_equal(E[:, :, 0, :, moving], before[:, :, -2, :, moving])
    np.testing.assert_array_equal(E[:, :, -1, :, moving], before[:, :, 1, :, moving])
    for still in (slice(0, moving.start), slice(moving.stop, None)):
        np.testing.assert_array_equal(E[:, :, [0, -1], :, still], before[:, :, [0, -1], :, still])
    assert halo.bytes_sent == bytes_a_step(grid.shape, group.DIMENSION, np.dtype(dtype).itemsize)
    assert halo.exchanges == 1


def test_bytes_in_the_transverse_plane(rng, group):
    E = field_array((3, group.DIMENSION, 1, 6, 5), np.float64)
    halo = Halo(OnlyRank(), axis=3)
    halo.exchange(E, None)()
    assert halo.bytes_sent == bytes_a_step((4, 5, 1), group.DIMENSION, 8)


@pytest.mark.parametrize("in_x", [1, 3])
def test_planes_and_corners_along_z(rng, group, in_x):
    copies = int(in_x > 1)
    own_x, own_z = slice(copies, copies + 4), slice(1, 9)
    halo = HaloAlongZ(OnlyRank(), (in_x, 3), (in_x // 2, 1), own_x, own_z)
    E = field_array((3, group.DIMENSION, 4 + 2 * copies, 5, 10), np.float64)
    E[...] = rng.standard_normal(E.shape)
    before = E.copy()
    arrived = halo.exchange(E, [(-5, 20)])
    E[..., own_z] += 1  # what is sent has left already
    arrived()
    # All is brought back, as if lattice and ranks were periodic in both directions.
    periodic = np.pad(before[..., own_x, :, own_z], [(0, 0)] * 2 + [(copies, copies), (0, 0), (1, 1)], mode="wrap")
    np.testing.assert_array_equal(E[:2][..., [0, -1]], periodic[:2][..., [0, -1]])
    np.testing.assert_array_equal(E[2][..., [0, -1]], before[2][..., [0, -1]])
    corners = 4 * copies * 2 * group.DIMENSION * 5 * 8
    assert halo.bytes_sent == bytes_a_step_along_z((4, 5, 8), group.DIMENSION, 8) + corners


def test_only_planes_that_move_are_sent_along_z(rng):
    halo = HaloAlongZ(OnlyRank(), (1, 3), (0, 1), slice(0, 4), slice(1, 9))
    E = field_array((3, 3, 4, 5, 10), np.float64)
    E[...] = rng.standard_normal(E.shape)
    before = E.copy()
    assert halo.copies([(2, 8)]) == []
    halo.exchange(E, [(2, 8)])()
    np.testing.assert_array_equal(E, before)
    assert halo.bytes_sent == 0
    assert halo.copies([(-3, 1)]) == [0]
    assert halo.copies([(4, 11)]) == [9]
