"""Events as tasks of a cluster: whoever runs them and whatever dies meanwhile, the results are those of events run directly."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import glasma.cluster
from glasma.cluster import AbandonedError, WhileWanted, _Place, check_choice
from glasma.config import load_config
from glasma.ensemble import event_seed
from glasma.ensemble.event import run_event
from glasma.ensemble.scan import _axis
from glasma.errors import ConfigError, FileError
from glasma.io.hold import held
from glasma.progress import Silent
from tests.clusters import kill_holder, scheduler
from tests.tiny_ensemble import EVENTS, columns, events, finished_ensemble, same_event, write_boost_invariant
from tests.tiny_run import assert_refused, write_tiny
from tests.tiny_run import glasma as command


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a scheduler with two workers."""
    with scheduler(tmp_path_factory.mktemp("cluster"), workers=2) as found:
        yield found


def event(directory: Path, number: int) -> Path:
    return directory / "events" / f"{number:04d}"


def _three_dimensional(directory: Path) -> Path:
    return write_tiny(directory, snapshots="[]", end_time='"0.3 fm"', longitudinal_cells="256", longitudinal_length='"1.6 fm"')


@cache
def _direct() -> Path:
    """Three events in 3+1D, run in this process."""
    holder = finished_ensemble().parent / "direct"
    holder.mkdir()
    config = _three_dimensional(holder)
    for number in range(3):
        run_event(load_config(config, [f"run.seed={event_seed(5, number)}"]), event(holder, number), False, Silent())
    return holder


def _start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "glasma.cli", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Jobs in the background of a script ignore SIGINT, and so do their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def _wait(condition: Callable[[], Any], process: subprocess.Popen[str] | None = None) -> Any:
    until = time.monotonic() + 300
    while not (found := condition()):
        assert process is None or process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.002)
    return found


def _unfinished_with_checkpoint(out: Path) -> Path | None:
    return next(iter(path.parent for path in out.glob("events/*/checkpoint.h5") if not _finished(path.parent)), None)


def _finished(path: Path) -> bool:
    return json.loads((path / "run.json").read_text())["status"] == "finished"


def test_killed_worker_costs_one_retry_and_no_event(tmp_path: Path) -> None:
    wanted, out = _direct(), tmp_path / "out"
    process = _start("ensemble", _three_dimensional(tmp_path), "--events", 3, "--jobs", 2, "--out", out)
    struck = _wait(lambda: _unfinished_with_checkpoint(out), process)
    kill_holder(struck, process.pid)
    said, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (0, "")
    assert [line for line in said.splitlines() if "died" in line] == [
        f"event {int(struck.name)} (seed {event_seed(5, int(struck.name))}): its worker died; it goes on with another"
    ]
    assert all(same_event(event(out, number), event(wanted, number)) for number in range(3))
    resumed = [json.loads((event(out, number) / "run.json").read_text())["resumed"] for number in range(3)]
    assert resumed == [int(event(out, number) == struck) for number in range(3)]
    assert [entry["status"] for entry in events(out)] == ["finished"] * 3


def test_workers_of_a_scheduler_give_what_processes_here_give(address: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    config = write_boost_invariant(tmp_path)
    outcome = command("ensemble", config, "--events", EVENTS, "--scheduler", address, "--out", out, "--quiet")
    assert (outcome.status, outcome.err) == (0, "")
    assert all(same_event(event(out, number), event(finished_ensemble(), number)) for number in range(EVENTS))
    assert (out / "ensemble.csv").read_bytes() == (finished_ensemble() / "ensemble.csv").read_bytes()


def test_workers_elsewhere_give_up_the_events_of_a_command_that_ended(address: str, tmp_path: Path) -> None:
    """By Ctrl-C, then by a kill; nothing is written afterwards, and the end is that of an undisturbed ensemble."""
    wanted, out = _direct(), tmp_path / "out"
    process = _start("ensemble", _three_dimensional(tmp_path), "--events", 3, "--scheduler", address, "--out", out)
    for how in (signal.SIGINT, signal.SIGKILL):
        struck = _wait(lambda: _unfinished_with_checkpoint(out), process)
        process.send_signal(how)
        process.wait(120)
        with held(struck, wait=True):  # until its worker has let go
            assert not _finished(struck), "it was ended too late"
        process = _start("resume", out, "--scheduler", address)
    assert process.communicate(timeout=300)[1] == ""
    assert process.returncode == 0
    assert all(same_event(event(out, number), event(wanted, number)) for number in range(3))
    assert not list(out.rglob(".partial-*"))


def test_data_set_is_the_same_byte_for_byte(address: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.surrogate.dataset.small import toml, values

    config = tmp_path / "small.toml"
    config.write_text(toml(values(fine_times=["0.1 fm"])))
    choices: dict[str, tuple[object, ...]] = {"here": (), "two": ("--processes", 2), "there": ("--scheduler", address)}
    for name, choice in choices.items():
        outcome = command("dataset", config, *choice, "--out", tmp_path / f"{name}.h5", "--quiet")
        assert (outcome.status, outcome.err) == (0, "")
    assert len({(tmp_path / f"{name}.h5").read_bytes() for name in choices}) == 1


@pytest.mark.slow
def test_scan_is_an_ensemble_at_each_point(tmp_path: Path) -> None:
    config, out = write_boost_invariant(tmp_path), tmp_path / "out"
    options = ("--over", "lattice.transverse_cells=8,10", "--events", 2, "--jobs", 2, "--out", out, "--quiet")
    outcome = command("scan", config, "--over", "nuclei.g2mu=1 GeV,2 GeV", *options)
    assert (outcome.status, outcome.out, outcome.err) == (0, f"report: {out}/scan.html\n", "")
    names = [f"g2mu={strength}GeV,transverse_cells={cells}" for strength in (1, 2) for cells in (8, 10)]
    assert sorted(path.name for path in (out / "points").iterdir()) == sorted(names)
    for number in range(2):
        assert same_event(event(out / "points" / names[2], number), event(finished_ensemble(), number))
    header, *rows = [line.split(",") for line in (out / "scan.csv").read_text().replace('"', "").splitlines()]
    assert header[:6] == ["point", "nuclei.g2mu", "lattice.transverse_cells", "events", "failed", "t_fm"]
    assert len(rows) == 4
    for name, row in zip(names, rows, strict=True):
        table = columns(out / "points" / name / "ensemble.csv")
        for place, column in reversed(list(enumerate(reversed(header)))):
            if column in table and column != "events":
                assert float(row[-1 - place]) == table[column][-1]
    page = (out / "scan.html").read_text(encoding="utf-8")
    assert page.count("data:image/") == 1
    assert all(f"points/{name.replace('=', '%3D').replace(',', '%2C')}/ensemble.html" in page for name in names)

    table = (out / "scan.csv").read_bytes()
    shutil.rmtree(out / "points" / names[1])
    (out / "scan.csv").unlink()
    said = command("info", out).out
    assert "scan of 4 points with 2 events each" in said
    assert said.count("2 finished") == 3
    assert "not begun" in said
    assert command("resume", out, "--quiet").out == f"report: {out}/scan.html\n"
    assert (out / "scan.csv").read_bytes() == table

    kept = (event(out / "points" / names[2], 1) / "run.json").stat().st_mtime_ns
    outcome = command("scan", config, "--over", "nuclei.g2mu=2 GeV,3 GeV", *options)
    assert outcome.status == 0, outcome.err
    assert (event(out / "points" / names[2], 1) / "run.json").stat().st_mtime_ns == kept
    assert (out / "scan.csv").read_text().count("\n") == 5
    assert_refused(command("scan", config, "--over", "run.seed=1,2", "--events", 1, "--out", tmp_path), "not a scan of glasma")
    assert_refused(command("resume", out, "--backend", "cpu"), "the events of this scan stay where they began")
    (out / "scan.json").write_text("{}")
    assert_refused(command("resume", out), "scan.json: cannot be read ('format'); give the command of the scan again")


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        (["nuclei.g2mux=1,2"], "nuclei.g2mux = 1: unknown key; did you mean g2mu?"),
        (["nuclei.g2mu=1 GeV,1 GeVV"], "nuclei.g2mu = '1 GeVV': unit GeVV does not fit here"),
        (["lattice.group=SU(2),SU(4)"], "lattice.group = 'SU(4)': must be one of 'SU(2)' or 'SU(3)'"),
        (["evolution.substeps=4,1"], "evolution.substeps = 1"),
        (["g2mu=1"], "--over g2mu=1: needs the form section.key=v1,v2"),
        (["nuclei.g2mu"], "--over nuclei.g2mu: needs the form section.key=v1,v2"),
        (["nuclei.g2mu=1 GeV,,2 GeV"], "--over nuclei.g2mu=1 GeV,,2 GeV: needs the form"),
        (["nuclei.g2mu=1 GeV,1000 MeV"], "the points g2mu=1GeV and g2mu=1000MeV are the same"),
        (["run.seed=1", "run.seed=2"], "--over run.seed=2: run.seed is there twice"),
    ],
)
def test_points_that_cannot_be_are_one_line(tmp_path: Path, over: list[str], expected: str) -> None:
    asked = [word for text in over for word in ("--over", text)]
    config = write_boost_invariant(tmp_path)
    assert_refused(command("scan", config, *asked, "--events", 2, "--out", tmp_path / "out", "--quiet"), expected)
    assert not (tmp_path / "out" / "points").exists()


def test_commas_within_brackets_and_quotes_belong_to_a_value() -> None:
    assert _axis('output.snapshots=[], ["0 fm", "1 fm"],["2 fm"]')[1] == ["[]", '["0 fm", "1 fm"]', '["2 fm"]']
    assert _axis("run.name='a,b',c")[1] == ["'a,b'", "c"]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ("tcp://127.0.0.1:1", "no scheduler answers there (Timed out trying to connect"),
        ("somewhere", "no scheduler answers there (Invalid url scheme"),
        ("tcp://somewhere", "no scheduler answers there (missing port number"),
    ],
)
def test_scheduler_that_does_not_answer_is_one_line(
    tmp_path: Path, wrong: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glasma.cluster, "_PATIENCE", 0.5)
    config, out = write_boost_invariant(tmp_path), tmp_path / "out"
    outcome = command("ensemble", config, "--events", 2, "--scheduler", wrong, "--out", out, "--quiet")
    assert_refused(outcome, f"--scheduler {wrong}: {expected}", "`dask scheduler`")
    assert not out.exists()


def test_what_a_worker_lacks_is_one_line(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No event begins; with what was missing, the same command goes on."""
    config, out = write_boost_invariant(tmp_path), tmp_path / "out"
    asked = ("ensemble", config, "--events", 2, "--scheduler", address, "--out", out, "--quiet")
    assert_refused(command(*asked, "--jobs", 2), "--jobs 2: the workers of --scheduler say how many run at once")
    with monkeypatch.context() as changed:
        mine = glasma.cluster._software()
        changed.setattr(glasma.cluster, "_software", lambda: {**mine, "numpy": "1.0"})
        assert_refused(command(*asked), "worker tcp://", "and 1.0 is here; install the same there and start it anew")
    with monkeypatch.context() as changed:
        changed.setattr(Path, "touch", lambda path: None)  # as on a disk of this machine's own
        assert_refused(command(*asked), "worker tcp://127.0.0.1:", f"does not see {out}; give an --out on a file system")
    assert list((out / "events").iterdir()) == []
    assert command(*asked).status == 0


def test_worker_of_many_threads_and_without_the_working_directory_is_refused(tmp_path: Path) -> None:
    worker = SimpleNamespace(address="tcp://node:1", state=SimpleNamespace(nthreads=8))
    with pytest.raises(ConfigError, match=r"worker tcp://node:1: would run 8 tasks at once in one process; .* --nthreads 1"):
        _Place(tmp_path, tmp_path, tmp_path, glasma.cluster._software(), is_here=True).check(worker)
    with pytest.raises(ConfigError, match=r"does not see .*/nowhere; start from a directory that all machines share"):
        _Place(tmp_path, tmp_path, tmp_path / "nowhere", glasma.cluster._software(), is_here=True).check(worker)


def test_single_runs_do_not_load_dask() -> None:
    script = "import sys, glasma.cli, glasma.runner, glasma.ensemble, glasma.cluster; sys.exit('distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_run_has_no_use_for_a_scheduler(tmp_path: Path) -> None:
    assert_refused(command("resume", tmp_path, "--scheduler", "tcp://node:1"), "holds no ensemble")
    WhileWanted().at(1)  # outside of a task
    assert check_choice("--jobs", None, None) == 1
    assert issubclass(AbandonedError, Exception)
    with pytest.raises(FileError, match="another process works on this scan"), held(tmp_path), held(tmp_path, what="scan"):
        pass
