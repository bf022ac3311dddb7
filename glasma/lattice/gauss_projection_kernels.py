"""The compiled loops of the Gauss projection: covariant Laplacian, change of the momenta, vectors of conjugate gradients.

Both frames share them.  A state of the laboratory has links (3, link_reals, nx, ny, nz) between ideal conductors along z, a
boost-invariant one links (2, link_reals, 1, nx, ny), periodic along its last axis too.  A row is a line along that axis;
kernels take a range of rows, and leave one sum for each, so that no result depends on the number of threads.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType, SimpleNamespace

from glasma.backend import index, inline, kernel, line, rows
from glasma.lattice.plaquettes import wrapped


@inline
def beside(axis, x, y, step, shape):
    """The row next to (x, y) by `step` along an axis of the lattice; along the last one it is the same row."""
    if axis == 0:
        return wrapped(x + step, shape[2]), index(y)
    if axis == 1:
        return index(x), wrapped(y + step, shape[3])
    return index(x), index(y)


@inline
def pieces(axis, periodic):
    """Into how many parts a row falls: its first and last site have their neighbours at the other end if it is periodic."""
    return 3 if axis == 2 and periodic else 1


@inline
def piece(part, axis, periodic, z0, z1):
    """First, one past the last site of a part, and where along the row its neighbours before and behind are."""
    if axis < 2:
        return z0, z1, 0, 0
    if not periodic:
        return z0, z1, 1, -1
    around = z1 - 1
    if part == 0:
        return 0, 1, (1 if around else 0), around
    if part == 1:
        return 1, around, 1, -1
    return max(around, 1), z1, -around, -1


@cache
def projection_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels of one group, all in double precision.

    φ and the other vectors are (1, dim_g, ...) arrays, zero but for the planes z0 ≤ z < z1 of the last axis, which move.
    """
    load, load_algebra, store_algebra = group.load, group.load_algebra, group.store_algebra
    add_scaled, cross, dot = group.add_scaled, group.cross, group.dot
    rotate, rotate_back = group.rotate, group.rotate_back
    zero, two = index(0), index(2)

    @line
    def scale_line(out, x, y, z0, z1, phi, c):
        for k in range(z0, z1):
            f = load_algebra(phi, zero, x, y, index(k))
            store_algebra(out, zero, x, y, index(k), add_scaled(f, c - 1.0, f))

    @line
    def hop_line(out, i, x, y, z0, z1, phi, U, w, xp, yp, ahead, xm, ym, behind):
        for k in range(z0, z1):
            f = load_algebra(out, zero, x, y, index(k))
            u, next_ = load(U, i, x, y, index(k)), load_algebra(phi, zero, xp, yp, index(k + ahead))
            f = add_scaled(f, -w, rotate(u, next_))
            u, last = load(U, i, xm, ym, index(k + behind)), load_algebra(phi, zero, xm, ym, index(k + behind))
            store_algebra(out, zero, x, y, index(k), add_scaled(f, -w, rotate_back(u, last)))

    @line
    def change_line(E, i, x, y, z0, z1, phi, U, xp, yp, ahead):
        """E_i ← E_i + D_i φ; Σ (E_i + D_i φ/2)·D_i φ."""
        total = 0.0
        for k in range(z0, z1):
            d = rotate(load(U, i, x, y, index(k)), load_algebra(phi, zero, xp, yp, index(k + ahead)))
            d = add_scaled(d, -1.0, load_algebra(phi, zero, x, y, index(k)))
            e = load_algebra(E, i, x, y, index(k))
            total += dot(add_scaled(e, 0.5, d), d)
            store_algebra(E, i, x, y, index(k), add_scaled(e, 1.0, d))
        return total

    @kernel(group.NAME)
    def laplacian(r0, r1, z0, z1, out, phi, U, weights, periodic):
        """out ← Σ_i w_i D†_i D_i φ = Σ_i w_i (2φ − U_i φ_{x+i} U†_i − U†_i φ_{x−i} U_i |_{x−i})."""
        ny = U.shape[3]
        first = 3 - U.shape[0]
        centre = 0.0
        for i in range(U.shape[0]):
            centre += weights[i] + weights[i]
        for row in range(r0, r1):
            x, y = row // ny, row % ny
            xh, yh = index(x), index(y)
            scale_line(out, xh, yh, z0, z1, phi, centre)
            for i in range(U.shape[0]):
                if weights[i] == 0:
                    continue
                axis = first + i
                xp, yp = beside(axis, x, y, 1, U.shape)
                xm, ym = beside(axis, x, y, -1, U.shape)
                for part in range(pieces(axis, periodic)):
                    k0, k1, ahead, behind = piece(part, axis, periodic, z0, z1)
                    hop_line(out, index(i), xh, yh, k0, k1, phi, U, weights[i], xp, yp, ahead, xm, ym, behind)

    @kernel(group.NAME)
    def solve_lines(r0, r1, z0, z1, out, r, U, coupling, pivots):
        """out ← (w D†_z D_z + c)⁻¹ r along z by elimination, with coupling = w and the inverse pivots of the elimination."""
        ny = U.shape[3]
        for row in range(r0, r1):
            x, y = index(row // ny), index(row % ny)
            f = load_algebra(r, zero, x, y, index(z0))
            f = add_scaled(f, pivots[0] - 1.0, f)
            store_algebra(out, zero, x, y, index(z0), f)
            for k in range(z0 + 1, z1):
                f = rotate_back(load(U, two, x, y, index(k - 1)), f)
                f = add_scaled(load_algebra(r, zero, x, y, index(k)), coupling, f)
                f = add_scaled(f, pivots[k - z0] - 1.0, f)
                store_algebra(out, zero, x, y, index(k), f)
            for k in range(z1 - 2, z0 - 1, -1):
                f = rotate(load(U, two, x, y, index(k)), f)
                f = add_scaled(load_algebra(out, zero, x, y, index(k)), coupling * pivots[k - z0], f)
                store_algebra(out, zero, x, y, index(k), f)

    @kernel(group.NAME)
    def mass(r0, r1, out, phi, A, c):
        """out ← out − c A × (A × φ)."""
        for row in range(r0, r1):
            y = index(row)
            for k in range(A.shape[4]):
                z = index(k)
                a, f = load_algebra(A, zero, zero, y, z), load_algebra(out, zero, zero, y, z)
                f = add_scaled(f, -c, cross(a, cross(a, load_algebra(phi, zero, zero, y, z))))
                store_algebra(out, zero, zero, y, z, f)

    @kernel(group.NAME)
    def change(r0, r1, z0, z1, E, sums, phi, U, weights, periodic):
        """E_i ← E_i + D_i φ on the links that have a weight; sums of w_i (E_i + D_i φ/2)·D_i φ.

        The longitudinal link between the static plane before z0 and the first plane changes too.
        """
        ny = U.shape[3]
        first = 3 - U.shape[0]
        for row in range(r0, r1):
            x, y = row // ny, row % ny
            total = 0.0
            for i in range(U.shape[0]):
                if weights[i] == 0:
                    continue
                axis = first + i
                xp, yp = beside(axis, x, y, 1, U.shape)
                start = z0 - 1 if axis == 2 and not periodic else z0
                for part in range(pieces(axis, periodic)):
                    k0, k1, ahead, _ = piece(part, axis, periodic, start, z1)
                    total += weights[i] * change_line(E, index(i), index(x), index(y), k0, k1, phi, U, xp, yp, ahead)
            sums[row] = total

    @kernel(group.NAME)
    def change_scalar(r0, r1, E, sums, phi, A, c):
        """P_η ← P_η − c A × φ; sums of (P_η − c A × φ/2)·(−A × φ)."""
        for row in range(r0, r1):
            y = index(row)
            total = 0.0
            for k in range(A.shape[4]):
                z = index(k)
                d = cross(load_algebra(phi, zero, zero, y, z), load_algebra(A, zero, zero, y, z))
                e = load_algebra(E, two, zero, y, z)
                total += dot(add_scaled(e, 0.5 * c, d), d)
                store_algebra(E, two, zero, y, z, add_scaled(e, c, d))
            sums[row] = total

    @kernel(group.NAME)
    def product(r0, r1, z0, z1, sums, p, q):
        """Sums of p·q."""
        ny = p.shape[3]
        for row in range(r0, r1):
            x, y = index(row // ny), index(row % ny)
            total = 0.0
            for k in range(z0, z1):
                total += dot(load_algebra(p, zero, x, y, index(k)), load_algebra(q, zero, x, y, index(k)))
            sums[row] = total

    @kernel(group.NAME)
    def advance(r0, r1, z0, z1, largest, phi, r, p, q, alpha):
        """φ ← φ + α p and r ← r − α q; largest |r^a| of each row."""
        phi, r, p, q = rows(phi), rows(r), rows(p), rows(q)
        ny = p.shape[3]
        for row in range(r0, r1):
            x, y = index(row // ny), index(row % ny)
            worst = 0.0
            for component in range(p.shape[1]):
                a = index(component)
                for k in range(z0, z1):
                    z = index(k)
                    phi[zero, a, x, y, z] += alpha * p[zero, a, x, y, z]
                    s = r[zero, a, x, y, z] - alpha * q[zero, a, x, y, z]
                    r[zero, a, x, y, z] = s
                    worst = max(worst, abs(s))
            largest[row] = worst

    @kernel(group.NAME)
    def follow(r0, r1, z0, z1, p, z, beta):
        """p ← z + β p."""
        p, z = rows(p), rows(z)
        ny = p.shape[3]
        for row in range(r0, r1):
            x, y = index(row // ny), index(row % ny)
            for component in range(p.shape[1]):
                a = index(component)
                for k in range(z0, z1):
                    here = index(k)
                    p[zero, a, x, y, here] = z[zero, a, x, y, here] + beta * p[zero, a, x, y, here]

    return SimpleNamespace(
        laplacian=laplacian,
        solve_lines=solve_lines,
        mass=mass,
        change=change,
        change_scalar=change_scalar,
        product=product,
        advance=advance,
        follow=follow,
    )
