"""Who owns which planes, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.backend import Workers
from glasma.domain.ranks import Ranks
from glasma.domain.slab import Slab
from glasma.errors import ConfigError
from glasma.lattice.grid import Grid


class Rank(Ranks):
    """One of many, which has nobody to talk to."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size, self.on_node = rank, size, size


@pytest.mark.parametrize("size", [2, 3, 5])
def test_every_plane_has_one_owner_and_copies_beside_it(size):
    grid = Grid((16, 4, 32))
    slabs = [Slab(grid, Rank(rank, size)) for rank in range(size)]
    owned = np.concatenate([slab.planes[1:-1] for slab in slabs])
    assert owned.tolist() == list(range(16))
    for slab in slabs:
        assert slab.grid.shape == (slab.own + 2, 4, 32)
        assert (np.diff(slab.planes) % 16 == 1).all()
    assert max(slabs[0].counts) - min(slabs[0].counts) <= 1


def test_too_many_ranks_are_refused():
    with pytest.raises(ConfigError, match=r"lattice.transverse_cells = 8: 5 ranks .* use mpirun -n 4 at most"):
        Slab(Grid((8, 8, 32)), Rank(0, 5))


def test_part_of_a_node_is_what_its_ranks_hold():
    assert Slab(Grid((16, 4, 32)), Rank(0, 2)).part_of_node == 2 * (8 + 2) / 16


@pytest.mark.parametrize("axis", [0, 2])
def test_reading_wraps_around(axis):
    whole = np.random.default_rng(3).normal(size=(2, 3, 16, 4, 5))
    slab = Slab(Grid((16, 4, 5)), Rank(2, 3))
    if axis == 0:
        into = np.empty((slab.own + 2, 4, 5))
        slab.read(whole[1, 2], into)
        assert np.array_equal(into, whole[1, 2, slab.planes])
    else:
        into = np.empty((slab.own + 2, 4, 5))
        slab.read(whole, into, (1, 2))
        assert np.array_equal(into, whole[1, 2, slab.planes])


@pytest.mark.parametrize("threads", [1, 2])
def test_a_single_process_owns_all(threads):
    workers = Workers(threads)
    values = np.random.default_rng(5).normal(size=(7, 3))
    assert [x for a, b in workers.ranges(7) for x in range(a, b)] == list(workers.own(7)) == list(range(7))
    assert workers.held(values) is values
    assert workers.whole(values) is values
    assert np.array_equal(workers.sum(values), values.sum(axis=0))
    workers.exchange(values)()
    workers.over_copies(7, lambda x0, x1: pytest.fail("there are no copies"))
