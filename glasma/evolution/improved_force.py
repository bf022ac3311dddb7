"""The kick of an improved action: the kernels one after the other, with the fields that they leave to each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from glasma.backend import Workers
from glasma.evolution.improved_action import REACH, Plane
from glasma.evolution.improved_action_kernels import COLUMNS, RECTANGLE_I, improved_action_kernels
from glasma.evolution.improved_pairs_kernels import frames, improved_pairs_kernels, units
from glasma.evolution.improved_scalar_kernels import DIAGONAL_FIELDS
from glasma.group import su2
from glasma.lattice.storage import field_array

#: Planes by which a derivative reaches beyond the links that move: a cell, its distance to another, and that one's size.
MARGIN = REACH + 2


class Pairs(NamedTuple):
    """Pairs of fields along one axis.

    Attributes
    ----------
    members : (pairs,) int
        Which of the field strengths, or φ.
    kinds : (pairs,) int
        0 for V_B, 1 for V_φ.
    coefficients : (pairs, REACH)
    reach : int
        1 if all are of neighbours, else REACH.
    """

    axis: int
    members: np.ndarray
    kinds: np.ndarray
    coefficients: np.ndarray
    reach: int


class ImprovedForce:
    """V_B and V_φ on one lattice, and their derivatives.

    The workspace, four field strengths and their derivatives for each plane, is 49 numbers a site in the transverse plane for
    SU(2) and 151 for SU(3), 117 and 351 in three dimensions; the diagonal gradient takes 12 and 32 more, rectangles in SU(3) 32
    for each plane.

    Parameters
    ----------
    planes : sequence of Plane
        Terms of V_B.
    group : module
    shape : (nx, ny, nz)
        Of the arrays; the transverse plane is (1, nx, ny) with the links 0 and 1 along the axes 1 and 2.
    dtype : float64 or float32
    workers : Workers
    gradients : sequence of float
        gradient_n of V_φ, empty without φ.
    gradient_diagonal, commutator : float
    """

    def __init__(
        self,
        planes: Sequence[Plane],
        group: ModuleType,
        shape: tuple[int, int, int],
        dtype: np.dtype,
        workers: Workers,
        gradients: Sequence[float] = (),
        gradient_diagonal: float = 0.0,
        commutator: float = 0.0,
    ) -> None:
        self._group, self._shape, self._dtype, self._workers = group, shape, dtype, workers
        self._scalar = bool(gradients)
        self._gradients, self._routes, self._commutator = tuple(gradients), gradient_diagonal, commutator
        self._shift = 1 if self._scalar else 0
        self._planes = [_without_rectangles(plane) if group is su2 else plane for plane in planes]
        self._axes = np.array([plane.axes for plane in planes])
        self._table = np.array([_table(plane) for plane in self._planes])
        self._paired = np.array([commutator != 0 or _has_pairs(plane) for plane in self._planes])
        self._pairs = [pairs for axis in range(3) if (pairs := self._pairs_along(axis))]
        if self._paired.any() and not any(pairs.axis == 2 for pairs in self._pairs):
            # the pass along z closes the ends of the derivatives
            self._pairs.append(Pairs(2, np.zeros(0, int), np.zeros(0, int), np.zeros((0, REACH)), 1))
        self._kernels, self._pair_kernels = improved_action_kernels(group), improved_pairs_kernels(group)
        self._unit = np.asarray(group.IDENTITY, dtype)
        self._frames = [frames(group, dtype) for _ in range(workers.threads)]
        self._lines = [np.zeros((1, 1, 1, 1, shape[2]), dtype) for _ in range(workers.threads)]

        nx, ny, nz = shape
        count, dimension, links = len(planes), group.DIMENSION, 2 if self._scalar else 3

        def fields(number: int, components: int = dimension, used: Any = True) -> np.ndarray:
            # One line stands for what no kernel will touch.
            return field_array((number, components, *((nx, ny) if used else (1, 1)), nz + 2), dtype)

        self._V, self._P, self._S = fields(links, group.LINK_REALS), fields(count, group.LINK_REALS), fields(count, 1)
        self._L, self._W, self._G = fields(4 * count + self._scalar), fields(4 * count + self._scalar), fields(2 * count)
        self._R = fields(4 * count, used=self._table[:, RECTANGLE_I:].any())
        self._D = fields(DIAGONAL_FIELDS, used=self._routes)
        self._none = field_array((1, dimension, 1, 1, 1), dtype)
        # Parts of V: of the local terms, of the way back, of the pairs along each axis.
        parts = [nx * ny, nx * ny, *(units(pairs.axis, shape) for pairs in self._pairs)]
        edges = np.cumsum([0, *parts])
        self._sums = np.zeros((edges[-1], 2))
        self._parts = [self._sums[first:last] for first, last in pairwise(edges)]
        self._kinetic = np.zeros(nx * ny)

    @property
    def nbytes(self) -> int:
        """Of the workspace on the lattice."""
        return sum(array.nbytes for array in (self._V, self._P, self._S, self._L, self._W, self._G, self._R, self._D))

    def _pairs_along(self, axis: int) -> Pairs | None:
        """All pairs along an axis, if there are any."""
        rows: list[tuple[int, int, tuple[float, ...]]] = []
        for p, plane in enumerate(self._planes):
            if axis not in plane.axes:
                if any(plane.across):
                    rows += [(4 * p + n, 0, tuple(c * plane.weight / 4 for c in plane.across)) for n in range(4)]
                continue
            c = tuple(c * plane.weight for c in (plane.first if axis == plane.axes[0] else plane.second).straight)
            if any(c[1:]):
                # the two rows of cells beside the line: the lower ones were brought along the other axis
                lower = 2 if axis == plane.axes[0] else 1
                rows += [(4 * p, 0, tuple(x / 2 for x in c)), (4 * p + lower, 0, tuple(x / 2 for x in c))]
            elif c[0]:
                rows += [(4 * p, 0, c)]
        if axis > 0 and any(self._gradients):
            # −½ c |T^n φ − φ|²
            rows += [(4, 1, tuple(-c for c in self._gradients))]
        if not rows:
            return None
        members, kinds, coefficients = (np.array(column) for column in zip(*rows, strict=True))
        return Pairs(axis, members, kinds, coefficients, REACH if coefficients[:, 1:].any() else 1)

    def kick(
        self,
        U: np.ndarray,
        A: np.ndarray | None,
        E: np.ndarray,
        scale: np.ndarray,
        magnetic: float,
        gradient: float = 0.0,
        interval: tuple[int, int] | None = None,
    ) -> tuple[float, float]:
        """E_i ← E_i − scale_i ∂(magnetic V_B + gradient V_φ)/∂ε_i of U_i → exp(iε) U_i, P_η ← P_η − gradient ∂V_φ/∂φ.

        Parameters
        ----------
        U : (directions, link_reals, nx, ny, nz)
        A : (1, dim_g, nx, ny, nz) or None
            φ
        E : (directions, dim_g, nx, ny, nz)
            The third direction is P_η in the transverse plane.
        scale : (directions, nz)
            Factor of each link, 0 where it does not move.
        magnetic, gradient : float
        interval : (lo, hi)
            Planes along z of which V_B is the sum; without it that axis is periodic.

        Returns
        -------
        (float, float)
            magnetic V_B and gradient V_φ.
        """
        real = self._dtype.type
        nx, ny, nz = self._shape
        lines, kernels = nx * ny, self._kernels
        lo, hi, periodic = (0, nz, True) if interval is None else (*interval, False)
        table = (magnetic * self._table).astype(self._dtype)
        scalar = self._scalar and A is not None
        phi = self._none if A is None else A
        cells = scalar and self._routes * gradient != 0
        where = lo, hi, periodic, self._axes, self._shift, scalar
        V, P, L, W, S, R, D, G = self._V, self._P, self._L, self._W, self._S, self._R, self._D, self._G
        quarter = real(gradient * self._commutator / 4 if scalar else 0)
        c_cells = real(-gradient * self._routes / 2 if cells else 0)
        sums = self._parts
        self._sums.fill(0)

        self._over(lines, lambda _, x0, x1: kernels.plaquettes(x0, x1, *where, self._unit, U, phi, V, P, L, S))
        self._over(
            lines, lambda _, x0, x1: kernels.leaves(x0, x1, *where, table, self._paired, quarter, V, P, L, W, R, sums[0])
        )
        factors = np.array([magnetic, gradient if scalar else 0.0])
        for pairs, part in zip(self._pairs, sums[2:], strict=True):
            self._kick_pairs(pairs, factors, E, scale, (lo, hi, periodic), part)
        self._over(
            lines,
            lambda thread, x0, x1: kernels.reverse(
                x0, x1, *where, table, self._paired, c_cells, V, P, L, W, S, R, D, G, E, self._lines[thread], scale, sums[1]
            ),
        )
        self._over(lines, lambda _, x0, x1: kernels.kick(x0, x1, *where, cells, V, W, D, G, E, scale))
        magnetic_sum, gradient_sum = self._sums.sum(axis=0)
        return float(magnetic_sum), float(gradient_sum)

    def _kick_pairs(
        self,
        pairs: Pairs,
        factors: np.ndarray,
        E: np.ndarray,
        scale: np.ndarray,
        where: tuple[int, int, bool],
        sums: np.ndarray,
    ) -> None:
        """The pairs along one axis; adds their V_B and V_φ to sums, (parts, 2)."""
        used = factors[pairs.kinds]
        members, kinds, c, axis = pairs.members, pairs.kinds, pairs.coefficients * used[:, None], pairs.axis
        if not used.all():
            there = used != 0
            members, kinds, c = members[there], kinds[there], c[there]
        terms = pairs.reach, axis - self._shift, members, kinds, c.astype(self._dtype), kinds.astype(self._dtype)
        arrays = self._V, self._L, self._W, E, scale
        count = units(axis, self._shape)
        rows, columns = self._pair_kernels.across_rows, self._pair_kernels.along_columns
        if axis == 2:
            self._over(
                count,
                lambda thread, x0, x1: columns(
                    x0, x1, *where, *terms, self._unit, *arrays, *self._frames[thread][1], sums
                ),
            )  # fmt: skip
        elif c.size:
            self._over(
                count,
                lambda thread, x0, x1: rows(x0, x1, axis, *where[:2], *terms, *arrays, *self._frames[thread][0], sums),
            )

    def _over(self, count: int, task: Callable[[int, int, int], None]) -> None:
        """``task(thread, first, last)`` on each range."""
        if self._workers.threads == 1:
            # Small lattices: what is around a kernel must not take as long as it does.
            task(0, 0, count)
            return
        ranges = list(enumerate(self._workers.ranges(count)))
        self._workers.each(ranges, lambda item: task(item[0], *item[1]))

    def kinetic(self, E: np.ndarray, links: float, scalar: float) -> float:
        """links Σ (P_x² + P_y²) + scalar Σ P_η²"""
        nx, ny, nz = self._shape
        sums = self._kinetic
        c = self._dtype.type(links), self._dtype.type(scalar)
        self._over(nx * ny, lambda _, first, last: self._kernels.kinetic(first, last, 0, nz, *c, E, sums))
        return float(sums.sum())


def _without_rectangles(plane: Plane) -> Plane:
    """The same in SU(2), where 2 Re tr(1 − R) = s + s' + F·F' − s s'/4."""
    r = plane.first.rectangle, plane.second.rectangle
    along = [
        replace(
            one,
            adjacent=one.adjacent + one.rectangle,
            action_adjacent=one.action_adjacent - one.rectangle / 4,
            rectangle=0.0,
        )
        for one in (plane.first, plane.second)
    ]
    return replace(plane, plaquette=plane.plaquette + 2 * sum(r), first=along[0], second=along[1])


def _table(plane: Plane) -> list[float]:
    first, second = plane.first, plane.second
    row = [
        plane.plaquette, plane.square, plane.cube, plane.diagonal, plane.action_diagonal,
        first.action_adjacent, second.action_adjacent, first.rectangle, second.rectangle,
    ]  # fmt: skip
    assert len(row) == COLUMNS
    return [plane.weight * c for c in row]


def _has_pairs(plane: Plane) -> bool:
    """Whether more field strengths than F itself are needed."""
    return bool(plane.diagonal or any(plane.across) or any(plane.first.straight[1:]) or any(plane.second.straight[1:]))
