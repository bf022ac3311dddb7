"""Mid-rapidity: the planes around z = 0 in which the fields between the nuclei are looked at.

They are as thick as a coarse transverse spacing, |z| < b a_T/2.  Stored are one plane more on each side, which plaquettes and
forces need.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from glasma.lattice.grid import Grid


@dataclass(frozen=True)
class Slab:
    """Planes first ≤ p < last of a coarse lattice, fine planes b·first ≤ p < b·last.

    Attributes
    ----------
    first, last : int
    blocking : int
        b
    """

    first: int
    last: int
    blocking: int

    @classmethod
    def at_midrapidity(cls, grid: Grid, blocking: int) -> Slab:
        """The slab of a fine grid."""
        fine_middle, half = grid.middle, blocking / (2 * grid.a_z)
        first = -int(-(fine_middle - half) // blocking)
        last = int((fine_middle + half) // blocking) + 1
        return cls(first, last, blocking)

    @property
    def fine(self) -> tuple[int, int]:
        """First and one past the last fine plane."""
        return self.blocking * self.first, self.blocking * self.last

    @property
    def stored(self) -> slice:
        """The coarse planes with one more on each side."""
        return slice(self.first - 1, self.last + 1)

    @property
    def stored_fine(self) -> slice:
        """Fine planes whose links make up the stored coarse ones."""
        return slice(self.blocking * (self.first - 1), self.blocking * (self.last + 1))

    def reach_fm(self, grid: Grid) -> float:
        """Largest |z| of what is stored, on the fine grid."""
        z = max(abs(plane - grid.middle) for plane in (self.stored_fine.start, self.stored_fine.stop))
        return float(z * grid.a_z * grid.spacing_fm)


def inner(planes: int) -> slice:
    """The planes of a slab among those that are stored."""
    return slice(1, planes - 1)


def moves(lattice: tuple[int, ...]) -> Tensor:
    """Sites whose forces and plaquettes are known from the stored planes, (nx, ny, planes) bool."""
    mask = torch.zeros(lattice, dtype=torch.bool)
    mask[..., inner(lattice[-1])] = True
    return mask
