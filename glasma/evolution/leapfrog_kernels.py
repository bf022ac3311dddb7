"""The compiled loops of the leapfrog: the electric field and the links of a range of planes.

The force on a link is the covariant divergence of the field strength F_ij = [U_ij]_ah,

    Σ_{j≠i} [U_{x,ij} + U_{x,i−j}]_ah / a_j² = Σ_{j≠i} (F_{x,ij} − U†_{x−j,j} F_{x−j,ij} U_{x−j,j}) / a_j²,

since U_{x,i−j} is the plaquette of x − j carried to x and run backwards.  So each plaquette is computed once and used
at both its ends: 9 products and 6 rotations a site instead of the 27 products of the staples.  A workspace per thread
keeps F_ij of two planes in x, for a tile of z that stays in the cache.

Planes outside z0 ≤ z < z1 are static.  The longitudinal link that joins the first plane to the static one before it moves
with the others: so the ends act as ideal conductors, and the Gauss constraint holds exactly on every plane that moves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from glasma.backend import index, inline, kernel, line
from glasma.lattice.plaquettes import neighbour, plaquettes_of, wrapped

#: Sites along z that are worked on at once.
TILE = 512


def workspace(group: ModuleType, ny: int, dtype: np.dtype) -> np.ndarray:
    """Lines along z of F_xy and F_xz in two planes, and of F_yz at y and y − 1; entry k belongs to z − 1 + k."""
    return np.zeros(workspace_shape(group, ny), dtype)


def workspace_shape(group: ModuleType, ny: int) -> tuple[int, ...]:
    """Of the workspace of one thread."""
    return 4 * ny + 2, group.DIMENSION, 1, 1, TILE + 1


@cache
def moved_link_of(group: ModuleType) -> Callable[..., Any]:
    """The inlined function `moved_link` of one group."""
    load, mul, exp, unitarise, load_algebra = group.load, group.mul, group.exp, group.unitarise, group.load_algebra

    @inline
    def moved_link(U, E, d, x, y, z, a_t):
        """exp(i a_t g a_d E_d) U_d, brought back into the group."""
        step = exp(a_t, load_algebra(E, d, x, y, z))
        return unitarise(mul(step, load(U, d, x, y, z)))

    return moved_link


@cache
def leapfrog_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels of one group; each compiles for a precision when it is first called with it."""
    load, store, load_algebra, store_algebra = group.load, group.store, group.load_algebra, group.store_algebra
    plaquettes, moved_link = plaquettes_of(group), moved_link_of(group)
    field_strength, add_difference = plaquettes.field_strength, plaquettes.add_difference
    zero, one = index(0), index(1)

    @line
    def field_strength_line(F, line, first, i, j, U, x, y, xp, yp, z0, sites):
        """F[line] ← F_ij at `sites` sites from z0, entries from `first` on."""
        for k in range(sites):
            z = index(z0 + k)
            zp = z + one
            xi, yi, zi = neighbour(i, x, y, z, xp, yp, zp)
            xj, yj, zj = neighbour(j, x, y, z, xp, yp, zp)
            f = field_strength(U, i, j, x, y, z, xi, yi, zi, xj, yj, zj)
            store_algebra(F, line, zero, zero, index(first + k), f)

    @line
    def divergence_line(
        E, i, x, y, z0, first, sites, F, U, c1, here1, before1, lag1, j1, x1, y1, c2, here2, before2, lag2, j2, x2, y2
    ):
        """E_i ← E_i − Σ_j c_j (F_ij − U†_j F_ij U_j) over both j, the second F and U_j at the site before in direction j.

        `here` and `before` are the lines of F at the two sites; `lag` is 1 if they differ in z, else 0.  The line begins at
        z0 − 1 + first.
        """
        for k in range(first, sites + 1):
            z = index(z0 - 1 + k)
            e = load_algebra(E, i, x, y, z)
            f = load_algebra(F, here1, zero, zero, index(k))
            f_before = load_algebra(F, before1, zero, zero, index(k - lag1))
            u = load(U, j1, x1, y1, index(z0 - 1 + k - lag1))
            e = add_difference(e, -c1, f, u, f_before)
            f = load_algebra(F, here2, zero, zero, index(k))
            f_before = load_algebra(F, before2, zero, zero, index(k - lag2))
            u = load(U, j2, x2, y2, index(z0 - 1 + k - lag2))
            e = add_difference(e, -c2, f, u, f_before)
            store_algebra(E, i, x, y, z, e)

    @kernel(group.NAME)
    def electric(x0, x1, z0, z1, E, U, F, c_transverse, c_longitudinal):
        """E(t + ½) from E(t − ½) and U(t), without currents, for planes x0 ≤ x < x1 and z0 ≤ z < z1.

        c_transverse = a_t/a_T², c_longitudinal = a_t/a_z².  With z1 = z0 only the longitudinal links before z0 are kicked.
        """
        nx, ny = U.shape[2], U.shape[3]
        yz = 4 * ny
        for z in range(z0, max(z1, z0 + 1), TILE):
            sites = min(TILE, z1 - z)
            for x in range(x0 - 1, x1):
                xh, xp, xm = wrapped(x, nx), wrapped(x + 1, nx), wrapped(x - 1, nx)
                xy = 2 * ny * ((x - x0 + 1) % 2)
                xz = xy + ny
                xy_before = 2 * ny - xy
                xz_before = xy_before + ny
                if x < x0:
                    for y in range(ny):
                        yh, yp = index(y), wrapped(y + 1, ny)
                        field_strength_line(F, xy + y, 1, 0, 1, U, xh, yh, xp, yp, z, sites)
                        field_strength_line(F, xz + y, 0, 0, 2, U, xh, yh, xp, yp, z - 1, sites + 1)
                    continue
                last = index(ny - 1)
                field_strength_line(F, xy + ny - 1, 1, 0, 1, U, xh, last, xp, zero, z, sites)
                field_strength_line(F, yz + 1, 0, 1, 2, U, xh, last, xp, zero, z - 1, sites + 1)
                for y in range(ny):
                    yh, yp, ym = index(y), wrapped(y + 1, ny), wrapped(y - 1, ny)
                    yz_here, yz_before = yz + y % 2, yz + 1 - y % 2
                    xy_here, xz_here = xy + y, xz + y
                    xy_below = xy + (y - 1 if y > 0 else ny - 1)
                    field_strength_line(F, xy_here, 1, 0, 1, U, xh, yh, xp, yp, z, sites)
                    field_strength_line(F, xz_here, 0, 0, 2, U, xh, yh, xp, yp, z - 1, sites + 1)
                    field_strength_line(F, yz_here, 0, 1, 2, U, xh, yh, xp, yp, z - 1, sites + 1)
                    c_t, c_l = c_transverse, c_longitudinal
                    divergence_line(
                        E, 0, xh, yh, z, 1, sites, F, U,
                        c_t, xy_here, xy_below, 0, 1, xh, ym, c_l, xz_here, xz_here, 1, 2, xh, yh,
                    )  # fmt: skip
                    divergence_line(
                        E, 1, xh, yh, z, 1, sites, F, U,
                        -c_t, xy_here, xy_before + y, 0, 0, xm, yh, c_l, yz_here, yz_here, 1, 2, xh, yh,
                    )  # fmt: skip
                    divergence_line(
                        E, 2, xh, yh, z, 0 if z == z0 else 1, sites, F, U,
                        -c_t, xz_here, xz_before + y, 0, 0, xm, yh, -c_t, yz_here, yz_before, 0, 1, xh, ym,
                    )  # fmt: skip

    @kernel(group.NAME)
    def links(x0, x1, z0, z1, U, E, a_t):
        """U(t + 1) = exp(i a_t g a_i E_i(t + ½)) U(t), in the directions that U has."""
        for d in range(U.shape[0]):
            for x in range(x0, x1):
                for y in range(U.shape[3]):
                    for k in range(z0 - 1 if d == 2 else z0, z1):
                        d_, x_, y_, z = index(d), index(x), index(y), index(k)
                        store(U, d_, x_, y_, z, moved_link(U, E, d_, x_, y_, z, a_t))

    return SimpleNamespace(electric=electric, links=links)
