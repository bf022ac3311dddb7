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

    def __init__(self, rank: int, size: int, along_z: int = 1) -> None:
        self.rank, self.size, self.on_node, self.along_z = rank, size, size, along_z


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


@pytest.mark.parametrize(("in_x", "along_z"), [(1, 3), (2, 4)])
def test_every_site_has_one_owner_in_a_grid_of_ranks(in_x, along_z):
    whole, owners = Grid((10, 4, 35), anisotropy=0.25), np.zeros((10, 35), int)
    for rank in range(in_x * along_z):
        slab = Slab(whole, Rank(rank, in_x * along_z, along_z))
        z = np.arange(35)[slab.planes_along_z]
        own = np.ix_(slab.planes[slab.inner], z[slab.inner_along_z])
        owners[own] += 1
        assert slab.grid.shape == (len(slab.planes), 4, len(z))
        # z = 0, the frozen ends and the positions are where they are in the whole lattice.
        assert slab.grid.middle + z[0] == whole.middle
        assert [end + z[0] for end in slab.grid.interior] == list(whole.interior)
        np.testing.assert_array_equal(slab.grid.z_fm(), whole.z_fm()[z])
        assert slab.below == (z[0] > 0)
        assert slab.above == (z[-1] < 34)
        into, values = np.empty(slab.grid.shape), np.random.default_rng(3).normal(size=(2, *whole.shape))
        slab.read(values, into, (1,))
        np.testing.assert_array_equal(into, values[1][np.ix_(slab.planes, range(4), z)])
    assert (owners == 1).all()


@pytest.mark.parametrize(
    ("shape", "ranks", "along_z", "words"),
    [
        ((8, 8, 32), 3, 2, r"--ranks-along-z 2: does not divide the 3 ranks; use mpirun -n 4"),
        ((8, 8, 6), 4, 4, r"lattice.longitudinal_cells = 6: 4 ranks .* use --ranks-along-z 3 at most"),
        ((8, 8, 32), 10, 2, r"lattice.transverse_cells = 8: 5 ranks .* use mpirun -n 8 at most"),
        ((8, 8, 1), 2, 2, r"--ranks-along-z 2: a boost-invariant lattice has no z"),
    ],
)
def test_grids_of_ranks_that_cannot_be_are_refused(shape, ranks, along_z, words):
    with pytest.raises(ConfigError, match=words):
        Slab(Grid(shape), Rank(0, ranks, along_z))


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
    assert workers.along_z(values) is workers.filled(values) is values
    assert workers.moving([(3, 5)]) == workers.own_along_z([(3, 5)]) == [(3, 5)]
    assert workers.copies_along_z([(3, 5)]) == []
    workers.over_copies_along_z(7, [(3, 5)], lambda *box: pytest.fail("there are no copies"))
    workers.exchange(values)()
    workers.over_copies(7, lambda x0, x1: pytest.fail("there are no copies"))
