"""A run with files: what it measures and stores, and how it stops when fields or disk give out."""

from __future__ import annotations

import csv
import errno
import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import h5py
import numpy as np
import pytest

import glasma.io.checkpoint
import glasma.runner
from glasma import Collision
from glasma.config import load_config
from glasma.errors import FileError, UnstableRunError
from glasma.io.checkpoint import altered, load_checkpoint
from glasma.io.history import load_history, load_profiles
from glasma.io.hold import held
from glasma.io.openpmd import Snapshots
from tests.tiny_run import Outcome, assert_refused, differences, finished_run, write_tiny
from tests.tiny_run import glasma as command

COLUMNS = {
    *(
        "t_fm",
        "step",
        "gauss_max_rel",
        "gauss_rms_rel",
        "unitarity_max",
        "energy_field",
        "work_on_charges",
        "energy_balance_rel",
    ),
    *("E_L2", "E_T2", "B_L2", "B_T2", "eps_mid", "pL_mid", "pT_mid"),
}


@pytest.fixture(autouse=True)
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    finished_run()  # which has its pictures
    monkeypatch.setattr(glasma.runner, "write_report", lambda directory: None)


def rows(directory: Path) -> list[dict[str, float]]:
    with (directory / "history.csv").open(encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def run_tiny(tmp_path: Path, *overrides: str) -> Outcome:
    options = [word for override in overrides for word in ("--set", override)]
    return command("run", write_tiny(tmp_path), *options, "--out", tmp_path / "out", "--quiet")


def test_history_has_its_columns_and_a_row_for_each_measurement() -> None:
    history = rows(finished_run())
    assert set(history[0]) >= COLUMNS
    assert [row["step"] for row in history] == [*range(1, 56, 6), 59]
    assert np.allclose(np.diff([row["t_fm"] for row in history])[:-1], 6 * 0.003125)


def test_constraints_hold_throughout() -> None:
    for row in rows(finished_run()):
        assert row["gauss_rms_rel"] <= row["gauss_max_rel"] <= 1e-12
        assert row["unitarity_max"] <= 1e-12
        assert abs(row["energy_balance_rel"]) <= 0.02


def test_components_sum_up_to_the_energy() -> None:
    for row in rows(finished_run()):
        parts = row["E_L2"] + row["E_T2"] + row["B_L2"] + row["B_T2"]
        assert parts == pytest.approx(row["energy_field"], rel=1e-13)


def test_longitudinal_fields_appear_with_the_collision() -> None:
    first, *_, last = rows(finished_run())
    assert first["E_L2"] + first["B_L2"] < 1e-6 * first["energy_field"]
    assert last["E_L2"] + last["B_L2"] > 1e-3 * last["energy_field"]
    assert first["eps_mid"] < 1e-9 < last["eps_mid"]


def test_python_api_gives_the_same_numbers(tmp_path: Path) -> None:
    collision = Collision(write_tiny(tmp_path))
    expected = {int(row["step"]): row for row in rows(finished_run())}
    seen = []
    for step in chain([collision.fields.step], collision):
        if step not in expected:
            continue
        row = expected[step]
        assert collision.time == row["t_fm"]
        assert collision.gauss_violation() == row["gauss_max_rel"]
        assert collision.unitarity_violation() == row["unitarity_max"]
        assert collision.energy() == pytest.approx(row["energy_field"], rel=1e-13)
        assert collision.fields.work * collision.derived.energy_unit == row["work_on_charges"]
        measured = collision.derived.density_unit * collision.measure().tensor[:, 63:65].mean(axis=1)
        assert measured[0] == row["eps_mid"]
        seen.append(step)
    assert seen == list(expected)
    stored, _ = load_checkpoint(finished_run() / "checkpoint.h5")
    np.testing.assert_array_equal(collision.U, stored.U)
    np.testing.assert_array_equal(collision.E, stored.E)


def test_overrides_of_the_python_api(tmp_path: Path) -> None:
    assert Collision(write_tiny(tmp_path), "run.seed=9", "nuclei.system=single").config.run.seed == 9


def test_same_configuration_twice_gives_identical_results(tmp_path: Path) -> None:
    assert run_tiny(tmp_path).status == 0
    assert differences(tmp_path / "out", finished_run()) == []


def test_another_seed_gives_other_results(tmp_path: Path) -> None:
    assert run_tiny(tmp_path, "run.seed=6").status == 0
    assert rows(tmp_path / "out")[0]["energy_field"] != rows(finished_run())[0]["energy_field"]


def test_run_json_says_what_made_the_results() -> None:
    record = json.loads((finished_run() / "run.json").read_text())
    assert record["format"] == "glasma run 1"
    assert record["status"] == "finished"
    assert record["seed"] == 5
    assert record["config"]["nuclei"]["g2mu"] == "2.0 GeV"
    assert record["config"]["nuclei"]["coupling"] == 2.0  # defaults are written out
    assert set(record["versions"]) == {"python", "glasma", "numpy", "numba", "scipy", "h5py"}
    assert re.fullmatch(r"[0-9a-f]{40}(\+changes)?|unknown", record["commit"])
    assert record["machine"]["cores"] >= 1
    assert all(seconds > 0 for seconds in record["seconds"].values())
    assert set(record["seconds"]) == {"initial_state", "evolution", "measurement", "output", "report"}
    assert record["resumed"] == 0
    assert record["ns_per_site_step"] > 0
    assert record["peak_memory_MiB"] >= record["running_memory_MiB"] > record["field_MiB"] > 1
    assert record["cpu_seconds"] > 0


def test_stored_configuration_repeats_the_run(tmp_path: Path) -> None:
    config = json.loads((finished_run() / "run.json").read_text())["config"]
    lines = []
    for section, keys in config.items():
        lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    (tmp_path / "again.toml").write_text("\n".join(lines))
    assert command("run", tmp_path / "again.toml", "--out", tmp_path / "out", "--quiet").status == 0
    assert differences(tmp_path / "out", finished_run()) == []


def test_snapshots_lie_at_start_end_and_the_times_asked_for() -> None:
    with Snapshots(finished_run() / "snapshots.h5") as snapshots:
        assert snapshots.steps == [1, 20, 59]
        assert abs(snapshots.time(20)) <= 0.003125 / 2
        assert snapshots.meshes(20) == ["E_x", "E_y", "E_z", "T", "U_x", "U_y", "U_z", "charge_density"]


def test_last_snapshot_and_checkpoint_hold_the_same_fields() -> None:
    fields, config = load_checkpoint(finished_run() / "checkpoint.h5")
    with Snapshots(finished_run() / "snapshots.h5") as snapshots:
        stored = snapshots.fields(59)
        assert snapshots.config == config
    np.testing.assert_array_equal(stored.U, fields.U)
    np.testing.assert_array_equal(stored.E, fields.E)
    assert (stored.work, stored.step) == (fields.work, fields.step)
    assert altered(finished_run() / "checkpoint.h5") == []


def test_snapshots_can_leave_out_fields_or_tensor(tmp_path: Path) -> None:
    assert run_tiny(tmp_path, "output.snapshot_fields=false").status == 0
    with Snapshots(tmp_path / "out" / "snapshots.h5") as snapshots:
        assert snapshots.meshes(20) == ["T"]
    assert command("check", tmp_path / "out").status == 0
    outcome = command(
        "run", tmp_path / "tiny.toml", "--set", "output.snapshot_tensor=false", "--out", tmp_path / "o2", "--quiet"
    )
    assert outcome.status == 0
    with Snapshots(tmp_path / "o2" / "snapshots.h5") as snapshots:
        assert "T" not in snapshots.meshes(20)
    assert command("check", tmp_path / "o2").status == 0


KINDS: dict[str, tuple[list[str], float]] = {
    "single precision": (["run.precision=float32"], 1e-4),
    "SU(3)": (["lattice.group=SU(3)"], 1e-12),
    "single nucleus": (["nuclei.system=single", "output.snapshots=[]"], 1e-12),
    "whole box": (["evolution.region=whole"], 1e-12),
    "two threads": (["run.threads=2"], 1e-12),
    "packed snapshots": (["output.compression=4"], 1e-12),
    "finer lattice": (["lattice.longitudinal_cells=160"], 1e-12),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_runs_hold_their_tolerances(kind: str, tmp_path: Path) -> None:
    overrides, tolerance = KINDS[kind]
    outcome = run_tiny(tmp_path, *overrides)
    assert outcome.status == 0, outcome.err
    history = rows(tmp_path / "out")
    assert max(row["gauss_max_rel"] for row in history) <= tolerance
    assert max(row["unitarity_max"] for row in history) <= tolerance
    assert command("check", tmp_path / "out").status == 0


def test_threads_do_not_change_the_results(tmp_path: Path) -> None:
    assert run_tiny(tmp_path, "run.threads=2").status == 0
    assert rows(tmp_path / "out") == rows(finished_run())


def spoil_after(monkeypatch: pytest.MonkeyPatch, step: int, spoil: Callable[[Collision], None]) -> None:
    """Change the fields after a step."""
    original = Collision.step

    def stepping(self: Collision) -> None:
        original(self)
        if self.fields.step == step:
            spoil(self)

    monkeypatch.setattr(Collision, "step", stepping)


def put(array: str, place: tuple[int, ...], value: float) -> Callable[[Collision], None]:
    def spoil(collision: Collision) -> None:
        getattr(collision, array)[place] = value

    return spoil


SPOILED: dict[str, Callable[[Collision], None]] = {
    "NaN in an electric field": put("E", (0, 0, 2, 2, 60), np.nan),
    "NaN in the longitudinal electric field": put("E", (2, 1, 7, 0, 70), np.nan),
    "infinity in an electric field": put("E", (1, 2, 5, 5, 64), np.inf),
    "NaN in a link": put("U", (0, 0, 4, 4, 64), np.nan),
    "NaN in a longitudinal link": put("U", (2, 3, 0, 7, 58), np.nan),
    "wrong electric field": put("E", (0, 0, 2, 2, 60), 0.1),
    "stretched link": put("U", (1, 0, 2, 2, 60), 1.1),
}


@pytest.mark.parametrize("name", SPOILED)
def test_spoiled_field_stops_the_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_after(monkeypatch, 34, SPOILED[name])
    outcome = run_tiny(tmp_path)
    checkpoint = tmp_path / "out" / "checkpoint.h5"
    assert_refused(
        outcome, "step 37 (t = ", "the run stops", f"Last good checkpoint: {checkpoint} (step 29)", "raise evolution."
    )
    assert re.search(r"(gauss_max_rel|gauss_rms_rel|unitarity_max|energy_\w+|[EB]_[LT]2|work_on_charges) = ", outcome.err)
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "stopped"
    assert [row["step"] for row in rows(tmp_path / "out")] == [1, 7, 13, 19, 25, 31]
    assert altered(checkpoint) == []


def test_stopped_run_goes_on_from_its_last_good_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        spoil_after(patch, 34, SPOILED["NaN in a link"])
        assert run_tiny(tmp_path).status == 2
    assert command("resume", tmp_path / "out", "--quiet").status == 0
    assert differences(tmp_path / "out", finished_run()) == []


def test_unstable_run_raises_in_python_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_after(monkeypatch, 3, SPOILED["NaN in an electric field"])
    with pytest.raises(UnstableRunError, match=r"step 7 .* = nan.*No checkpoint was written yet"):
        glasma.runner.run(load_config(write_tiny(tmp_path)), tmp_path / "out")


def test_two_processes_do_not_write_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one is refused and leaves the files of the first as they are."""
    out = tmp_path / "out"
    assert run_tiny(tmp_path).status == 0
    before = sorted((path, path.stat().st_mtime_ns) for path in out.rglob("*"))
    with held(out, what="run"):
        for arguments in (("run", write_tiny(tmp_path), "--out", out, "--overwrite"), ("resume", out)):
            assert_refused(command(*arguments, "--quiet"), "another process works on this run", "wait for its end")
        monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
        assert_refused(command("resume", out, "--quiet"), "srun started 2 tasks that do not know of each other", "--mpi=pmi2")
    assert sorted((path, path.stat().st_mtime_ns) for path in out.rglob("*")) == before
    assert command("resume", out, "--quiet").status == 0


def test_exceeded_tolerance_of_the_gauss_constraint_stops_the_run(tmp_path: Path) -> None:
    outcome = run_tiny(tmp_path, "tolerances.gauss=1e-15")
    assert_refused(outcome, "gauss_max_rel = ", "above its tolerance 1e-15", "Last good checkpoint", "raise evolution.substeps")
    again = command("resume", tmp_path / "out", "--quiet")
    assert again.status == 2
    assert again.err == outcome.err


def test_exceeded_tolerance_of_unitarity_stops_the_run(tmp_path: Path) -> None:
    outcome = run_tiny(tmp_path, "tolerances.unitarity=1e-17")
    assert_refused(outcome, "step 1 ", "unitarity_max = ", "above its tolerance 1e-17", "No checkpoint was written yet")
    assert rows(tmp_path / "out") == []


def assert_earlier_files_are_whole(directory: Path) -> None:
    """What is there can be read, and nothing half-written is left."""
    if (directory / "history.csv").exists():
        load_history(directory / "history.csv")
    assert not list(directory.rglob(".partial-*"))
    if (directory / "checkpoint.h5").exists():
        assert altered(directory / "checkpoint.h5") == []
        load_profiles(directory / "profiles.h5")
    if (directory / "snapshots.h5").exists():
        changed: list[str] = []
        with Snapshots(directory / "snapshots.h5") as snapshots:
            for step in snapshots.steps:
                snapshots.fields(step, changed)
        assert changed == []


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("call", [2, 6, 18])
def test_full_disk_in_the_middle_of_a_checkpoint(call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original, calls = glasma.io.checkpoint._store, iter(range(1, 100))

    def storing(*arguments: object, **options: object) -> None:
        (full_disk if next(calls) == call else original)(*arguments, **options)

    monkeypatch.setattr(glasma.io.checkpoint, "_store", storing)
    outcome = run_tiny(tmp_path)
    assert_refused(outcome, f"{tmp_path}/out/checkpoint.h5", "the disk is full", "free some space and resume")
    assert_earlier_files_are_whole(tmp_path / "out")
    assert command("resume", tmp_path / "out", "--quiet").status == 0
    assert differences(tmp_path / "out", finished_run()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A file system of some KiB, which may be made larger later."""
    place = tmp_path / "disk"
    place.mkdir()

    def of_size(kib: int) -> Path:
        remount = ["-o", f"remount,size={kib}k"] if place.is_mount() else ["-o", f"size={kib}k"]
        mounted = subprocess.run(["mount", "-t", "tmpfs", *remount, "tmpfs", place], capture_output=True, check=False)
        if mounted.returncode:
            pytest.skip("needs the right to mount a small file system")
        return place

    try:
        yield of_size
    finally:
        if place.is_mount():
            subprocess.run(["umount", "--lazy", place], check=True)


# A snapshot takes 1.9 MB, a checkpoint 1.5 MB: the space gives out at the history, in one of them, or in the gathering.
@pytest.mark.parametrize("kib", [4, 60, 2200, 4500, 6400, 9500])
def test_disk_that_is_really_full(kib: int, small_disk: Callable[[int], Path], tmp_path: Path) -> None:
    out = small_disk(kib) / "out"
    outcome = command("run", write_tiny(tmp_path), "--out", out, "--quiet")
    assert_refused(outcome, str(out), "disk is full", "free some space")
    assert_earlier_files_are_whole(out)
    small_disk(64 * 1024)
    assert command("resume", out, "--quiet").status == 0
    assert differences(out, finished_run()) == []


def test_file_size_limit_of_the_shell(tmp_path: Path) -> None:
    command_line = [sys.executable, "-m", "glasma.cli", "run", write_tiny(tmp_path), "--out", tmp_path / "out", "--quiet"]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    process = subprocess.run(command_line, capture_output=True, text=True, check=False, preexec_fn=limit)
    assert_refused(Outcome(process.returncode, process.stdout, process.stderr), "00000001.h5", "cannot be written")
    assert_earlier_files_are_whole(tmp_path / "out")


def test_run_refuses_a_directory_that_holds_another(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="--overwrite"):
        glasma.runner.run(load_config(write_tiny(tmp_path)), finished_run())


def test_checkpoint_keeps_every_number(tmp_path: Path) -> None:
    collision = Collision(write_tiny(tmp_path))
    for _ in range(20):
        collision.step()
    glasma.io.checkpoint.save_checkpoint(tmp_path / "c.h5", collision.fields, collision.config)
    fields, config = load_checkpoint(tmp_path / "c.h5")
    assert config == collision.config
    assert (fields.grid, fields.group, fields.step, fields.work) == (
        collision.fields.grid,
        collision.fields.group,
        collision.fields.step,
        collision.fields.work,
    )
    for stored, original in zip(fields.charges, collision.fields.charges, strict=True):
        assert (stored.first, stored.direction, stored.moves) == (original.first, original.direction, original.moves)
        np.testing.assert_array_equal(stored.q, original.q)
    np.testing.assert_array_equal(fields.U, collision.U)
    with h5py.File(tmp_path / "c.h5") as file:
        assert file["U"].dtype == np.float64
