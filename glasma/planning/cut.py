"""How a lattice is cut for many nodes: into how many parts, what each holds and sends, and how long it waits."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import ceil

import numpy as np

from glasma.derived import Derived
from glasma.domain.along_z import bytes_a_step_along_z
from glasma.domain.halo import bytes_a_step
from glasma.domain.slab import LEAST
from glasma.memory import Memory, largest_part
from glasma.planning.machine import Throughput

#: Steps at which it is looked how much of each part along z moves.
_STEPS_LOOKED_AT = 200


@dataclass(frozen=True)
class Cut:
    """A lattice on many nodes, one part each.

    Attributes
    ----------
    parts : (int, int)
        In x and along z.
    node_bytes : int
        Of the process with the largest part.
    """

    parts: tuple[int, int]
    node_bytes: int

    @property
    def nodes(self) -> int:
        """How many parts there are."""
        return self.parts[0] * self.parts[1]


def process_bytes(memory: Memory, rates: Throughput) -> int:
    """What a process takes: its arrays, and what it needs for itself, in the run and in the report."""
    assert rates.process_MiB is not None
    assert rates.report_MiB is not None
    running = max(memory.start, memory.running) + int(rates.process_MiB * 2**20)
    return max(running, memory.report + int(rates.report_MiB * 2**20))


def cut_for(derived: Derived, rates: Throughput, threads: int, size: int) -> Cut:
    """The fewest parts of which a node of `size` bytes holds each, in a process of so many threads.

    Along z, where parts wait for each other, it is cut only if parts in x alone never fit.  Besides its share of the fields
    a part has copies of planes, buffers, the nuclei and all their charges, so it matters how it is cut.  If none fits, it is
    the finest cut.
    """
    shape = derived.grid.shape
    nx, _, nz = shape

    def cut(planes: int, planes_along_z: int) -> Cut:
        """Into parts of so many own planes at most."""
        parts = ceil(nx / planes), ceil(nz / planes_along_z)
        return Cut(parts, process_bytes(Memory(derived, largest_part(shape, parts), threads), rates))

    # All widths that even parts have, the widest first.
    widths = sorted({ceil(nx / count) for count in range(1, max(1, nx // LEAST) + 1)}, reverse=True)
    for width in widths:
        if (found := cut(width, nz)).node_bytes <= size:
            return found
    fitting = []
    for width in widths if nz > 1 else ():
        lengths = range(LEAST, nz + 1)
        longest = bisect_right(lengths, False, key=lambda length: cut(width, length).node_bytes > size)
        if longest > 0:
            fitting.append(cut(width, lengths[longest - 1]))
    if fitting:
        return min(fitting, key=lambda found: (found.nodes, found.node_bytes))
    return cut(min(LEAST, nx), min(LEAST, nz))


def halo_bytes(derived: Derived, parts: tuple[int, int]) -> int:
    """What each node sends in a step of the leapfrog."""
    nx, ny, nz = derived.grid.shape
    number = derived.group.DIMENSION, derived.dtype.itemsize
    if parts[1] == 1:
        return bytes_a_step((nx, ny, nz), *number)
    along_z = bytes_a_step_along_z((ceil(nx / parts[0]), ny, nz), *number)
    return along_z + (bytes_a_step((nx, ny, nz), *number) // parts[1] if parts[0] > 1 else 0)


def busy_part(derived: Derived, along_z: int) -> float:
    """The part of their time that so many parts along z work, if each step takes as long as in the part where most moves."""
    nz, steps = derived.grid.shape[2], derived.last_step - derived.first_step
    if along_z == 1 or steps == 0 or derived.config.evolution.region == "whole":
        return 1.0
    looked_at = np.unique(np.linspace(0, steps - 1, _STEPS_LOOKED_AT).astype(int))
    bounds = np.arange(along_z + 1) * nz // along_z
    intervals = derived.active_intervals(looked_at)
    all_planes, most_planes = 0, 0
    for step in range(len(looked_at)):  # one at a time: parts may be many
        moving = np.zeros(along_z, int)
        for low, high in intervals:
            moving += np.maximum(0, np.minimum(high[step], bounds[1:]) - np.maximum(low[step], bounds[:-1]))
        all_planes, most_planes = all_planes + int(moving.sum()), most_planes + int(moving.max())
    return all_planes / (along_z * most_planes)
