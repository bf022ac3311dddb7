"""What ranks allocate is what the check before a run and `glasma plan` say."""

from __future__ import annotations

import json
from contextlib import nullcontext
from importlib.util import find_spec
from types import SimpleNamespace

import psutil
import pytest

from glasma.collision import Collision
from glasma.config import load_config
from glasma.derived import Derived
from glasma.domain.slab import Slab
from glasma.errors import ConfigError
from glasma.lattice.grid import Grid
from glasma.memory import Memory, Part, largest_part
from glasma.runner import _slab
from tests.domain.test_slab import Rank
from tests.many_ranks import ended, launcher, start
from tests.tiny_run import write_tiny

#: Objects of Python, tables and numbers by plane.
SMALL = 2 << 20


@pytest.mark.parametrize(("in_x", "along_z"), [(1, 2), (3, 1), (2, 3), (1, 5)])
def test_no_part_is_larger_than_the_largest(in_x, along_z):
    grid = Grid((10, 4, 37))
    slabs = [Slab(grid, Rank(rank, in_x * along_z, along_z)) for rank in range(in_x * along_z)]
    largest = largest_part(grid.shape, (in_x, along_z))
    for slab in slabs:
        assert slab.part.held == slab.grid.shape
        assert not slab.part.is_whole
    for axis in range(3):
        assert max(slab.part.own[axis] for slab in slabs) == largest.own[axis]
        assert max(slab.part.held[axis] for slab in slabs) <= largest.held[axis]
    assert largest_part(grid.shape, (1, 1)) == Part(grid.shape)


with_ranks = pytest.mark.skipif(not (find_spec("mpi4py") and launcher()), reason="mpi4py or mpirun is not installed")


@with_ranks
@pytest.mark.parametrize(("ranks", "along_z", "scheme"), [(2, 2, "leapfrog"), (4, 2, "leapfrog"), (2, 2, "semi_implicit")])
def test_ranks_allocate_what_is_said(tmp_path, ranks, along_z, scheme):
    path = write_tiny(tmp_path)
    Collision(load_config(path, [f"evolution.scheme={scheme}"])).step()  # else each rank compiles the kernels
    words = [
        path, along_z, "lattice.transverse_cells=24", "output.snapshots=[]", f"evolution.scheme={scheme}",
        "evolution.region=whole", "run.threads=1",
    ]  # fmt: skip
    outcome = ended(start(ranks, *words, program=["-m", "tests.domain.allocate"]), timeout=120)
    assert outcome.status == 0, outcome.err
    for found in json.loads(outcome.out):
        taken = {name: pair[0] for name, pair in found.items()}
        said = {name: pair[1] for name, pair in found.items()}
        assert taken["fields"] == said["fields"]
        assert taken["charges"] in (said["charges"], said["charges"] - taken["a column"])
        assert 0.9 * said["messages"] <= taken["messages"] <= said["messages"]
        assert taken["largest"] <= said["largest"]
        for phase in ("start", "steps", "checkpoint"):
            assert said[phase] * 0.97 <= taken[phase] <= said[phase] + SMALL, phase
        assert taken["measurement"] <= said["measurement"] + SMALL


def test_room_for_charges_does_not_become_less_along_z(tmp_path):
    derived = Derived(load_config(write_tiny(tmp_path), ["output.snapshots=[]"]))
    whole = derived.memory
    for count in (2, 8, 32):
        part = Memory(derived, largest_part(derived.grid.shape, (1, count)), 1)
        assert part.charges == whole.charges
        assert part.nuclei == whole.nuclei
        assert part.fields == whole.fields * part.part.held[2] // derived.grid.shape[2]


def test_ranks_fit_when_each_has_room_for_all_charges(tmp_path, monkeypatch):
    derived = Derived(load_config(write_tiny(tmp_path), ["output.snapshots=[]"]))
    ranks = Rank(0, 8, 4)
    need = 8 * Memory(derived, largest_part(derived.grid.shape, (2, 4)), 1).peak
    assert need > derived.memory_bytes + 7 * derived.charge_bytes / 2
    for free in (need, need - 1):
        monkeypatch.setattr(psutil, "virtual_memory", lambda free=free: SimpleNamespace(available=free))
        with nullcontext() if free == need else pytest.raises(ConfigError, match="longitudinal_cells = 8, 128: the run needs"):
            assert _slab(derived, ranks, None).part.held == (6, 8, 33)
