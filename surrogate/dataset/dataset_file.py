"""The HDF5 file of a data set.

With b the blocking, Δτ_c = b a_T/n the coarse step, N the coarse steps and n = 0 … N:

==============================  ==========================================================================================
/<split>                        attributes: events, spacing_fm (a_T), coarse_spacing_fm, fine_substeps, times (N + 1),
                                first (0), anisotropy (1)
/<split>/<event>                attributes: seed, config (JSON: of the engine run that it is, or of the source)
…/U                             (times, 2, link_reals, nx/b, ny/b), links at τ_n = n Δτ_c, 0 is τ = 0+
…/phi                           (times, dim_g, nx/b, ny/b), A_η at τ_n; not in a box without expansion
…/longitudinal                  (dim_g, nx/b, ny/b), b² P_η at τ = 0+, units of the coarse a_T; likewise
…/energies                      (times − 1, 4) float64, row n: ½E_L², ½E_T², ½B_L², ½B_T² at τ_{n+½}, means of the fine lattice,
                                units 1/(g² (b a_T)⁴)
…/fine/<n>/U, A, E              the fine state at τ_n: links (2, link_reals, nx, ny), A_η (dim_g, nx, ny) at τ_n, momenta
                                (P_x, P_y, P_η) (3, dim_g, nx, ny) half a fine step before; at n = 0 those of 0; attribute step
==============================  ==========================================================================================

A collision in 3+1D is looked at in a slab around z = 0 (`surrogate.collisions.slab`) from when the nuclei have left it:

==============================  ==========================================================================================
/<split>                        first: number of the first time; links are at t = number · a_t since the start, a_t = b a_z/n;
                                anisotropy: a_z/a_T
…/U                             (times, 3, link_reals, nx/b, ny/b, planes), one plane more on each side than the slab has
…/energies                      (times − 1, 4) float64, as above, means of the slab
…/front_view                    (nx/b, ny/b) float64, T^00 in the plane z = 0 half a fine step before the last time, mean of the
                                fine sites around each coarse one, units 1/(g² (b a_T)⁴)
==============================  ==========================================================================================

Attributes of the file: format, config (JSON), group, frame, blocking, substeps, precision, versions, commit.  Every array has
a fingerprint.  Components are those of `glasma.group`.  This module needs no PyTorch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from glasma.errors import ConfigError, FileError
from glasma.group import GROUPS
from glasma.io.atomic import reading_hdf5
from glasma.io.fingerprint import fingerprint
from surrogate.dataset.config import DatasetConfig, dataset_config

FORMAT = "glasma dataset 1"
_KIND = "data set of glasma"


@dataclass(frozen=True)
class SplitContent:
    """What a file says of a split.

    Attributes
    ----------
    events, times : int
    lattice : (nx/b, ny/b)
    spacing_fm : float
        Fine a_T.
    fine_substeps : int
        Fine steps in a_T, of a collision in 3+1D in a_z.
    fine : tuple of int
        Numbers of the times with a fine state.
    first : int
        Number of the first time.
    anisotropy : float
        a_z/a_T of a collision in 3+1D, else 1.
    """

    events: int
    times: int
    lattice: tuple[int, int]
    spacing_fm: float
    fine_substeps: int
    fine: tuple[int, ...]
    first: int = 0
    anisotropy: float = 1.0


@dataclass(frozen=True)
class Content:
    """What a file says of itself.

    Attributes
    ----------
    group : str
        "SU(2)" or "SU(3)".
    frame : str
        "milne", "static" or "laboratory".
    blocking, substeps : int
        b and n; the step is 1/n in units of the coarse spacing.
    precision : str
    config : DatasetConfig
    splits : dict
        By name, in the order of the configuration.
    commit : str
    """

    group: str
    frame: str
    blocking: int
    substeps: int
    precision: str
    config: DatasetConfig
    splits: dict[str, SplitContent]
    commit: str


def set_attributes(place: h5py.Group, **values: Any) -> None:
    """Give attributes to a group or file."""
    # Strings of fixed length: those of variable length lie in a heap that libhdf5 may search forever in a damaged file.
    for name, value in values.items():
        place.attrs[name] = np.bytes_(value.encode()) if isinstance(value, str) else value


def text_attribute(place: h5py.Group, name: str) -> str:
    """A string among the attributes; empty if there is none."""
    value = place.attrs.get(name, b"")
    return value.decode() if isinstance(value, bytes) else str(value)


@contextmanager
def reading_dataset(path: str | Path) -> Iterator[h5py.File]:
    """An open data set; raises FileError with one line if it is missing, damaged or something else."""
    if not Path(path).is_file():
        raise FileError(f"{path}: is missing; draw a data set with `glasma dataset`")
    with reading_hdf5(Path(path), _KIND) as file:
        if text_attribute(file, "format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT!r}")
        yield file


def read_content(path: str | Path) -> Content:
    """What a file says of itself.

    Raises
    ------
    FileError
        If it is missing, damaged or something else.
    """
    with reading_dataset(path) as file:
        try:
            config = dataset_config(json.loads(text_attribute(file, "config")))
        except ConfigError as error:
            raise ValueError(f"its attribute config: {error}") from None
        group = text_attribute(file, "group")
        if group not in GROUPS:
            raise ValueError(f"its group is {group!r}")
        splits = {split.name: _split_content(file[split.name], split.events) for split in config.split}
        return Content(
            group,
            text_attribute(file, "frame"),
            int(file.attrs["blocking"]),
            int(file.attrs["substeps"]),
            text_attribute(file, "precision"),
            config,
            splits,
            text_attribute(file, "commit"),
        )


def _split_content(place: h5py.Group, events: int) -> SplitContent:
    if sorted(place) != [event_name(number) for number in range(events)]:
        raise ValueError(f"{place.name} has not the {events} events of its configuration")
    first = place[event_name(0)]
    times, _, _, nx, ny = first["U"].shape[:5]
    fine = tuple(sorted(int(n) for n in first.get("fine", ())))
    of = place.attrs
    spacing, substeps = float(of["spacing_fm"]), int(of["fine_substeps"])
    return SplitContent(
        events, times, (nx, ny), spacing, substeps, fine, int(of.get("first", 0)), float(of.get("anisotropy", 1.0))
    )  # fmt: skip


def event_name(number: int) -> str:
    """The group of an event in its split."""
    return f"{number:04d}"


def altered(path: str | Path) -> list[str]:
    """Names of arrays of a file whose values are no longer those that were written."""
    found: list[str] = []

    def compare(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and text_attribute(item, "fingerprint") != fingerprint(np.asarray(item)):
            found.append(name)

    with reading_dataset(path) as file:
        file.visititems(compare)
    return found
