"""The compiled loops of the improved actions: the derivative of V_B and V_φ with respect to links and scalar, in reverse mode.

Fields of a lattice of three axes; the boost-invariant plane has the axes 1 and 2.  For each plane (i, j) the four field strengths
at a site are L[4p + n] with n = 0 for F_{++}, 1 for F_{−+}, 2 for F_{+−}, 3 for F_{−−}, and L[4p + 4] is φ in the transverse
plane.  W are the derivatives of V with respect to them.  The kernels run one after the other over the whole lattice:

`plaquettes`   P and F
`leaves`       the other field strengths; W of all terms of one site
`along`        W of pairs along one axis, and the force on the links between them
`reverse`      W carried back to F; with H = W of F and h = ∂V/∂s the derivatives of V along P → e^{iε} P and along P → P e^{iε},

                   G = [P (h + iH)]_ah,   G' = [(h + iH) P]_ah,

               which are F for the Wilson action; the force on links that F were carried by
`kick`         the force on the four links of each plaquette:  U_i(x): G,  U_j(x+i): U†_i G U_i,  U_i(x+j): −U†_j G' U_j,  U_j(x): −G'.

A link that brings X from x+k to Y = U_k X U†_k at x gets the torque w × Y if w = ∂V/∂Y, and one that brings X at x to x+k gets
X × U_k w U†_k.  In `along` the lines of a block are in one frame, that of a site in front of it: X̃ = v X v†, v the product of the
links in between.  There T^n X is X̃(x+n), and of V = Σ_n c_n X·T^n X

    ∂V/∂X = Σ_n c_n (X̃(x+n) + X̃(x−n)),   torque on U(x) = Σ_{m≥0} X̃(x−m) × Σ_{n≥1} c_{m+n} X̃(x+n).

All coefficients hold the time step, and `scale` the factor a_i² of a link, or 0 where it does not move.  The third axis is
periodic, or ends at z = lo and hi; terms that would reach beyond are not there.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType, SimpleNamespace

import numpy as np

from glasma.backend import index, inline, kernel, line, rows
from glasma.evolution.improved_action import REACH
from glasma.lattice.plaquettes import wrapped

#: Sites along axis 0 or 1 in one frame, and sites along z that are worked on at once.
BLOCK, TILE = 32, 64

#: Sites along z in one frame, and lines that are worked on side by side.
COLUMN, LANES = 32, 8

#: Columns of the table of coefficients of a plane.
PLAQUETTE, SQUARE, CUBE, DIAGONAL, ACTION_DIAGONAL, ACTION_I, ACTION_J, RECTANGLE_I, RECTANGLE_J, COLUMNS = range(10)

#: Fields of the diagonal gradient: derivatives with respect to T_x φ, T_x T_y φ, T_y φ; T_y φ; the torque on U_x of both routes;
#: what is added to G and to G'.
_WX, _WXY, _WY, _Y, _TORQUE, _LEFT, _RIGHT, DIAGONAL_FIELDS = range(8)


@inline
def _ahead(part, along_z, lo, hi, periodic):
    """Where the sites of a part begin, how many they are, and the step to the site ahead in z: two parts make a line."""
    sites = hi - lo
    if not along_z:
        return lo, sites if part == 0 else 0, 0
    if part == 0:
        return lo, sites - 1, 1
    return hi - 1, 1 if periodic else 0, 1 - sites


@inline
def _behind(part, along_z, lo, hi, periodic):
    """The same for the site behind."""
    sites = hi - lo
    if not along_z:
        return lo, sites if part == 0 else 0, 0
    if part == 0:
        return lo + 1, sites - 1, -1
    return lo, 1 if periodic else 0, sites - 1


@inline
def _row(axis, steps, x, y, nx, ny):
    """The line along z next to (x, y): itself for axis 2."""
    if axis == 0:
        return wrapped(x + steps, nx), index(y)
    if axis == 1:
        return index(x), wrapped(y + steps, ny)
    return index(x), index(y)


@inline
def _on_line(axis, o, a):
    """Site number a of the line o along the axis 0 or 1."""
    if axis == 0:
        return index(a), index(o)
    return index(o), index(a)


@cache
def improved_action_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels of one group; each compiles for a precision when it is first called with it."""
    load, store, mul, dagger, antihermitian = group.load, group.store, group.mul, group.dagger, group.antihermitian
    antihermitian_mul_dagger, distance2 = group.antihermitian_mul_dagger, group.distance2
    load_algebra, store_algebra, add_scaled, scaled = group.load_algebra, group.store_algebra, group.add_scaled, group.scaled
    dot, cross, rotate, rotate_back = group.dot, group.cross, group.rotate, group.rotate_back
    left_gradient, right_gradient = group.left_gradient, group.right_gradient
    zero, one, two, three, four = index(0), index(1), index(2), index(3), index(4)

    @inline
    def load_real(S, p, x, y, z):
        S = rows(S)
        return S[p, 0, x, y, z]

    @inline
    def store_real(S, p, x, y, z, s):
        S = rows(S)
        S[p, 0, x, y, z] = s

    @inline
    def add_to(A, i, x, y, z, s, f):
        """A[i] ← A[i] + s f at the site."""
        store_algebra(A, i, x, y, z, add_scaled(load_algebra(A, i, x, y, z), s, f))

    @line
    def nothing_line(A, i, x, y, first, last):
        for k in range(first, last):
            f = load_algebra(A, i, x, y, index(k))
            store_algebra(A, i, x, y, index(k), scaled(type(f[0])(0), f))

    # P and F

    @line
    def plaquette_line(P, L, S, p, f, U, di, dj, x, y, xi, yi, xj, yj, z0, sites, up):
        for k in range(sites):
            z, zj = index(z0 + k), index(z0 + k + up)
            u = mul(load(U, di, x, y, z), load(U, dj, xi, yi, z))
            v = mul(load(U, dj, x, y, z), load(U, di, xj, yj, zj))
            w = mul(u, dagger(v))
            store(P, p, x, y, z, w)
            store_algebra(L, f, x, y, z, antihermitian(w))
            store_real(S, p, x, y, z, distance2(w))

    @kernel(group.NAME)
    def plaquettes(first, last, lo, hi, periodic, planes, shift, unit, U, P, L, S):
        """P, F and s of the lines first ≤ x ny + y < last; where a plaquette would reach beyond the end it is 1."""
        nx, ny = U.shape[2], U.shape[3]
        for line in range(first, last):
            x, y = line // ny, line % ny
            for p in range(planes.shape[0]):
                i, j = planes[p, 0], planes[p, 1]
                di, dj, f, p_ = index(i - shift), index(j - shift), index(4 * p), index(p)
                xi, yi = _row(i, 1, x, y, nx, ny)
                xj, yj = _row(j, 1, x, y, nx, ny)
                x_, y_ = index(x), index(y)
                for part in range(2):
                    z0, sites, up = _ahead(part, j == 2, lo, hi, periodic)
                    plaquette_line(P, L, S, p_, f, U, di, dj, x_, y_, xi, yi, xj, yj, z0, sites, up)
                if j == 2 and not periodic:
                    nothing_line(L, f, x_, y_, hi - 1, hi)
                    for component in range(P.shape[1]):
                        P[p, component, x, y, hi - 1] = unit[component]
                    S[p, 0, x, y, hi - 1] = 0

    # field strengths at the site, and terms of one site

    @line
    def leaves_line(L, W, f, U, di, dj, x, y, xi, yi, xj, yj, xc, yc, z0, sites, down, diagonal):
        sum_ = type(diagonal)(0)
        for k in range(sites):
            z, zj = index(z0 + k), index(z0 + k + down)
            u = load(U, dj, xj, yj, zj)
            a = load_algebra(L, f, x, y, z)
            b = rotate_back(load(U, di, xi, yi, z), load_algebra(L, f, xi, yi, z))
            c = rotate_back(u, load_algebra(L, f, xj, yj, zj))
            d = rotate_back(u, rotate_back(load(U, di, xc, yc, zj), load_algebra(L, f, xc, yc, zj)))
            store_algebra(L, f + one, x, y, z, b)
            store_algebra(L, f + two, x, y, z, c)
            store_algebra(L, f + three, x, y, z, d)
            sum_ += dot(a, d) + dot(b, c)
            store_algebra(W, f, x, y, z, scaled(diagonal, d))
            store_algebra(W, f + one, x, y, z, scaled(diagonal, c))
            store_algebra(W, f + two, x, y, z, scaled(diagonal, b))
            store_algebra(W, f + three, x, y, z, scaled(diagonal, a))
        return diagonal * sum_

    @line
    def scalar_line(L, W, f, A, x, y, first, last, half_mass):
        """φ among the fields, and the terms φ² of the gradients."""
        sum_ = type(half_mass)(0)
        for k in range(first, last):
            z = index(k)
            a = load_algebra(A, zero, x, y, z)
            sum_ += dot(a, a)
            store_algebra(L, f, x, y, z, a)
            store_algebra(W, f, x, y, z, scaled(half_mass + half_mass, a))
        return half_mass * sum_

    @inline
    def commutator(f, a, c, w):
        """∂/∂f of c |f × a|²/2 added to w; ∂/∂a; twice the term."""
        g = cross(f, a)
        return add_scaled(w, c, cross(a, g)), cross(g, f), dot(g, g)

    @line
    def commutators_line(L, W, f, x, y, first, last, quarter):
        """quarter/2 Σ |F × φ|² of the four field strengths at the site."""
        sum_ = type(quarter)(0)
        unit = type(quarter)(1)
        for k in range(first, last):
            z = index(k)
            a = load_algebra(L, f + four, x, y, z)
            w0, v0, s0 = commutator(load_algebra(L, f, x, y, z), a, quarter, load_algebra(W, f, x, y, z))
            w1, v1, s1 = commutator(load_algebra(L, f + one, x, y, z), a, quarter, load_algebra(W, f + one, x, y, z))
            w2, v2, s2 = commutator(load_algebra(L, f + two, x, y, z), a, quarter, load_algebra(W, f + two, x, y, z))
            w3, v3, s3 = commutator(load_algebra(L, f + three, x, y, z), a, quarter, load_algebra(W, f + three, x, y, z))
            store_algebra(W, f, x, y, z, w0)
            store_algebra(W, f + one, x, y, z, w1)
            store_algebra(W, f + two, x, y, z, w2)
            store_algebra(W, f + three, x, y, z, w3)
            v = add_scaled(add_scaled(add_scaled(v0, unit, v1), unit, v2), unit, v3)
            add_to(W, f + four, x, y, z, quarter, v)
            sum_ += s0 + s1 + s2 + s3
        return type(quarter)(0.5) * quarter * sum_

    @line
    def rectangle_line(R, r, P, p, U, d, x, y, xb, yb, z0, sites, down, c):
        """R[r] ← c [P Q]_ah, R[r + 1] ← c [Q P]_ah with the plaquette Q of the site behind, brought here along the link d."""
        sum_ = type(c)(0)
        for k in range(sites):
            z, zb = index(z0 + k), index(z0 + k + down)
            u, a = load(U, d, xb, yb, zb), load(P, p, x, y, z)
            b = mul(mul(dagger(u), load(P, p, xb, yb, zb)), u)
            ab = mul(a, b)
            sum_ += distance2(ab)
            store_algebra(R, r, x, y, z, scaled(c, antihermitian(ab)))
            store_algebra(R, r + one, x, y, z, scaled(c, antihermitian_mul_dagger(b, dagger(a))))
        return c * sum_

    @line
    def cells_line(D, W, f, U, P, A, x, y, xp, yp, z0, sites, up, c):
        """φ at opposite corners of a cell, by both routes, in the frame of the corner (x, y).

        c (φ·(X + P†XP) + B·(A + P†AP)) with X = T_x T_y φ, A = T_x φ, B = T_y φ.
        """
        sum_ = type(c)(0)
        unit = type(c)(1)
        for k in range(sites):
            z, zj = index(z0 + k), index(z0 + k + up)
            u, v, p = load(U, zero, x, y, z), load(U, one, x, y, z), load(P, zero, x, y, z)
            e = load_algebra(A, zero, x, y, z)
            a = rotate(u, load_algebra(A, zero, xp, yp, z))
            b = rotate(v, load_algebra(A, zero, x, y, zj))
            r = rotate(u, rotate(load(U, one, xp, yp, z), load_algebra(A, zero, xp, yp, zj)))
            a2, r2, b2, e2 = rotate_back(p, a), rotate_back(p, r), rotate(p, b), rotate(p, e)
            of_e, of_b = add_scaled(r, unit, r2), add_scaled(a, unit, a2)
            sum_ += dot(e, of_e) + dot(b, of_b)
            of_r, of_a = scaled(c, add_scaled(e, unit, e2)), scaled(c, add_scaled(b, unit, b2))
            add_to(W, f, x, y, z, c, of_e)
            store_algebra(D, index(_WY), x, y, z, scaled(c, of_b))
            store_algebra(D, index(_Y), x, y, z, b)
            store_algebra(D, index(_WX), x, y, z, of_a)
            store_algebra(D, index(_WXY), x, y, z, of_r)
            left = scaled(c, add_scaled(cross(r, e2), unit, cross(a, b2)))
            right = scaled(c, add_scaled(cross(r2, e), unit, cross(a2, b)))
            store_algebra(D, index(_LEFT), x, y, z, left)
            store_algebra(D, index(_RIGHT), x, y, z, right)
            torque = add_scaled(cross(of_r, r), unit, cross(of_a, a))
            store_algebra(D, index(_TORQUE), x, y, z, torque)
        return c * sum_

    @kernel(group.NAME)
    def leaves(
        first, last, lo, hi, periodic, planes, shift, table, paired, scalar, half_mass, quarter, c_cells,
        U, A, P, L, W, R, D, sums,
    ):  # fmt: skip
        """Field strengths and terms of one site of the lines first ≤ x ny + y < last; sums[line] ← their V_B and V_φ.

        `paired` says of each plane whether F occurs in pairs, `scalar` whether there is φ.
        """
        nx, ny = U.shape[2], U.shape[3]
        for line in range(first, last):
            x, y = line // ny, line % ny
            x_, y_ = index(x), index(y)
            magnetic = gradient = 0.0
            for p in range(planes.shape[0]):
                i, j = planes[p, 0], planes[p, 1]
                di, dj, f, p_ = index(i - shift), index(j - shift), index(4 * p), index(p)
                xi, yi = _row(i, -1, x, y, nx, ny)
                xj, yj = _row(j, -1, x, y, nx, ny)
                xc, yc = _row(j, -1, xi, yi, nx, ny)
                if not paired[p]:
                    nothing_line(W, f, x_, y_, lo, hi)
                else:
                    for part in range(2):
                        z0, sites, down = _behind(part, j == 2, lo, hi, periodic)
                        c = table[p, DIAGONAL]
                        if j == 2 and part == 1 and not periodic:
                            # F_{−+} is there at the end, the field strengths behind it are not
                            sites, down, c = 1, 0, type(c)(0)
                        magnetic += leaves_line(
                            L, W, f, U, di, dj, x_, y_, xi, yi, xj, yj, xc, yc, z0, sites, down, c
                        )  # fmt: skip
                    if j == 2 and not periodic:
                        nothing_line(L, f + two, x_, y_, lo, lo + 1)
                        nothing_line(L, f + three, x_, y_, lo, lo + 1)
                for side in range(2):
                    c = table[p, RECTANGLE_I + side]
                    if c != 0:
                        r = index(4 * p + 2 * side)
                        d, xb, yb = (di, xi, yi) if side == 0 else (dj, xj, yj)
                        at_ends = side == 1 and j == 2
                        for part in range(2):
                            z0, sites, down = _behind(part, at_ends, lo, hi, periodic)
                            if at_ends and not periodic:
                                sites = max(sites - 1, 0)
                            magnetic += rectangle_line(R, r, P, p_, U, d, x_, y_, xb, yb, z0, sites, down, c)
                        if at_ends and not periodic:
                            for end in (lo, hi - 1):
                                nothing_line(R, r, x_, y_, end, end + 1)
                                nothing_line(R, r + one, x_, y_, end, end + 1)
            if scalar:
                gradient += scalar_line(L, W, four, A, x_, y_, lo, hi, half_mass)
                if quarter != 0:
                    gradient += commutators_line(L, W, zero, x_, y_, lo, hi, quarter)
                if c_cells != 0:
                    xp, yp = _row(1, 1, x, y, nx, ny)
                    for part in range(2):
                        z0, sites, up = _ahead(part, True, lo, hi, periodic)
                        gradient += cells_line(D, W, four, U, P, A, x_, y_, xp, yp, z0, sites, up, c_cells)
            sums[line, 0] = magnetic
            sums[line, 1] = gradient

    # pairs along one axis

    @inline
    def near(e, a1, b1, c1):
        """∂V/∂X, torque and V of the pairs of neighbours, from X̃ at x, ahead and behind."""
        s = scaled(c1, a1)
        return add_scaled(s, c1, b1), cross(e, s), dot(e, s)

    @inline
    def far(e, a1, a2, a3, a4, b1, b2, b3, b4, c1, c2, c3, c4):
        """The same of the pairs up to a distance of four; V of those that begin at x."""
        unit = type(c1)(1)
        s = add_scaled(add_scaled(add_scaled(scaled(c4, a4), c3, a3), c2, a2), c1, a1)
        w = add_scaled(add_scaled(add_scaled(add_scaled(s, c1, b1), c2, b2), c3, b3), c4, b4)
        t = add_scaled(cross(e, s), unit, cross(b1, add_scaled(add_scaled(scaled(c4, a3), c3, a2), c2, a1)))
        t = add_scaled(add_scaled(t, unit, cross(b2, add_scaled(scaled(c4, a2), c3, a1))), c4, cross(b3, a1))
        return w, t, dot(e, s)

    @line
    def frame_line(V, p, U, d, x, y, t0, width):
        """v of the next site."""
        here, after = index(p), index(p + 1)
        for k in range(width):
            q = index(k)
            store(V, zero, zero, after, q, mul(load(V, zero, zero, here, q), load(U, d, x, y, index(t0 + k))))

    @line
    def into_line(X, V, p, L, f, x, y, t0, width):
        """X̃ ← v X v†"""
        here = index(p)
        for k in range(width):
            q = index(k)
            e = rotate(load(V, zero, zero, here, q), load_algebra(L, f, x, y, index(t0 + k)))
            store_algebra(X, zero, zero, here, q, e)

    @line
    def near_line(X, T, V, W, f, p, x, y, t0, width, c1):
        sum_ = type(c1)(0)
        unit = type(c1)(1)
        here, after, before = index(p), index(p + 1), index(p - 1)
        for k in range(width):
            q, z = index(k), index(t0 + k)
            e = load_algebra(X, zero, zero, here, q)
            w, t, energy = near(e, load_algebra(X, zero, zero, after, q), load_algebra(X, zero, zero, before, q), c1)
            sum_ += energy
            add_to(T, zero, zero, here, q, unit, t)
            add_to(W, f, x, y, z, unit, rotate_back(load(V, zero, zero, here, q), w))
        return sum_

    @line
    def far_line(X, T, V, W, f, p, x, y, t0, width, c1, c2, c3, c4):
        sum_ = type(c1)(0)
        unit = type(c1)(1)
        here = index(p)
        for k in range(width):
            q, z = index(k), index(t0 + k)
            w, t, energy = far(
                load_algebra(X, zero, zero, here, q),
                load_algebra(X, zero, zero, index(p + 1), q), load_algebra(X, zero, zero, index(p + 2), q),
                load_algebra(X, zero, zero, index(p + 3), q), load_algebra(X, zero, zero, index(p + 4), q),
                load_algebra(X, zero, zero, index(p - 1), q), load_algebra(X, zero, zero, index(p - 2), q),
                load_algebra(X, zero, zero, index(p - 3), q), load_algebra(X, zero, zero, index(p - 4), q),
                c1, c2, c3, c4,
            )  # fmt: skip
            sum_ += energy
            add_to(T, zero, zero, here, q, unit, t)
            add_to(W, f, x, y, z, unit, rotate_back(load(V, zero, zero, here, q), w))
        return sum_

    @line
    def torque_line(E, d, T, V, p, x, y, t0, width, scale):
        here = index(p)
        for k in range(width):
            q, z = index(k), index(t0 + k)
            t = rotate_back(load(V, zero, zero, here, q), load_algebra(T, zero, zero, here, q))
            add_to(E, d, x, y, z, -scale[d, z], t)

    @kernel(group.NAME)
    def across_rows(first, last, axis, lo, hi, reach, d, members, kinds, c, U, L, W, E, scale, V, X, T, sums):
        """Pairs of the fields L[members] along the axis 0 or 1, in some of the blocks that `units` counts.

        kinds[m] is 0 for V_B and 1 for V_φ; reach is 1 or 4.
        """
        nx, ny = U.shape[2], U.shape[3]
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
                    frame_line(V, p, U, d, x, y, t0, width)
                for p in range(reach, size + reach):
                    nothing_line(T, zero, zero, index(p), 0, width)
                for m in range(members.shape[0]):
                    f = index(members[m])
                    for p in range(size + 2 * reach):
                        x, y = _on_line(axis, o, (a0 - reach + p) % sites)
                        into_line(X, V, p, L, f, x, y, t0, width)
                    total = 0.0
                    for p in range(size):
                        x, y = _on_line(axis, o, a0 + p)
                        if reach == 1:
                            total += near_line(X, T, V, W, f, 1 + p, x, y, t0, width, c[m, 0])
                        else:
                            total += far_line(
                                X, T, V, W, f, 4 + p, x, y, t0, width, c[m, 0], c[m, 1], c[m, 2], c[m, 3]
                            )  # fmt: skip
                    sums[unit, index(kinds[m])] += total
                for p in range(size):
                    x, y = _on_line(axis, o, a0 + p)
                    torque_line(E, d, T, V, reach + p, x, y, t0, width, scale)

    # the same along z: LANES lines side by side, site after site, so that again neighbours along y are next to each other

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
                    interleave_line(B, p, A, i, index(c), x, index(y), lo + a, run, lanes)
            p += run

    @line
    def frames_column(V, U, sites):
        """v of all sites; U ahead of each."""
        for k in range(LANES * sites):
            q, after = index(k), index(k + LANES)
            store(V, zero, zero, zero, after, mul(load(V, zero, zero, zero, q), load(U, zero, zero, zero, q)))

    @line
    def into_column(X, V, B, sites):
        for k in range(LANES * sites):
            q = index(k)
            e = rotate(load(V, zero, zero, zero, q), load_algebra(B, zero, zero, zero, q))
            store_algebra(X, zero, zero, zero, q, e)

    @line
    def near_column(X, T, V, B, sites, c1):
        sum_ = type(c1)(0)
        unit = type(c1)(1)
        for k in range(LANES, LANES * (sites + 1)):
            q = index(k)
            a, b = load_algebra(X, zero, zero, zero, index(k + LANES)), load_algebra(X, zero, zero, zero, index(k - LANES))
            w, t, energy = near(load_algebra(X, zero, zero, zero, q), a, b, c1)
            sum_ += energy
            add_to(T, zero, zero, zero, q, unit, t)
            store_algebra(B, zero, zero, zero, q, rotate_back(load(V, zero, zero, zero, q), w))
        return sum_

    @line
    def far_column(X, T, V, B, sites, c1, c2, c3, c4):
        sum_ = type(c1)(0)
        unit = type(c1)(1)
        for k in range(4 * LANES, LANES * (sites + 4)):
            q = index(k)
            w, t, energy = far(
                load_algebra(X, zero, zero, zero, q),
                load_algebra(X, zero, zero, zero, index(k + LANES)), load_algebra(X, zero, zero, zero, index(k + 2 * LANES)),
                load_algebra(X, zero, zero, zero, index(k + 3 * LANES)), load_algebra(X, zero, zero, zero, index(k + 4 * LANES)),
                load_algebra(X, zero, zero, zero, index(k - LANES)), load_algebra(X, zero, zero, zero, index(k - 2 * LANES)),
                load_algebra(X, zero, zero, zero, index(k - 3 * LANES)), load_algebra(X, zero, zero, zero, index(k - 4 * LANES)),
                c1, c2, c3, c4,
            )  # fmt: skip
            sum_ += energy
            add_to(T, zero, zero, zero, q, unit, t)
            store_algebra(B, zero, zero, zero, q, rotate_back(load(V, zero, zero, zero, q), w))
        return sum_

    @line
    def torque_column(B, T, V, factor, first, z0, sites):
        for k in range(sites):
            s = -factor[index(z0 + k)]
            for n in range(LANES):
                q = index(LANES * (first + k) + n)
                t = rotate_back(load(V, zero, zero, zero, q), load_algebra(T, zero, zero, zero, q))
                store_algebra(B, zero, zero, zero, q, scaled(s, t))

    @kernel(group.NAME)
    def along_columns(
        first, last, lo, hi, periodic, reach, d, members, kinds, c, unit, U, L, W, E, scale, V, Y, X, B, T, sums
    ):  # fmt: skip
        """Pairs of the fields L[members] along the axis 2, as `across_rows`."""
        ny = U.shape[3]
        tiles = (ny + LANES - 1) // LANES
        for number in range(first, last):
            x, y = index(number // tiles), (number % tiles) * LANES
            lanes = min(LANES, ny - y)
            sums[number, 0] = 0
            sums[number, 1] = 0
            for a0 in range(lo, hi, COLUMN):
                size = min(COLUMN, hi - a0)
                count = size + 2 * reach
                interleave(Y, U, d, x, y, lanes, unit, a0 - reach, count, lo, hi, periodic)
                frames_column(V, Y, count - 1)
                T[:] = 0
                for m in range(members.shape[0]):
                    f = index(members[m])
                    interleave(B, L, f, x, y, lanes, T[0, :, 0, 0, 0], a0 - reach, count, lo, hi, periodic)
                    into_column(X, V, B, count)
                    if reach == 1:
                        energy = near_column(X, T, V, B, size, c[m, 0])
                    else:
                        energy = far_column(X, T, V, B, size, c[m, 0], c[m, 1], c[m, 2], c[m, 3])
                    sums[number, index(kinds[m])] += energy
                    for component in range(B.shape[1]):
                        separate_line(W, f, index(component), x, index(y), a0, size, lanes, B, reach)
                torque_column(B, T, V, scale[d], reach, a0, size)
                for component in range(B.shape[1]):
                    separate_line(E, d, index(component), x, index(y), a0, size, lanes, B, reach)

    # back to the plaquettes

    @line
    def strength_line(Q, S, p, x, y, first, last, c1, c2, c3):
        """h = ∂V/∂s of the terms of one plaquette."""
        sum_ = type(c1)(0)
        c22, c33 = c2 + c2, c3 + c3 + c3
        for k in range(first, last):
            s = load_real(S, p, x, y, index(k))
            store_real(Q, zero, zero, zero, index(k), c1 + s * (c22 + s * c33))
            sum_ += s * (c1 + s * (c2 + s * c3))
        return sum_

    @line
    def strength_pairs_line(Q, S, p, x, y, xn, yn, z0, sites, off, c):
        """h of products with the plaquette at (xn, yn, z + off); each pair is met twice."""
        sum_ = type(c)(0)
        for k in range(sites):
            z = index(z0 + k)
            s = load_real(S, p, xn, yn, index(z0 + k + off))
            sum_ += s * load_real(S, p, x, y, z)
            store_real(Q, zero, zero, zero, z, load_real(Q, zero, zero, zero, z) + c * s)
        return type(c)(0.5) * c * sum_

    @line
    def local_line(G, g, E, di, dj, P, p, W, f, Q, x, y, first, last, scale):
        """G and G' if F is in no pairs."""
        for k in range(first, last):
            z = index(k)
            w, h, a = load_algebra(W, f, x, y, z), load_real(Q, zero, zero, zero, z), load(P, p, x, y, z)
            left, right = left_gradient(a, h, w), right_gradient(a, h, w)
            store_algebra(G, g, x, y, z, left)
            store_algebra(G, g + one, x, y, z, right)
            add_to(E, di, x, y, z, -scale[di, z], left)
            add_to(E, dj, x, y, z, scale[dj, z], right)

    @line
    def reverse_line(G, g, E, U, di, dj, P, p, L, W, f, Q, x, y, xi, yi, xj, yj, xc, yc, z0, sites, up, scale):
        """G and G', and the torques on the links that the field strengths were brought along."""
        for k in range(sites):
            z, zj = index(z0 + k), index(z0 + k + up)
            h, a = load_real(Q, zero, zero, zero, z), load(P, p, x, y, z)
            unit = type(h)(1)
            v = load(U, dj, x, y, z)
            corner = rotate(v, load_algebra(W, f + three, xj, yj, zj))
            below = rotate(v, load_algebra(W, f + two, xj, yj, zj))
            beside = rotate(load(U, dj, xi, yi, z), load_algebra(W, f + three, xc, yc, zj))
            beside = add_scaled(beside, unit, load_algebra(W, f + one, xi, yi, z))
            beside = rotate(load(U, di, x, y, z), beside)
            b = load_algebra(L, f, x, y, z)
            along_i = cross(b, beside)
            along_j = add_scaled(cross(b, below), unit, cross(load_algebra(L, f + one, x, y, z), corner))
            w = add_scaled(add_scaled(load_algebra(W, f, x, y, z), unit, beside), unit, below)
            left, right = left_gradient(a, h, w), right_gradient(a, h, w)
            store_algebra(G, g, x, y, z, left)
            store_algebra(G, g + one, x, y, z, right)
            add_to(E, di, x, y, z, -scale[di, z], add_scaled(left, unit, along_i))
            add_to(E, dj, x, y, z, scale[dj, z], add_scaled(right, -unit, along_j))

    @line
    def rectangle_back_line(G, g, E, U, d, di, dj, R, r, x, y, xn, yn, z0, sites, up, scale):
        """The derivatives of rectangles along the link d, at the plaquette ahead in them and the one behind."""
        for k in range(sites):
            z, zn = index(z0 + k), index(z0 + k + up)
            u = load(U, d, x, y, z)
            a, b = rotate(u, load_algebra(R, r, xn, yn, zn)), rotate(u, load_algebra(R, r + one, xn, yn, zn))
            unit = type(a[0])(1)
            add_to(G, g, x, y, z, unit, b)
            add_to(G, g + one, x, y, z, unit, a)
            add_to(E, di, x, y, z, -scale[di, z], b)
            add_to(E, dj, x, y, z, scale[dj, z], a)
            add_to(E, d, x, y, z, -scale[d, z], add_scaled(a, -unit, b))

    @line
    def rectangle_here_line(G, g, E, di, dj, R, r, x, y, first, last, scale):
        for k in range(first, last):
            z = index(k)
            a, b = load_algebra(R, r, x, y, z), load_algebra(R, r + one, x, y, z)
            unit = type(a[0])(1)
            add_to(G, g, x, y, z, unit, a)
            add_to(G, g + one, x, y, z, unit, b)
            add_to(E, di, x, y, z, -scale[di, z], a)
            add_to(E, dj, x, y, z, scale[dj, z], b)

    @line
    def cells_back_line(D, G, E, U, x, y, xm, ym, first, last, scale):
        """∂V/∂(T_y φ) of the diagonal gradients, with what comes from T_x T_y φ of the cell behind."""
        for k in range(first, last):
            z = index(k)
            from_behind = rotate_back(load(U, zero, xm, ym, z), load_algebra(D, index(_WXY), xm, ym, z))
            unit = type(from_behind[0])(1)
            w = add_scaled(load_algebra(D, index(_WY), x, y, z), unit, from_behind)
            store_algebra(D, index(_WY), x, y, z, w)
            left, right = load_algebra(D, index(_LEFT), x, y, z), load_algebra(D, index(_RIGHT), x, y, z)
            add_to(G, zero, x, y, z, unit, left)
            add_to(G, one, x, y, z, unit, right)
            add_to(E, zero, x, y, z, -scale[zero, z], add_scaled(left, unit, load_algebra(D, index(_TORQUE), x, y, z)))
            right = add_scaled(right, -unit, cross(w, load_algebra(D, index(_Y), x, y, z)))
            add_to(E, one, x, y, z, scale[one, z], right)

    @kernel(group.NAME)
    def reverse(
        first, last, lo, hi, periodic, planes, shift, table, paired, cells, U, P, L, W, S, R, D, G, E, Q, scale, sums
    ):  # fmt: skip
        """G and G' of the lines first ≤ x ny + y < last; sums[line] ← V_B of the terms in s."""
        nx, ny = U.shape[2], U.shape[3]
        for line in range(first, last):
            x, y = line // ny, line % ny
            x_, y_ = index(x), index(y)
            magnetic = 0.0
            for p in range(planes.shape[0]):
                i, j = planes[p, 0], planes[p, 1]
                di, dj, f, g, p_ = index(i - shift), index(j - shift), index(4 * p), index(2 * p), index(p)
                xi, yi = _row(i, 1, x, y, nx, ny)
                xj, yj = _row(j, 1, x, y, nx, ny)
                xc, yc = _row(j, 1, xi, yi, nx, ny)
                magnetic += strength_line(Q, S, p_, x_, y_, lo, hi, table[p, PLAQUETTE], table[p, SQUARE], table[p, CUBE])
                for n in range(9):
                    ni, nj = n // 3 - 1, n % 3 - 1
                    c = table[p, ACTION_DIAGONAL if ni != 0 and nj != 0 else (ACTION_I if nj == 0 else ACTION_J)]
                    if c == 0 or n == 4:
                        continue
                    xn, yn = _row(i, ni, x, y, nx, ny)
                    xn, yn = _row(j, nj, xn, yn, nx, ny)
                    for part in range(2):
                        if nj < 0:
                            z0, sites, off = _behind(part, j == 2, lo, hi, periodic)
                        else:
                            z0, sites, off = _ahead(part, j == 2 and nj > 0, lo, hi, periodic)
                        magnetic += strength_pairs_line(Q, S, p_, x_, y_, xn, yn, z0, sites, off, c)
                if paired[p]:
                    for part in range(2):
                        z0, sites, up = _ahead(part, j == 2, lo, hi, periodic)
                        reverse_line(
                            G, g, E, U, di, dj, P, p_, L, W, f, Q, x_, y_, xi, yi, xj, yj, xc, yc, z0, sites, up, scale
                        )  # fmt: skip
                else:
                    local_line(G, g, E, di, dj, P, p_, W, f, Q, x_, y_, lo, hi, scale)
                for side in range(2):
                    if table[p, RECTANGLE_I + side] != 0:
                        r = index(4 * p + 2 * side)
                        d, xn, yn = (di, xi, yi) if side == 0 else (dj, xj, yj)
                        rectangle_here_line(G, g, E, di, dj, R, r, x_, y_, lo, hi, scale)
                        for part in range(2):
                            z0, sites, up = _ahead(part, side == 1 and j == 2, lo, hi, periodic)
                            rectangle_back_line(G, g, E, U, d, di, dj, R, r, x_, y_, xn, yn, z0, sites, up, scale)
                if cells:
                    xm, ym = _row(1, -1, x, y, nx, ny)
                    cells_back_line(D, G, E, U, x_, y_, xm, ym, lo, hi, scale)
            sums[line, 0] = magnetic

    # the four links of each plaquette

    @line
    def kick_first_line(E, d, G, g, U, x, y, xb, yb, first, last, scale):
        """The link along j at the far end of the plaquette behind in i."""
        for k in range(first, last):
            z = index(k)
            add_to(E, d[1], x, y, z, -scale[d[1], z], rotate_back(load(U, d[0], xb, yb, z), load_algebra(G, g, xb, yb, z)))

    @line
    def kick_second_line(E, d, G, g, U, x, y, xb, yb, z0, sites, down, scale):
        """The link along i at the far end of the plaquette behind in j."""
        for k in range(sites):
            z, zb = index(z0 + k), index(z0 + k + down)
            w = rotate_back(load(U, d[1], xb, yb, zb), load_algebra(G, g + one, xb, yb, zb))
            add_to(E, d[0], x, y, z, scale[d[0], z], w)

    @line
    def kick_scalar_line(E, W, f, x, y, first, last, c):
        for k in range(first, last):
            add_to(E, two, x, y, index(k), c, load_algebra(W, f, x, y, index(k)))

    @line
    def cells_scalar_line(W, f, D, U, x, y, xm, ym, z0, sites, down):
        """∂V/∂φ of the diagonal gradients through T_x φ and T_y φ."""
        for k in range(sites):
            z, zm = index(z0 + k), index(z0 + k + down)
            w = rotate_back(load(U, zero, xm, ym, z), load_algebra(D, index(_WX), xm, ym, z))
            unit = type(w[0])(1)
            add_to(W, f, x, y, z, unit, w)
            w = rotate_back(load(U, one, x, y, zm), load_algebra(D, index(_WY), x, y, zm))
            add_to(W, f, x, y, z, unit, w)

    @kernel(group.NAME)
    def kick(first, last, lo, hi, periodic, planes, shift, scalar, cells, c_scalar, U, W, D, G, E, scale):
        """What the plaquettes behind do to the links of the lines first ≤ x ny + y < last, and the kick of P_η."""
        nx, ny = U.shape[2], U.shape[3]
        for line in range(first, last):
            x, y = line // ny, line % ny
            x_, y_ = index(x), index(y)
            for p in range(planes.shape[0]):
                i, j = planes[p, 0], planes[p, 1]
                d, g = (index(i - shift), index(j - shift)), index(2 * p)
                xb, yb = _row(i, -1, x, y, nx, ny)
                kick_first_line(E, d, G, g, U, x_, y_, xb, yb, lo, hi, scale)
                xb, yb = _row(j, -1, x, y, nx, ny)
                for part in range(2):
                    z0, sites, down = _behind(part, j == 2, lo, hi, periodic)
                    kick_second_line(E, d, G, g, U, x_, y_, xb, yb, z0, sites, down, scale)
            if scalar:
                if cells:
                    xm, ym = _row(1, -1, x, y, nx, ny)
                    for part in range(2):
                        z0, sites, down = _behind(part, True, lo, hi, periodic)
                        cells_scalar_line(W, four, D, U, x_, y_, xm, ym, z0, sites, down)
                kick_scalar_line(E, W, four, x_, y_, lo, hi, c_scalar)

    # the kinetic part of the work

    @line
    def squares_line(E, x, y, first, last, c_links, c_scalar):
        sum_ = type(c_links)(0)
        for k in range(first, last):
            z = index(k)
            e, f = load_algebra(E, zero, x, y, z), load_algebra(E, one, x, y, z)
            g = load_algebra(E, two, x, y, z)
            sum_ += c_links * (dot(e, e) + dot(f, f)) + c_scalar * dot(g, g)
        return sum_

    @kernel(group.NAME)
    def kinetic(first, last, lo, hi, c_links, c_scalar, E, sums):
        """sums[line] gains c_links (P_x² + P_y²) + c_scalar P_η²."""
        ny = E.shape[3]
        for line in range(first, last):
            sums[line] += squares_line(E, index(line // ny), index(line % ny), lo, hi, c_links, c_scalar)

    return SimpleNamespace(
        plaquettes=plaquettes, leaves=leaves, across_rows=across_rows,
        along_columns=along_columns, reverse=reverse, kick=kick,
        kinetic=kinetic,
    )  # fmt: skip


def units(axis: int, shape: tuple[int, int, int]) -> int:
    """Into how many blocks the pairs along an axis are cut."""
    nx, ny, _ = shape
    if axis == 2:
        return nx * -(-ny // LANES)
    return (ny * -(-nx // BLOCK)) if axis == 0 else (nx * -(-ny // BLOCK))


def frames(group: ModuleType, dtype: np.dtype) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Workspaces of a thread for `across_rows` (v, X̃, torques) and `along_columns` (v, links, X̃, X, torques); v begins with 1."""

    def lines(components: int, sites: int, width: int) -> np.ndarray:
        return np.zeros((1, components, 1, sites, width), dtype)

    link, algebra, sites = group.LINK_REALS, group.DIMENSION, LANES * (COLUMN + 2 * REACH)
    rows = tuple(lines(n, BLOCK + 2 * REACH, TILE) for n in (link, algebra, algebra))
    columns = tuple(lines(n, 1, sites) for n in (link, link, algebra, algebra, algebra))
    for V, width in ((rows[0], TILE), (columns[0], LANES)):
        V[0, :, 0, 0, :width] = np.asarray(group.IDENTITY, dtype)[:, None]
    return rows, columns
