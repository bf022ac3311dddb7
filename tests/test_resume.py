"""Interrupted runs go on from their last checkpoint, and their results are those of an undisturbed run, bit for bit.

Every moment is tried with a process that vanishes, as SIGKILL leaves it, and some with an exception, as Ctrl-C raises it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import h5py
import numpy as np
import pytest

import glasma.io.checkpoint
import glasma.io.openpmd
import glasma.runner
from glasma.collision import Collision
from glasma.io.openpmd import SnapshotWriter
from tests.tiny_run import Outcome, differences, finished_run, write_tiny
from tests.tiny_run import glasma as command

Stop = Callable[[], None]


@pytest.fixture(autouse=True)
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    finished_run()  # which has its pictures
    monkeypatch.setattr(glasma.runner, "write_report", lambda directory: None)


@contextmanager
def stopping(owner: Any, name: str, call: int, stop: Stop, after: bool = False) -> Iterator[None]:
    """Stop at the n-th call of a function, before it does its work or after."""
    original, calls = getattr(owner, name), 0

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and not after:
            stop()
        result = original(*arguments, **options)
        if calls == call:
            stop()
        return result

    with mock.patch.object(owner, name, counted):
        yield


@contextmanager
def stopping_in_gather(stop: Stop) -> Iterator[None]:
    """Stop when the second piece is about to be copied."""
    original = glasma.io.openpmd.reading_hdf5

    def read(path: Path, kind: str) -> Any:
        if path.name == "00000020.h5":
            stop()
        return original(path, kind)

    with mock.patch.object(glasma.io.openpmd, "reading_hdf5", read):
        yield


#: name: a context in which a run stops
MOMENTS: dict[str, Callable[[Stop], Any]] = {
    "before the first step": lambda stop: stopping(Collision, "step", 1, stop),
    "before the first checkpoint": lambda stop: stopping(Collision, "step", 8, stop),
    "just after a checkpoint": lambda stop: stopping(Collision, "step", 15, stop),
    "between checkpoints": lambda stop: stopping(Collision, "step", 25, stop),
    "at the last step": lambda stop: stopping(Collision, "step", 58, stop),
    "before the first snapshot": lambda stop: stopping(SnapshotWriter, "write", 1, stop),
    "in the middle of the first snapshot": lambda stop: stopping(SnapshotWriter, "_record", 4, stop),
    "in the middle of the second snapshot": lambda stop: stopping(SnapshotWriter, "_record", 12, stop),
    "in the middle of the last snapshot": lambda stop: stopping(SnapshotWriter, "_record", 20, stop),
    "between a snapshot and the index": lambda stop: stopping(SnapshotWriter, "_write_index", 2, stop),
    "between the last snapshot and the index": lambda stop: stopping(SnapshotWriter, "_write_index", 3, stop),
    "in the first profiles": lambda stop: stopping(glasma.runner.Profiles, "save", 1, stop),
    "between the first profiles and checkpoint": lambda stop: stopping(glasma.runner, "save_checkpoint", 1, stop),
    "between profiles and checkpoint": lambda stop: stopping(glasma.runner, "save_checkpoint", 3, stop),
    "in the middle of the first checkpoint": lambda stop: stopping(glasma.io.checkpoint, "_store", 2, stop),
    "in the middle of a checkpoint": lambda stop: stopping(glasma.io.checkpoint, "_store", 7, stop),
    "in the middle of the last checkpoint": lambda stop: stopping(glasma.io.checkpoint, "_store", 20, stop),
    "between checkpoint and run.json": lambda stop: stopping(glasma.runner, "save_checkpoint", 2, stop, after=True),
    "after the last checkpoint": lambda stop: stopping(SnapshotWriter, "gather", 1, stop),
    "in the middle of gathering": stopping_in_gather,
    "between gathering and removal of the pieces": lambda stop: mock.patch.object(
        glasma.io.openpmd, "shutil", SimpleNamespace(rmtree=lambda *arguments, **options: stop())
    ),
    "before the report": lambda stop: stopping(glasma.runner, "write_report", 1, stop),
}


def interrupt() -> None:
    raise KeyboardInterrupt


def vanish() -> None:
    os._exit(137)


def run_until(moment: Callable[[Stop], Any], way: str, *arguments: object) -> None:
    """Run a command up to a moment, in this process or in a child that vanishes."""
    if way == "interrupted":
        with moment(interrupt):
            outcome = command(*arguments)
        assert outcome.status == 130, outcome
        return

    def child() -> None:
        with moment(vanish):
            command(*arguments)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    assert process.exitcode == 137


def resume(directory: Path) -> Outcome:
    outcome = command("resume", directory, "--quiet")
    assert outcome.status == 0, outcome.err
    return outcome


#: Moments at which Ctrl-C is tried too: it leaves through every `with` and `except` on its way.
ALSO_INTERRUPTED = [
    "before the first checkpoint",
    "in the middle of the second snapshot",
    "between profiles and checkpoint",
    "in the middle of a checkpoint",
    "between gathering and removal of the pieces",
    "before the report",
]


@pytest.mark.parametrize(
    ("name", "way"), [*((name, "vanished") for name in MOMENTS), *((name, "interrupted") for name in ALSO_INTERRUPTED)]
)
def test_resumed_run_is_identical_to_an_undisturbed_one(name: str, way: str, tmp_path: Path) -> None:
    directory = tmp_path / "out"
    run_until(MOMENTS[name], way, "run", write_tiny(tmp_path), "--out", directory, "--quiet")
    resume(directory)
    assert differences(directory, finished_run()) == []
    assert json.loads((directory / "run.json").read_text())["status"] == "finished"


def test_run_stopped_twice_is_identical_to_an_undisturbed_one(tmp_path: Path) -> None:
    directory = tmp_path / "out"
    run_until(MOMENTS["between checkpoints"], "vanished", "run", write_tiny(tmp_path), "--out", directory, "--quiet")
    run_until(MOMENTS["in the middle of a checkpoint"], "vanished", "resume", directory, "--quiet")
    run_until(MOMENTS["in the middle of gathering"], "vanished", "resume", directory, "--quiet")
    resume(directory)
    assert differences(directory, finished_run()) == []
    assert json.loads((directory / "run.json").read_text())["resumed"] >= 1


def test_resuming_a_finished_run_changes_no_result(tmp_path: Path) -> None:
    directory = tmp_path / "out"
    shutil.copytree(finished_run(), directory)
    resume(directory)
    assert differences(directory, finished_run()) == []


def test_row_of_the_history_cut_short_is_written_again(tmp_path: Path) -> None:
    directory = tmp_path / "out"
    run_until(MOMENTS["between checkpoints"], "vanished", "run", write_tiny(tmp_path), "--out", directory, "--quiet")
    with (directory / "history.csv").open("a") as file:
        file.write("0.0140625,25,1.1e-1")
    resume(directory)
    assert differences(directory, finished_run()) == []


def test_half_written_files_are_removed(tmp_path: Path) -> None:
    directory = tmp_path / "out"
    moment = MOMENTS["in the middle of the second snapshot"]
    run_until(moment, "vanished", "run", write_tiny(tmp_path), "--out", directory, "--quiet")
    assert list(directory.rglob(".partial-*"))
    resume(directory)
    assert not list(directory.rglob(".partial-*"))


@pytest.mark.parametrize("name", ["between checkpoints", "in the middle of a checkpoint", "after the last checkpoint"])
def test_interrupted_run_can_be_checked_and_described(name: str, tmp_path: Path) -> None:
    directory = tmp_path / "out"
    run_until(MOMENTS[name], "vanished", "run", write_tiny(tmp_path), "--out", directory, "--quiet")
    assert command("check", directory).status == 0
    described = command("info", directory)
    assert described.status == 0
    assert "run, running" in described.out
    for file in ("history.csv", "checkpoint.h5", "snapshots.h5"):
        assert command("info", directory / file).status == 0


KINDS = {
    "SU(3)": ["lattice.group=SU(3)"],
    "single precision": ["run.precision=float32"],
    "single nucleus": ["nuclei.system=single"],
    "two threads": ["run.threads=2"],
    "semi-implicit": ["evolution.scheme=semi_implicit"],
    "boost-invariant": ["evolution.scheme=boost_invariant", "evolution.end_time=0.6 fm"],
    "boost-invariant SU(3)": ["evolution.scheme=boost_invariant", "evolution.end_time=0.6 fm", "lattice.group=SU(3)"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_other_kinds_of_runs_resume_identically_too(kind: str, tmp_path: Path) -> None:
    options = [word for override in [*KINDS[kind], "output.snapshots=[]"] for word in ("--set", override)] + ["--quiet"]
    config = write_tiny(tmp_path)
    assert command("run", config, *options, "--out", tmp_path / "undisturbed").status == 0
    run_until(MOMENTS["between checkpoints"], "interrupted", "run", config, *options, "--out", tmp_path / "out")
    resume(tmp_path / "out")
    assert differences(tmp_path / "out", tmp_path / "undisturbed") == []


def test_checkpoints_by_the_clock_change_no_measurement(tmp_path: Path) -> None:
    config, options = write_tiny(tmp_path), ["--set", "output.checkpoint_minutes=1e-9", "--quiet"]
    run_until(MOMENTS["between checkpoints"], "vanished", "run", config, *options, "--out", tmp_path / "out")
    with h5py.File(tmp_path / "out" / "checkpoint.h5") as file:
        assert file.attrs["step"] == 25
    resume(tmp_path / "out")
    assert (tmp_path / "out" / "history.csv").read_bytes() == (finished_run() / "history.csv").read_bytes()
    with h5py.File(tmp_path / "out" / "checkpoint.h5") as one, h5py.File(finished_run() / "checkpoint.h5") as other:
        np.testing.assert_array_equal(one["U"], other["U"])


def test_measured_cost_counts_every_step_once(tmp_path: Path) -> None:
    directory = tmp_path / "out"
    run_until(MOMENTS["between checkpoints"], "vanished", "run", write_tiny(tmp_path), "--out", directory, "--quiet")
    resume(directory)
    resumed, undisturbed = (json.loads((path / "run.json").read_text()) for path in (directory, finished_run()))
    assert resumed["site_updates"] == undisturbed["site_updates"]
    assert resumed["resumed"] == 1


@pytest.mark.slow
def test_three_random_kills_leave_no_trace() -> None:
    script = Path(__file__).parent / "kill_and_resume.py"
    process = subprocess.run([sys.executable, script, "--kills", "3"], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    assert process.stdout.splitlines()[-1] == "3 kills: 3 identical resumes, 0 damaged files"
