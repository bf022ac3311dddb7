"""Where the fields can change: the nuclei, their wakes, and the light cone of the collision.

Ahead of a nucleus the field is the vacuum, or the static pure gauge that the other one left; far behind the place where it
started it is static pure gauge too.  So only the planes that light has reached need to move.  On a lattice a little runs ahead
of light: an evanescent field, which the dispersion of the leapfrog lets a nucleus push before it.  The region therefore also
grows wherever the field at its edge is above rounding, and what it leaves out is below it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glasma.backend import Workers
from glasma.lattice.fields import Fields
from glasma.lattice.grid import Grid, Interval

#: Cells beyond the charges that move from the start.
MARGIN = 8


def start_active_region(fields: Fields, workers: Workers, noise: float = 0.0) -> None:
    """Let only the nuclei and a margin around them move; fields up to `noise` times the largest count as none."""
    fields.region = light_cone(fields.grid, [(c.first, c.first + c.cells) for c in fields.charges], 0)
    # One component at a time: the absolute values of all of E would be the largest array of the start.
    largest = max(float(np.abs(component).max()) for direction in fields.E for component in direction)
    fields.still = max(float(np.finfo(fields.dtype).eps), noise) * float(workers.largest(largest))


def light_cone(grid: Grid, slabs: Sequence[Interval], moves: int) -> list[Interval]:
    """Disjoint ascending intervals [z0, z1) that light from the slabs has reached after some steps, with the margin."""
    spread = MARGIN + moves // grid.substeps
    return _merged(grid, [(z0 - spread, z1 + spread) for z0, z1 in slabs])


def grow_active_region(fields: Fields, workers: Workers, reach: int = 1) -> None:
    """Move the edges with light, and further where a field has come to them.

    Parameters
    ----------
    reach : int
        Cells by which the field can move in a step.
    """
    light = int(fields.step % fields.grid.substeps == 0)
    ends = [[(z0, z0 + reach), (z1 - reach, z1)] for z0, z1 in fields.region]
    here = [[_moves(fields, workers.own_along_z([end])) for end in both] for both in ends]
    grown = []
    for (z0, z1), (first, last) in zip(fields.region, workers.largest(np.array(here, float)) > 0, strict=True):
        grown.append((z0 - (reach + 1 if first else light), z1 + (reach + 1 if last else light)))
    fields.region = _merged(fields.grid, grown)


def _moves(fields: Fields, intervals: Sequence[Interval]) -> bool:
    """Whether the electric field is above rounding in one of the planes z0 ≤ z < z1."""
    return any(float(np.abs(fields.E[..., z]).max()) > fields.still for z0, z1 in intervals for z in range(z0, z1))


def _merged(grid: Grid, intervals: Sequence[Interval]) -> list[Interval]:
    first, last = grid.interior
    merged: list[Interval] = []
    for z0, z1 in sorted((max(first, z0), min(last, z1)) for z0, z1 in intervals):
        if merged and z0 <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(z1, merged[-1][1]))
        else:
            merged.append((z0, z1))
    return merged
