"""Runs of many ranks give what a single process gives, to the bit, and go on on any number of ranks."""

from __future__ import annotations

import json
import shutil
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import h5py
import pytest

from glasma.io.checkpoint import altered
from glasma.io.history import load_history
from tests.many_ranks import Outcome, content, differences, ended, kill_rank, launch, start, wait_for
from tests.tiny_run import assert_refused, glasma, write_tiny

pytestmark = [
    pytest.mark.skipif(find_spec("mpi4py") is None, reason="mpi4py is not installed"),
    pytest.mark.xdist_group("mpi"),
]

SCHEMES = {
    "leapfrog": {},
    "su3": {"lattice.group": "SU(3)", "run.precision": "float32"},
    "semi_implicit": {"evolution.scheme": "semi_implicit"},
    "boost_invariant": {"evolution.scheme": "boost_invariant", "evolution.end_time": "0.8 fm", "run.threads": "2"},
}


def settings(case: str) -> list[str]:
    return [word for key, value in SCHEMES[case].items() for word in ("--set", f"{key}={value}")]


@pytest.fixture(scope="module")
def holder(tmp_path_factory):
    return tmp_path_factory.mktemp("ranks")


@pytest.fixture(scope="module")
def run_of(holder):
    """The directory of a finished run of a case on some ranks, made once."""

    @cache
    def run(case: str, ranks: int) -> Path:
        directory = holder / f"{case}-{ranks}"
        outcome = launch(ranks, "run", write_tiny(holder), *settings(case), "--quiet", "--out", directory)
        assert outcome.status == 0, outcome.err
        return directory

    return run


@pytest.mark.parametrize("case", ["leapfrog", "su3", "semi_implicit", "boost_invariant"])
def test_two_ranks_give_the_same_bits(run_of, case):
    one, two = run_of(case, 1), run_of(case, 2)
    assert not differences(one, two)
    rows = load_history(two / "history.csv").rows
    assert len(rows) > 8 or case == "boost_invariant"
    if case != "su3":
        assert max(row["gauss_max_rel"] for row in rows) < (1e-9 if case == "semi_implicit" else 1e-12)


def test_three_ranks_give_the_same_bits(run_of):
    assert not differences(run_of("leapfrog", 1), run_of("leapfrog", 3))


def test_the_record_names_ranks_and_their_memory(run_of):
    one, two = (json.loads((run_of("leapfrog", ranks) / "run.json").read_text()) for ranks in (1, 2))
    assert two["ranks"] == 2
    assert "ranks" not in one
    # 4 own planes of 8 and two copies on each rank
    assert two["field_MiB"] == pytest.approx(one["field_MiB"] * 12 / 8)
    assert two["largest_rank"]["field_MiB"] == pytest.approx(two["field_MiB"] / 2)
    assert two["peak_memory_MiB"] > two["largest_rank"]["peak_memory_MiB"]


def test_check_and_info_read_the_parts_as_one_file(run_of):
    directory = run_of("leapfrog", 2)
    checks = {ranks: json.loads(glasma("check", run_of("leapfrog", ranks), "--json").out) for ranks in (1, 2)}
    assert checks[1] == checks[2]
    assert all(check["passed"] for check in checks[2])
    assert "checkpoint at step 59" in glasma("info", directory / "checkpoint.h5").out
    assert "3 snapshots" in glasma("info", directory / "snapshots.h5").out


def test_a_changed_part_is_found(run_of, tmp_path):
    directory = shutil.copytree(run_of("leapfrog", 2), tmp_path / "run")
    with h5py.File(next(directory.glob("checkpoint-*.1-of-2.h5")), "r+") as file:
        file["E"][1, 2, 0, 3, 60] += 1e-14
    checks = json.loads(glasma("check", directory, "--json").out)
    assert [check["source"] for check in checks if not check["passed"]] == ["checkpoint, step 59"]


def test_a_missing_part_is_refused(run_of, tmp_path):
    directory = shutil.copytree(run_of("leapfrog", 2), tmp_path / "run")
    next(directory.glob("checkpoint-*.1-of-2.h5")).unlink()
    assert_refused(glasma("check", directory), "1-of-2.h5: is a part of checkpoint.h5 and is missing")
    part = next((directory / "snapshots").glob("00000020.0-of-2.h5"))
    part.write_bytes(part.read_bytes()[:5000])
    assert_refused(glasma("check", directory), "0-of-2.h5: is a part of 00000020.h5 and is not whole")


def stopped(run_of, holder: Path, case: str, ranks: int) -> Path:
    """A run on some ranks that ended after the checkpoint of step 29."""
    directory = holder / f"stopped-{case}-{ranks}"
    if not directory.exists():
        program = [*settings(case), "--quiet", "--out", directory]
        outcome = ended(start(ranks, "run", write_tiny(holder), *program, stop_at=40))
        assert outcome.status != 0
        assert "checkpoint of step 29" in outcome.err or ranks == 1
    return directory


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2), (2, 3)])
def test_a_run_goes_on_on_another_number_of_ranks(run_of, holder, before, after):
    directory = stopped(run_of, holder, "leapfrog", before)
    outcome = launch(after, "resume", directory, "--quiet")
    assert outcome.status == 0, outcome.err
    assert not differences(directory, run_of("leapfrog", 1))
    assert not list(directory.glob("checkpoint-00000029*"))


def test_an_error_on_one_rank_is_told_in_one_line_and_ends_all(holder):
    outcome = ended(start(2, "run", write_tiny(holder), "--quiet", "--out", holder / "raised", stop_at=40), timeout=60)
    assert_told(
        outcome, "rank 1 stops here", "checkpoint of step 29 is whole", f"mpirun -n 2 glasma resume {holder / 'raised'}"
    )


@pytest.mark.parametrize(
    ("ranks", "arguments", "words"),
    [
        (3, ["run", "CONFIG", "--set", "lattice.transverse_cells=4", "--out", "OUT"], "cells = 4: 3 ranks would hold fewer"),
        (2, ["run", "CONFIG", "--set", "evolution.substeps=0", "--out", "OUT"], "evolution.substeps = 0"),
        (2, ["check", "OUT"], "`glasma check` runs in one process; leave mpirun out"),
        (2, ["resume", "OUT"], "is not a directory"),
    ],
    ids=["planes", "physics", "other command", "no run"],
)
def test_what_cannot_run_is_told_once(holder, ranks, arguments, words):
    given = {"CONFIG": write_tiny(holder), "OUT": holder / "nothing"}
    assert_told(launch(ranks, *(given.get(word, word) for word in arguments)), words)


def assert_told(outcome: Outcome, *words: str) -> None:
    assert outcome.status != 0
    assert len(outcome.lines) == 1, outcome
    assert "Traceback" not in outcome.err
    for word in words:
        assert word in outcome.lines[0]


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_rank_takes_the_others_with_it_and_the_run_goes_on(run_of, holder, victim):
    directory = holder / f"killed{victim}"
    process = start(2, "run", write_tiny(holder), "--quiet", "--out", directory, "--set", "output.checkpoint_minutes=0.0001")
    wait_for(directory / "checkpoint.h5", process)
    assert kill_rank(process, victim)
    assert_told(ended(process, timeout=30), "a rank was killed", f"mpirun -n 2 glasma resume {directory}")
    assert not altered(directory / "checkpoint.h5")
    assert launch(2, "resume", directory, "--quiet").status == 0
    found, expected = content(directory), content(run_of("leapfrog", 1))
    assert {k: v for k, v in found.items() if "config" not in k} == {k: v for k, v in expected.items() if "config" not in k}
