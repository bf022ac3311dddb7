"""Where the fields can change: the light cone of the places where the nuclei started.

Ahead of a nucleus the field is the vacuum, or the static pure gauge that the other one left; behind the place where it
started it is static pure gauge too, but for the light-like wake of the discretisation.
"""

from __future__ import annotations

from glasma.lattice.charges import Charges
from glasma.lattice.grid import Grid

#: Cells beyond the charges that are evolved too; what leaks further is below rounding (tests/evolution).
MARGIN = 8

Interval = tuple[int, int]


def whole_box(grid: Grid) -> list[Interval]:
    """All planes but the frozen ones."""
    return [grid.interior]


def active_region(grid: Grid, charges: tuple[Charges, ...]) -> list[Interval]:
    """Disjoint ascending intervals [z0, z1) of planes that the coming step may change; the whole box without charges."""
    if not charges:
        return whole_box(grid)
    first, last = grid.interior
    reached = []
    for nucleus in charges:
        # Light has come this far, at one cell in n steps.
        spread = MARGIN + 1 + nucleus.moves // nucleus.slots
        reached.append((max(first, nucleus.first - spread), min(last, nucleus.first + nucleus.cells + spread)))
    merged: list[Interval] = []
    for z0, z1 in sorted(reached):
        if merged and z0 <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(z1, merged[-1][1]))
        else:
            merged.append((z0, z1))
    return merged
