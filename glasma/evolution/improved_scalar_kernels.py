"""The compiled loops of the adjoint scalar in an improved action: terms of one site, and the diagonal gradient.

The latter couples φ at opposite corners of a cell, by both routes around it.  In the frame of the corner x, with A = T_x φ,
B = T_y φ, X = T_x T_y φ and the plaquette P, the routes give X and P†XP, A and P†AP:

    ¼ gradient_diagonal (|X − φ|² + |P†XP − φ|² + |A − B|² + |P†AP − B|²).

Its torques on U_x and U_y of the other sides of the cell are those on P, and go with G and G' to the four links.
Lines of `glasma.evolution.improved_action_kernels`; there a site z is at the entry z + 1.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType, SimpleNamespace

from glasma.backend import index, inline, line

# mypy: allow-untyped-defs, allow-incomplete-defs

#: Fields of the diagonal gradient: derivatives with respect to A, X and B; B.
_WA, _WX, _WB, _B, DIAGONAL_FIELDS = range(5)


@cache
def improved_scalar_lines(group: ModuleType) -> SimpleNamespace:
    """The loops of one group."""
    load, load_algebra, store_algebra, add_scaled = group.load, group.load_algebra, group.store_algebra, group.add_scaled
    scaled, dot, cross, rotate, rotate_back = group.scaled, group.dot, group.cross, group.rotate, group.rotate_back
    zero, one, two, three, phi = index(0), index(1), index(2), index(3), index(4)

    @inline
    def add_to(A, i, x, y, z, s, f):
        """A[i] ← A[i] + s f at the site."""
        store_algebra(A, i, x, y, z, add_scaled(load_algebra(A, i, x, y, z), s, f))

    @inline
    def commutator(f, a, c, w):
        """∂/∂f of c |f × a|²/2 added to w; ∂/∂a without c; |f × a|²."""
        g = cross(f, a)
        return add_scaled(w, c, cross(a, g)), cross(g, f), dot(g, g)

    @line
    def leaves(L, W, V, x, y, xm, ym, first, last, diagonal, quarter):
        """All terms of one site where there is a commutator: quarter/2 Σ |F × φ|² of the four field strengths.

        Returns the part of V_B and that of V_φ.
        """
        magnetic, gradient = type(quarter)(0), type(quarter)(0)
        unit, half = type(quarter)(1), type(quarter)(0.5)
        for k in range(first, last):
            z, zm = index(k + 1), index(k)
            e, v = load_algebra(L, phi, x, y, z), load(V, one, x, y, zm)
            a = load_algebra(L, zero, x, y, z)
            b = rotate_back(load(V, zero, xm, ym, z), load_algebra(L, zero, xm, ym, z))
            c = rotate_back(v, load_algebra(L, zero, x, y, zm))
            d = rotate_back(v, rotate_back(load(V, zero, xm, ym, zm), load_algebra(L, zero, xm, ym, zm)))
            wa, ea, sa = commutator(a, e, quarter, scaled(diagonal, d))
            wb, eb, sb = commutator(b, e, quarter, scaled(diagonal, c))
            wc, ec, sc = commutator(c, e, quarter, scaled(diagonal, b))
            wd, ed, sd = commutator(d, e, quarter, scaled(diagonal, a))
            magnetic += diagonal * (dot(a, d) + dot(b, c))
            gradient += half * quarter * (sa + sb + sc + sd)
            store_algebra(L, one, x, y, z, b)
            store_algebra(L, two, x, y, z, c)
            store_algebra(W, zero, x, y, z, wa)
            store_algebra(W, one, x, y, z, wb)
            store_algebra(W, two, x, y, z, wc)
            store_algebra(W, three, x, y, z, wd)
            w = add_scaled(add_scaled(add_scaled(ea, unit, eb), unit, ec), unit, ed)
            store_algebra(W, phi, x, y, z, scaled(quarter, w))
        return magnetic, gradient

    @line
    def cells(D, W, G, E, V, P, L, x, y, xp, yp, first, last, c, scale):
        """The diagonal gradient of the cells of a line, their torques, G and G'; c = −½ gradient_diagonal."""
        sum_ = type(c)(0)
        unit = type(c)(1)
        for k in range(first, last):
            at, z, zp = index(k), index(k + 1), index(k + 2)
            u, v, p = load(V, zero, x, y, z), load(V, one, x, y, z), load(P, zero, x, y, z)
            e = load_algebra(L, phi, x, y, z)
            a = rotate(u, load_algebra(L, phi, xp, yp, z))
            b = rotate(v, load_algebra(L, phi, x, y, zp))
            r = rotate(u, rotate(load(V, one, xp, yp, z), load_algebra(L, phi, xp, yp, zp)))
            a2, r2, b2, e2 = rotate_back(p, a), rotate_back(p, r), rotate(p, b), rotate(p, e)
            re, re2, ab, ab2 = (
                add_scaled(r, -unit, e), add_scaled(r2, -unit, e), add_scaled(a, -unit, b), add_scaled(a2, -unit, b)
            )  # fmt: skip
            # P† (e2 − r) P is e − r2
            er, ba = add_scaled(e2, -unit, r), add_scaled(b2, -unit, a)
            of_e, of_b = add_scaled(re, unit, re2), add_scaled(ab, unit, ab2)
            of_r, of_a = scaled(c, add_scaled(er, -unit, re)), scaled(c, add_scaled(ba, -unit, ab))
            sum_ += dot(re, re) + dot(re2, re2) + dot(ab, ab) + dot(ab2, ab2)
            add_to(W, phi, x, y, z, c, of_e)
            store_algebra(D, index(_WA), x, y, z, of_a)
            store_algebra(D, index(_WX), x, y, z, of_r)
            store_algebra(D, index(_WB), x, y, z, scaled(c, of_b))
            store_algebra(D, index(_B), x, y, z, b)
            torque = add_scaled(cross(of_r, r), unit, cross(of_a, a))
            left = scaled(c, add_scaled(cross(r, er), unit, cross(a, ba)))
            right = scaled(-c, add_scaled(cross(r2, re2), unit, cross(a2, ab2)))
            add_to(G, zero, x, y, z, unit, left)
            add_to(G, one, x, y, z, unit, right)
            add_to(E, zero, x, y, at, -scale[zero, at], add_scaled(left, unit, torque))
            add_to(E, one, x, y, at, scale[one, at], right)
        return type(c)(-0.5) * c * sum_

    @line
    def cells_back(D, E, V, x, y, xm, ym, first, last, scale):
        """∂V/∂B with what comes from X of the cell behind, and its torque on U_y."""
        for k in range(first, last):
            at, z = index(k), index(k + 1)
            w = rotate_back(load(V, zero, xm, ym, z), load_algebra(D, index(_WX), xm, ym, z))
            w = add_scaled(w, type(w[0])(1), load_algebra(D, index(_WB), x, y, z))
            store_algebra(D, index(_WB), x, y, z, w)
            add_to(E, one, x, y, at, -scale[one, at], cross(w, load_algebra(D, index(_B), x, y, z)))

    @line
    def cells_scalar(W, D, V, x, y, xm, ym, first, last):
        """∂V/∂φ of the cells through A and B."""
        for k in range(first, last):
            z, zm = index(k + 1), index(k)
            w = rotate_back(load(V, zero, xm, ym, z), load_algebra(D, index(_WA), xm, ym, z))
            w = add_scaled(w, type(w[0])(1), rotate_back(load(V, one, x, y, zm), load_algebra(D, index(_WB), x, y, zm)))
            add_to(W, phi, x, y, z, type(w[0])(1), w)

    @line
    def kick(E, W, x, y, first, last):
        for k in range(first, last):
            w = load_algebra(W, phi, x, y, index(k + 1))
            add_to(E, two, x, y, index(k), type(w[0])(-1), w)

    return SimpleNamespace(
        leaves=leaves, cells=cells, cells_back=cells_back, cells_scalar=cells_scalar, kick=kick,
    )  # fmt: skip
