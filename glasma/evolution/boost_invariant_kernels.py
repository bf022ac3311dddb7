"""The compiled loops of the boost-invariant leapfrog: momenta, links and adjoint scalar of a range of planes in x.

Both forces on the momenta are covariant divergences.  With F = [U_xy]_ah and D_i = U_i A_{x+i} U†_i − A_x,

    P_x ← P_x − c_F (F − U†_y F U_y |_{x−y}) − c_× D_x × A
    P_y ← P_y + c_F (F − U†_x F U_x |_{x−x}) − c_× D_y × A
    P_η ← P_η + c_D Σ_i (D_i − U†_i D_i U_i |_{x−i}),

so F and D_i are computed once a site, and carried to the site behind each link while its links are at hand.

A plane is kicked, and drifts while it is still in the cache: the planes before it no longer need its links, and the next
one needs of it only what the workspace holds.  The first and the last plane of a range drift last, when the threads on both
sides of it have read them.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType, SimpleNamespace

import numpy as np

from glasma.backend import index, inline, kernel, line
from glasma.lattice.plaquettes import wrapped

#: Sites along y that are worked on at once.
TILE = 128

# Lines of a tile: F, D_x, D_y at the site; F and D_y carried along y, entry k + 1 from the site k; F and D_x carried along x.
_F, _DX, _DY, _FY, _DYY, _FX, _DXX, _LINES = 0, 1, 2, 3, 4, 5, 6, 7


def workspace(group: ModuleType, ny: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Lines of a tile along y, and the two lines that a whole plane leaves to the next: F and D_x carried along x."""
    dimension = group.DIMENSION
    return np.zeros((_LINES, dimension, 1, 1, TILE + 1), dtype), np.zeros((2, dimension, 1, 1, ny), dtype)


@cache
def boost_invariant_updates(group: ModuleType) -> SimpleNamespace:
    """What happens at one site, as inlined functions.

    `strength` gives F = [U_xy]_ah and 2 Re tr(1 − U_xy) of the links u = U_x, v = U_y and those across from them; `gradient`
    D_i; the kicks take what the sites before have left: F carried along y and x, D_i carried along i.
    """
    mul, rotate, add_scaled, cross = group.mul, group.rotate, group.add_scaled, group.cross
    subtract, norm2, antihermitian_mul_dagger = group.subtract, group.norm2, group.antihermitian_mul_dagger

    @inline
    def strength(u, v, u_above, v_ahead):
        along_x = mul(u, v_ahead)
        along_y = mul(v, u_above)
        return antihermitian_mul_dagger(along_x, along_y), norm2(subtract(along_x, along_y))

    @inline
    def gradient(u, ahead, here):
        return add_scaled(rotate(u, ahead), type(u[0])(-1), here)

    @inline
    def kicked_x(p, f, f_below, d, a, c_force, c_cross):
        p = add_scaled(add_scaled(p, -c_force, f), c_force, f_below)
        return add_scaled(p, -c_cross, cross(d, a))

    @inline
    def kicked_y(q, f, f_before, e, a, c_force, c_cross):
        q = add_scaled(add_scaled(q, c_force, f), -c_force, f_before)
        return add_scaled(q, -c_cross, cross(e, a))

    @inline
    def kicked_eta(r, d, d_before, e, e_below, c_divergence):
        r = add_scaled(add_scaled(r, c_divergence, d), -c_divergence, d_before)
        return add_scaled(add_scaled(r, c_divergence, e), -c_divergence, e_below)

    return SimpleNamespace(
        strength=strength, gradient=gradient, kicked_x=kicked_x, kicked_y=kicked_y, kicked_eta=kicked_eta
    )  # fmt: skip


@cache
def boost_invariant_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels of one group; each compiles for a precision when it is first called with it."""
    load, store, mul, exp, unitarise = group.load, group.store, group.mul, group.exp, group.unitarise
    load_algebra, store_algebra, add_scaled, dot = group.load_algebra, group.store_algebra, group.add_scaled, group.dot
    rotate_back, updates = group.rotate_back, boost_invariant_updates(group)
    strength, gradient = updates.strength, updates.gradient
    kicked_x, kicked_y, kicked_eta = updates.kicked_x, updates.kicked_y, updates.kicked_eta
    zero, one, two = index(0), index(1), index(2)

    @line
    def strength_line(W, entry, x, xp, y0, sites, up, U, weight):
        """F at `sites` sites from y0, entries of W from `entry` on, and carried along x and y; y + up is the site above y.

        Returns weight Σ 2 Re tr(1 − U_xy), as tr C C† with C = U_x U_y − U_y U_x.
        """
        sum_ = type(weight)(0)
        for k in range(sites):
            y, yp, w = index(y0 + k), index(y0 + k + up), index(entry + k)
            u, v = load(U, zero, zero, x, y), load(U, one, zero, x, y)
            f, action = strength(u, v, load(U, zero, zero, x, yp), load(U, one, zero, xp, y))
            sum_ += action
            store_algebra(W, _F, zero, zero, w, f)
            store_algebra(W, _FX, zero, zero, w, rotate_back(u, f))
            store_algebra(W, _FY, zero, zero, w + one, rotate_back(v, f))
        return weight * sum_

    @line
    def gradient_line(W, line, carried, shift, entry, i, x, xn, y0, sites, up, U, A, weight):
        """D_i at `sites` sites from y0 and carried along i; (xn, y + up) is the neighbour.  Returns weight Σ D_i²."""
        sum_ = type(weight)(0)
        for k in range(sites):
            y, w = index(y0 + k), index(entry + k)
            u = load(U, i, zero, x, y)
            ahead = load_algebra(A, zero, zero, xn, index(y0 + k + up))
            d = gradient(u, ahead, load_algebra(A, zero, zero, x, y))
            sum_ += dot(d, d)
            store_algebra(W, line, zero, zero, w, d)
            store_algebra(W, carried, zero, zero, index(entry + k + shift), rotate_back(u, d))
        return weight * sum_

    @line
    def sources(W, entry, x, xp, first, last, U, A, potential, gradient):
        """All lines of the tile first ≤ y < last, entries from `entry` on; the part of the work that they give."""
        ny = U.shape[4]
        inner = min(last, ny - 1) - first
        sum_ = strength_line(W, entry, x, xp, first, inner, 1, U, potential)
        sum_ += gradient_line(W, _DX, _DXX, 0, entry, zero, x, xp, first, last - first, 0, U, A, gradient)
        sum_ += gradient_line(W, _DY, _DYY, 1, entry, one, x, x, first, inner, 1, U, A, gradient)
        if last == ny:
            sum_ += strength_line(W, entry + inner, x, xp, ny - 1, 1, 1 - ny, U, potential)
            sum_ += gradient_line(W, _DY, _DYY, 1, entry + inner, one, x, x, ny - 1, 1, 1 - ny, U, A, gradient)
        return sum_

    @line
    def leave_line(X, W, y0, sites):
        """What the next plane needs."""
        for k in range(sites):
            y, w = index(y0 + k), index(k)
            store_algebra(X, zero, zero, zero, y, load_algebra(W, _FX, zero, zero, w))
            store_algebra(X, one, zero, zero, y, load_algebra(W, _DXX, zero, zero, w))

    @line
    def momenta_line(E, A, W, X, x, y0, sites, c_force, c_cross, c_divergence, before_t, after_t, before_l, after_l):
        """The kick; X holds what the plane before has left.  Returns the kinetic part of the work."""
        sum_ = type(c_force)(0)
        for k in range(sites):
            y, w = index(y0 + k), index(k)
            f = load_algebra(W, _F, zero, zero, w)
            d, e = load_algebra(W, _DX, zero, zero, w), load_algebra(W, _DY, zero, zero, w)
            a = load_algebra(A, zero, zero, x, y)
            p, q = load_algebra(E, zero, zero, x, y), load_algebra(E, one, zero, x, y)
            sum_ += before_t * (dot(p, p) + dot(q, q))
            p = kicked_x(p, f, load_algebra(W, _FY, zero, zero, w), d, a, c_force, c_cross)
            q = kicked_y(q, f, load_algebra(X, zero, zero, zero, y), e, a, c_force, c_cross)
            sum_ += after_t * (dot(p, p) + dot(q, q))
            store_algebra(E, zero, zero, x, y, p)
            store_algebra(E, one, zero, x, y, q)
            r = load_algebra(E, two, zero, x, y)
            sum_ += before_l * dot(r, r)
            from_before, from_below = load_algebra(X, one, zero, zero, y), load_algebra(W, _DYY, zero, zero, w)
            r = kicked_eta(r, d, from_before, e, from_below, c_divergence)
            sum_ += after_l * dot(r, r)
            store_algebra(E, two, zero, x, y, r)
        return sum_

    @line
    def links_line(U, E, i, x, c):
        for k in range(U.shape[4]):
            y = index(k)
            step = exp(c, load_algebra(E, i, zero, x, y))
            store(U, i, zero, x, y, mul(step, load(U, i, zero, x, y)))

    @line
    def unitarise_line(U, i, x):
        for k in range(U.shape[4]):
            y = index(k)
            store(U, i, zero, x, y, unitarise(load(U, i, zero, x, y)))

    @line
    def scalar_line(A, E, x, c):
        for k in range(A.shape[4]):
            y = index(k)
            a = add_scaled(load_algebra(A, zero, zero, x, y), c, load_algebra(E, two, zero, x, y))
            store_algebra(A, zero, zero, x, y, a)

    @line
    def drift_plane(x, U, A, E, c_links, c_scalar, renew):
        for i in range(2):
            links_line(U, E, index(i), index(x), c_links)
            if renew:
                unitarise_line(U, index(i), index(x))
        scalar_line(A, E, index(x), c_scalar)

    @kernel(group.NAME)
    def drift(x0, x1, U, A, E, c_links, c_scalar, renew):
        """U_i ← exp(i c_links P_i) U_i, A ← A + c_scalar P_η for planes x0 ≤ x < x1; `renew` brings U back into the group."""
        for x in range(x0, x1):
            drift_plane(x, U, A, E, c_links, c_scalar, renew)

    @kernel(group.NAME)
    def kick(x0, x1, U, A, E, W, X, work, c_force, c_cross, c_divergence, weights, drifts, c_links, c_scalar, renew):
        """The momenta of planes x0 ≤ x < x1; if `drifts`, planes x0 < x < x1 − 1 drift too.

        work[x] ← Σ over the plane of weights · (P_T² before, P_T² after, P_η² before, P_η² after, ½B_L², D²).
        """
        nx, ny = U.shape[3], U.shape[4]
        for x in range(x0 - 1, x1):
            xh, xp = wrapped(x, nx), wrapped(x + 1, nx)
            # the last site comes before the first
            sources(W, TILE - 1, xh, xp, ny - 1, ny, U, A, weights[4], weights[5])
            sites = TILE
            total = 0.0
            for y in range(0, ny, TILE):
                W[_FY, :, 0, 0, 0] = W[_FY, :, 0, 0, sites]
                W[_DYY, :, 0, 0, 0] = W[_DYY, :, 0, 0, sites]
                sites = min(TILE, ny - y)
                total += sources(W, 0, xh, xp, y, y + sites, U, A, weights[4], weights[5])
                if x >= x0:
                    total += momenta_line(
                        E, A, W, X, xh, y, sites, c_force, c_cross, c_divergence,
                        weights[0], weights[1], weights[2], weights[3],
                    )  # fmt: skip
                leave_line(X, W, y, sites)
            if x >= x0:
                work[x] = total
            if drifts and x0 < x < x1 - 1:
                drift_plane(x, U, A, E, c_links, c_scalar, renew)

    return SimpleNamespace(kick=kick, drift=drift)
