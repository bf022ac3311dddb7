"""Who owns what: contiguous planes in x and along z, with a copy of one plane of the neighbour on either side.

x is the slowest axis of memory, and periodic; every kernel works plane by plane in it and asks for nothing further than the
next plane.  Along x the region that moves, the charges and the work are the same for all ranks.  Along z ranks have nothing to
do until the region has come to them, and charges travel between them; but a long lattice has many planes there, and copies of
one plane of them cost little.  Ranks are a grid of parts, those along z next to each other in number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from glasma.backend import T, Workers, let_places_round_alike
from glasma.domain.along_z import HaloAlongZ
from glasma.domain.halo import Halo
from glasma.domain.messages import Messages
from glasma.domain.ranks import MpiRanks, Ranks
from glasma.domain.traffic import MakeMessages
from glasma.errors import ConfigError
from glasma.lattice.grid import Grid, Interval
from glasma.lattice.storage import on_host
from glasma.memory import Part

#: Own planes that a rank has at least, along either axis.
LEAST = 2


class Slab:
    """The planes of one rank.

    Parameters
    ----------
    whole : Grid
        The whole lattice.
    ranks : Ranks
        Of which `along_z` share the planes along z.

    Raises
    ------
    ConfigError
        If there are more ranks than the lattice has planes for, or no grid of them.
    """

    def __init__(self, whole: Grid, ranks: Ranks) -> None:
        self.whole, self.ranks = whole, ranks
        (nx, _, nz), along_z = whole.shape, ranks.along_z
        if along_z > 1 and nz == 1:
            raise ConfigError(f"--ranks-along-z {along_z}: a boost-invariant lattice has no z; leave the option out")
        if along_z < 1 or ranks.size % along_z:
            raise ConfigError(
                f"--ranks-along-z {along_z}: does not divide the {ranks.size} ranks; "
                f"use mpirun -n {max(1, round(ranks.size / max(1, along_z))) * max(1, along_z)}, or another number along z"
            )
        #: How many parts there are in x and along z.
        self.parts = ranks.size // along_z, along_z
        _require("transverse", nx, self.parts[0], f"mpirun -n {nx // LEAST * along_z}")
        _require("longitudinal", nz, along_z, f"--ranks-along-z {nz // LEAST}")
        if along_z > 1:
            let_places_round_alike()  # the links between two parts are moved by both
        #: First own plane in x of each part, and the end; along z likewise.
        self.bounds, self.bounds_along_z = _bounds(nx, self.parts[0]), _bounds(nz, along_z)
        #: Which part this rank has, in x and along z.
        self.place = divmod(ranks.rank, along_z)
        #: Copies of planes of neighbours: on either side in x; before and behind the own planes along z.
        self.copies = int(self.parts[0] > 1)
        self.below, self.above = int(self.place[1] > 0), int(self.place[1] < along_z - 1)

    @property
    def counts(self) -> list[int]:
        """Own planes in x of each part."""
        return np.diff(self.bounds).tolist()

    @property
    def counts_along_z(self) -> list[int]:
        """Own planes along z of each part."""
        return np.diff(self.bounds_along_z).tolist()

    @property
    def first(self) -> int:
        """First own plane in x."""
        return self.bounds[self.place[0]]

    @property
    def own(self) -> int:
        """How many planes in x are own ones."""
        return self.counts[self.place[0]]

    @property
    def inner(self) -> slice:
        """Where the own planes in x are in arrays of the planes held."""
        return slice(self.copies, self.copies + self.own)

    @property
    def inner_along_z(self) -> slice:
        """Likewise along z."""
        return slice(self.below, self.below + self.counts_along_z[self.place[1]])

    @property
    def planes(self) -> np.ndarray:
        """Where each plane in x that is held is in the whole lattice."""
        return np.arange(self.first - self.copies, self.first + self.own + self.copies) % self.whole.shape[0]

    @property
    def planes_along_z(self) -> slice:
        """Where the planes along z that are held are in the whole lattice."""
        first, last = self.bounds_along_z[self.place[1]], self.bounds_along_z[self.place[1] + 1]
        return slice(first - self.below, last + self.above)

    @cached_property
    def grid(self) -> Grid:
        """The lattice of the planes held."""
        shape = (self.own + 2 * self.copies, *self.whole.shape[1:])
        if self.parts[1] == 1:
            return replace(self.whole, shape=shape)
        held = self.planes_along_z
        shape = (*shape[:2], held.stop - held.start)
        return replace(self.whole, shape=shape, first_plane=held.start, whole_planes=self.whole.shape[2])

    @property
    def axis(self) -> int:
        """Which axis of fields is x: the fourth in 2+1D, (…, 1, nx, ny)."""
        return 3 if self.whole.shape[2] == 1 else 2

    def read(self, data: Any, into: np.ndarray, entry: tuple[int, ...] = (), along_z: bool = True) -> None:
        """Read the planes held, whose axis comes first after `entry`, from an HDF5 dataset of the whole lattice.

        Its last axis is z, of which the planes held are read, unless it is not `along_z`.
        """
        first, last, nx = self.first, self.first + self.own, self.whole.shape[0]
        rest = (..., self.planes_along_z) if along_z and self.parts[1] > 1 else ()
        into[self.inner] = data[(*entry, slice(first, last), *rest)]
        if self.copies:
            into[0], into[-1] = data[(*entry, (first - 1) % nx, *rest)], data[(*entry, last % nx, *rest)]

    def columns_of_all(self, q: np.ndarray, first_cells: Sequence[int]) -> np.ndarray:
        """All columns of charges, (slots, dim_g, nx, ny, cells), of which ranks along z hold those in their own planes.

        Column k of a slot lies in the cell first_cells[slot] + k.  The columns of others are stored where they have room in q
        itself, a component at a time: a second copy would be a large part of what a thin slab holds.
        """
        if self.parts[1] == 1:
            return q
        q, own, column = on_host(q), self.inner_along_z, self.ranks.column
        for slot, start in enumerate(first_cells):
            here = slice(max(0, own.start - start), max(0, own.stop - start))
            for component in q[slot]:
                component[..., : here.start] = component[..., here.stop :] = 0
                component[...] = column.filled(component)
        return q

    @property
    def part(self) -> Part:
        """What this rank holds."""
        own = self.own, self.whole.shape[1], self.counts_along_z[self.place[1]]
        return Part(own, (2 * self.copies, self.below + self.above), is_whole=False)

    def workers(self, threads: int, messages: MakeMessages = Messages) -> SlabWorkers:
        """Threads that run kernels on the own planes; `messages` as for `Traffic`."""
        return SlabWorkers(self, threads, messages)


def _require(name: str, planes: int, parts: int, most: str) -> None:
    """Raise ConfigError if parts would be too thin."""
    if parts > 1 and planes < LEAST * parts:
        raise ConfigError(
            f"lattice.{name}_cells = {planes}: {parts} ranks would hold fewer than {LEAST} planes each; use {most} at most"
        )


def _bounds(planes: int, parts: int) -> list[int]:
    """Where each part begins, and the end."""
    return [planes * part // parts for part in range(parts + 1)]


class SlabWorkers(Workers):
    """Threads that run kernels on the own planes of a slab, and what ranks have to tell each other."""

    def __init__(self, slab: Slab, threads: int = 1, messages: MakeMessages = Messages) -> None:
        super().__init__(threads)
        assert isinstance(slab.ranks, MpiRanks)
        self.slab, self._ranks = slab, slab.ranks
        #: The ranks that hold the same planes along z, and those that hold the same planes in x.
        self._row, self._column = slab.ranks.row, slab.ranks.column
        self.halo = Halo(self._row, slab.axis, messages)
        self.halo_along_z = HaloAlongZ(slab.ranks, slab.parts, slab.place, slab.inner, slab.inner_along_z, messages)

    def planes_of_all(self, count: int) -> int:
        """Planes of the whole lattice."""
        return self.slab.whole.shape[0]

    def own(self, count: int) -> range:
        """The planes held but the copies."""
        return range(self.slab.copies, count - self.slab.copies)

    def held(self, whole: np.ndarray, axis: int = 0) -> np.ndarray:
        """The planes held, of an array of all planes along an axis."""
        return whole.take(self.slab.planes, axis=axis)

    def whole(self, by_plane: np.ndarray) -> np.ndarray:
        """An array of all planes in x, (nx, ...), from that of the planes held."""
        return self._row.joined(by_plane[self.slab.inner], self.slab.counts)

    def sum(self, by_plane: np.ndarray) -> np.ndarray:
        """The sum over all planes in x, as a single process takes it."""
        joined = self._row.joined_at_first(by_plane[self.slab.inner], self.slab.counts)
        return self._row.broadcast(by_plane if joined is None else joined.sum(axis=0))

    def largest(self, values: np.ndarray | float) -> np.ndarray:
        """The largest of what each rank has, element by element; NaN if any is."""
        return self._ranks.largest(np.asarray(values))

    def exchange(
        self, field: np.ndarray, region: Sequence[Interval] | None = None, in_x: int | None = None
    ) -> Callable[[], None]:
        """Begin to renew the copies of the neighbours' planes of a field; what is returned waits until they are there."""
        of_row: Callable[[], None] = _nothing
        if self.slab.copies:
            of_row = self.halo.exchange(field[:in_x], None if region is None else self.moving(region))
        if self.slab.parts[1] == 1:
            return of_row
        of_column = self.halo_along_z.exchange(field, region)

        def arrived() -> None:
            of_row()
            of_column()  # which brings the corners: what has come in x there is not of this step

        return arrived

    def over_copies(self, count: int, task: Callable[[int, int], T]) -> None:
        """Run ``task(first, last)`` on the copies of the neighbours' planes in x."""
        if self.slab.copies:
            self.each([(0, 1), (count - 1, count)], lambda bounds: task(*bounds))

    def moving(self, region: Sequence[Interval]) -> list[Interval]:
        """Of the intervals of z that move, what kernels are run on here.

        Those on an interval move the longitudinal links of the plane before it too: at the beginning of the region, and where
        that is the neighbour's last plane, whose links the copy here needs and whose surroundings are all here.
        """
        own = self.slab.inner_along_z
        if self.slab.parts[1] == 1:
            return list(region)
        clipped = [(max(z0, own.start), min(z1, own.stop)) for z0, z1 in region]
        return [(z0, z1) for z0, z1 in clipped if z0 <= z1]

    def own_along_z(self, intervals: Sequence[Interval]) -> list[Interval]:
        """The parts of intervals of z that are in own planes."""
        return [(z0, z1) for z0, z1 in self.moving(intervals) if z0 < z1]

    def copies_along_z(self, region: Sequence[Interval]) -> list[int]:
        """The copies of the neighbours' planes along z that move."""
        return self.halo_along_z.copies(region)

    def over_copies_along_z(self, count: int, region: Sequence[Interval], task: Callable[[int, int, int, int], Any]) -> None:
        """Run ``task(x0, x1, z, z + 1)`` on the copies of planes along z that move, for all of the `count` planes held in x."""
        for z in self.copies_along_z(region):
            self.each(self._cut(count), lambda bounds: task(bounds[0], bounds[1], z, z + 1))  # noqa: B023

    def along_z(self, values: np.ndarray) -> np.ndarray:
        """An array whose last axis is all planes along z, from that of the planes held."""
        if self.slab.parts[1] == 1:
            return values
        own = np.moveaxis(values[..., self.slab.inner_along_z], -1, 0)
        # Sums are taken in the order of memory.
        return np.ascontiguousarray(np.moveaxis(self._column.joined(own, self.slab.counts_along_z), 0, -1))

    def filled(self, values: np.ndarray) -> np.ndarray:
        """An array of which the ranks along z have each written entries of their own and left zero at the others."""
        return self._column.filled(values)

    def take_over_charges(self, fields: Any) -> None:
        """Let the columns of charges that are about to cross between two ranks be on both."""
        self.halo_along_z.take_over_charges(fields)


def _nothing() -> None:
    """There is no neighbour in x to wait for."""
