"""Files are written aside and renamed, so that a reader never meets half a file and an old one survives a failure."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import h5py

from glasma.errors import FileError

#: Begins the names of files that are still being written; what a kill leaves of them is removed by the next run.
PARTIAL = ".partial-"


def make_directory(path: Path, other: str = "another --out directory") -> None:
    """Make a directory for results, if it is not there; `other` is what a user may choose instead.

    Raises
    ------
    FileError
        If it cannot be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{path}: cannot be made ({error.strerror}); choose {other}") from None
    if not os.access(path, os.W_OK):
        raise FileError(f"{path}: is not writable; choose {other} or mend its permissions")


def refuse_foreign(path: Path, problem: str, other: str = "another --out directory") -> None:
    """Refuse a directory of other files than what a kill left half-written; `problem` says what it lacks, as "not a run".

    Raises
    ------
    FileError
        If there are any.
    """
    if path.is_dir() and any(not file.name.startswith(PARTIAL) for file in path.iterdir()):
        raise FileError(f"{path}: is not empty and {problem}; choose {other}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; on success it takes the place of `path`, else it is removed.

    Raises
    ------
    FileError
        If the file cannot be written, for instance on a full disk; `path` is then as it was.
    """
    # A name of its own: what another process still writes to, perhaps on another machine, is not taken for this one's.
    aside = path.with_name(f"{PARTIAL}{token_hex(4)}-{path.name}")
    try:
        yield aside
        put_in_place(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise cannot_write(path, error) from None
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def put_in_place(aside: Path, path: Path) -> None:
    """Let a file that is complete take the place of another, once it is on the disk."""
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(aside, path)


def write_text(path: Path, text: str) -> None:
    """Replace a text file whole."""
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")


@contextmanager
def replacing_hdf5(path: Path) -> Iterator[h5py.File]:
    """A new HDF5 file that takes the place of `path` when it is complete."""
    with replacing(path) as aside, _Sink(aside, "w+") as sink:
        try:
            with h5py.File(sink, "w") as file:
                yield file
        except Exception:
            # What HDF5 says of a file whose writes failed tells less than the failure itself.
            if sink.failure is None:
                raise
        if sink.failure is not None:
            raise sink.failure


class _Sink(io.FileIO):
    """A file that keeps the first failed write to itself, for HDF5 to write to.

    HDF5 writes its buffers when objects are closed, and h5py can only print an error there: it would be lost, and half a
    file taken for a whole one.
    """

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write all of `data`, or remember why not."""
        view = memoryview(data).cast("B")
        done = 0
        try:
            while self.failure is None and done < len(view):
                done += super().write(view[done:])
        except OSError as error:
            self.failure = error
        return len(view)

    def truncate(self, size: int | None = None, /) -> int:
        """Set the size, or remember why not."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.failure = self.failure or error
            return size or 0


@contextmanager
def reading_hdf5(path: Path, kind: str) -> Iterator[h5py.File]:
    """Open an HDF5 file of glasma's; `kind` says in the error what it should have been.

    Raises
    ------
    FileError
        With one line, if the file is missing, truncated, damaged or not one of glasma's.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except FileNotFoundError:
        raise FileError(f"{path}: is missing; give the directory of a run that has one") from None
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileError(f"{path}: is not a whole {kind} ({detail}); restore it or run again") from None


def remove_partial(directory: Path) -> None:
    """Remove what a killed run left half-written."""
    for leftover in directory.rglob(f"{PARTIAL}*"):
        leftover.unlink(missing_ok=True)


def cannot_write(path: Path, error: OSError) -> FileError:
    """What to raise about a file that could not be written."""
    if error.errno == errno.ENOSPC or "No space left" in str(error):
        return FileError(f"{path}: the disk is full; earlier files are whole, free some space and resume the run")
    reason = error.strerror or str(error)
    return FileError(f"{path}: cannot be written ({reason}); choose another --out directory or mend its permissions")
