"""Configurations in HDF5: links with what they were drawn from.

====================  ====================================================================================================
links                 (configurations, D, *lattice, N, N) complex; configuration n is of chain n mod chains
plaquette             (configurations,) ⟨Re tr U_p/N⟩ of each
thermalisation        (sweeps, chains) ⟨Re tr U_p/N⟩ after each sweep before the first configuration
state                 (chains, D, *lattice, N, N) complex128: where the chains stand, for more configurations later
attributes            format, the fields of `glasma.euclidean.sampling.Sampling`, sweeps (made by each chain), versions, commit
====================  ====================================================================================================
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
from glasma.euclidean.sampling import Sampling
from glasma.group import group_named
from glasma.io.atomic import reading_hdf5
from glasma.io.provenance import commit, versions

FORMAT = "glasma configurations 1"
_CHUNK_BYTES = 2**20
_COPIED_AT_ONCE = 256


@dataclass(frozen=True)
class Configurations:
    """A slice of the configurations of a file, with what they were drawn from."""

    #: what was asked for; its count is that of the whole file
    sampling: Sampling
    #: (configurations, D, *lattice, N, N) complex
    links: np.ndarray
    #: (configurations,) ⟨Re tr U_p/N⟩
    plaquettes: np.ndarray


def load_configurations(path: str | Path, first: int = 0, last: int | None = None) -> Configurations:
    """Configurations first ≤ n < last of a file, all by default.

    Raises
    ------
    FileError
        If the file is missing, damaged or holds no configurations.
    ValueError
        If the file does not have the configurations asked for.
    """
    with reading_configurations(path) as (file, sampling):
        last = sampling.count if last is None else last
        inside = 0 <= first <= last <= sampling.count
        if inside:
            return Configurations(sampling, file["links"][first:last], file["plaquette"][first:last])
    raise ValueError(f"configurations {first} to {last}: {path} has those from 0 to {sampling.count}")


@contextmanager
def reading_configurations(path: str | Path) -> Iterator[tuple[h5py.File, Sampling]]:
    """An open file of configurations and what they were drawn from; raises FileError as `load_configurations` does."""
    if not Path(path).is_file():
        raise FileError(f"{path}: is missing; draw configurations with `glasma sample`")
    with reading_hdf5(Path(path), "file of configurations of glasma") as file:
        if file.attrs.get("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT!r}")
        yield file, _checked_sampling(file)


class ConfigurationAppender:
    """Fills a new HDF5 file, a round of configurations at a time."""

    def __init__(self, file: h5py.File, sampling: Sampling) -> None:
        self._file, self._sampling = file, sampling
        self.done = 0
        shape = _links_shape(sampling)
        each = int(np.prod(shape[1:])) * np.dtype(sampling.precision).itemsize
        chunk = (max(1, min(sampling.count, _CHUNK_BYTES // each)), *shape[1:])
        self._links = file.create_dataset("links", shape, sampling.precision, chunks=chunk, maxshape=shape)
        self._plaquettes = file.create_dataset("plaquette", shape[:1], np.float64, chunks=True, maxshape=shape[:1])

    def append(self, links: np.ndarray, plaquettes: np.ndarray) -> None:
        """Add configurations, no more than are wanted."""
        take = min(len(links), self._sampling.count - self.done)
        self._links[self.done : self.done + take] = links[:take]
        self._plaquettes[self.done : self.done + take] = plaquettes[:take]
        self.done += take

    def copy(self, earlier: h5py.File) -> None:
        """Add all configurations of another file."""
        count = len(earlier["links"])
        for first in range(0, count, _COPIED_AT_ONCE):
            part = slice(first, min(first + _COPIED_AT_ONCE, count))
            self.append(earlier["links"][part], earlier["plaquette"][part])

    def finish(self, state: np.ndarray, sweeps: int, count: int, thermalisation: np.ndarray) -> None:
        """Cut the file to the first `count` configurations and describe it; the chains stood at `state` after them."""
        self._links.resize(count, axis=0)
        self._plaquettes.resize(count, axis=0)
        self._file["state"], self._file["thermalisation"] = state, thermalisation
        described: dict[str, Any] = {**self._sampling.as_dict(), "count": count, "sweeps": sweeps}
        # HDF5 has no unsigned default: a seed above 2^63 needs its type.
        described["seed"] = np.uint64(self._sampling.seed)
        described.update(format=FORMAT, versions=json.dumps(versions()), commit=commit())
        self._file.attrs.update(described)


def _checked_sampling(file: h5py.File) -> Sampling:
    """What the attributes say, if the datasets agree."""
    attrs = file.attrs
    try:
        sampling = Sampling(
            group=str(attrs["group"]),
            shape=tuple(int(side) for side in attrs["shape"]),
            beta=float(attrs["beta"]),
            start=str(attrs["start"]),
            precision=str(attrs["precision"]),
            **{name: int(attrs[name]) for name in _INTEGERS},
        )
    except ConfigError as error:
        raise ValueError(f"its attribute {error}") from None
    expected = {"links": _links_shape(sampling), "plaquette": (sampling.count,)}
    expected["state"] = (sampling.chains, *expected["links"][1:])
    for name, shape in expected.items():
        if file[name].shape != shape:
            raise ValueError(f"{name} has the shape {file[name].shape}, not {shape}")
    return sampling


_INTEGERS = ("count", "seed", "thermalisation", "separation", "overrelaxation", "chains")


def _links_shape(sampling: Sampling) -> tuple[int, ...]:
    n = group_named(sampling.group).COLOURS
    return (sampling.count, len(sampling.shape), *sampling.shape, n, n)
