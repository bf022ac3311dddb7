"""Wrong input: exit status 2, one line that names the key or path, the value and the remedy, and nothing written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_run import TINY, Outcome, assert_refused, finished_run, glasma, write_tiny

#: name: (what replaces the tiny run's keys, what the line must contain)
WRONG_KEYS: dict[str, tuple[list[str], list[str]]] = {
    "misspelt key": (["run.sed=3"], ["run.sed = 3", "unknown key", "did you mean seed?"]),
    "misspelt key of the lattice": (
        ["lattice.transverse_cell=8"],
        ["lattice.transverse_cell = 8", "did you mean transverse_cells?"],
    ),
    "misspelt section": (["latice.group=SU(2)"], ["latice", "unknown key", "did you mean lattice?"]),
    "nothing like a key": (["run.zzz=3"], ["run.zzz = 3", "known here: name, seed, backend, threads, precision, links"]),
    "length where an energy is due": (["nuclei.g2mu=2 fm"], ["nuclei.g2mu = '2 fm'", "unit fm does not fit", "GeV"]),
    "energy where a length is due": (
        ["lattice.transverse_length=2 GeV"],
        ["lattice.transverse_length = '2 GeV'", "GeV", '"0.5 fm"'],
    ),
    "unknown unit": (["nuclei.radius=7 miles"], ["nuclei.radius = '7 miles'", "miles", "fm"]),
    "number without a unit": (["nuclei.g2mu=2.0"], ["nuclei.g2mu = 2.0", "with a unit", '"0.2 GeV"']),
    "text without a number": (["evolution.end_time=soon"], ["evolution.end_time = 'soon'", '"0.5 fm"']),
    "two dots in a number": (["evolution.end_time=1.2.3 fm"], ["evolution.end_time = '1.2.3 fm'", "not a number"]),
    "number beyond all bounds": (["lattice.transverse_length=1e999 fm"], ["lattice.transverse_length", "finite"]),
    "negative mass": (
        ["nuclei.infrared_regulator=-0.2 GeV"],
        ["nuclei.infrared_regulator = '-0.2 GeV'", "greater than or equal to 0"],
    ),
    "negative g2mu": (["nuclei.g2mu=-2 GeV"], ["nuclei.g2mu = '-2 GeV'", "greater than 0", "g²μ"]),
    "negative length": (["lattice.transverse_length=-2 fm"], ["lattice.transverse_length = '-2 fm'", "greater than 0"]),
    "zero end time": (["evolution.end_time=0 fm"], ["evolution.end_time = '0 fm'", "greater than 0"]),
    "zero coupling": (["nuclei.coupling=0"], ["nuclei.coupling = 0", "greater than 0"]),
    "infinite coupling": (["nuclei.coupling=inf"], ["nuclei.coupling = inf", "finite"]),
    "no cells": (["lattice.transverse_cells=0"], ["lattice.transverse_cells = 0", "greater than or equal to 4"]),
    "too few cells along the beam": (["lattice.longitudinal_cells=8"], ["lattice.longitudinal_cells = 8", "equal to 16"]),
    "half a cell": (["lattice.transverse_cells=8.5"], ["lattice.transverse_cells = 8.5", "integer"]),
    "cells in words": (["lattice.transverse_cells=many"], ["lattice.transverse_cells = 'many'", "integer"]),
    "negative seed": (["run.seed=-1"], ["run.seed = -1", "greater than or equal to 0", "seed of the colour charges"]),
    "negative threads": (["run.threads=-2"], ["run.threads = -2", "0 takes all cores"]),
    "name with a slash": (["run.name=a/b"], ["run.name = 'a/b'", "pattern"]),
    "unknown group": (["lattice.group=SU(4)"], ["lattice.group = 'SU(4)'", "'SU(2)' or 'SU(3)'"]),
    "unknown scheme": (["evolution.scheme=euler"], ["evolution.scheme = 'euler'", "'leapfrog'"]),
    "unknown precision": (["run.precision=float16"], ["run.precision = 'float16'", "'float64' or 'float32'"]),
    "unknown system": (["nuclei.system=triple"], ["nuclei.system = 'triple'", "'collision' or 'single'"]),
    "unknown source": (["nuclei.source=kln"], ["nuclei.source = 'kln'", "'mv' or 'file'"]),
    "unknown region": (["evolution.region=half"], ["evolution.region = 'half'", "'active' or 'whole'"]),
    "cutoff below the regulator": (
        ["nuclei.ultraviolet_cutoff=0.3 GeV"],
        ["nuclei.ultraviolet_cutoff = 0.3 GeV", "above infrared_regulator = 0.4 GeV", "raise it"],
    ),
    "cutoff below the lowest momentum of the box": (
        ["nuclei.ultraviolet_cutoff=1 GeV"],
        ["nuclei.ultraviolet_cutoff = 1 GeV", "lowest momentum 1.24 GeV", "raise it"],
    ),
    "energy and width": (["nuclei.sqrt_s_nn=200 GeV"], ["nuclei.sqrt_s_nn", "sqrt_s_nn and width", "exactly one"]),
    "Lorentz factor and width": (["nuclei.gamma=100"], ["gamma and width", "exactly one"]),
    "Lorentz factor below 1": (["nuclei.gamma=0.5"], ["nuclei.gamma = 0.5", "greater than 1"]),
    "profile cut off too early": (["nuclei.profile_cutoff=1"], ["nuclei.profile_cutoff = 1", "greater than or equal to 3"]),
    "nucleus thinner than two cells": (
        ["nuclei.width=0.005 fm"],
        ["nuclei.width = 0.005", "thinner than 2 cells", "lattice.longitudinal_cells = 320"],
    ),
    "nuclei that overlap at the start": (
        ["nuclei.separation=0.03 fm"],
        ["nuclei.separation = 0.03 fm", "overlap", "at least 0.125 fm"],
    ),
    "separation of a single nucleus": (
        ["nuclei.system=single", "nuclei.separation=0.2 fm"],
        ["nuclei.separation = 0.2 fm", "single nucleus", "remove it"],
    ),
    "no sheets": (["nuclei.sheets=0"], ["nuclei.sheets = 0", "greater than or equal to 1", "colour sheets"]),
    "sheets thinner than two cells": (
        ["nuclei.sheets=2"],
        ["nuclei.sheets = 2", "σ/N_s = 0.00625 fm", "thinner than 2 cells", "use at most 1", "lattice.longitudinal_cells"],
    ),
    "no correlation length": (
        ["nuclei.correlation_length=0 fm"],
        ["nuclei.correlation_length = '0 fm'", "greater than 0", "every depth"],
    ),
    "correlation length below two cells": (
        ["nuclei.correlation_length=0.005 fm"],
        ["nuclei.correlation_length = 0.005 fm", "shorter than 2 cells", "lattice.longitudinal_cells = 320"],
    ),
    "sheets and correlation length": (
        ["nuclei.sheets=2", "nuclei.correlation_length=0.05 fm"],
        ["nuclei.sheets = 2", "cannot be combined with correlation_length", "remove one"],
    ),
    "file of Wilson lines for the model": (
        ["nuclei.path=x.h5"],
        ["nuclei.path = ", "x.h5", 'no meaning with source = "mv"', "remove it"],
    ),
    "empty path": (["nuclei.path="], ["nuclei.path = ''", "at least 1 character", "HDF5"]),
    "no file of Wilson lines": (["nuclei.source=file"], ["nuclei.path: is missing", "set path in [nuclei]", "HDF5"]),
    "charges and a file": (
        ["nuclei.source=file", "nuclei.path=x.h5"],
        ["nuclei.g2mu = 2", 'no meaning with source = "file"', "remove it"],
    ),
    "unstable time step": (["evolution.substeps=1"], ["evolution.substeps = 1", "1.002", "use at least 2"]),
    "tolerance that is none": (
        ["evolution.scheme=semi_implicit", "evolution.tolerance=0.5"],
        ["evolution.tolerance = 0.5", "less than or equal to 0.01", "semi_implicit"],
    ),
    "no iterations": (["evolution.max_iterations=0"], ["evolution.max_iterations = 0", "greater than or equal to 1"]),
    "a single nucleus without a collision": (
        ["evolution.scheme=boost_invariant", "nuclei.system=single"],
        ["nuclei.system", "single", "no boost-invariant limit"],
    ),
    "proper time steps too long": (
        ["evolution.scheme=boost_invariant", "evolution.substeps=1"],
        ["evolution.substeps = 1", "a_T/√2", "use at least 2"],
    ),
    "nuclei too thin even for the semi-implicit scheme": (
        ["evolution.scheme=semi_implicit", "nuclei.width=0.004 fm"],
        ["nuclei.width = 0.004", "thinner than 1 cells", "longitudinal_cells = 200"],
    ),
    "no substeps": (["evolution.substeps=0"], ["evolution.substeps = 0", "greater than or equal to 1"]),
    "box too short": (
        ["evolution.end_time=0.5 fm"],
        ["lattice.longitudinal_length = 0.8 fm", "too short", "use at least 1.1", "evolution.end_time"],
    ),
    "snapshot after the end": (["output.snapshots=['0.5 fm']"], ["output.snapshots = 0.5 fm", "outside the run", "0.12 fm"]),
    "snapshot before the start": (
        ["output.snapshots=['-1 fm']"],
        ["output.snapshots = -1 fm", "outside the run", "remove or move"],
    ),
    "snapshot without a unit": (["output.snapshots=[0.1]"], ["output.snapshots = 0.1", "with a unit"]),
    "snapshot that is no list": (["output.snapshots='0.1 fm'"], ["output.snapshots = '0.1 fm'", "list"]),
    "measurements further apart than the run is long": (
        ["observables.interval=1 fm"],
        ["observables.interval = 1 fm", "longer than the run of 0.1825 fm", "shorten it"],
    ),
    "no time between measurements": (["observables.interval=0 fm"], ["observables.interval = '0 fm'", "greater than 0"]),
    "compression beyond gzip's": (["output.compression=11"], ["output.compression = 11", "less than or equal to 9"]),
    "no time between checkpoints": (
        ["output.checkpoint_interval=0 fm"],
        ["output.checkpoint_interval = '0 fm'", "greater than 0"],
    ),
    "zero tolerance": (["tolerances.gauss=0"], ["tolerances.gauss = 0", "greater than 0", "1e-12"]),
    "more memory than there is": (
        ["lattice.transverse_cells=100000", "lattice.transverse_length=10000 fm"],
        ["lattice.transverse_cells, lattice.longitudinal_cells = 100000, 128", "GiB", 'run.precision = "float32"'],
    ),
    "more sites than an integer holds": (
        ["lattice.transverse_cells=10000000000", "lattice.transverse_length=1e9 fm"],
        ["lattice.transverse_cells", "10000000000", "GiB", "fewer cells"],
    ),
    "override without a value": (["run.seed"], ["--set run.seed", "section.key=value"]),
    "override without a key": (["=3"], ["--set =3", "section.key=value"]),
    "override with an empty part": (["run..seed=3"], ["--set run..seed=3", "section.key=value"]),
    "override below a key": (["run.seed.x=3"], ["--set run.seed.x=3", "seed is not a section"]),
    "override of a section": (["run=3"], ["run = 3", "section"]),
    "override with nothing": (["run.seed="], ["run.seed = ''", "integer"]),
}


@pytest.mark.parametrize("name", WRONG_KEYS)
def test_wrong_key_or_value_is_refused(name: str, tmp_path: Path) -> None:
    overrides, expected = WRONG_KEYS[name]
    options = [word for override in overrides for word in ("--set", override)]
    config = write_tiny(tmp_path)
    assert_refused(glasma("run", config, *options, "--out", tmp_path / "out"), *expected)
    assert list(tmp_path.iterdir()) == [config]


def without(*words: str) -> str:
    return "\n".join(line for line in TINY.splitlines() if not any(word in line for word in words))


WRONG_FILES: dict[str, tuple[bytes, list[str]]] = {
    "not TOML": (b"run: {name: tiny}\n", ["config", "not valid TOML", "line 1"]),
    "a key twice": ((TINY + 'snapshots = ["0 fm"]\n').encode(), ["not valid TOML", "overwrite"]),
    "binary": (bytes(range(256)), ["config", "not a text file"]),
    "empty": (b"", ["run: is missing", "[run]"]),
    "no section": (without("[lattice]").encode(), ["run.transverse_cells = 8", "unknown key"]),
    "no section of the evolution": (without("[evolution]", "end_time").encode(), ["evolution: is missing", "[evolution]"]),
    "no seed": (without("seed").encode(), ["run.seed: is missing", "set seed in [run]", "seed of the colour charges"]),
    "no charges": (without("g2mu").encode(), ["nuclei.g2mu: is missing", "set g2mu in [nuclei]", "g²μ"]),
    "regulator and a file": (
        without("g2mu").replace("[nuclei]", '[nuclei]\nsource = "file"\npath = "x.h5"').encode(),
        ["nuclei.infrared_regulator = 0.4", 'no meaning with source = "file"', "remove it"],
    ),
    "no cells along the beam": (
        without("longitudinal_cells").encode(),
        ["lattice.longitudinal_cells: is missing", "set longitudinal_cells in [lattice]", "boost_invariant"],
    ),
    "correlation length of nuclei without thickness": (
        without("width", "longitudinal")
        .replace("[evolution]", 'correlation_length = "0.1 fm"\n[evolution]\nscheme = "boost_invariant"')
        .encode(),
        ["nuclei.correlation_length = 0.1 fm", "needs the thickness", "nuclei.width"],
    ),
    "no end": (without("end_time").encode(), ["evolution.end_time: is missing", "set end_time in [evolution]"]),
    "no energy": (without("width").encode(), ["nuclei.sqrt_s_nn, nuclei.gamma, nuclei.width = none", "exactly one"]),
    "energy below two nucleon masses": (
        TINY.replace('width = "0.0125 fm"', 'sqrt_s_nn = "1.5 GeV"').encode(),
        ["nuclei.sqrt_s_nn = 1.5 GeV", "2 m_N", "raise it"],
    ),
    "infinite Lorentz factor": (TINY.replace('width = "0.0125 fm"', "gamma = inf").encode(), ["nuclei.gamma = inf", "finite"]),
    "Lorentz factor that is no number": (TINY.replace('width = "0.0125 fm"', "gamma = nan").encode(), ["nuclei.gamma = nan"]),
    "section that is a key": (b"run = 3\n" + TINY.replace("[run]", "[lattice.run]").encode(), ["run = 3"]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_FILES)
@pytest.mark.parametrize("command", ["run", "info"])
def test_wrong_configuration_file_is_refused(command: str, name: str, tmp_path: Path) -> None:
    content, expected = WRONG_FILES[name]
    config = tmp_path / "config.toml"
    config.write_bytes(content)
    options = ["--out", tmp_path / "out"] if command == "run" else []
    assert_refused(glasma(command, config, *options), *expected)
    assert list(tmp_path.iterdir()) == [config]


def test_missing_configuration_is_refused(tmp_path: Path) -> None:
    assert_refused(glasma("run", tmp_path / "none.toml"), f"{tmp_path}/none.toml", "No such file", "give the path")


def test_directory_instead_of_a_configuration_is_refused(tmp_path: Path) -> None:
    assert_refused(glasma("run", tmp_path), str(tmp_path), "directory", "give the path")


@pytest.mark.parametrize("command", ["run", "info", "check", "resume", "report"])
def test_path_beyond_the_longest_name_is_refused(command: str, tmp_path: Path) -> None:
    assert_refused(glasma(command, tmp_path / ("x" * 300)), "xxx", "too long")


COMMAND_LINES = {
    "unknown command": (["fly"], ["fly", "glasma --help"]),
    "no configuration": (["run"], ["CONFIG", "glasma run --help"]),
    "unknown option": (["run", "x.toml", "--fast"], ["--fast", "glasma run --help"]),
    "option without its value": (["run", "x.toml", "--out"], ["--out", "argument"]),
    "one argument too many": (["check", "a", "b"], ["(b)", "glasma check --help"]),
}


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_wrong_command_line_is_refused(name: str) -> None:
    arguments, expected = COMMAND_LINES[name]
    assert_refused(glasma(*arguments), *expected)


@pytest.mark.parametrize("command", ["check", "resume", "report", "info"])
def test_directory_that_does_not_exist_is_refused(command: str, tmp_path: Path) -> None:
    assert_refused(glasma(command, tmp_path / "none"), f"{tmp_path}/none", "give")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["check", "resume", "report", "info"])
def test_directory_without_a_run_is_refused(command: str, tmp_path: Path) -> None:
    assert_refused(glasma(command, tmp_path), str(tmp_path), "run.json is missing", "give the --out directory")


def test_info_on_a_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    assert_refused(glasma("info", path), str(path), "nothing that glasma knows", "give")


@pytest.mark.parametrize("place", ["file/out", "/proc/out", "/proc/self/out"])
def test_output_that_cannot_be_made_is_refused(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / place
    assert_refused(glasma("run", write_tiny(tmp_path), "--out", out), str(out), "choose another --out directory")


def test_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "file"
    out.write_text("in the way")
    assert_refused(glasma("run", write_tiny(tmp_path), "--out", out), str(out), "choose another --out directory")
    assert out.read_text() == "in the way"


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_directory_with_foreign_files_is_refused(overwrite: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    assert_refused(
        glasma("run", write_tiny(tmp_path), "--out", out, *overwrite), str(out), "not a run of glasma", "another --out"
    )
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]


def test_results_of_another_run_are_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(finished_run(), out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert_refused(glasma("run", write_tiny(tmp_path), "--out", out), str(out), "--overwrite", f"glasma resume {out}")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_wrong_configuration_does_not_remove_earlier_results(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(finished_run(), out)
    config = write_tiny(tmp_path)
    assert_refused(glasma("run", config, "--set", "evolution.substeps=1", "--out", out, "--overwrite"), "evolution.substeps")
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in finished_run().iterdir())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "none.toml"], "none.toml"),
        (["run", "tiny.toml", "--set", "run.sed=1", "--out", "out"], "did you mean seed?"),
        (["resume", "none"], "none: is not a directory"),
        (["info", "text.h5"], "text.h5"),
    ],
)
def test_refusals_of_the_command_as_a_process(arguments: list[str], expected: str, tmp_path: Path) -> None:
    write_tiny(tmp_path)
    (tmp_path / "text.h5").write_text("no fields here")
    command = [sys.executable, "-m", "glasma.cli", *arguments]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert_refused(Outcome(process.returncode, process.stdout, process.stderr), expected)
    assert process.stdout == ""
    assert not (tmp_path / "out").exists()
