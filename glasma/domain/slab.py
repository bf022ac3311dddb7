"""Who owns what: contiguous planes in x, one range a rank, with a copy of one plane of the neighbour on either side.

x is the slowest axis of memory, and periodic; every kernel works plane by plane in it and asks for nothing further than the
next plane.  Along z ranks would have nothing to do until the region that moves comes to them, and charges would travel between
them; along x the region, the charges and the work are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from glasma.backend import T, Workers
from glasma.domain.halo import Halo
from glasma.domain.messages import Messages
from glasma.domain.ranks import MpiRanks, Ranks
from glasma.errors import ConfigError
from glasma.lattice.grid import Grid, Interval

#: Own planes that a rank has at least.
LEAST = 2


class Slab:
    """The planes of one rank.

    Parameters
    ----------
    whole : Grid
        The whole lattice.
    ranks : Ranks

    Raises
    ------
    ConfigError
        If there are more ranks than the lattice has planes for.
    """

    def __init__(self, whole: Grid, ranks: Ranks) -> None:
        self.whole, self.ranks = whole, ranks
        nx = whole.shape[0]
        if nx < LEAST * ranks.size:
            raise ConfigError(
                f"lattice.transverse_cells = {nx}: {ranks.size} ranks would hold fewer than {LEAST} planes each; "
                f"use mpirun -n {nx // LEAST} at most"
            )
        #: First own plane of each rank, and the end.
        self.bounds = [nx * rank // ranks.size for rank in range(ranks.size + 1)]

    @property
    def counts(self) -> list[int]:
        """Own planes of each rank."""
        return [b - a for a, b in zip(self.bounds[:-1], self.bounds[1:], strict=True)]

    @property
    def first(self) -> int:
        """First own plane."""
        return self.bounds[self.ranks.rank]

    @property
    def own(self) -> int:
        """How many planes are own ones; in arrays of the planes held they are 1 … own."""
        return self.counts[self.ranks.rank]

    @property
    def planes(self) -> np.ndarray:
        """Where each plane held is in the whole lattice."""
        return np.arange(self.first - 1, self.first + self.own + 1) % self.whole.shape[0]

    @cached_property
    def grid(self) -> Grid:
        """The lattice of the planes held."""
        return replace(self.whole, shape=(self.own + 2, *self.whole.shape[1:]))

    @property
    def axis(self) -> int:
        """Which axis of fields is x: the fourth in 2+1D, (…, 1, nx, ny)."""
        return 3 if self.whole.shape[2] == 1 else 2

    def read(self, data: Any, into: np.ndarray, entry: tuple[int, ...] = ()) -> None:
        """Read the planes held, whose axis comes first after `entry`, from an HDF5 dataset of the whole lattice."""
        first, last, nx = self.first, self.first + self.own, self.whole.shape[0]
        into[1:-1] = data[(*entry, slice(first, last))]
        into[0], into[-1] = data[(*entry, (first - 1) % nx)], data[(*entry, last % nx)]

    @property
    def part_of_node(self) -> float:
        """The part of the arrays of a run that the ranks on one machine hold together, at most."""
        return self.ranks.on_node * (max(self.counts) + 2) / self.whole.shape[0]

    def workers(self, threads: int, messages: Callable[[int, np.ndarray], Messages] = Messages) -> SlabWorkers:
        """Threads that run kernels on the own planes; `messages` as for `Halo`."""
        return SlabWorkers(self, threads, messages)


class SlabWorkers(Workers):
    """Threads that run kernels on the own planes of a slab, and what ranks have to tell each other."""

    def __init__(self, slab: Slab, threads: int = 1, messages: Callable[[int, np.ndarray], Messages] = Messages) -> None:
        super().__init__(threads)
        assert isinstance(slab.ranks, MpiRanks)
        self.slab, self._ranks = slab, slab.ranks
        self.halo = Halo(slab.ranks, slab.axis, messages)

    def planes_of_all(self, count: int) -> int:
        """Planes of the whole lattice."""
        return self.slab.whole.shape[0]

    def own(self, count: int) -> range:
        """The planes held but the first and the last."""
        return range(1, count - 1)

    def held(self, whole: np.ndarray, axis: int = 0) -> np.ndarray:
        """The planes held, of an array of all planes along an axis."""
        return whole.take(self.slab.planes, axis=axis)

    def whole(self, by_plane: np.ndarray) -> np.ndarray:
        """An array of all planes, (nx, ...), from that of the planes held."""
        return self._ranks.joined(by_plane[1:-1], self.slab.counts)

    def sum(self, by_plane: np.ndarray) -> np.ndarray:
        """The sum over all planes, as a single process takes it."""
        joined = self._ranks.joined_at_first(by_plane[1:-1], self.slab.counts)
        return self._ranks.broadcast(by_plane if joined is None else joined.sum(axis=0))

    def largest(self, values: np.ndarray | float) -> np.ndarray:
        """The largest of what each rank has, element by element; NaN if any is."""
        return self._ranks.largest(np.asarray(values))

    def exchange(self, field: np.ndarray, region: Sequence[Interval] | None = None) -> Callable[[], None]:
        """Begin to renew the copies of the neighbours' planes of a field; what is returned waits until they are there."""
        return self.halo.exchange(field, region)

    def over_copies(self, count: int, task: Callable[[int, int], T]) -> None:
        """Run ``task(first, last)`` on the copies of the neighbours' planes."""
        self.each([(0, 1), (count - 1, count)], lambda bounds: task(*bounds))
