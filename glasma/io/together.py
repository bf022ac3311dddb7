"""One file that all ranks write at once, where the HDF5 of h5py was built with MPI; elsewhere each writes a part."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import h5py

from glasma.domain.death import ended_by_signal
from glasma.domain.ranks import MpiRanks, Ranks
from glasma.errors import ConfigError
from glasma.io.atomic import PARTIAL, cannot_write, put_in_place

#: Whether ranks write one file: "1" or "0"; without it they do if h5py can.
SWITCH = "GLASMA_PARALLEL_HDF5"

#: So few bytes are left on a disk that is full; what HDF5 keeps for the end takes more than this (bytes) only in large files.
_NOTHING, _MOST = 2**20, 2**26

#: Files that could not be written.  To close one, which all ranks have to do at once, would wait for those that go on writing.
_unfinished: list[h5py.File] = []


def write_one_file(ranks: Ranks) -> bool:
    """Whether these ranks write one file together; all call this at once.

    Raises
    ------
    ConfigError
        If GLASMA_PARALLEL_HDF5 is neither 0 nor 1, or asks for what h5py cannot do.
    """
    if not isinstance(ranks, MpiRanks):
        return False
    wanted, able = ranks.broadcast(os.environ.get(SWITCH, "")), all(ranks.of_each(bool(h5py.get_config().mpi)))
    if wanted not in ("", "0", "1"):
        raise ConfigError(f"{SWITCH} = {wanted!r}: must be 0 or 1; unset it to write one file where h5py can do that")
    if wanted == "1" and not able:
        raise ConfigError(
            f"{SWITCH} = 1: this h5py was built without MPI; build one with (CC=mpicc HDF5_MPI=ON pip install --no-binary=h5py "
            "h5py), or unset it to write a part on each rank"
        )
    return able and wanted != "0"


@contextmanager
def replacing_hdf5_together(path: Path, ranks: Ranks) -> Iterator[h5py.File]:
    """A new HDF5 file of all ranks, which takes the place of `path` when all have closed it.

    Raises
    ------
    FileError
        If the file cannot be written; `path` is then as it was.
    """
    assert isinstance(ranks, MpiRanks)
    aside = path.with_name(ranks.broadcast(f"{PARTIAL}{token_hex(4)}-{path.name}"))
    file: h5py.File | None = None
    try:
        # h5py lets no other thread run while MPI waits for the other ranks.
        with ended_by_signal():
            file = h5py.File(aside, "w", driver="mpio", comm=ranks.communicator)
            yield file
            ranks.barrier()
            ranks.first_does(lambda: _require_room(aside))
            file.flush()
            file.close()
        ranks.first_does(lambda: put_in_place(aside, path))
    except BaseException as error:
        if file is not None and file:
            _unfinished.append(file)
        is_full = isinstance(error, OSError) and shutil.disk_usage(path.parent).free < _NOTHING
        aside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            # HDF5 does not say what MPI has told it.
            raise cannot_write(path, OSError(errno.ENOSPC, "") if is_full else error) from None
        raise


def _require_room(path: Path) -> None:
    """Raise OSError if the disk has no room for what HDF5 writes last: the ranks would wait for each other for ever."""
    trial = path.with_name(f"{path.name}.room")
    try:
        with trial.open("wb") as file:
            file.write(bytes(min(_MOST, max(_NOTHING, path.stat().st_size // 100))))
            file.flush()
            os.fsync(file.fileno())
    finally:
        trial.unlink(missing_ok=True)
