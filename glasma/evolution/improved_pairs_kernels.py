"""The compiled loops of pairs along one axis: V = Σ_n c_n X·T^n X, its derivative with respect to X, torques on the links.

The lines of a block are in one frame, that of a site in front of it: X̃ = v X v†, v the product of the links in between.  There
T^n X is X̃(x+n), and

    ∂V/∂X = Σ_n c_n (X̃(x+n) + X̃(x−n)),   torque on U(x) = Σ_{m≥0} X̃(x−m) × Σ_{n≥1} c_{m+n} X̃(x+n),

or, of V = −½ Σ_n c_n |T^n X − X|², with X̃(x±n) − X̃(x) for X̃(x±n): then rounding is that of the differences.
So each field is turned once into the frame and its derivative once out of it, however far the pairs reach.  Along z, the
axis that is contiguous, the frames of LANES lines are made side by side in a workspace in which the sites of those are next to
each other.  `V`, `L` and `W` of `glasma.evolution.improved_action_kernels`, with a site z at the entry z + 1.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType, SimpleNamespace

import numpy as np

from glasma.backend import index, inline, kernel, line, rows
from glasma.evolution.improved_action import REACH

# mypy: allow-untyped-defs, allow-incomplete-defs

#: Sites along axis 0 or 1 in one frame, and sites along z that are worked on at once.
BLOCK, TILE = 32, 64

#: Sites along z in one frame, and lines that are worked on side by side.
COLUMN, LANES = 32, 8


@inline
def _on_line(axis, o, a):
    """Site number a of the line o along the axis 0 or 1."""
    if axis == 0:
        return index(a), index(o)
    return index(o), index(a)


@inline
def close(A, first, last, lo, hi, periodic):
    """The entries beside lo ≤ z < hi of the lines first ≤ x ny + y < last: of the other end if periodic, 0 if z ends.

    It comes when a whole range of lines is there: a value that has just been stored with others in a vector would have to be
    waited for.
    """
    ny = A.shape[3]
    for i in range(A.shape[0]):
        for c in range(A.shape[1]):
            for n in range(first, last):
                x, y = index(n // ny), index(n % ny)
                if periodic:
                    A[index(i), index(c), x, y, index(lo)] = A[index(i), index(c), x, y, index(hi)]
                    A[index(i), index(c), x, y, index(hi + 1)] = A[index(i), index(c), x, y, index(lo + 1)]
                else:
                    A[index(i), index(c), x, y, index(lo)] = 0
                    A[index(i), index(c), x, y, index(hi + 1)] = 0


@cache
def improved_pairs_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels of one group; each compiles for a precision when it is first called with it."""
    load, store, mul, unitarise = group.load, group.store, group.mul, group.unitarise
    load_algebra, store_algebra, add_scaled, scaled = group.load_algebra, group.store_algebra, group.add_scaled, group.scaled
    dot, cross, rotate, rotate_back = group.dot, group.cross, group.rotate, group.rotate_back
    zero = index(0)

    @inline
    def add_to(A, i, x, y, z, s, f):
        """A[i] ← A[i] + s f at the site."""
        store_algebra(A, i, x, y, z, add_scaled(load_algebra(A, i, x, y, z), s, f))

    @inline
    def near(e, a, b, c, minus):
        """∂V/∂X and torque of the pairs of neighbours, from X̃ at x, ahead and behind; minus is 1 for differences, else 0."""
        a, b = add_scaled(a, -minus, e), add_scaled(b, -minus, e)
        s = scaled(c[0], a)
        return add_scaled(s, c[0], b), cross(e, s)

    @inline
    def far(e, a1, a2, a3, a4, b1, b2, b3, b4, c):
        """The same of the pairs up to a distance of four, without differences."""
        unit, c1, c2, c3, c4 = type(e[0])(1), c[0], c[1], c[2], c[3]
        s = add_scaled(add_scaled(add_scaled(scaled(c4, a4), c3, a3), c2, a2), c1, a1)
        w = add_scaled(add_scaled(add_scaled(add_scaled(s, c1, b1), c2, b2), c3, b3), c4, b4)
        t = add_scaled(cross(e, s), unit, cross(b1, add_scaled(add_scaled(scaled(c4, a3), c3, a2), c2, a1)))
        t = add_scaled(t, unit, cross(b2, add_scaled(scaled(c4, a2), c3, a1)))
        return w, add_scaled(t, c4, cross(b3, a1))

    @inline
    def far_differences(e, a1, a2, a3, a4, b1, b2, b3, b4, c):
        """The same with differences: X̃ = e + (X̃ − e) on both sides of the link."""
        unit, c2, c3, c4 = type(e[0])(1), c[1], c[2], c[3]
        a1, a2, a3, a4 = add_scaled(a1, -unit, e), add_scaled(a2, -unit, e), add_scaled(a3, -unit, e), add_scaled(a4, -unit, e)
        b1, b2, b3, b4 = add_scaled(b1, -unit, e), add_scaled(b2, -unit, e), add_scaled(b3, -unit, e), add_scaled(b4, -unit, e)
        w, t = far(e, a1, a2, a3, a4, b1, b2, b3, b4, c)
        r = scaled(c2 + c3 + c4, add_scaled(a1, -unit, b1))
        r = add_scaled(r, c3 + c4, add_scaled(a2, -unit, b2))
        return w, add_scaled(t, unit, cross(e, add_scaled(r, c4, add_scaled(a3, -unit, b3))))

    @line
    def frame_line(F, p, V, d, x, y, t0, width):
        """v of the next site, kept unitary: else X̃ would grow along the block, and differences not be those of X."""
        here, after = index(p), index(p + 1)
        for k in range(width):
            q = index(k)
            v = mul(load(F, zero, zero, here, q), load(V, d, x, y, index(t0 + k + 1)))
            store(F, zero, zero, after, q, unitarise(v))

    @line
    def into_line(X, F, p, L, f, x, y, t0, width):
        """X̃ ← v X v†"""
        here = index(p)
        for k in range(width):
            q = index(k)
            e = rotate(load(F, zero, zero, here, q), load_algebra(L, f, x, y, index(t0 + k + 1)))
            store_algebra(X, zero, zero, here, q, e)

    @line
    def near_line(X, T, F, W, f, p, x, y, t0, width, c, minus):
        sum_, unit = type(minus)(0), type(minus)(1)
        here, after, before = index(p), index(p + 1), index(p - 1)
        for k in range(width):
            q, z = index(k), index(t0 + k + 1)
            e = load_algebra(X, zero, zero, here, q)
            w, t = near(e, load_algebra(X, zero, zero, after, q), load_algebra(X, zero, zero, before, q), c, minus)
            sum_ += dot(e, w)
            add_to(T, zero, zero, here, q, unit, t)
            add_to(W, f, x, y, z, unit, rotate_back(load(F, zero, zero, here, q), w))
        return sum_

    def far_line_of(of):
        @line
        def far_line(X, T, F, W, f, p, x, y, t0, width, c):
            sum_, unit = type(c[0])(0), type(c[0])(1)
            here = index(p)
            for k in range(width):
                q, z = index(k), index(t0 + k + 1)
                e = load_algebra(X, zero, zero, here, q)
                w, t = of(
                    e,
                    load_algebra(X, zero, zero, index(p + 1), q), load_algebra(X, zero, zero, index(p + 2), q),
                    load_algebra(X, zero, zero, index(p + 3), q), load_algebra(X, zero, zero, index(p + 4), q),
                    load_algebra(X, zero, zero, index(p - 1), q), load_algebra(X, zero, zero, index(p - 2), q),
                    load_algebra(X, zero, zero, index(p - 3), q), load_algebra(X, zero, zero, index(p - 4), q),
                    c,
                )  # fmt: skip
                sum_ += dot(e, w)
                add_to(T, zero, zero, here, q, unit, t)
                add_to(W, f, x, y, z, unit, rotate_back(load(F, zero, zero, here, q), w))
            return sum_

        return far_line

    far_line, far_line_differences = far_line_of(far), far_line_of(far_differences)

    @line
    def nothing_line(T, p, width):
        for k in range(width):
            f = load_algebra(T, zero, zero, index(p), index(k))
            store_algebra(T, zero, zero, index(p), index(k), scaled(type(f[0])(0), f))

    @line
    def torque_line(E, d, T, F, p, x, y, t0, width, scale):
        here = index(p)
        for k in range(width):
            q, z = index(k), index(t0 + k)
            t = rotate_back(load(F, zero, zero, here, q), load_algebra(T, zero, zero, here, q))
            add_to(E, d, x, y, z, -scale[d, z], t)

    @kernel(group.NAME)
    def across_rows(first, last, axis, lo, hi, reach, d, members, kinds, c, minus, V, L, W, E, scale, F, X, T, sums):
        """Pairs of the fields L[members] along the axis 0 or 1, in some of the blocks that `units` counts.

        kinds[m] is 0 for V_B and 1 for V_φ; minus[m] is kinds[m] in the precision of the fields; reach is 1 or 4.
        """
        nx, ny = E.shape[2], E.shape[3]
        sites = nx if axis == 0 else ny
        blocks = (sites + BLOCK - 1) // BLOCK
        for unit in range(first, last):
            o, a0 = unit // blocks, (unit % blocks) * BLOCK
            size = min(BLOCK, sites - a0)
            sums[unit, 0] = 0
            sums[unit, 1] = 0
            for t0 in range(lo, hi, TILE):
                width = min(TILE, hi - t0)
                for p in range(size + 2 * reach - 1):
                    x, y = _on_line(axis, o, (a0 - reach + p) % sites)
                    frame_line(F, p, V, d, x, y, t0, width)
                for p in range(reach, size + reach):
                    nothing_line(T, p, width)
                for m in range(members.shape[0]):
                    f = index(members[m])
                    for p in range(size + 2 * reach):
                        x, y = _on_line(axis, o, (a0 - reach + p) % sites)
                        into_line(X, F, p, L, f, x, y, t0, width)
                    total = 0.0
                    for p in range(size):
                        x, y = _on_line(axis, o, a0 + p)
                        if reach == 1:
                            total += near_line(X, T, F, W, f, 1 + p, x, y, t0, width, c[m], minus[m])
                        elif kinds[m] == 0:
                            total += far_line(X, T, F, W, f, 4 + p, x, y, t0, width, c[m])
                        else:
                            total += far_line_differences(X, T, F, W, f, 4 + p, x, y, t0, width, c[m])
                    sums[unit, index(kinds[m])] += 0.5 * total
                for p in range(size):
                    x, y = _on_line(axis, o, a0 + p)
                    torque_line(E, d, T, F, reach + p, x, y, t0, width, scale)

    # along z

    @line
    def interleave_line(B, p, A, i, c, x, y, z0, sites, lanes):
        """B[site, lane] ← A for the lines y … y + lanes."""
        A = rows(A)
        if lanes == LANES:
            for k in range(sites):
                q, z = index(LANES * (p + k)), index(z0 + k)
                for n in range(LANES):
                    B[0, c, 0, 0, q + index(n)] = A[i, c, x, y + index(n), z]
        else:
            for k in range(sites):
                for n in range(lanes):
                    B[0, c, 0, 0, index(LANES * (p + k) + n)] = A[i, c, x, y + index(n), index(z0 + k)]

    @line
    def separate_line(A, i, c, x, y, z0, sites, lanes, B, p):
        """A ← A + B"""
        A = rows(A)
        if lanes == LANES:
            for k in range(sites):
                q, z = index(LANES * (p + k)), index(z0 + k)
                for n in range(LANES):
                    A[i, c, x, y + index(n), z] += B[0, c, 0, 0, q + index(n)]
        else:
            for k in range(sites):
                for n in range(lanes):
                    A[i, c, x, y + index(n), index(z0 + k)] += B[0, c, 0, 0, index(LANES * (p + k) + n)]

    @line
    def interleave(B, A, i, x, y, lanes, beyond, before, count, lo, hi, periodic):
        """B ← A at `count` sites from `before` on, for the lines from y on; `beyond` (components,) where there is no site."""
        sites = hi - lo
        p = 0
        while p < count:
            a = before + p - lo
            if periodic:
                a = a % sites
            outside = a < 0 or a >= sites
            run = count - p
            if a < 0:
                run = min(run, -a)
            elif a < sites:
                run = min(run, sites - a)
            for c in range(B.shape[1]):
                if outside or lanes < LANES:
                    B[0, c, 0, 0, LANES * p : LANES * (p + run)] = beyond[c]
                if not outside:
                    interleave_line(B, p, A, i, index(c), x, index(y), lo + a + 1, run, lanes)
            p += run

    @line
    def frames_column(F, B, sites):
        """v of all sites, from the links after each."""
        for k in range(LANES * sites):
            q, after = index(k), index(k + LANES)
            v = mul(load(F, zero, zero, zero, q), load(B, zero, zero, zero, q))
            store(F, zero, zero, zero, after, unitarise(v))

    @line
    def into_column(X, F, B, sites):
        for k in range(LANES * sites):
            q = index(k)
            e = rotate(load(F, zero, zero, zero, q), load_algebra(B, zero, zero, zero, q))
            store_algebra(X, zero, zero, zero, q, e)

    @line
    def near_column(X, T, F, B, sites, c, minus):
        sum_, unit = type(minus)(0), type(minus)(1)
        for k in range(LANES, LANES * (sites + 1)):
            q = index(k)
            a, b = load_algebra(X, zero, zero, zero, index(k + LANES)), load_algebra(X, zero, zero, zero, index(k - LANES))
            e = load_algebra(X, zero, zero, zero, q)
            w, t = near(e, a, b, c, minus)
            sum_ += dot(e, w)
            add_to(T, zero, zero, zero, q, unit, t)
            store_algebra(B, zero, zero, zero, q, rotate_back(load(F, zero, zero, zero, q), w))
        return sum_

    def far_column_of(of):
        @line
        def far_column(X, T, F, B, sites, c):
            sum_, unit = type(c[0])(0), type(c[0])(1)
            for k in range(4 * LANES, LANES * (sites + 4)):
                q = index(k)
                e = load_algebra(X, zero, zero, zero, q)
                w, t = of(
                    e,
                    load_algebra(X, zero, zero, zero, index(k + LANES)),
                    load_algebra(X, zero, zero, zero, index(k + 2 * LANES)),
                    load_algebra(X, zero, zero, zero, index(k + 3 * LANES)),
                    load_algebra(X, zero, zero, zero, index(k + 4 * LANES)),
                    load_algebra(X, zero, zero, zero, index(k - LANES)),
                    load_algebra(X, zero, zero, zero, index(k - 2 * LANES)),
                    load_algebra(X, zero, zero, zero, index(k - 3 * LANES)),
                    load_algebra(X, zero, zero, zero, index(k - 4 * LANES)),
                    c,
                )
                sum_ += dot(e, w)
                add_to(T, zero, zero, zero, q, unit, t)
                store_algebra(B, zero, zero, zero, q, rotate_back(load(F, zero, zero, zero, q), w))
            return sum_

        return far_column

    far_column, far_column_differences = far_column_of(far), far_column_of(far_differences)

    @line
    def torque_column(B, T, F, factor, first, z0, sites):
        for k in range(sites):
            s = -factor[index(z0 + k)]
            for n in range(LANES):
                q = index(LANES * (first + k) + n)
                t = rotate_back(load(F, zero, zero, zero, q), load_algebra(T, zero, zero, zero, q))
                store_algebra(B, zero, zero, zero, q, scaled(s, t))

    @kernel(group.NAME)
    def along_columns(
        first, last, lo, hi, periodic, reach, d, members, kinds, c, minus, unit, V, L, W, E, scale, F, Y, X, B, T, sums
    ):  # fmt: skip
        """Pairs of the fields L[members] along the axis 2, as `across_rows`; it is the last, and closes W."""
        ny = E.shape[3]
        tiles = (ny + LANES - 1) // LANES
        for number in range(first, last):
            x, y = index(number // tiles), (number % tiles) * LANES
            lanes = min(LANES, ny - y)
            sums[number, 0] = 0
            sums[number, 1] = 0
            for a0 in range(lo, hi, COLUMN):
                if not members.size:
                    break
                size = min(COLUMN, hi - a0)
                count = size + 2 * reach
                interleave(Y, V, d, x, y, lanes, unit, a0 - reach, count, lo, hi, periodic)
                frames_column(F, Y, count - 1)
                T[:] = 0
                for m in range(members.shape[0]):
                    f = index(members[m])
                    interleave(B, L, f, x, y, lanes, T[0, :, 0, 0, 0], a0 - reach, count, lo, hi, periodic)
                    into_column(X, F, B, count)
                    if reach == 1:
                        energy = near_column(X, T, F, B, size, c[m], minus[m])
                    elif kinds[m] == 0:
                        energy = far_column(X, T, F, B, size, c[m])
                    else:
                        energy = far_column_differences(X, T, F, B, size, c[m])
                    sums[number, index(kinds[m])] += 0.5 * energy
                    for component in range(B.shape[1]):
                        separate_line(W, f, index(component), x, index(y), a0 + 1, size, lanes, B, reach)
                torque_column(B, T, F, scale[d], reach, a0, size)
                for component in range(B.shape[1]):
                    separate_line(E, d, index(component), x, index(y), a0, size, lanes, B, reach)
        for number in range(first, last):
            y = (number % tiles) * LANES
            line = number // tiles * ny + y
            close(W, line, line + min(LANES, ny - y), lo, hi, periodic)

    return SimpleNamespace(across_rows=across_rows, along_columns=along_columns)


def units(axis: int, shape: tuple[int, int, int]) -> int:
    """Into how many blocks the pairs along an axis are cut."""
    nx, ny, _ = shape
    if axis == 2:
        return nx * -(-ny // LANES)
    return (ny * -(-nx // BLOCK)) if axis == 0 else (nx * -(-ny // BLOCK))


def frames(group: ModuleType, dtype: np.dtype) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Workspaces of a thread: for `across_rows` v, X̃, torques, for `along_columns` v, links, X̃, X, torques; v begins with 1."""

    def lines(components: int, sites: int, width: int) -> np.ndarray:
        return np.zeros((1, components, 1, sites, width), dtype)

    link, algebra, sites = group.LINK_REALS, group.DIMENSION, LANES * (COLUMN + 2 * REACH)
    of_rows = tuple(lines(n, BLOCK + 2 * REACH, TILE) for n in (link, algebra, algebra))
    of_columns = tuple(lines(n, 1, sites) for n in (link, link, algebra, algebra, algebra))
    for F, width in ((of_rows[0], TILE), (of_columns[0], LANES)):
        F[0, :, 0, 0, :width] = np.asarray(group.IDENTITY, dtype)[:, None]
    return of_rows, of_columns
