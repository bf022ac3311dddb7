"""Ranks that write one HDF5 file together: what is in it, who reads it, and what a killed rank leaves."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from glasma.domain.ranks import Ranks
from glasma.io.atomic import PARTIAL
from glasma.io.checkpoint import altered, checkpoint_header
from glasma.io.openpmd import Snapshots
from glasma.io.parts import OF_PARTS
from tests.domain.test_many_ranks import along_z_too, assert_told
from tests.many_ranks import WITHOUT_REPORT, differences, ended, kill_rank, launch, launcher, rank_process, start, wait_for
from tests.tiny_run import _CIRCUMSTANCES, finished_run, glasma, write_tiny

pytestmark = pytest.mark.skipif(not (h5py.get_config().mpi and launcher()), reason="h5py was built without MPI")

#: Every write of a checkpoint after the first takes so long that a rank can be killed while it is written.
SLOW = """\
import time, glasma.io.checkpoint as c
from glasma.io.written import WrittenTogether as W
before, count = W.write, [0]
def write(self, *arguments, **how):
    if self.data.name == "/E":
        count[0] += 1
        time.sleep(0.3 * (count[0] > 9))
    before(self, *arguments, **how)
W.write = write
"""


def packed(holder: Path) -> Path:
    """The tiny collision with compressed snapshots."""
    return write_tiny(holder, compression="1")


@pytest.fixture(scope="module")
def holder(tmp_path_factory):
    return tmp_path_factory.mktemp("together")


@pytest.fixture(scope="module")
def one(holder):
    """A finished run in one process, with its snapshots still in files of their own."""
    apart = "import glasma.io.openpmd as o; o.SnapshotWriter.gather = lambda self: None; "
    program = ["-c", apart + WITHOUT_REPORT[1]]
    outcome = ended(start(1, "run", packed(holder), "--quiet", "--out", holder / "one", program=program))
    assert outcome.status == 0, outcome.err
    return holder / "one"


@pytest.fixture(scope="module")
def stopped(holder):
    """A run on two ranks of which the second raised at step 40."""
    words = ["run", write_tiny(holder), "--quiet", "--out", holder / "stopped"]
    assert_told(ended(start(2, *words, stop_at=40, together=True)), "rank 1 stops here", "checkpoint of step 29 is whole")
    return holder / "stopped"


def layout(path: Path) -> dict[str, object]:
    """Every dataset of a file, how it is stored, and every attribute but those of time and of parts."""
    found: dict[str, object] = {}

    def take(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            packing = item.chunks, item.compression, item.compression_opts, item.shuffle, item.is_virtual
            found[name] = item.dtype.str, item.shape, packing, np.asarray(item).tobytes()
        for key, value in item.attrs.items():
            if key not in (*OF_PARTS, *_CIRCUMSTANCES):
                found[f"{name}@{key}"] = np.asarray(value).dtype.str, np.asarray(value).tobytes()

    with h5py.File(path) as file:
        take("", file)
        file.visititems(take)
    return found


@pytest.mark.parametrize(
    ("ranks", "along_z"), [(2, 1), (3, 1), pytest.param(2, 2, marks=along_z_too), pytest.param(4, 2, marks=along_z_too)]
)
def test_files_are_those_of_one_process(holder, one, ranks, along_z):
    directory = holder / f"{ranks}x{along_z}"
    words = ["run", packed(holder), "--quiet", "--out", directory, "--ranks-along-z", along_z]
    outcome = launch(ranks, *words, together=True)
    assert outcome.status == 0, outcome.err
    names = ["checkpoint.h5", *(f"snapshots/{step:08d}.h5" for step in (1, 20, 59))]
    assert sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*[0-9t].h5")) == names
    for name in names:
        a, b = layout(directory / name), layout(one / name)
        assert [key for key in a.keys() | b.keys() if a.get(key) != b.get(key)] == []
    assert (directory / "history.csv").read_bytes() == (one / "history.csv").read_bytes()
    assert glasma("check", directory).status == 0
    with h5py.File(directory / "snapshots" / "00000059.h5", "r+") as file:
        file["data/59/meshes/E_x/1"][7, 3, 100] += 1e-9
    with Snapshots(directory / "snapshots.h5") as snapshots:
        assert snapshots.altered(59, Ranks()) == ["E_x/1"]


@pytest.mark.parametrize(("ranks", "together"), [(1, False), (3, False), (3, True)])
def test_a_run_goes_on_from_one_file(stopped, tmp_path, ranks, together):
    directory = shutil.copytree(stopped, tmp_path / "run")
    outcome = launch(ranks, "resume", directory, "--quiet", together=together)
    assert outcome.status == 0, outcome.err
    assert not differences(directory, finished_run())
    assert (ranks == 1) != (directory / "snapshots").exists()


def test_a_run_goes_on_from_parts_to_one_file(holder):
    directory = holder / "parts"
    assert ended(start(2, "run", write_tiny(holder), "--quiet", "--out", directory, stop_at=40)).status
    assert list(directory.glob("checkpoint-*"))
    outcome = launch(2, "resume", directory, "--quiet", together=True)
    assert outcome.status == 0, outcome.err
    assert not differences(directory, finished_run())
    assert not list(directory.glob("checkpoint-*"))


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("hidden", [False, True], ids=["launcher kills the others", "launcher sees nothing"])
def test_a_rank_killed_in_the_middle_leaves_the_last_checkpoint(holder, victim, hidden):
    directory = holder / f"killed{victim}{hidden}"
    program = ["-c", SLOW + WITHOUT_REPORT[1]]
    process = start(2, "run", write_tiny(holder), "--quiet", "--out", directory, program=program, hidden=hidden, together=True)
    wait_for(directory / "checkpoint.h5", process)
    while process.poll() is None and not list(directory.glob(f"{PARTIAL}*checkpoint.h5")):
        pass
    assert kill_rank(process, victim)
    if hidden:
        # The kernel ends the other rank, whatever it waits for; the shells would go on.
        began = time.monotonic()
        while rank_process(process, 1 - victim) is not None:
            assert time.monotonic() - began < 20
            time.sleep(0.1)
        process.terminate()
    assert_told(ended(process, timeout=60), "a rank was killed", "the checkpoint of step 15 is whole")
    assert list(directory.glob(f"{PARTIAL}*checkpoint.h5"))
    assert checkpoint_header(directory / "checkpoint.h5")[0] == 15
    assert altered(directory / "checkpoint.h5") == []
    assert launch(1, "resume", directory, "--quiet").status == 0
    assert not differences(directory, finished_run())
    assert not list(directory.glob(f"{PARTIAL}*h5"))
