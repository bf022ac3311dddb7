"""The compiled loops of the semi-implicit scheme: the momentum of a step and one sweep of its iteration.

With the links U of one time slice and V of the next (or of the one before: the discrete Lagrangian is symmetric in them),
the momentum at U is p = P + a_t a_i² ∂V_d, where P = [V U†]_ah/a_t and ∂ is the left derivative by U.  Every plaquette is
visited once and gives what it adds to each of its links.  [X] below is [X]_ah; `u` and `v` are links of U and of V, primed
at the far side of the plaquette.

Transverse plaquette, ½ Re tr(D D†_v + D̃ D̃†_v) along both diagonals, with D = u_i u_j' − u_j u_i', D̃ = u_i† u_j − u_j' u_i'†,
and D_v, D̃_v the same of the other slice:

=======  ==================================================  =======  =============================================
u_i      −¼ [u_i u_j' D_v†] − ¼ [u_i D̃_v u_j†]               u_j      ¼ [u_j u_i' D_v†] + ¼ [u_i D̃_v u_j†]
u_i'     ¼ [u_i' D_v† u_j] + ¼ [(u_j' u_i'†)† D̃_v]           u_j'     −¼ [u_j' D_v† u_i] + ¼ [u_j' u_i'† D̃_v†]
=======  ==================================================  =======  =============================================

Longitudinal plaquette (z, i), ½ Re tr[C W†(u|v) + C_v W†(v|u)], where only the links along z come from the other slice.  With
G1 = [u_z u_i' (u_i v_z')†], G2 = [v_z u_i' (u_i u_z')†], G3 = [u_z v_i' (v_i v_z')†], G4 = [v_z v_i' (v_i u_z')†]:

=======  ==================================================  =======  =============================================
u_i      −¼ (G1 + G2)                                        u_i'     ¼ (u_z† G1 u_z + v_z† G2 v_z)
u_z      ¼ (G1 + G3) + ½ a_t P_z                             u_z'     −¼ (u_i† G2 u_i + v_i† G4 v_i) + ½ a_t P_z'
=======  ==================================================  =======  =============================================

Planes outside z0 ≤ z < z1 are static, and the ends are ideal conductors as in `glasma.evolution.leapfrog_kernels`.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType, SimpleNamespace

import numpy as np

from glasma.backend import index, inline, kernel, line
from glasma.evolution.leapfrog_kernels import moved_link_of
from glasma.lattice.plaquettes import wrapped

#: Sites along z that are worked on at once.
TILE = 512

#: Lines of the workspace that belong to the site itself, the last for squared norms; see `workspace`.
_OWN = 9
_NORMS = 8


def workspace(group: ModuleType, ny: int, dtype: np.dtype) -> np.ndarray:
    """Lines along z of what plaquettes add to their links; entry k belongs to z − 1 + k.

    Nine lines of the site itself; two and two of what those at y − 1 and at y give to y and y + 1; two planes of
    two lines for x and x + 1.
    """
    return np.zeros(workspace_shape(group, ny), dtype)


def workspace_shape(group: ModuleType, ny: int) -> tuple[int, ...]:
    """Of the workspace of one thread."""
    return _OWN + 4 + 4 * ny, group.DIMENSION, 1, 1, TILE + 1


@cache
def semi_implicit_updates(group: ModuleType) -> SimpleNamespace:
    """What happens at one site, as inlined functions.

    `transverse` and `longitudinal` give what a plaquette adds to its links, times 4 and without P_z, in the order u_i, u_j,
    u_j', u_i' and u_i, u_i', u_z, u_z'; `drift` gives P, `residual` the residual of a link, the others a step of the iteration.
    """
    load, mul, dagger, load_algebra = group.load, group.mul, group.dagger, group.load_algebra
    subtract, add_scaled, rotate, rotate_back = group.subtract, group.add_scaled, group.rotate, group.rotate_back
    product_with_dagger = group.antihermitian_mul_dagger
    one, two = index(1), index(2)

    @inline
    def product(a, b):
        """[a b]_ah"""
        return product_with_dagger(a, dagger(b))

    @inline
    def scaled(c, f):
        return add_scaled(f, c - type(c)(1), f)

    @inline
    def transverse(U, V, x, y, xp, yp, z):
        plus, minus = type(U[0, 0, 0, 0, 0])(1), type(U[0, 0, 0, 0, 0])(-1)
        vi, vj = load(V, 0, x, y, z), load(V, 1, x, y, z)
        vi_far, vj_far = load(V, 0, x, yp, z), load(V, 1, xp, y, z)
        d = dagger(subtract(mul(vi, vj_far), mul(vj, vi_far)))
        t = subtract(mul(dagger(vi), vj), mul(vj_far, dagger(vi_far)))
        ui, uj = load(U, 0, x, y, z), load(U, 1, x, y, z)
        ui_far, uj_far = load(U, 0, x, yp, z), load(U, 1, xp, y, z)
        corner = product_with_dagger(mul(ui, t), uj)
        n = mul(uj_far, d)
        here_x = scaled(minus, add_scaled(product(ui, n), plus, corner))
        far_y = scaled(minus, product(n, ui))
        n = mul(ui_far, d)
        here_y = add_scaled(product(uj, n), plus, corner)
        far_x = product(n, uj)
        b = mul(uj_far, dagger(ui_far))
        far_x = add_scaled(far_x, plus, product(dagger(b), t))
        far_y = add_scaled(far_y, plus, product_with_dagger(b, t))
        return here_x, here_y, far_y, far_x

    @inline
    def longitudinal(i, U, V, x, y, xn, yn, z):
        """Of the plaquette (z, i); xn, yn is the site x + i."""
        plus, minus = type(U[0, 0, 0, 0, 0])(1), type(U[0, 0, 0, 0, 0])(-1)
        zp = z + one
        ui, ui_far = load(U, i, x, y, z), load(U, i, x, y, zp)
        uz, uz_far = load(U, two, x, y, z), load(U, two, xn, yn, z)
        vz, vz_far = load(V, two, x, y, z), load(V, two, xn, yn, z)
        n = mul(ui_far, dagger(mul(ui, vz_far)))
        g1 = product(uz, n)
        far_i = product(n, uz)
        n = mul(ui_far, dagger(mul(ui, uz_far)))
        g2 = product(vz, n)
        far_i = add_scaled(far_i, plus, product(n, vz))
        here_i = scaled(minus, add_scaled(g1, plus, g2))
        far_z = rotate_back(ui, g2)
        vi, vi_far = load(V, i, x, y, z), load(V, i, x, y, zp)
        g3 = product_with_dagger(mul(uz, vi_far), mul(vi, vz_far))
        here_z = add_scaled(g1, plus, g3)
        g4 = product_with_dagger(mul(dagger(vi), mul(vz, vi_far)), uz_far)
        return here_i, far_i, here_z, scaled(minus, add_scaled(far_z, plus, g4))

    @inline
    def drift(i, U, V, x, y, z, c_step):
        """P = c_step [V U†]"""
        return scaled(c_step, product_with_dagger(load(V, i, x, y, z), load(U, i, x, y, z)))

    @inline
    def residual(base, drift, c_ab, a, b, c_cd, c, d):
        """base − (P + c_ab (a + b) + c_cd (c + d))"""
        plus = type(c_ab)(1)
        f = add_scaled(base, -plus, drift)
        f = add_scaled(f, -c_ab, add_scaled(a, plus, b))
        return add_scaled(f, -c_cd, add_scaled(c, plus, d))

    @inline
    def increment(D, f, i, x, y, z, forward, onward):
        """forward f + onward D_i"""
        return add_scaled(scaled(forward, f), onward, load_algebra(D, i, x, y, z))

    @inline
    def gradient(r, U, i, x, y, z):
        """U_z r_i(z + 1) U_z† − r_i(z)"""
        ahead = rotate(load(U, two, x, y, z), load_algebra(r, i, x, y, z + one))
        return add_scaled(ahead, type(U[0, 0, 0, 0, 0])(-1), load_algebra(r, i, x, y, z))

    @inline
    def eliminated(r, U, x, y, xm, ym, z, coupling):
        """r_z − coupling Σ_i D_i (D_z r_i)"""
        f = load_algebra(r, two, x, y, z)
        f = add_scaled(f, -coupling, gradient(r, U, 0, x, y, z))
        f = add_scaled(f, coupling, rotate_back(load(U, 0, xm, y, z), gradient(r, U, 0, xm, y, z)))
        f = add_scaled(f, -coupling, gradient(r, U, 1, x, y, z))
        return add_scaled(f, coupling, rotate_back(load(U, 1, x, ym, z), gradient(r, U, 1, x, ym, z)))

    return SimpleNamespace(
        transverse=transverse,
        longitudinal=longitudinal,
        drift=drift,
        residual=residual,
        increment=increment,
        eliminated=eliminated,
    )


@cache
def semi_implicit_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels of one group; each compiles for a precision when it is first called with it."""
    store, load_algebra, store_algebra = group.store, group.load_algebra, group.store_algebra
    add_scaled, dot, moved_link = group.add_scaled, group.dot, moved_link_of(group)
    updates = semi_implicit_updates(group)
    transverse, longitudinal, drift, residual_of = updates.transverse, updates.longitudinal, updates.drift, updates.residual
    increment, eliminated = updates.increment, updates.eliminated
    zero = index(0)

    @line
    def transverse_line(W, at_x, at_y, at_x_far, at_y_far, U, V, x, y, xp, yp, z0, first, sites):
        for k in range(first, sites + 1):
            here_x, here_y, far_y, far_x = transverse(U, V, x, y, xp, yp, index(z0 - 1 + k))
            store_algebra(W, at_x, zero, zero, index(k), here_x)
            store_algebra(W, at_y, zero, zero, index(k), here_y)
            store_algebra(W, at_x_far, zero, zero, index(k), far_x)
            store_algebra(W, at_y_far, zero, zero, index(k), far_y)

    @line
    def longitudinal_line(W, at_i, at_i_far, at_z, at_z_far, i, U, V, x, y, xn, yn, z0, sites):
        for k in range(sites + 1):
            here_i, far_i, here_z, far_z = longitudinal(i, U, V, x, y, xn, yn, index(z0 - 1 + k))
            store_algebra(W, at_i, zero, zero, index(k), here_i)
            store_algebra(W, at_i_far, zero, zero, index(k), far_i)
            store_algebra(W, at_z, zero, zero, index(k), here_z)
            store_algebra(W, at_z_far, zero, zero, index(k), far_z)

    @line
    def residual_line(r, i, x, y, z0, first, sites, base, with_drift, U, V, W, a, b, b_lag, c, d, c_ab, c_cd, c_step):
        """r_i ← base_i − (P + c_ab (W_a + W_b) + c_cd (W_c + W_d)) with P = c_step [V U†] and W_b b_lag back in z.

        Returns the largest |r_i|² + with_drift P².
        """
        for k in range(first, sites + 1):
            z = index(z0 - 1 + k)
            p = drift(i, U, V, x, y, z, c_step)
            ab = load_algebra(W, a, zero, zero, index(k)), load_algebra(W, b, zero, zero, index(k - b_lag))
            cd = load_algebra(W, c, zero, zero, index(k)), load_algebra(W, d, zero, zero, index(k))
            f = residual_of(load_algebra(base, i, x, y, z), p, c_ab, ab[0], ab[1], c_cd, cd[0], cd[1])
            store_algebra(r, i, x, y, z, f)
            W[_NORMS, zero, zero, zero, index(k)] = dot(f, f) + with_drift * dot(p, p)
        if sites < first:
            return c_step - c_step
        # A maximum would keep the loop above from vectorising.
        largest = W[_NORMS, zero, zero, zero, index(first)]
        for k in range(first + 1, sites + 1):
            largest = max(largest, W[_NORMS, zero, zero, zero, index(k)])
        return largest

    @kernel(group.NAME)
    def residual(x0, x1, z0, z1, r, base, with_drift, U, V, W, a_t, inverse_a_z2):
        """r ← base − (momentum at U with the other slice V), for x0 ≤ x < x1 and z0 ≤ z < z1.

        Returns the largest squared colour norm of r, plus with_drift P², where r_z/a_z and P_z/a_z stand for r_z and P_z.
        With z1 = z0 there is only r_z before z0, as for the other two kernels.
        """
        nx, ny = U.shape[2], U.shape[3]
        real = type(a_t)
        quarter = real(0.25) * a_t
        c_longitudinal = quarter * inverse_a_z2
        step = real(1) / a_t
        step_z = step * (real(1) + real(2) * a_t * a_t)
        largest = real(0)
        for z in range(z0, max(z1, z0 + 1), TILE):
            sites = min(TILE, z1 - z)
            for x in range(x0 - 1, x1):
                xh, xp = wrapped(x, nx), wrapped(x + 1, nx)
                # what plaquettes at x − 1 give to links at x, and those at x to links at x + 1
                into = _OWN + 4 + 2 * ny * ((x - x0 + 1) % 2)
                out = _OWN + 4 + 2 * ny - (into - _OWN - 4)
                for y in range(-1, ny):  # the last row comes before the first, for what it gives to it
                    yh, yp = wrapped(y, ny), wrapped(y + 1, ny)
                    before = y < 0
                    if before and x < x0:
                        continue
                    # likewise for y − 1 and y
                    from_below, to_above = _OWN + 2 * (y % 2), _OWN + 2 - 2 * (y % 2)
                    transverse_line(W, 0, 1, to_above, 3 if before else out + y, U, V, xh, yh, xp, yp, z, 1, sites)
                    for i in range(1 if before else 0, 2 if x >= x0 else 1):
                        own = 2 + 3 * i
                        far = out + ny + y if i == 0 else to_above + 1
                        xn, yn = (xp, yh) if i == 0 else (xh, yp)
                        longitudinal_line(W, own, own + 1, own + 2, far, i, U, V, xh, yh, xn, yn, z, sites)
                    if before or x < x0:
                        continue
                    for i in range(3):
                        # the lines whose sums enter with c_longitudinal (or a_t/4 for i = z) and with a_t/4
                        a, b, c, d = 2, 3, 0, from_below
                        if i == 1:
                            a, b, c, d = 5, 6, 1, into + y
                        elif i == 2:
                            a, b, c, d = 4, into + ny + y, 7, from_below + 1
                        along = i == 2
                        found = residual_line(
                            r, i, xh, yh, z, 0 if along and z == z0 else 1, sites, base, with_drift, U, V, W, a, b,
                            0 if along else 1, c, d, quarter if along else c_longitudinal, quarter, step_z if along else step,
                        )  # fmt: skip
                        largest = max(largest, inverse_a_z2 * found if along else found)
        return largest

    @kernel(group.NAME)
    def links(x0, x1, z0, z1, V, U, E, a_t):
        """V = exp(i a_t g a_i E_i) U: the next links, or with −a_t those before, in the directions that V has."""
        for d in range(V.shape[0]):
            for x in range(x0, x1):
                for y in range(U.shape[3]):
                    for k in range(z0 - 1 if d == 2 else z0, z1):
                        d_, x_, y_, z = index(d), index(x), index(y), index(k)
                        store(V, d_, x_, y_, z, moved_link(U, E, d_, x_, y_, z, a_t))

    @line
    def relax_line(E, D, r, i, x, y, z0, z1, forward, onward):
        """D_i ← forward r_i + onward D_i, E_i ← E_i + D_i."""
        plus = type(forward)(1)
        for k in range(z0, z1):
            z = index(k)
            step = increment(D, load_algebra(r, i, x, y, z), i, x, y, z, forward, onward)
            store_algebra(D, i, x, y, z, step)
            store_algebra(E, i, x, y, z, add_scaled(load_algebra(E, i, x, y, z), plus, step))

    @line
    def relax_longitudinal_line(E, D, r, U, x, y, xm, ym, z0, z1, forward, onward, coupling):
        """As `relax_line` for i = z, with r_z − coupling Σ_i D_i (D_z r_i) in the place of r_z."""
        two = index(2)
        plus = type(forward)(1)
        for k in range(z0, z1):
            z = index(k)
            f = eliminated(r, U, x, y, xm, ym, z, coupling)
            step = increment(D, f, two, x, y, z, forward, onward)
            store_algebra(D, two, x, y, z, step)
            store_algebra(E, two, x, y, z, add_scaled(load_algebra(E, two, x, y, z), plus, step))

    @kernel(group.NAME)
    def relax(x0, x1, z0, z1, E, D, r, U, forward, onward, coupling):
        """One step of the iteration on E with the residual r; D holds its last increment; coupling = a_t²/4."""
        nx, ny = U.shape[2], U.shape[3]
        for x in range(x0, x1):
            xh, xm = index(x), wrapped(x - 1, nx)
            for y in range(ny):
                yh, ym = index(y), wrapped(y - 1, ny)
                relax_line(E, D, r, 0, xh, yh, z0, z1, forward, onward)
                relax_line(E, D, r, 1, xh, yh, z0, z1, forward, onward)
                relax_longitudinal_line(E, D, r, U, xh, yh, xm, ym, z0 - 1, z1, forward, onward, coupling)

    return SimpleNamespace(residual=residual, relax=relax, links=links)
