"""Damaged, foreign and missing files of a run: exit status 2 and one line that names the file and the remedy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from tests.tiny_run import assert_refused, finished_run, glasma

BROKEN_RUN_JSON = {
    "half": '{"format": "glasma run 1", "status": "fin',
    "foreign": '{"name": "other"}',
    "list": "[1, 2]",
    "without content": '{"format": "glasma run 1"}',
    "with a wrong configuration": None,
    "not text": "\x00",
}


@pytest.mark.parametrize("name", BROKEN_RUN_JSON)
@pytest.mark.parametrize("command", ["check", "resume", "report", "info"])
def test_broken_run_json_is_refused(command: str, name: str, tmp_path: Path) -> None:
    if command == "check" and BROKEN_RUN_JSON[name] is None:
        pytest.skip("a check needs the stored fields alone")
    directory = tmp_path / "out"
    shutil.copytree(finished_run(), directory)
    text = BROKEN_RUN_JSON[name]
    if text is None:
        record = json.loads((directory / "run.json").read_text())
        record["config"]["run"]["seed"] = "seven"
        text = json.dumps(record)
    (directory / "run.json").write_text(text)
    expected = "run.seed" if "seven" in text else "run.json"
    assert_refused(glasma(command, directory), expected)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def text(path: Path) -> None:
    path.write_text("no fields here\n")


def foreign(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["x"] = [1, 2, 3]


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def headless(path: Path) -> None:
    """Only the attributes are there."""
    with h5py.File(path, "a") as file:
        for name in list(file):
            del file[name]


def unreadable_configuration(path: Path) -> None:
    with h5py.File(path, "a") as file:
        for name in ("glasmaConfig", "config"):
            if name in file.attrs:
                file.attrs[name] = "{half"


def with_a_directory_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = [truncated, text, foreign, emptied, headless, unreadable_configuration, with_a_directory_in_its_place]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("command", ["check", "resume", "report"])
@pytest.mark.parametrize("file", ["checkpoint.h5", "snapshots.h5"])
def test_damaged_file_of_a_run_is_refused(file: str, command: str, damage: Callable[[Path], None], tmp_path: Path) -> None:
    directory = tmp_path / "out"
    shutil.copytree(finished_run(), directory)
    damage(directory / file)
    assert_refused(glasma(command, directory), str(directory / file), ";")


@pytest.mark.parametrize("damage", DAMAGES[:-1])
@pytest.mark.parametrize("file", ["checkpoint.h5", "snapshots.h5", "profiles.h5"])
def test_info_on_a_damaged_file_is_refused(file: str, damage: Callable[[Path], None], tmp_path: Path) -> None:
    copy = tmp_path / file
    shutil.copy(finished_run() / file, copy)
    damage(copy)
    if file == "profiles.h5" and damage is unreadable_configuration:
        pytest.skip("it holds no configuration")
    assert_refused(glasma("info", copy), str(copy), ";")


@pytest.mark.parametrize("damage", [truncated, text, foreign, emptied, headless])
@pytest.mark.parametrize("command", ["resume", "report"])
def test_damaged_profiles_are_refused(command: str, damage: Callable[[Path], None], tmp_path: Path) -> None:
    directory = tmp_path / "out"
    shutil.copytree(finished_run(), directory)
    damage(directory / "profiles.h5")
    assert_refused(glasma(command, directory), str(directory / "profiles.h5"), "restore it or run again")


@pytest.mark.parametrize("command", ["resume", "report", "info"])
@pytest.mark.parametrize("content", [b"t_fm,step\n", b"", b"\xff\xfe\x00"])
def test_foreign_history_is_refused(command: str, content: bytes, tmp_path: Path) -> None:
    directory = tmp_path / "out"
    shutil.copytree(finished_run(), directory)
    (directory / "history.csv").write_bytes(content)
    assert_refused(glasma(command, directory), str(directory / "history.csv"), ";")


def test_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "out"
    shutil.copytree(finished_run(), directory)
    record = json.loads((directory / "run.json").read_text())
    record["config"]["run"]["seed"] = 6
    (directory / "run.json").write_text(json.dumps(record))
    assert_refused(glasma("resume", directory), str(directory / "checkpoint.h5"), "another run", "run again")
