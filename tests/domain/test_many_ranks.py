"""Runs of many ranks give what a single process gives, to the bit, and go on on any number of ranks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import pytest

from glasma.backend import PLACES_ROUND_ALIKE
from glasma.collision import Collision
from glasma.domain.ranks import Ranks
from glasma.io.checkpoint import altered
from tests.domain.evolve import evolved
from tests.many_ranks import WITHOUT_REPORT, Outcome, content, differences, ended, kill_rank, launch, launcher, start, wait_for
from tests.tiny_run import assert_refused, finished_run, glasma, write_tiny

#: Cases of ranks in x alone.
IN_X = ["leapfrog", "whole box", "SU(3)", "semi_implicit", "boost_invariant"]

#: Without it places along z round differently, and results of ranks along z are the same to rounding.
along_z_too = pytest.mark.skipif(not PLACES_ROUND_ALIKE, reason="the processor has no AVX-512")

pytestmark = pytest.mark.skipif(not (find_spec("mpi4py") and launcher()), reason="mpi4py or mpirun is not installed")


@pytest.fixture(scope="module")
def holder(tmp_path_factory):
    return tmp_path_factory.mktemp("ranks")


@pytest.fixture(scope="module")
def in_one_process(holder):
    """What a case gives in one process; the kernels are on the disk then, and no rank compiles them again."""
    path = write_tiny(holder)
    return cache(lambda case: evolved(path, case, Ranks()))


@pytest.fixture(scope="module")
def two(holder):
    """A finished run on two ranks; `finished_run` is the same in one process."""
    outcome = launch(2, "run", write_tiny(holder), "--quiet", "--out", holder / "two")
    assert outcome.status == 0, outcome.err
    return holder / "two"


@pytest.fixture(scope="module")
def stopped(holder):
    """A run on two ranks of which the second raised at step 40, and what was told."""
    outcome = ended(start(2, "run", write_tiny(holder), "--quiet", "--out", holder / "stopped", stop_at=40), timeout=120)
    return holder / "stopped", outcome


@pytest.fixture(scope="module")
def two_along_z(holder):
    """A finished run on two ranks along z."""
    outcome = launch(2, "run", write_tiny(holder), "--quiet", "--out", holder / "two_z", "--ranks-along-z", 2)
    assert outcome.status == 0, outcome.err
    return holder / "two_z"


@pytest.fixture(scope="module")
def stopped_along_z(holder):
    """A run on two ranks along z of which the second raised at step 40."""
    words = ["run", write_tiny(holder), "--quiet", "--out", holder / "stopped_z", "--ranks-along-z", 2]
    outcome = ended(start(2, *words, stop_at=40), timeout=120)
    return holder / "stopped_z", outcome


def assert_told(outcome: Outcome, *words: str) -> None:
    assert outcome.status != 0
    assert len(outcome.lines) == 1, outcome
    assert "Traceback" not in outcome.err
    for word in words:
        assert word in outcome.lines[0]


@pytest.mark.parametrize(
    ("in_x", "along_z", "cases"),
    [
        (2, 1, IN_X),
        (3, 1, IN_X),
        pytest.param(1, 2, ["leapfrog", "whole box", "SU(3)", "two rows"], marks=[along_z_too, pytest.mark.slow]),
        pytest.param(2, 2, ["leapfrog", "two rows", "semi_implicit"], marks=along_z_too),
        pytest.param(1, 4, ["light cone", "semi_implicit"], marks=along_z_too),
    ],
)
def test_all_schemes_give_the_same_bits(holder, in_one_process, in_x, along_z, cases):
    path, out = write_tiny(holder), holder / f"{in_x}x{along_z}.npz"
    expected = {case: in_one_process(case) for case in cases}
    outcome = ended(start(in_x * along_z, out, path, along_z, *cases, program=["-m", "tests.domain.evolve"]), timeout=600)
    assert outcome.status == 0, outcome.err
    found = np.load(out)
    for case in cases:
        for name, array in expected[case].items():
            assert np.array_equal(array, found[f"{case}/{name}"]), (case, name)
        gauss = expected[case]["rows"][:, 0].max()
        assert gauss < {"whole box": 1e-5, "two rows": 1e-5, "semi_implicit": 1e-9}.get(case, 1e-12)
        assert np.abs(expected[case]["rows"][:, 4]).max() > 0


def test_files_of_ranks_hold_what_those_of_one_process_do(two):
    assert not differences(two, finished_run())


def test_the_record_names_ranks_and_their_memory(two):
    one, record = (json.loads((directory / "run.json").read_text()) for directory in (finished_run(), two))
    assert record["ranks"] == 2
    assert "ranks" not in one
    # 4 own planes of 8 and two copies on each rank
    assert record["field_MiB"] == pytest.approx(one["field_MiB"] * 12 / 8)
    assert record["largest_rank"]["field_MiB"] == pytest.approx(record["field_MiB"] / 2)
    assert record["peak_memory_MiB"] > record["largest_rank"]["peak_memory_MiB"]


def test_check_report_and_info_read_the_parts_as_one_file(two):
    one, other = (json.loads(glasma("check", directory, "--json").out) for directory in (finished_run(), two))
    assert one == other
    assert all(check["passed"] for check in other)
    assert "checkpoint at step 59" in glasma("info", two / "checkpoint.h5").out
    assert "3 snapshots" in glasma("info", two / "snapshots.h5").out
    assert glasma("report", two).status == 0


def test_snapshots_of_ranks_are_openpmd(two):
    validator = Path(sys.executable).parent / "openPMD_check_h5"
    if not validator.exists():
        pytest.skip("openPMD-validator is not installed")
    for path in (two / "snapshots.h5", two / "snapshots" / "00000059.h5"):
        result = subprocess.run([validator, "-i", path], capture_output=True, text=True)
        assert "Result: 0 Errors" in result.stdout, result.stdout


def test_a_changed_part_is_found(two, tmp_path):
    directory = shutil.copytree(two, tmp_path / "run")
    with h5py.File(next(directory.glob("checkpoint-*.1-of-2.h5")), "r+") as file:
        file["E"][1, 2, 0, 3, 60] += 1e-14
    checks = json.loads(glasma("check", directory, "--json").out)
    assert [check["source"] for check in checks if not check["passed"]] == ["checkpoint, step 59"]


def test_a_missing_part_is_refused(two, tmp_path):
    directory = shutil.copytree(two, tmp_path / "run")
    next(directory.glob("checkpoint-*.1-of-2.h5")).unlink()
    assert_refused(glasma("check", directory), "1-of-2.h5: is a part of checkpoint.h5 and is missing")
    part = next((directory / "snapshots").glob("00000020.0-of-2.h5"))
    part.write_bytes(part.read_bytes()[:5000])
    assert_refused(glasma("check", directory), "0-of-2.h5: is a part of 00000020.h5 and is not whole")


def test_an_error_on_one_rank_is_told_in_one_line_and_ends_all(stopped):
    directory, outcome = stopped
    assert_told(outcome, "rank 1 stops here", "checkpoint of step 29 is whole", f"mpirun -n 2 glasma resume {directory}")


@pytest.mark.parametrize("ranks", [1, 3])
def test_two_ranks_go_on_on_another_number(stopped, tmp_path, ranks):
    directory = shutil.copytree(stopped[0], tmp_path / "run")
    outcome = launch(ranks, "resume", directory, "--quiet")
    assert outcome.status == 0, outcome.err
    assert not differences(directory, finished_run())
    assert not list(directory.glob("checkpoint-00000029*"))
    assert (directory / "snapshots").exists() == (ranks > 1)


def test_one_process_goes_on_on_two_ranks(holder):
    directory, before = holder / "one", Collision.step

    def step(collision: Collision) -> None:
        if collision.fields.step == 40:
            raise RuntimeError("stop")
        before(collision)

    with mock.patch.object(Collision, "step", step), pytest.raises(RuntimeError):
        glasma("run", write_tiny(holder), "--quiet", "--out", directory)
    outcome = launch(2, "resume", directory, "--quiet")
    assert outcome.status == 0, outcome.err
    assert not differences(directory, finished_run())


@along_z_too
def test_files_of_ranks_along_z_hold_what_those_of_one_process_do(two_along_z):
    assert not differences(two_along_z, finished_run())


def test_ranks_along_z_share_the_memory_and_their_files_are_checked_as_one(two_along_z, tmp_path):
    one, record = (json.loads((directory / "run.json").read_text()) for directory in (finished_run(), two_along_z))
    assert (record["ranks"], record["ranks_along_z"]) == (2, 2)
    with h5py.File(finished_run() / "checkpoint.h5") as file:
        fields = sum(file[name].nbytes for name in "UE") / 2**20
    # 64 own planes of 128 and one copy on each rank; every rank has room for all charges.
    assert record["field_MiB"] == pytest.approx(fields * 130 / 128 + 2 * (one["field_MiB"] - fields))
    found = json.loads(glasma("check", two_along_z, "--json").out)
    assert all(check["passed"] for check in found)
    directory = shutil.copytree(two_along_z, tmp_path / "run")
    with h5py.File(next(directory.glob("checkpoint-*.1-of-2.h5")), "r+") as file:
        file["E"][1, 2, 3, 3, 5] += 1e-14
    checks = json.loads(glasma("check", directory, "--json").out)
    assert [check["source"] for check in checks if not check["passed"]] == ["checkpoint, step 59"]


@along_z_too
@pytest.mark.parametrize(("ranks", "along_z"), [(1, 1), (2, 1), (4, 2)])
def test_two_ranks_along_z_go_on_as_another_grid(stopped_along_z, tmp_path, ranks, along_z):
    stopped, outcome = stopped_along_z
    assert_told(outcome, "checkpoint of step 29 is whole", f"mpirun -n 2 glasma resume {stopped} --ranks-along-z 2")
    directory = shutil.copytree(stopped, tmp_path / "run")
    resumed = launch(ranks, "resume", directory, "--quiet", "--ranks-along-z", along_z)
    assert resumed.status == 0, resumed.err
    assert not differences(directory, finished_run())


@along_z_too
def test_ranks_in_x_go_on_along_z(stopped, tmp_path):
    directory = shutil.copytree(stopped[0], tmp_path / "run")
    resumed = launch(3, "resume", directory, "--quiet", "--ranks-along-z", 3)
    assert resumed.status == 0, resumed.err
    assert not differences(directory, finished_run())


@pytest.mark.parametrize(
    ("ranks", "arguments", "words"),
    [
        (3, ["run", "CONFIG", "--out", "OUT", "--ranks-along-z", "2"], "--ranks-along-z 2: does not divide the 3 ranks; use"),
        (2, ["run", "CONFIG", "--out", "OUT", "--ranks-along-z", "2", "--set", "evolution.scheme=boost_invariant"], "has no z"),
        (3, ["run", "CONFIG", "--set", "lattice.transverse_cells=4", "--out", "OUT"], "cells = 4: 3 ranks would hold fewer"),
        (2, ["ensemble", "CONFIG", "--events", "2"], "`glasma ensemble` runs in one process; leave mpirun out"),
        (2, ["resume", "OUT"], "is not a directory"),
    ],
    ids=["no grid", "no z", "planes", "other command", "no run"],
)
def test_what_cannot_run_is_told_once(holder, ranks, arguments, words):
    given = {"CONFIG": write_tiny(holder), "OUT": holder / "nothing"}
    assert_told(launch(ranks, *(given.get(word, word) for word in arguments)), words)


@pytest.mark.parametrize(("rank", "lines"), [("0", 1), ("1", 0)])
def test_the_launcher_of_another_mpi_is_told_once(rank, lines):
    environment = {**os.environ, "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": rank}
    result = subprocess.run([sys.executable, "-m", "glasma.cli", "doctor"], capture_output=True, text=True, env=environment)
    assert result.returncode == 2
    found = [line for line in result.stderr.splitlines() if line.startswith("glasma: mpirun: it started 2 processes")]
    assert len(found) == lines


@pytest.mark.parametrize(("rank", "lines"), [("0", 1), ("1", 0)])
def test_without_mpi4py_the_first_rank_says_what_to_install(rank, lines):
    program = "import sys; sys.modules['mpi4py'] = None; from glasma.cli import main; sys.argv = ['glasma', 'doctor']; main()"
    environment = {**os.environ, "PMI_SIZE": "2", "PMI_RANK": rank}
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert result.returncode == 2
    assert result.stderr.count("\n") == lines
    assert ("pip install 'glasma[mpi]'" in result.stderr) == bool(lines)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("hidden", [False, True], ids=["launcher kills the others", "launcher sees nothing"])
def test_a_killed_rank_takes_the_others_with_it_and_the_run_goes_on(holder, victim, hidden):
    directory = holder / f"killed{victim}{hidden}"
    # every step is slow, so that the run does not end before it is killed
    slow = "import time, glasma.collision as c; s = c.Collision.step; c.Collision.step = lambda x: (time.sleep(0.1), s(x)); "
    program = ["-c", slow + WITHOUT_REPORT[1]]
    process = start(2, "run", write_tiny(holder), "--quiet", "--out", directory, program=program, hidden=hidden)
    wait_for(directory / "checkpoint.h5", process)
    assert kill_rank(process, victim)
    assert_told(ended(process, timeout=60), "a rank was killed", "is whole", f"mpirun -n 2 glasma resume {directory}")
    assert not altered(directory / "checkpoint.h5")
    assert launch(2, "resume", directory, "--quiet").status == 0
    assert content(directory) == content(finished_run())
