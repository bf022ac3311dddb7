"""The compiled loops of the improved actions: the derivative of V_B and V_φ with respect to links and scalar, in reverse mode.

Fields of a lattice of three axes; the boost-invariant plane has the axes 1 and 2.  For each plane (i, j) the four field
strengths at a site are L[4p + n] with n = 0 for F_{++}, 1 for F_{−+}, 2 for F_{+−}, 3 for F_{−−}; L[4] is φ in the transverse
plane.  W are the derivatives of V with respect to them.  The kernels run one after the other over the whole lattice:

`plaquettes`   P, F and s
`leaves`       the other field strengths; W of all terms of one site
pairs          W of pairs along each axis, and torques (`glasma.evolution.improved_pairs_kernels`)
`reverse`      W carried back to F; with H = W of F and h = ∂V/∂s the derivatives of V along P → e^{iε} P and P → P e^{iε},

                   G = [P (h + iH)]_ah,   G' = [(h + iH) P]_ah,

               which are F for the Wilson action; the torques on links that F were carried by
`kick`         the force on the links of each plaquette:  U_i(x): G,  U_j(x+i): U†_i G U_i,  U_i(x+j): −U†_j G' U_j,  U_j: −G'

A link that brings X from x+k to Y = U_k X U†_k at x gets the torque w × Y if w = ∂V/∂Y, and one that brings X at x to x+k gets
X × U_k w U†_k.  Where a term needs the matrices of two plaquettes, the rectangle, G and G' get [PQ]_ah and [QP]_ah.

All coefficients hold the time step, and `scale` the factor a_i² of a link, or 0 where it does not move.  The third axis is
periodic, or ends at z = lo and hi; terms that would reach beyond are not there.  All arrays but U, E and `scale` have an entry
more at each end of z, for the site at the other end or for none, so that the loops over a line are all of one kind.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType, SimpleNamespace

from glasma.backend import index, inline, kernel, line, rows
from glasma.evolution.improved_pairs_kernels import close
from glasma.evolution.improved_scalar_kernels import improved_scalar_lines
from glasma.lattice.plaquettes import wrapped

# mypy: allow-untyped-defs, allow-incomplete-defs

#: Columns of the table of coefficients of a plane.
PLAQUETTE, SQUARE, CUBE, DIAGONAL, ACTION_DIAGONAL, ACTION_I, ACTION_J, RECTANGLE_I, RECTANGLE_J, COLUMNS = range(10)


@inline
def _row(axis, steps, x, y, nx, ny):
    """The line along z next to (x, y): itself for axis 2."""
    if axis == 0:
        return wrapped(x + steps, nx), index(y)
    if axis == 1:
        return index(x), wrapped(y + steps, ny)
    return index(x), index(y)


@cache
def improved_action_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels of one group; each compiles for a precision when it is first called with it."""
    load, store, mul, dagger, antihermitian = group.load, group.store, group.mul, group.dagger, group.antihermitian
    antihermitian_mul_dagger, distance2 = group.antihermitian_mul_dagger, group.distance2
    load_algebra, store_algebra, add_scaled, scaled = group.load_algebra, group.store_algebra, group.add_scaled, group.scaled
    dot, cross, rotate, rotate_back = group.dot, group.cross, group.rotate, group.rotate_back
    left_gradient, right_gradient = group.left_gradient, group.right_gradient
    of_scalar = improved_scalar_lines(group)
    scalar_leaves, cells_line, cells_back = of_scalar.leaves, of_scalar.cells, of_scalar.cells_back
    cells_scalar, kick_scalar = of_scalar.cells_scalar, of_scalar.kick
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
            f = load_algebra(A, i, x, y, index(k + 1))
            store_algebra(A, i, x, y, index(k + 1), scaled(type(f[0])(0), f))

    # P, F and s

    @line
    def links_line(V, d, U, x, y, first, last):
        for k in range(first, last):
            store(V, d, x, y, index(k + 1), load(U, d, x, y, index(k)))

    @line
    def scalar_line(L, A, x, y, first, last):
        for k in range(first, last):
            store_algebra(L, four, x, y, index(k + 1), load_algebra(A, zero, x, y, index(k)))

    @line
    def plaquette_line(P, L, S, p, f, V, U, di, dj, x, y, xi, yi, xj, yj, first, last):
        """The plaquettes of a plane (i, j) with j below 2."""
        for k in range(first, last):
            z, at = index(k + 1), index(k)
            along_i = mul(load(V, di, x, y, z), load(U, dj, xi, yi, at))
            along_j = mul(load(V, dj, x, y, z), load(U, di, xj, yj, at))
            a = mul(along_i, dagger(along_j))
            store(P, p, x, y, z, a)
            store_algebra(L, f, x, y, z, antihermitian(a))
            store_real(S, p, x, y, z, distance2(a))

    @line
    def plaquette_z_line(P, L, S, p, f, V, U, di, dj, x, y, xi, yi, first, last):
        """The plaquettes of a plane that holds z."""
        for k in range(first, last):
            z, zp = index(k + 1), index(k + 2)
            along_i = mul(load(V, di, x, y, z), load(U, dj, xi, yi, index(k)))
            along_j = mul(load(V, dj, x, y, z), load(V, di, x, y, zp))
            a = mul(along_i, dagger(along_j))
            store(P, p, x, y, z, a)
            store_algebra(L, f, x, y, z, antihermitian(a))
            store_real(S, p, x, y, z, distance2(a))

    @kernel(group.NAME)
    def plaquettes(first, last, lo, hi, periodic, planes, shift, scalar, unit, U, A, V, P, L, S):
        """P, F and s of the lines first ≤ x ny + y < last, and copies V of U and L of φ with closed ends.

        Where a plaquette would reach beyond an end it is 1.
        """
        nx, ny = U.shape[2], U.shape[3]
        for n in range(first, last):
            x_, y_ = index(n // ny), index(n % ny)
            for d in range(V.shape[0]):
                links_line(V, index(d), U, x_, y_, lo, hi)
            if scalar:
                scalar_line(L, A, x_, y_, lo, hi)
        close(V, first, last, lo, hi, periodic)
        for n in range(first, last):
            x, y = n // ny, n % ny
            x_, y_ = index(x), index(y)
            for p in range(planes.shape[0]):
                i, j = planes[p, 0], planes[p, 1]
                di, dj, f, p_ = index(i - shift), index(j - shift), index(4 * p), index(p)
                xi, yi = _row(i, 1, x, y, nx, ny)
                if j == 2:
                    plaquette_z_line(P, L, S, p_, f, V, U, di, dj, x_, y_, xi, yi, lo, hi)
                else:
                    xj, yj = _row(j, 1, x, y, nx, ny)
                    plaquette_line(P, L, S, p_, f, V, U, di, dj, x_, y_, xi, yi, xj, yj, lo, hi)
                if j == 2 and not periodic:
                    nothing_line(L, f, x_, y_, hi - 1, hi)
                    for component in range(P.shape[1]):
                        P[p, component, x, y, hi] = unit[component]
                    S[p, 0, x, y, hi] = 0
        close(P, first, last, lo, hi, periodic)
        close(L, first, last, lo, hi, periodic)
        close(S, first, last, lo, hi, periodic)

    # field strengths at the site, and terms of one site

    @line
    def leaves_line(L, W, f, V, di, dj, x, y, xi, yi, xj, yj, xc, yc, first, last, down, diagonal):
        """The field strengths brought from behind in i, in j and in both; `down` is 1 if j is z, else 0."""
        sum_ = type(diagonal)(0)
        for k in range(first, last):
            z, zj = index(k + 1), index(k + 1 - down)
            u = load(V, dj, xj, yj, zj)
            a = load_algebra(L, f, x, y, z)
            b = rotate_back(load(V, di, xi, yi, z), load_algebra(L, f, xi, yi, z))
            c = rotate_back(u, load_algebra(L, f, xj, yj, zj))
            d = rotate_back(u, rotate_back(load(V, di, xc, yc, zj), load_algebra(L, f, xc, yc, zj)))
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
    def rectangle_line(R, r, P, p, V, d, x, y, xb, yb, first, last, down, c):
        """R[r] ← c [P Q]_ah, R[r + 1] ← c [Q P]_ah with the plaquette Q of the site behind, brought here along the link d."""
        sum_ = type(c)(0)
        for k in range(first, last):
            z, zb = index(k + 1), index(k + 1 - down)
            u, a = load(V, d, xb, yb, zb), load(P, p, x, y, z)
            b = mul(mul(dagger(u), load(P, p, xb, yb, zb)), u)
            ab = mul(a, b)
            sum_ += distance2(ab)
            store_algebra(R, r, x, y, z, scaled(c, antihermitian(ab)))
            store_algebra(R, r + one, x, y, z, scaled(c, antihermitian_mul_dagger(b, dagger(a))))
        return c * sum_

    @kernel(group.NAME)
    def leaves(
        first, last, lo, hi, periodic, planes, shift, scalar, table, paired, quarter, V, P, L, W, R, sums
    ):  # fmt: skip
        """Field strengths and terms of one site of the lines first ≤ x ny + y < last; sums[line] ← their V_B and V_φ.

        `paired` says of each plane whether F occurs in pairs, `scalar` whether there is φ.
        """
        nx, ny = V.shape[2], V.shape[3]
        for n in range(first, last):
            x, y = n // ny, n % ny
            x_, y_ = index(x), index(y)
            magnetic = gradient = 0.0
            for p in range(planes.shape[0]):
                i, j = planes[p, 0], planes[p, 1]
                di, dj, f, p_ = index(i - shift), index(j - shift), index(4 * p), index(p)
                xi, yi = _row(i, -1, x, y, nx, ny)
                xj, yj = _row(j, -1, x, y, nx, ny)
                xc, yc = _row(j, -1, xi, yi, nx, ny)
                down = 1 if j == 2 else 0
                if quarter != 0:
                    on_links, on_scalar = scalar_leaves(
                        L, W, V, x_, y_, xi, yi, lo, hi, table[p, DIAGONAL], quarter
                    )  # fmt: skip
                    magnetic += on_links
                    gradient += on_scalar
                elif paired[p]:
                    magnetic += leaves_line(
                        L, W, f, V, di, dj, x_, y_, xi, yi, xj, yj, xc, yc, lo, hi, down, table[p, DIAGONAL]
                    )  # fmt: skip
                else:
                    nothing_line(W, f, x_, y_, lo, hi)
                for side in range(2):
                    c = table[p, RECTANGLE_I + side]
                    if c != 0:
                        r = index(4 * p + 2 * side)
                        d, xb, yb, back = (di, xi, yi, 0) if side == 0 else (dj, xj, yj, down)
                        ends = 1 if back == 1 and not periodic else 0
                        nothing_line(R, r, x_, y_, lo, hi)
                        nothing_line(R, r + one, x_, y_, lo, hi)
                        magnetic += rectangle_line(R, r, P, p_, V, d, x_, y_, xb, yb, lo + ends, hi - ends, back, c)
            if scalar and quarter == 0:
                nothing_line(W, four, x_, y_, lo, hi)
            sums[n, 0] = magnetic
            sums[n, 1] = gradient
        if table[:, RECTANGLE_I:].any():
            close(R, first, last, lo, hi, periodic)

    # back to the plaquettes

    @line
    def strength_line(Q, S, p, x, y, first, last, c1, c2, c3):
        """h = ∂V/∂s of the terms of one plaquette."""
        sum_ = type(c1)(0)
        c22, c33 = c2 + c2, c3 + c3 + c3
        for k in range(first, last):
            s = load_real(S, p, x, y, index(k + 1))
            store_real(Q, zero, zero, zero, index(k), c1 + s * (c22 + s * c33))
            sum_ += s * (c1 + s * (c2 + s * c3))
        return sum_

    @line
    def strength_pairs_line(Q, S, p, x, y, xn, yn, first, last, off, c):
        """h of products with the plaquette at (xn, yn, z + off); each pair is met twice."""
        sum_ = type(c)(0)
        for k in range(first, last):
            s = load_real(S, p, xn, yn, index(k + 1 + off))
            sum_ += s * load_real(S, p, x, y, index(k + 1))
            store_real(Q, zero, zero, zero, index(k), load_real(Q, zero, zero, zero, index(k)) + c * s)
        return type(c)(0.5) * c * sum_

    @line
    def local_line(G, g, E, di, dj, P, p, W, f, Q, x, y, first, last, scale):
        """G and G' if F is in no pairs but those of neighbours."""
        for k in range(first, last):
            z, at = index(k + 1), index(k)
            w, h, a = load_algebra(W, f, x, y, z), load_real(Q, zero, zero, zero, at), load(P, p, x, y, z)
            left, right = left_gradient(a, h, w), right_gradient(a, h, w)
            store_algebra(G, g, x, y, z, left)
            store_algebra(G, g + one, x, y, z, right)
            add_to(E, di, x, y, at, -scale[di, at], left)
            add_to(E, dj, x, y, at, scale[dj, at], right)

    @line
    def reverse_line(G, g, E, V, di, dj, P, p, L, W, f, Q, x, y, xi, yi, xj, yj, xc, yc, first, last, up, scale):
        """G and G', and the torques on the links that the field strengths were brought along; `up` is 1 if j is z, else 0."""
        for k in range(first, last):
            z, at, zj = index(k + 1), index(k), index(k + 1 + up)
            h, a = load_real(Q, zero, zero, zero, at), load(P, p, x, y, z)
            unit = type(h)(1)
            v = load(V, dj, x, y, z)
            corner = rotate(v, load_algebra(W, f + three, xj, yj, zj))
            below = rotate(v, load_algebra(W, f + two, xj, yj, zj))
            beside = rotate(load(V, dj, xi, yi, z), load_algebra(W, f + three, xc, yc, zj))
            beside = rotate(load(V, di, x, y, z), add_scaled(beside, unit, load_algebra(W, f + one, xi, yi, z)))
            b = load_algebra(L, f, x, y, z)
            along_i = cross(b, beside)
            along_j = add_scaled(cross(b, below), unit, cross(load_algebra(L, f + one, x, y, z), corner))
            w = add_scaled(add_scaled(load_algebra(W, f, x, y, z), unit, beside), unit, below)
            left, right = left_gradient(a, h, w), right_gradient(a, h, w)
            store_algebra(G, g, x, y, z, left)
            store_algebra(G, g + one, x, y, z, right)
            add_to(E, di, x, y, at, -scale[di, at], add_scaled(left, unit, along_i))
            add_to(E, dj, x, y, at, scale[dj, at], add_scaled(right, -unit, along_j))

    @line
    def rectangle_back_line(G, g, E, V, d, di, dj, R, r, x, y, xn, yn, first, last, up, scale):
        """The derivatives of rectangles along the link d, at the plaquette ahead in them and the one behind."""
        for k in range(first, last):
            z, at, zn = index(k + 1), index(k), index(k + 1 + up)
            u = load(V, d, x, y, z)
            a, b = rotate(u, load_algebra(R, r, xn, yn, zn)), rotate(u, load_algebra(R, r + one, xn, yn, zn))
            unit = type(a[0])(1)
            left = add_scaled(load_algebra(R, r, x, y, z), unit, b)
            right = add_scaled(load_algebra(R, r + one, x, y, z), unit, a)
            add_to(G, g, x, y, z, unit, left)
            add_to(G, g + one, x, y, z, unit, right)
            add_to(E, di, x, y, at, -scale[di, at], left)
            add_to(E, dj, x, y, at, scale[dj, at], right)
            add_to(E, d, x, y, at, -scale[d, at], add_scaled(a, -unit, b))

    @kernel(group.NAME)
    def reverse(
        first, last, lo, hi, periodic, planes, shift, scalar, table, paired, c_cells, V, P, L, W, S, R, D, G, E, Q, scale, sums
    ):  # fmt: skip
        """G and G' of the lines first ≤ x ny + y < last; sums[line] ← V_B of the terms in s, V_φ of the diagonal gradient."""
        nx, ny = V.shape[2], V.shape[3]
        for n in range(first, last):
            x, y = n // ny, n % ny
            x_, y_ = index(x), index(y)
            magnetic = 0.0
            for p in range(planes.shape[0]):
                i, j = planes[p, 0], planes[p, 1]
                di, dj, f, g, p_ = index(i - shift), index(j - shift), index(4 * p), index(2 * p), index(p)
                xi, yi = _row(i, 1, x, y, nx, ny)
                xj, yj = _row(j, 1, x, y, nx, ny)
                xc, yc = _row(j, 1, xi, yi, nx, ny)
                up = 1 if j == 2 else 0
                magnetic += strength_line(Q, S, p_, x_, y_, lo, hi, table[p, PLAQUETTE], table[p, SQUARE], table[p, CUBE])
                for m in range(9):
                    ni, nj = m // 3 - 1, m % 3 - 1
                    c = table[p, ACTION_DIAGONAL if ni != 0 and nj != 0 else (ACTION_I if nj == 0 else ACTION_J)]
                    if c != 0 and m != 4:
                        xn, yn = _row(i, ni, x, y, nx, ny)
                        xn, yn = _row(j, nj, xn, yn, nx, ny)
                        magnetic += strength_pairs_line(Q, S, p_, x_, y_, xn, yn, lo, hi, up * nj, c)
                if paired[p]:
                    reverse_line(
                        G, g, E, V, di, dj, P, p_, L, W, f, Q, x_, y_, xi, yi, xj, yj, xc, yc, lo, hi, up, scale
                    )  # fmt: skip
                else:
                    local_line(G, g, E, di, dj, P, p_, W, f, Q, x_, y_, lo, hi, scale)
                for side in range(2):
                    if table[p, RECTANGLE_I + side] != 0:
                        r = index(4 * p + 2 * side)
                        d, xn, yn, ahead = (di, xi, yi, 0) if side == 0 else (dj, xj, yj, up)
                        rectangle_back_line(G, g, E, V, d, di, dj, R, r, x_, y_, xn, yn, lo, hi, ahead, scale)
            gradient = 0.0
            if c_cells != 0:
                xp, yp = _row(1, 1, x, y, nx, ny)
                gradient = cells_line(D, W, G, E, V, P, L, x_, y_, xp, yp, lo, hi, c_cells, scale)
            sums[n, 0] = magnetic
            sums[n, 1] = gradient
        close(G, first, last, lo, hi, periodic)

    # the four links of each plaquette

    @line
    def kick_line(E, di, dj, G, g, V, x, y, xi, yi, xj, yj, first, last, down, scale):
        """The link along j at the far end of the plaquette behind in i, and the other way round."""
        for k in range(first, last):
            z, at, zj = index(k + 1), index(k), index(k + 1 - down)
            w = rotate_back(load(V, di, xi, yi, z), load_algebra(G, g, xi, yi, z))
            add_to(E, dj, x, y, at, -scale[dj, at], w)
            w = rotate_back(load(V, dj, xj, yj, zj), load_algebra(G, g + one, xj, yj, zj))
            add_to(E, di, x, y, at, scale[di, at], w)

    @kernel(group.NAME)
    def kick(first, last, lo, hi, periodic, planes, shift, scalar, cells, V, W, D, G, E, scale):
        """What the plaquettes behind do to the links of the lines first ≤ x ny + y < last, and the kick of P_η."""
        nx, ny = V.shape[2], V.shape[3]
        if cells:
            for n in range(first, last):
                x, y = n // ny, n % ny
                xm, ym = _row(1, -1, x, y, nx, ny)
                cells_back(D, E, V, index(x), index(y), xm, ym, lo, hi, scale)
            close(D, first, last, lo, hi, periodic)
        for n in range(first, last):
            x, y = n // ny, n % ny
            x_, y_ = index(x), index(y)
            for p in range(planes.shape[0]):
                i, j = planes[p, 0], planes[p, 1]
                di, dj, g = index(i - shift), index(j - shift), index(2 * p)
                xi, yi = _row(i, -1, x, y, nx, ny)
                xj, yj = _row(j, -1, x, y, nx, ny)
                kick_line(E, di, dj, G, g, V, x_, y_, xi, yi, xj, yj, lo, hi, 1 if j == 2 else 0, scale)
            if scalar:
                if cells:
                    xm, ym = _row(1, -1, x, y, nx, ny)
                    cells_scalar(W, D, V, x_, y_, xm, ym, lo, hi)
                kick_scalar(E, W, x_, y_, lo, hi)

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
        """sums[line] ← c_links (P_x² + P_y²) + c_scalar P_η²."""
        ny = E.shape[3]
        for n in range(first, last):
            sums[n] = squares_line(E, index(n // ny), index(n % ny), lo, hi, c_links, c_scalar)

    return SimpleNamespace(plaquettes=plaquettes, leaves=leaves, reverse=reverse, kick=kick, kinetic=kinetic)
