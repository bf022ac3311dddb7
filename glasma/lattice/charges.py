"""Colour charges of one nucleus on the lattice, in its own moving frame.

A nucleus moves by one cell in n = a_z/a_t steps, each cell holding n sub-particles a_z/n apart, in slots counted along
the direction of motion.  In every step exactly one slot, `crossing_slot`, leaves its cell for the next; the others stay
where they are.  So nothing is ever moved in memory: a column keeps its place in the array and only the cell in which it
lies, `first_cell`, counts on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from glasma.lattice.storage import on_host


@dataclass
class Charges:
    """Sub-particles of the slab that a nucleus occupies.

    Attributes
    ----------
    q : (n, dim_g, nx, ny, cells) real
        g ρ of each sub-particle column, units a_T⁻³.
    first : int
        Cell along z of the first column before the first move; of a part of a lattice, perhaps outside it.
    direction : +1 or −1
        The nucleus moves with the speed of light along ±z.
    moves : int
        Steps made so far.
    """

    q: np.ndarray
    first: int
    direction: int
    moves: int = 0

    @property
    def slots(self) -> int:
        """n, the sub-particles per cell."""
        return self.q.shape[0]

    @property
    def cells(self) -> int:
        """Columns along z."""
        return self.q.shape[4]

    @property
    def crossing_slot(self) -> int:
        """The slot whose sub-particles cross into the next cell in the coming step."""
        return self.slots - 1 - self.moves % self.slots

    def first_cell(self, slot: int) -> int:
        """Cell in which the first column of a slot now lies."""
        return self.first + self.direction * ((slot + self.moves) // self.slots)

    def occupied(self) -> tuple[int, int]:
        """First and one past the last cell that holds a sub-particle or receives one in the coming step."""
        starts = [self.first_cell(slot) for slot in range(self.slots)]
        return min(starts) - (self.direction < 0), max(starts) + self.cells + (self.direction > 0)

    def in_cells(self, nz: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Of each slot the cells 0 ≤ z < nz in which it has columns, and those, (dim_g, nx, ny, columns).

        Of a part of a lattice, other columns lie in cells that are held elsewhere.
        """
        for slot in range(self.slots):
            start = self.first_cell(slot)
            first, last = max(start, 0), min(start + self.cells, nz)
            if first < last:
                yield slice(first, last), self.q[slot, ..., first - start : last - start]

    def add_density(self, plane: np.ndarray, x: int) -> None:
        """Add g ρ at the plane x to `plane`, (dim_g, ny, nz), in the memory of the host."""
        for cells, columns in self.in_cells(plane.shape[2]):
            plane[..., cells] += on_host(columns[:, x])

    def copy(self) -> Charges:
        """The same charges in an array of their own."""
        return Charges(self.q.copy(), self.first, self.direction, self.moves)
