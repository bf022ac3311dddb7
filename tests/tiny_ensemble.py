"""An ensemble of a second: four boost-invariant events on 8 × 8 sites."""

from __future__ import annotations

import atexit
import csv
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.tiny_run import glasma

BOOST_INVARIANT = """\
[run]
name = "small"
seed = 3

[lattice]
transverse_cells = 8
transverse_length = "1 fm"

[nuclei]
g2mu = "2 GeV"
infrared_regulator = "0.4 GeV"
ultraviolet_cutoff = "8 GeV"

[evolution]
scheme = "boost_invariant"
end_time = "0.3 fm"
"""

EVENTS = 4


def write_boost_invariant(directory: Path) -> Path:
    path = directory / "small.toml"
    path.write_text(BOOST_INVARIANT, encoding="utf-8")
    return path


@cache
def finished_ensemble() -> Path:
    """The directory of a finished ensemble, two events at once, made once; copy it to change it."""
    holder = tempfile.TemporaryDirectory(prefix="glasma-test-")
    atexit.register(holder.cleanup)
    directory = Path(holder.name) / "out"
    config = write_boost_invariant(Path(holder.name))
    outcome = glasma("ensemble", config, "--events", EVENTS, "--jobs", 2, "--out", directory, "--quiet")
    assert outcome.status == 0, outcome.err
    assert outcome.out == f"report: {directory}/ensemble.html\n"
    return directory


def events(directory: Path) -> list[dict[str, Any]]:
    """What ensemble.json says of the events."""
    return json.loads((directory / "ensemble.json").read_text(encoding="utf-8"))["events"]


def columns(path: Path) -> dict[str, np.ndarray]:
    """The columns of a CSV file."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def same_event(found: Path, expected: Path) -> bool:
    """Whether history and profiles of two runs are identical bit for bit."""
    if (found / "history.csv").read_bytes() != (expected / "history.csv").read_bytes():
        return False
    with h5py.File(found / "profiles.h5") as one, h5py.File(expected / "profiles.h5") as other:
        return one.keys() == other.keys() and all(np.array_equal(one[name][()], other[name][()]) for name in one)
