"""New datasets of a file, and the planes of them that a process writes.

A single process writes all planes, a rank those that it holds: into a file of its own, where there are no others, or into one
that all ranks write at once (`glasma.io.together`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import h5py
import numpy as np

from glasma.domain.slab import Slab
from glasma.io.fingerprint import Fingerprint
from glasma.io.parts import mark_parts

#: A rank gives at most so many bytes to MPI at once: lengths of more than 2³¹ are too much for some.
BYTES_AT_ONCE = 2**28


class Written:
    """A new dataset, of which this process writes all that is in the file.

    Parameters
    ----------
    group, name
        Where it is made.
    shape : tuple of int
        With the planes that this process writes.
    dtype
    axis : int
        Which one is x.
    cut_along_z : bool
        Whether ranks along z have planes of their own of the last axis.
    chunks : tuple of int, optional
        Clipped to the shape.
    options
        As for h5py.
    """

    def __init__(
        self,
        group: h5py.Group,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype,
        axis: int,
        cut_along_z: bool = True,
        chunks: tuple[int, ...] | None = None,
        **options: Any,
    ) -> None:
        self.planes, self._axis, self._cut_along_z, self._fingerprint = shape[axis], axis, cut_along_z, Fingerprint()
        whole = self._whole(shape)
        clipped = chunks and tuple(map(min, chunks, whole))
        self.data = group.create_dataset(name, whole, dtype, chunks=clipped, **options)

    def _whole(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the dataset."""
        return shape

    def blocks(self, height: int | None = None) -> list[tuple[int, int]]:
        """First and last own planes of what is written at once, `height` at most; empty while other ranks write more."""
        height = height or max(1, self.planes)
        return [(x, min(x + height, self.planes)) for x in range(0, self.planes, height)]

    def write(self, values: np.ndarray, entry: tuple[int, ...] = (), x0: int = 0) -> None:
        """Write the own planes from x0 on; their axis comes first after `entry`.  All ranks do it together."""
        self._fingerprint.add(values)
        self.data[(*entry, slice(x0, x0 + len(values)))] = values

    def finish(self) -> None:
        """Add the fingerprint of what was written."""
        self.data.attrs["fingerprint"] = np.bytes_(self._fingerprint.text().encode())


class WrittenTogether(Written):
    """A new dataset of the whole lattice, of which each rank writes its planes.

    Whatever changes the file is done by all ranks with the same values, as MPI wants it.
    """

    def __init__(self, slab: Slab, *where: Any, **how: Any) -> None:
        self._slab = slab
        # Every value is written by some rank: no zeros before.
        super().__init__(*where, fill_time="never", **how)
        self._cut = self._cut_along_z and slab.parts[1] > 1
        self._has_planes = self._cut_along_z or slab.place[1] == 0
        # What lies on the disk as in the memory of a rank is written by it alone; the rest in exchange with the others.
        self._transfer = _transfer(together=self._cut or self.data.chunks is not None)

    def _whole(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        nx, _, nz = self._slab.whole.shape
        whole = [*shape[: self._axis], nx, *shape[self._axis + 1 :]]
        if self._cut_along_z and self._slab.parts[1] > 1:
            whole[-1] = nz
        return tuple(whole)

    def blocks(self, height: int | None = None) -> list[tuple[int, int]]:
        """As many on every rank, and cut where rows of chunks are."""
        if height is None:
            of_plane = int(np.prod(self.data.shape[self._axis + 1 :])) * self.data.dtype.itemsize
            height = max(1, BYTES_AT_ONCE // max(1, of_plane))
        cut = [_rows(first, last, height) for first, last in pairwise(self._slab.bounds)]
        own, most = cut[self._slab.place[0]], max(map(len, cut))
        return own + [(self.planes, self.planes)] * (most - len(own))

    def write(self, values: np.ndarray, entry: tuple[int, ...] = (), x0: int = 0) -> None:
        """Write the own planes from x0 on, which may be none."""
        there = self.data.id.get_space()
        if not self._has_planes or not values.size:
            there.select_none()
            here, values = h5py.h5s.create_simple((1,)), np.zeros(1, self.data.dtype)
            here.select_none()
        else:
            self._fingerprint.add(values)
            z0 = self._slab.bounds_along_z[self._slab.place[1]] if self._cut else 0
            start = (*entry, self._slab.first + x0, *(0 for _ in values.shape[1:-1]), z0)
            there.select_hyperslab(start, (1,) * len(entry) + values.shape)
            here, values = h5py.h5s.create_simple(values.shape), np.ascontiguousarray(values)
        self.data.id.write(here, there, values, dxpl=self._transfer)

    def finish(self) -> None:
        """Add the fingerprint of what each rank has written."""
        texts = self._slab.ranks.of_each(self._fingerprint.text() if self._has_planes else None)
        along = self._slab.bounds_along_z if self._cut else None
        mark_parts(self.data, [text for text in texts if text is not None], self._slab.bounds, self._axis, along)


#: What makes a new dataset, as `Written` does.
New = Callable[..., Written]


def new_datasets(slab: Slab | None, together: bool) -> New:
    """For a file of one process, of a rank, or of all ranks together."""
    return partial(WrittenTogether, slab) if together and slab is not None else Written


def _transfer(together: bool) -> Any:
    """What tells HDF5 whether all ranks write at once, or each when it likes."""
    transfer = h5py.h5p.create(h5py.h5p.DATASET_XFER)
    transfer.set_dxpl_mpio(h5py.h5fd.MPIO_COLLECTIVE if together else h5py.h5fd.MPIO_INDEPENDENT)
    return transfer


def _rows(first: int, last: int, height: int) -> list[tuple[int, int]]:
    """Planes first ≤ x < last, cut at multiples of a height, counted from the first."""
    edges = [first, *range(first - first % height + height, last, height), last]
    return [(x0 - first, x1 - first) for x0, x1 in pairwise(edges)]
