"""Who may write into a directory: one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glasma.errors import FileError


@contextmanager
def held(path: Path, wait: bool = False, what: str = "ensemble", remedy: str = "") -> Iterator[None]:
    """Keep other processes that make `what` out of a directory; the hold ends with the process, whatever ends that.

    Raises
    ------
    FileError
        If another process holds it and `wait` is not set; its line ends with `remedy`.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        remedy = remedy or "wait for its end or choose another --out"
        raise FileError(f"{path}: another process works on this {what}; {remedy}") from None
    except OSError:
        pass  # a file system without locks
    try:
        yield
    finally:
        os.close(descriptor)
