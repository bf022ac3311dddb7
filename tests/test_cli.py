"""The command line on a finished run: what each command prints, writes and answers as its exit status."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

import glasma.doctor
import glasma.report.html
import glasma.runner
from glasma.group import GROUPS
from tests.states import random_omega
from tests.tiny_run import FILES, assert_refused, differences, finished_run, write_tiny
from tests.tiny_run import glasma as command


@pytest.fixture
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs end without the pictures, which take longer than all the rest."""
    finished_run()  # which has its pictures
    monkeypatch.setattr(glasma.runner, "write_report", lambda directory: None)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A finished run that a test may damage."""
    return Path(shutil.copytree(finished_run(), tmp_path / "out"))


def test_run_writes_all_its_files_and_nothing_else() -> None:
    assert {path.name for path in finished_run().iterdir()} == set(FILES)


def test_run_says_where_the_report_is(tmp_path: Path, without_report: None) -> None:
    outcome = command("run", write_tiny(tmp_path), "--out", tmp_path / "out")
    assert outcome.status == 0
    assert outcome.err == ""
    assert "step 59/59" in outcome.out
    assert outcome.out.endswith(f"report: {tmp_path}/out/report.html\n")


def test_quiet_run_says_only_where_the_report_is(tmp_path: Path, without_report: None) -> None:
    outcome = command("run", write_tiny(tmp_path), "--out", tmp_path / "out", "--quiet")
    assert outcome.out == f"report: {tmp_path}/out/report.html\n"


def test_run_without_out_goes_below_runs_output(tmp_path: Path, without_report: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("run", write_tiny(tmp_path, name='"other"'), "--quiet").status == 0
    assert (tmp_path / "runs" / "output" / "other" / "run.json").exists()


def test_overrides_reach_the_run(tmp_path: Path, without_report: None) -> None:
    out = tmp_path / "out"
    outcome = command(
        "run", write_tiny(tmp_path), "--set", "run.seed=9", "--set", "output.snapshots=[]", "--out", out, "--quiet"
    )
    assert outcome.status == 0
    config = json.loads((out / "run.json").read_text())["config"]
    assert config["run"]["seed"] == 9
    assert config["output"]["snapshots"] == []


def test_overwrite_replaces_an_earlier_run_completely(copy: Path, tmp_path: Path, without_report: None) -> None:
    (copy / "snapshots").mkdir()
    (copy / "snapshots" / "00000003.h5").write_bytes(b"left by a killed run")
    (copy / ".partial-history.csv").write_text("t_fm")
    outcome = command("run", write_tiny(tmp_path, seed="6"), "--out", copy, "--overwrite", "--quiet")
    assert outcome.status == 0
    assert json.loads((copy / "run.json").read_text())["seed"] == 6
    assert {path.name for path in copy.iterdir()} == set(FILES) - {"report.html", "collision.webp"}
    assert (copy / "history.csv").read_bytes() != (finished_run() / "history.csv").read_bytes()


def test_overwrite_keeps_foreign_files_of_the_directory(copy: Path, tmp_path: Path, without_report: None) -> None:
    (copy / "notes.txt").write_text("mine")
    assert command("run", write_tiny(tmp_path), "--out", copy, "--overwrite", "--quiet").status == 0
    assert (copy / "notes.txt").read_text() == "mine"


def test_directory_of_a_run_killed_before_run_json_can_be_used_again(tmp_path: Path, without_report: None) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / ".partial-run.json").write_text("{")
    assert command("run", write_tiny(tmp_path), "--out", out, "--quiet").status == 0
    assert differences(out, finished_run()) == []


def test_dry_run_prints_what_follows_and_creates_nothing(tmp_path: Path) -> None:
    config = write_tiny(tmp_path)
    outcome = command("run", config, "--dry-run", "--out", tmp_path / "out")
    assert outcome.status == 0
    assert list(tmp_path.iterdir()) == [config]
    for pattern in (
        r"transverse spacing a_T\s+0\.125 fm",
        r"longitudinal spacing a_z\s+0\.00625 fm .* = 0\.05 a_T",
        r"time step a_t\s+0\.003125 fm .*CFL number 0\.501",
        r"γ\s+280",
        r"g²μ L = 10\.14",
        r"steps\s+58, a measurement every 6",
        r"memory\s+\d+ MiB",
        r"expected time\s+\d+ (s|minutes)",
    ):
        assert re.search(pattern, outcome.out), (pattern, outcome.out)


def test_step_that_is_not_solved_is_one_line(tmp_path: Path) -> None:
    options = ["--set", "evolution.scheme=semi_implicit", "--set", "evolution.max_iterations=2", "--quiet"]
    outcome = command("run", write_tiny(tmp_path), *options, "--out", tmp_path / "out")
    assert_refused(outcome, "evolution.max_iterations = 2: step 1 is not solved", "residual", "No checkpoint was written yet")
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "stopped"


def test_light_cone_that_is_not_found_is_one_line(tmp_path: Path, rng: np.random.Generator) -> None:
    """SU(3) elements drawn independently at every site: some of the links have no solution that Newton's method finds."""
    group = GROUPS["SU(3)"]
    with h5py.File(tmp_path / "nuclei.h5", "w") as file:
        for name in "AB":
            file[name] = random_omega(group, (32, 32), rng)
    config = write_tiny(tmp_path)
    text = re.sub(r"(?m)^(g2mu|infrared_regulator|ultraviolet_cutoff).*\n", "", config.read_text())
    config.write_text(text.replace("[nuclei]", f'[nuclei]\nsource = "file"\npath = "{tmp_path}/nuclei.h5"'))
    overrides = ["evolution.scheme=boost_invariant", "lattice.group=SU(3)", "lattice.transverse_cells=32"]
    options = [word for override in overrides for word in ("--set", override)]
    outcome = command("run", config, *options, "--out", tmp_path / "out", "--quiet")
    assert_refused(outcome, "initial condition at τ = 0: link U_", "residual", "finer lattice")


def test_check_holds_on_an_untouched_run() -> None:
    outcome = command("check", finished_run())
    assert outcome.status == 0
    assert "FAILS" not in outcome.out
    assert outcome.out.count("holds") == 3 * 4 + 3


def test_check_prints_json() -> None:
    outcome = command("check", finished_run(), "--json")
    checks = json.loads(outcome.out)
    assert outcome.status == 0
    assert len(checks) == 3 * 4 + 3
    assert all(set(check) == {"source", "quantity", "value", "tolerance", "passed"} for check in checks)
    assert all(check["passed"] for check in checks)


def test_check_leaves_the_files_as_they_are(copy: Path) -> None:
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in copy.iterdir()}
    command("check", copy)
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in copy.iterdir()} == before


#: In the middle, in a vacuum site that no nucleus reached, at the frozen ends, in a corner.
PLACES = [(3, 4, 64), (0, 0, 100), (5, 2, 1), (7, 7, 127), (0, 0, 0)]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dataset", ["data/1/meshes/U_x/0", "data/20/meshes/U_z/3", "data/59/meshes/U_y/2"])
def test_check_fails_if_one_link_of_a_snapshot_changed(dataset: str, place: tuple[int, ...], copy: Path) -> None:
    with h5py.File(copy / "snapshots.h5", "a") as file:
        file[dataset][place] += 1e-6
    outcome = command("check", copy)
    assert outcome.status == 1
    assert "FAILS" in outcome.out
    assert outcome.err == ""


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("number", [("U", 0, 0), ("U", 2, 3), ("E", 1, 2)])
def test_check_fails_if_one_number_of_the_checkpoint_changed(
    number: tuple[str, int, int], place: tuple[int, ...], copy: Path
) -> None:
    dataset, *component = number
    with h5py.File(copy / "checkpoint.h5", "a") as file:
        file[dataset][(*component, *place)] += 1e-6
    outcome = command("check", copy, "--json")
    assert outcome.status == 1
    assert {check["source"] for check in json.loads(outcome.out) if not check["passed"]} == {"checkpoint, step 59"}


@pytest.mark.parametrize("dataset", ["E_z/1", "charge_density/0", "T/Tzz"])
def test_check_fails_if_another_field_of_a_snapshot_changed(dataset: str, copy: Path) -> None:
    with h5py.File(copy / "snapshots.h5", "a") as file:
        file[f"data/20/meshes/{dataset}"][2, 2, 50] += 1e-3
    assert command("check", copy).status == 1


def test_check_fails_if_the_charges_changed(copy: Path) -> None:
    with h5py.File(copy / "checkpoint.h5", "a") as file:
        file["charges/0/q"][0, 0, 0, 0, 10] += 1e-6
    assert command("check", copy).status == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_check_fails_on_what_is_no_number(value: float, copy: Path) -> None:
    with h5py.File(copy / "snapshots.h5", "a") as file:
        file["data/59/meshes/E_x/0"][1, 1, 60] = value
    assert command("check", copy).status == 1


def test_report_is_drawn_anew(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / "report.html").unlink()
    (copy / "collision.webp").unlink()
    monkeypatch.setattr(glasma.report.html, "_figures", lambda *results: [])
    monkeypatch.setattr(glasma.report.html, "write_animation", lambda path, profiles: path.write_bytes(b"film"))
    outcome = command("report", copy)
    assert outcome.status == 0
    assert outcome.out == f"report: {copy}/report.html\n"
    assert {path.name for path in copy.iterdir()} == set(FILES)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("", ["run, finished", "SU(2)", "11, last at t = 0.1203 fm"]),
        ("run.json", ["run, finished", "SU(2)"]),
        ("history.csv", ["history", "11, t = -0.0609 to 0.1203 fm"]),
        ("profiles.h5", ["profiles", "11, t = -0.0609 to 0.1203 fm"]),
        ("snapshots.h5", ["3 snapshots", "step 20", "charge_density", "8 × 8 × 128 sites"]),
        ("checkpoint.h5", ["checkpoint at step 59", "8 × 8 × 128 sites"]),
    ],
)
def test_info_says_what_a_path_holds(file: str, words: list[str]) -> None:
    outcome = command("info", finished_run() / file)
    assert outcome.status == 0
    for word in words:
        assert word in outcome.out


def test_info_describes_a_configuration(tmp_path: Path) -> None:
    outcome = command("info", write_tiny(tmp_path))
    assert outcome.status == 0
    assert "8 × 8 × 128 sites" in outcome.out


def test_doctor_names_versions_backends_and_speeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glasma.doctor, "triad_bandwidth", lambda: 12.3e9)
    monkeypatch.setattr(glasma.doctor, "step_seconds", lambda scheme, fields: 0.01)
    outcome = command("doctor")
    assert outcome.status == 0
    for word in ("numba", "12.3 GB/s", "step SU(2) float64", "step SU(3) float32", "ns per site", "CUDA device"):
        assert word in outcome.out
    for extra in ("surrogate", "gpu", "mpi"):
        assert re.search(rf"extra {extra}\s+(\S+ \d|not installed \(pip install \"glasma\[{extra}\]\"\))", outcome.out)


@pytest.mark.parametrize("name", ["", "run", "resume", "check", "report", "info", "sample", "doctor"])
def test_every_command_has_help(name: str) -> None:
    outcome = command(*name.split(), "--help")
    assert outcome.status == 0
    assert outcome.out.startswith("Usage: glasma")


def test_version_is_printed() -> None:
    assert re.search(r"\d+\.\d+\.\d+", command("--version").out)


def test_no_command_is_answered_with_where_the_help_is() -> None:
    outcome = command()
    assert (outcome.status, outcome.err) == (2, "glasma: Missing command. (see `glasma --help`)\n")


def test_interruption_is_one_line_and_status_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(directory: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(glasma.runner, "write_report", interrupt)
    outcome = command("run", write_tiny(tmp_path), "--out", tmp_path / "out", "--quiet")
    assert outcome.status == 130
    assert outcome.err.strip() == "glasma: interrupted; go on with `glasma resume DIRECTORY`"
