"""Ensembles: averages of events that are ordinary runs, whatever runs at once, is interrupted or goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

import glasma.ensemble.run
import glasma.runner
from glasma.ensemble import event_seed
from glasma.ensemble.event import work_on_event
from glasma.io.history import load_history, load_profiles
from glasma.io.hold import held
from tests.report.test_report import Page
from tests.tiny_ensemble import EVENTS, columns, events, finished_ensemble, same_event, write_boost_invariant
from tests.tiny_run import assert_refused, finished_run, write_tiny
from tests.tiny_run import glasma as command


def event(directory: Path, number: int) -> Path:
    return directory / "events" / f"{number:04d}"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A finished ensemble that a test may damage."""
    return Path(shutil.copytree(finished_ensemble(), tmp_path / "out"))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_boost_invariant(tmp_path)


def test_seeds_are_distinct_and_do_not_depend_on_the_number_of_events() -> None:
    """The first is fixed: an ensemble can be made again anywhere."""
    seeds = [entry["seed"] for entry in events(finished_ensemble())]
    assert seeds == [event_seed(3, number) for number in range(EVENTS)]
    assert len({event_seed(seed, number) for seed in range(30) for number in range(100)}) == 3000
    assert event_seed(0, 0) == int(np.random.SeedSequence(0, spawn_key=(0,)).generate_state(1, np.uint64)[0]) // 2


def test_directory_holds_averages_and_small_events() -> None:
    directory = finished_ensemble()
    own = {"ensemble.json", "ensemble.csv", "ensemble.h5", "ensemble.html", "events"}
    assert {path.name for path in directory.iterdir()} == own
    for number in range(EVENTS):
        assert {path.name for path in event(directory, number).iterdir()} == {"run.json", "history.csv", "profiles.h5"}
    assert [entry["status"] for entry in events(directory)] == ["finished"] * EVENTS


def test_table_holds_means_and_errors_of_the_events_own_files() -> None:
    table = columns(finished_ensemble() / "ensemble.csv")
    histories = [columns(event(finished_ensemble(), number) / "history.csv") for number in range(EVENTS)]
    assert np.all(table["events"] == EVENTS)
    np.testing.assert_array_equal(table["t_fm"], histories[0]["t_fm"])
    for name in ("eps_mid", "pL_mid", "pT_mid", "E_L2", "E_T2", "B_L2", "B_T2", "energy_field"):
        samples = np.array([history[name] for history in histories])
        assert np.ptp(samples, axis=0).min() > 0
        np.testing.assert_allclose(table[name], samples.mean(axis=0), rtol=1e-14)
        error = np.sqrt(((samples - samples.mean(axis=0)) ** 2).sum(axis=0) / (EVENTS * (EVENTS - 1)))
        np.testing.assert_allclose(table[f"{name}_error"], error, rtol=1e-12)
    for name in ("pL", "pT"):
        ratio = sum(history[f"{name}_mid"] for history in histories) / sum(history["eps_mid"] for history in histories)
        np.testing.assert_allclose(table[f"{name}_over_eps"], ratio, rtol=1e-14)
    largest = np.max([history["gauss_max_rel"] for history in histories], axis=0)
    np.testing.assert_array_equal(table["gauss_max_rel"], largest)


def test_profiles_of_the_mean_are_means_of_the_profiles() -> None:
    mean = load_profiles(finished_ensemble() / "ensemble.h5")
    single = [load_profiles(event(finished_ensemble(), number) / "profiles.h5") for number in range(EVENTS)]
    expected = np.mean([profiles.tensor for profiles in single], axis=0, dtype=np.float64)
    np.testing.assert_allclose(mean.tensor, expected, rtol=1e-12)
    assert mean.steps == single[0].steps


def test_event_is_the_run_with_its_seed(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glasma.runner, "write_report", lambda directory: None)
    seed = events(finished_ensemble())[2]["seed"]
    outcome = command("run", config, "--set", f"run.seed={seed}", "--out", tmp_path / "run", "--quiet")
    assert outcome.status == 0, outcome.err
    assert same_event(tmp_path / "run", event(finished_ensemble(), 2))
    assert not same_event(tmp_path / "run", event(finished_ensemble(), 1))


def test_events_added_one_at_a_time_give_the_same_ensemble(config: Path, tmp_path: Path) -> None:
    """Two events, then two more, one at once: as four, two at once."""
    out = tmp_path / "out"
    assert command("ensemble", config, "--events", 2, "--out", out, "--quiet").status == 0
    kept = (event(out, 1) / "run.json").stat().st_mtime_ns
    assert columns(out / "ensemble.csv")["events"][0] == 2
    assert command("ensemble", config, "--events", EVENTS, "--out", out, "--quiet").status == 0
    assert (event(out, 1) / "run.json").stat().st_mtime_ns == kept
    assert all(same_event(event(out, number), event(finished_ensemble(), number)) for number in range(EVENTS))
    assert (out / "ensemble.csv").read_bytes() == (finished_ensemble() / "ensemble.csv").read_bytes()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_interrupted_ensemble_resumes_bit_for_bit(tmp_path: Path, how: signal.Signals) -> None:
    """In 3+1D: ended when an event has a checkpoint.  No process is left, and the end is that of an undisturbed ensemble."""
    wanted, out = _undisturbed(), tmp_path / "out"
    arguments = ["ensemble", str(_three_dimensional(tmp_path)), "--events", "3", "--jobs", "2", "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-m", "glasma.cli", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        # Jobs in the background of a script ignore SIGINT, and so do their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not list(out.glob("events/*/checkpoint.h5")):
        assert process.poll() is None
        time.sleep(0.001)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    assert not psutil.wait_procs(children, timeout=30)[1]
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert said.strip() == "glasma: interrupted; go on with `glasma resume DIRECTORY`"
    unfinished = [number for number in range(3) if not _is_finished(event(out, number))]
    assert unfinished
    assert any((event(out, number) / "checkpoint.h5").exists() for number in unfinished)

    assert command("resume", out, "--quiet").status == 0
    assert all(same_event(event(out, number), event(wanted, number)) for number in range(3))
    assert (out / "ensemble.csv").read_bytes() == (wanted / "ensemble.csv").read_bytes()
    assert not list(out.rglob("checkpoint.h5"))
    assert not list(out.rglob(".partial-*"))


def _three_dimensional(directory: Path) -> Path:
    return write_tiny(directory, snapshots="[]", end_time='"0.3 fm"', longitudinal_cells="256", longitudinal_length='"1.6 fm"')


def _is_finished(path: Path) -> bool:
    return (path / "run.json").exists() and json.loads((path / "run.json").read_text())["status"] == "finished"


@cache
def _undisturbed() -> Path:
    """The ensemble of the interrupted ones, run to its end once."""
    directory = finished_ensemble().parent / "three-dimensional"
    directory.mkdir()
    config = _three_dimensional(directory)
    assert command("ensemble", config, "--events", 3, "--out", directory / "out", "--quiet").status == 0
    return directory / "out"


def test_event_that_fails_is_reported_and_the_others_are_averaged(config: Path, tmp_path: Path) -> None:
    """A tolerance between the largest violations of Gauss's law stops the worst event alone."""
    histories = [load_history(event(finished_ensemble(), number) / "history.csv") for number in range(EVENTS)]
    violations = [float(history.column("gauss_max_rel").max()) for history in histories]
    worst, out = int(np.argmax(violations)), tmp_path / "out"
    limit = sum(sorted(violations)[-2:]) / 2
    tight = ("--set", f"tolerances.gauss={limit!r}", "--out", out, "--quiet")
    outcome = command("ensemble", config, "--events", EVENTS, "--jobs", 2, *tight)
    assert outcome.status == 1
    assert outcome.err.count("\n") == 1
    seed = event_seed(3, worst)
    assert outcome.err.startswith(f"glasma: event {worst} (seed {seed}) failed: step ")
    assert "gauss_max_rel" in outcome.err
    entries = events(out)
    assert [entry["status"] for entry in entries] == ["failed" if k == worst else "finished" for k in range(EVENTS)]
    assert entries[worst]["error"] in outcome.err
    assert np.all(columns(out / "ensemble.csv")["events"] == EVENTS - 1)
    page = (out / "ensemble.html").read_text(encoding="utf-8")
    assert "3 of 4 events are finished and averaged, 1 failed." in page
    assert "gauss_max_rel" in page
    assert all(same_event(event(out, k), event(finished_ensemble(), k)) for k in range(EVENTS) if k != worst)
    before = (out / "ensemble.csv").read_bytes()
    again = command("resume", out, "--quiet")
    assert (again.status, again.err) == (1, outcome.err)
    assert (out / "ensemble.csv").read_bytes() == before
    assert f"seed {seed}: step" in command("info", out).out


def test_damaged_events_are_reported_and_run_anew_on_resume(copy: Path) -> None:
    """Files cut short, and a record that a kill of the parent left: the first resume tells, the second mends."""
    names = ("profiles.h5", "history.csv", "run.json")
    for number, name in enumerate(names):
        damaged = event(copy, number) / name
        damaged.write_bytes(damaged.read_bytes()[:300])
    record = copy / "ensemble.json"
    record.write_text(record.read_text().replace('"finished"', '"running"'))
    first = command("resume", copy, "--quiet")
    assert first.status == 1
    for line, (number, name) in zip(first.err.splitlines(), enumerate(names), strict=True):
        assert line.startswith(f"glasma: event {number} (seed {event_seed(3, number)}) failed: ")
        assert name in line
    assert [entry["status"] for entry in events(copy)] == ["failed", "failed", "failed", "finished"]
    assert np.all(columns(copy / "ensemble.csv")["events"] == 1)
    assert command("resume", copy, "--quiet").status == 0
    assert all(same_event(event(copy, number), event(finished_ensemble(), number)) for number in range(EVENTS))
    assert (copy / "ensemble.csv").read_bytes() == (finished_ensemble() / "ensemble.csv").read_bytes()


def test_report_leaves_out_an_event_that_was_damaged_later(copy: Path) -> None:
    (event(copy, 1) / "profiles.h5").unlink()
    assert command("report", copy).status == 0
    assert [entry["status"] for entry in events(copy)] == ["finished", "failed", "finished", "finished"]
    assert np.all(columns(copy / "ensemble.csv")["events"] == EVENTS - 1)


def _die_with_event_1(values: dict[str, Any], path: str, again: bool) -> str | None:
    if path.endswith("0001") and not again:
        os.kill(os.getpid(), signal.SIGKILL)
    return work_on_event(values, path, again)


@pytest.mark.slow
def test_event_that_kills_every_worker_fails_alone(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, undisturbed = tmp_path / "out", finished_ensemble()
    with monkeypatch.context() as deadly:
        deadly.setattr(glasma.ensemble.run, "work_on_event", _die_with_event_1)
        outcome = command("ensemble", config, "--events", EVENTS, "--jobs", 2, "--out", out, "--quiet")
    assert outcome.status == 1
    said = f"glasma: event 1 (seed {event_seed(3, 1)}) failed: its process was killed 4 times, perhaps for lack of memory"
    assert outcome.err.startswith(said)
    assert outcome.err.count("\n") == 1
    assert [entry["status"] for entry in events(out)] == ["finished", "failed", "finished", "finished"]
    assert command("resume", out, "--quiet").status == 0
    assert (out / "ensemble.csv").read_bytes() == (undisturbed / "ensemble.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["boost_invariant", "leapfrog", "semi_implicit"])
def test_kernels_are_compiled_before_the_first_event(tmp_path: Path, scheme: str) -> None:
    """None is written to disk once an event has begun, so that all events run the same code."""
    config = write_boost_invariant(tmp_path) if scheme == "boost_invariant" else _three_dimensional(tmp_path)
    choice = () if scheme == "boost_invariant" else ("--set", f"evolution.scheme={scheme}")
    arguments = ["ensemble", str(config), *choice, "--events", "2", "--jobs", "2", "--out", str(tmp_path / "out"), "--quiet"]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    process = subprocess.Popen([sys.executable, "-m", "glasma.cli", *arguments], env=environment)
    while not (tmp_path / "out" / "events" / "0000").exists():
        assert process.poll() is None
        time.sleep(0.005)
    compiled = set((tmp_path / "kernels").rglob("*.nbc"))
    assert process.wait() == 0
    assert len(compiled) > 5
    assert set((tmp_path / "kernels").rglob("*.nbc")) == compiled


def _refused(config: Path, *arguments: object) -> tuple[object, ...]:
    return ("ensemble", config, "--quiet", *arguments)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--events", 0), "--events 0: must be at least 1"),
        (("--events", -2), "--events -2"),
        (("--events", 2, "--jobs", 0), "--jobs 0: must be at least 1"),
        (("--events", "many"), "'many' is not a valid integer"),
        (("--jobs", 2), "Missing option '--events'"),
        (("--events", 2, "--set", "nuclei.g2mu=5"), "nuclei.g2mu"),
        (("--events", 2, "--set", "evolution.substeps=1"), "evolution.substeps = 1"),
    ],
)
def test_wrong_use_is_one_line(config: Path, tmp_path: Path, arguments: tuple[object, ...], expected: str) -> None:
    assert_refused(command(*_refused(config, *arguments, "--out", tmp_path / "out")), expected)
    assert not (tmp_path / "out").exists()


def test_file_of_wilson_lines_has_no_second_event(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glasma.ensemble.run, "check_physics", lambda config, with_memory: SimpleNamespace(memory_bytes=1))
    config.write_text(config.read_text().replace('g2mu = "2 GeV"', 'source = "file"\npath = "lines.h5"'))
    outcome = command(*_refused(config, "--events", 2, "--out", tmp_path / "out"))
    assert_refused(outcome, '--events 2: nuclei.source = "file" has no randomness')


def test_events_at_once_must_fit_into_memory(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glasma.ensemble.run, "check_physics", lambda config, with_memory: SimpleNamespace(memory_bytes=2**30))
    memory = SimpleNamespace(available=5 * 2**29)
    monkeypatch.setattr(glasma.ensemble.run.psutil, "virtual_memory", lambda: memory)
    outcome = command(*_refused(config, "--events", 8, "--jobs", 4, "--out", tmp_path / "out"))
    assert_refused(outcome, "--jobs 4: 4 events at once need 4 GiB", "2.5 GiB are free", "at most --jobs 2")


def test_other_ensembles_runs_and_files_are_not_touched(copy: Path, config: Path, tmp_path: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in copy.rglob("*"))
    outcome = command(*_refused(config, "--events", EVENTS, "--set", "nuclei.g2mu=1 GeV", "--out", copy))
    assert_refused(outcome, "another configuration (nuclei.g2mu differs)", "--overwrite", "glasma resume")
    assert_refused(command(*_refused(config, "--events", 3, "--out", copy)), "holds 4 events, more than --events 3")
    with held(copy):
        for again in ((), ("--overwrite",)):
            outcome = command(*_refused(config, "--events", EVENTS, *again, "--out", copy))
            assert_refused(outcome, "another process works on this ensemble")
    assert_refused(command("run", config, "--out", copy, "--quiet"), "not a run of glasma")
    assert sorted((path, path.stat().st_mtime_ns) for path in copy.rglob("*")) == before

    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "notes.txt").write_text("mine")
    assert_refused(command(*_refused(config, "--events", 2, "--out", foreign)), "not an ensemble of glasma")
    outcome = command(*_refused(config, "--events", 2, "--overwrite", "--out", finished_run()))
    assert_refused(outcome, "not an ensemble of glasma")
    assert_refused(command(*_refused(config, "--events", 2, "--out", config)), "cannot be made")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "glasma ensemble 1"}'])
def test_damaged_record_is_one_line(copy: Path, config: Path, text: str) -> None:
    (copy / "ensemble.json").write_text(text)
    for arguments in (("resume", copy), ("info", copy), ("report", copy), _refused(config, "--events", 4, "--out", copy)):
        assert_refused(command(*arguments), "ensemble.json")


def test_overwrite_removes_the_events_of_an_earlier_ensemble(copy: Path, config: Path) -> None:
    (copy / "notes.txt").write_text("mine")
    options = ("--set", "run.seed=4", "--out", copy, "--overwrite", "--quiet")
    assert command("ensemble", config, "--events", 1, "--jobs", 5, *options).status == 0
    assert [entry["seed"] for entry in events(copy)] == [event_seed(4, 0)]
    assert [path.name for path in (copy / "events").iterdir()] == ["0000"]
    assert (copy / "notes.txt").exists()
    assert np.isnan(columns(copy / "ensemble.csv")["eps_mid_error"]).all()


def test_page_is_whole_and_refers_to_nothing_outside_itself() -> None:
    text = (finished_ensemble() / "ensemble.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert len(page.references) == 4
    assert all(reference.startswith("data:image/") for reference in page.references)
    for word in ("All 4 events are finished.", str(event_seed(3, 3)), "g2mu", "jackknife"):
        assert word in text


def test_info_says_what_an_ensemble_holds() -> None:
    said = command("info", finished_ensemble()).out
    assert "ensemble of 4 events" in said
    assert "4 finished" in said
    assert "boost_invariant" in said
    assert "mean over 4 events" in command("info", finished_ensemble() / "ensemble.h5").out


def test_event_can_be_looked_at_like_a_run(copy: Path) -> None:
    """It keeps no fields, and says so; a report it has."""
    path = event(copy, 0)
    assert_refused(command("check", path), f"glasma run CONFIG --set run.seed={event_seed(3, 0)}")
    assert command("report", path).status == 0
    assert "keeps no fields" in (path / "report.html").read_text(encoding="utf-8")
    before = (path / "run.json").read_bytes()
    outcome = command("resume", path, "--quiet")
    assert (outcome.status, outcome.out) == (0, f"event of an ensemble, finished: {path}\n")
    assert (path / "run.json").read_bytes() == before
