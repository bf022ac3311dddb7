"""Files that are replaced whole or not at all, and the history that reads itself back to the last bit."""

from __future__ import annotations

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasma.errors import FileError
from glasma.io.atomic import reading_hdf5, remove_partial, replacing, replacing_hdf5, write_text
from glasma.io.fingerprint import fingerprint
from glasma.io.history import COLUMNS, History, load_history
from tests.tiny_run import finished_run

FULL = OSError(errno.ENOSPC, "No space left on device")


def test_file_is_replaced_whole(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let writing fail beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt(), ValueError("other")])
def test_failed_writing_leaves_the_old_file(error: BaseException, tmp_path: Path) -> None:
    def fail() -> None:
        with replacing(tmp_path / "a.txt") as aside:
            aside.write_text("half")
            raise error

    write_text(tmp_path / "a.txt", "old")
    with pytest.raises((FileError, type(error))):
        fail()
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("kib", [0, 1, 2, 8, 64])
def test_any_failed_write_of_hdf5_leaves_the_old_file(kib: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def write() -> None:
        values = np.random.default_rng(1).random((40, 40, 10))
        with replacing_hdf5(tmp_path / "a.h5") as file:
            for name in "xyz":
                file.create_dataset(name, data=values, chunks=(10, 10, 10), compression=1)

    with replacing_hdf5(tmp_path / "a.h5") as file:
        file["x"] = np.arange(5)
    with largest_file(1024 * kib), pytest.raises(FileError, match=r"a\.h5: cannot be written"):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file["x"], np.arange(5))
    assert capfd.readouterr() == ("", "")


def test_write_lost_on_a_disk_that_was_full_for_a_moment_is_not_forgotten(tmp_path: Path) -> None:
    def write() -> None:
        with replacing_hdf5(tmp_path / "a.h5") as file:
            with largest_file(10_000):
                file["x"] = np.ones(5000)
                file.flush()
            file["y"] = np.ones(5000)

    with pytest.raises(FileError, match="cannot be written"):
        write()
    assert not list(tmp_path.iterdir())


def test_error_of_the_writer_itself_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), replacing_hdf5(tmp_path / "a.h5") as file:
        file["x"] = 1 / 0
    assert not list(tmp_path.iterdir())


def test_written_hdf5_is_what_was_written(tmp_path: Path) -> None:
    values = np.random.default_rng(1).random((3, 50, 60))
    with replacing_hdf5(tmp_path / "a.h5") as file:
        file.create_dataset("packed", data=values, compression=1, shuffle=True)
        file["plain"] = values
        file.attrs["name"] = np.bytes_(b"a")
    with reading_hdf5(tmp_path / "a.h5", "file") as file:
        np.testing.assert_array_equal(file["packed"], values)
        np.testing.assert_array_equal(file["plain"], values)
        assert file.attrs["name"] == b"a"


def test_half_written_files_are_removed_and_others_kept(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    for name in (".partial-a", "snapshots/.partial-b", "kept", "snapshots/kept.h5"):
        (tmp_path / name).write_text("x")
    remove_partial(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["kept", "kept.h5"]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.floats(allow_nan=False), min_size=len(COLUMNS) - 2, max_size=len(COLUMNS) - 2), max_size=4))
def test_history_reads_back_every_bit(tmp_path_factory: pytest.TempPathFactory, values: list[list[float]]) -> None:
    path = tmp_path_factory.mktemp("history") / "history.csv"
    names = [name for name in COLUMNS if name not in ("step", "iterations")]
    written = [
        {"step": float(step), "iterations": float(step), **dict(zip(names, row, strict=True))}
        for step, row in enumerate(values)
    ]
    history = History(path)
    history.start()
    for row in written:
        history.append(row)
    assert load_history(path).rows == written
    before = path.read_bytes()
    History(path, load_history(path).rows).start()
    assert path.read_bytes() == before


def test_history_cut_anywhere_gives_its_whole_rows(tmp_path: Path) -> None:
    data = (finished_run() / "history.csv").read_bytes()
    whole = load_history(finished_run() / "history.csv").rows
    path = tmp_path / "history.csv"
    header = data.index(b"\n") + 1
    for cut in range(header, len(data), 97):
        path.write_bytes(data[:cut])
        rows = load_history(path).rows
        complete = data[:cut].count(b"\n") - 1
        assert rows[:complete] == whole[:complete]
        assert len(rows) <= complete + 1


def test_rows_after_a_step_can_be_dropped() -> None:
    history = load_history(finished_run() / "history.csv")
    history.drop_after(19)
    assert [row["step"] for row in history.rows] == [1, 7, 13, 19]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_fingerprint_sees_one_bit(dtype: type) -> None:
    array = np.random.default_rng(1).random((4, 5)).astype(dtype)
    other = array.copy()
    other[2, 3] = np.nextafter(other[2, 3], dtype(2))
    assert fingerprint(array) == fingerprint(array.copy())
    assert fingerprint(array) != fingerprint(other)
    assert fingerprint(np.array([0.0])) != fingerprint(np.array([-0.0]))
