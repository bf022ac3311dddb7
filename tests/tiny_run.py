"""A collision of a second with files, for the tests of the command line, the files and the resumption."""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from unittest import mock

import h5py
import numpy as np

#: 58 steps; measurements at 1, 7, …, 55, 59, checkpoints at 15, 29, 43, 57, 59, snapshots at 1, 20, 59.
TINY = """\
[run]
name = "tiny"
seed = 5
threads = 1

[lattice]
transverse_cells = 8
transverse_length = "1 fm"
longitudinal_cells = 128
longitudinal_length = "0.8 fm"

[nuclei]
g2mu = "2 GeV"
infrared_regulator = "0.4 GeV"
ultraviolet_cutoff = "8 GeV"
width = "0.0125 fm"
profile_cutoff = 4.0

[evolution]
end_time = "0.12 fm"

[output]
snapshots = ["0 fm"]
compression = 0
"""

FILES = ("run.json", "history.csv", "profiles.h5", "snapshots.h5", "checkpoint.h5", "report.html", "collision.webp")

#: What a snapshot file says about when and from which source tree it was written.
_CIRCUMSTANCES = {"date", "glasmaCommit"}


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit status and output."""

    status: int
    out: str
    err: str


def glasma(*arguments: object) -> Outcome:
    """`glasma ARGUMENTS` in this process."""
    from glasma.cli import main

    out, err, status = StringIO(), StringIO(), 0
    argv = ["glasma", *map(str, arguments)]
    with (
        mock.patch.object(sys, "argv", argv),
        mock.patch.dict(os.environ, COLUMNS="200"),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
    return Outcome(status, out.getvalue(), err.getvalue())


def assert_refused(outcome: Outcome, *expected: str) -> None:
    assert outcome.status == 2, outcome
    assert outcome.err.count("\n") == 1, outcome.err
    assert outcome.err.startswith("glasma: ")
    assert "Traceback" not in outcome.err + outcome.out
    for words in expected:
        assert words in outcome.err


def write_tiny(directory: Path, **replaced: str) -> Path:
    """The tiny configuration as a file; `replaced` maps a key to the TOML text of its value."""
    lines = TINY.splitlines()
    for key, value in replaced.items():
        [at] = [number for number, line in enumerate(lines) if line.startswith(f"{key} =")]
        lines[at] = f"{key} = {value}"
    path = directory / "tiny.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@cache
def finished_run() -> Path:
    """The directory of a finished tiny run, with its report, made once; copy it to change it."""
    holder = tempfile.TemporaryDirectory(prefix="glasma-test-")
    atexit.register(holder.cleanup)
    directory = Path(holder.name) / "out"
    outcome = glasma("run", write_tiny(Path(holder.name)), "--out", directory, "--quiet")
    assert outcome.status == 0, outcome.err
    return directory


def differences(found: Path, expected: Path) -> list[str]:
    """Everything in which the results of two finished runs of one configuration are not identical bit for bit."""
    different = []
    if (found / "history.csv").read_bytes() != (expected / "history.csv").read_bytes():
        different.append("history.csv")
    for name in ("profiles.h5", "checkpoint.h5", "snapshots.h5"):
        one, other = _content(found / name), _content(expected / name)
        different += [f"{name}: {key}" for key in sorted(one.keys() | other.keys()) if one.get(key) != other.get(key)]
    return different + [f"left over: {path.relative_to(found)}" for path in leftovers(found)]


def leftovers(directory: Path) -> Iterable[Path]:
    """Files that a finished run does not have."""
    return sorted(path for path in directory.rglob("*") if path.name not in FILES)


def _content(path: Path) -> dict[str, tuple[object, ...]]:
    """Every dataset and attribute of an HDF5 file, as bytes."""
    content: dict[str, tuple[object, ...]] = {}

    def take(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            content[name] = _bytes(item[()])
        for key, value in item.attrs.items():
            if key not in _CIRCUMSTANCES:
                content[f"{name}@{key}"] = _bytes(value)

    with h5py.File(path, "r") as file:
        take("", file)
        file.visititems(take)
    return content


def _bytes(value: object) -> tuple[object, ...]:
    array = np.asarray(value)
    # The address of an object says nothing; strings of variable length are such.
    return (array.dtype.str, array.shape, array.tolist() if array.dtype.hasobject else array.tobytes())
