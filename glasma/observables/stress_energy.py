"""The energy-momentum tensor at the sites, with E and B brought to one point and one time.

E_i is the mean of the two links at a site, B that of the four plaquettes around it, all parallel-transported to the site
and taken at t − ½.  Then, colour summed,

    T^00 = ½(E² + B²),  T^0i = (E × B)_i,  T^ij = ½ δ_ij (E² + B²) − E_i E_j − B_i B_j.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType, SimpleNamespace

import numpy as np

from glasma.backend import Workers, index, inline, kernel, line
from glasma.lattice.fields import Fields
from glasma.lattice.midpoint import MidpointPlanes
from glasma.lattice.plaquettes import neighbour, plaquettes_of, wrapped

#: Order of the components in every array of the energy-momentum tensor.
TENSOR = ("T00", "T0x", "T0y", "T0z", "Txx", "Tyy", "Tzz", "Txy", "Txz", "Tyz")


@cache
def stress_at_site(group: ModuleType) -> SimpleNamespace:
    """Fields at a site and what they give, as the inlined functions `mean_electric`, `clover` and `tensor`."""
    load, load_algebra = group.load, group.load_algebra
    dot, add_scaled, rotate_back = group.dot, group.add_scaled, group.rotate_back
    field_strength = plaquettes_of(group).field_strength

    @inline
    def strength(V, i, j, x, y, z, ip, jp):
        xi, yi, zi = neighbour(i, x, y, z, ip, ip, ip)
        xj, yj, zj = neighbour(j, x, y, z, jp, jp, jp)
        return field_strength(V, i, j, x, y, z, xi, yi, zi, xj, yj, zj)

    @inline
    def mean_electric(E, i, x, y, z, x_before, y_before, z_before, V, v_before, c):
        """c (E_i + U†_i E_i U_i), the second at the site before in direction i."""
        e = load_algebra(E, i, x, y, z)
        before = rotate_back(load(V, i, v_before, y_before, z_before), load_algebra(E, i, x_before, y_before, z_before))
        both = add_scaled(e, type(c)(1), before)
        return add_scaled(both, c - type(c)(1), both)

    @inline
    def clover(V, i, j, x, y, z, xp, xm, yp, ym, zp, zm, c):
        """c Σ of F_ij of the four plaquettes around the site, carried to it."""
        ip, jp = (xp if i == 0 else yp), (yp if j == 1 else zp)
        im, jm = (xm if i == 0 else ym), (ym if j == 1 else zm)
        ih, jh = (x if i == 0 else y), (y if j == 1 else z)
        xa, ya, za = neighbour(i, x, y, z, im, im, im)
        xb, yb, zb = neighbour(j, x, y, z, jm, jm, jm)
        xc, yc, zc = neighbour(j, xa, ya, za, jm, jm, jm)
        f = strength(V, i, j, x, y, z, ip, jp)
        # x − i − j is carried along j first, so that it shares the last link with x − i
        corner = rotate_back(load(V, j, xc, yc, zc), strength(V, i, j, xc, yc, zc, ih, jh))
        left = add_scaled(strength(V, i, j, xa, ya, za, ih, jp), type(c)(1), corner)
        f = add_scaled(f, type(c)(1), rotate_back(load(V, i, xa, ya, za), left))
        below = strength(V, i, j, xb, yb, zb, ip, jh)
        f = add_scaled(f, type(c)(1), rotate_back(load(V, j, xb, yb, zb), below))
        return add_scaled(f, c - type(c)(1), f)

    @inline
    def tensor(ex, ey, ez, bx, by, bz, half):
        """The components of T^{μν} in the order of `TENSOR`."""
        xx = dot(ex, ex) + dot(bx, bx)
        yy = dot(ey, ey) + dot(by, by)
        zz = dot(ez, ez) + dot(bz, bz)
        density = half * (xx + yy + zz)
        return (
            density,
            dot(ey, bz) - dot(ez, by),
            dot(ez, bx) - dot(ex, bz),
            dot(ex, by) - dot(ey, bx),
            density - xx,
            density - yy,
            density - zz,
            -dot(ex, ey) - dot(bx, by),
            -dot(ex, ez) - dot(bx, bz),
            -dot(ey, ez) - dot(by, bz),
        )

    return SimpleNamespace(mean_electric=mean_electric, clover=clover, tensor=tensor)


@cache
def stress_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels `stress` and `tensor_line` of one group."""
    load_algebra, store_algebra = group.load_algebra, group.store_algebra
    at_site = stress_at_site(group)
    mean_electric, clover, tensor = at_site.mean_electric, at_site.clover, at_site.tensor
    zero = index(0)

    @line
    def mean_electric_line(W, i, x, y, z0, z1, E, x_before, y_before, lag, V, v_before, c):
        for k in range(z0, z1):
            e = mean_electric(E, i, x, y, index(k), x_before, y_before, index(k - lag), V, v_before, c)
            store_algebra(W, i, zero, zero, index(k), e)

    @line
    def clover_line(W, line, i, j, x, y, z0, z1, V, xp, xm, yp, ym, c):
        for k in range(z0, z1):
            f = clover(V, i, j, x, y, index(k), xp, xm, yp, ym, index(k + 1), index(k - 1), c)
            store_algebra(W, line, zero, zero, index(k), f)

    @line
    def tensor_line(T, y, W, z0, z1, half):
        for k in range(z0, z1):
            z = index(k)
            t = tensor(
                load_algebra(W, 0, zero, zero, z),
                load_algebra(W, 1, zero, zero, z),
                load_algebra(W, 2, zero, zero, z),
                load_algebra(W, 3, zero, zero, z),
                load_algebra(W, 4, zero, zero, z),
                load_algebra(W, 5, zero, zero, z),
                half,
            )
            T[0, y, z], T[1, y, z], T[2, y, z], T[3, y, z], T[4, y, z] = t[0], t[1], t[2], t[3], t[4]
            T[5, y, z], T[6, y, z], T[7, y, z], T[8, y, z], T[9, y, z] = t[5], t[6], t[7], t[8], t[9]

    @kernel(group.NAME)
    def stress(T, W, x, V, h, hp, hm, z0, z1, E, inverse_a_z, half):
        """The tensor at the plane x (slots h, hp, hm of V are x, x + 1, x − 1) for z0 ≤ z < z1.

        With U = exp(i g a_i A_i) and E_i = ∂_0 A_i the components A_i are covariant, so B_k = −½ ε_kij F_ij.
        """
        nx, ny = E.shape[2], E.shape[3]
        xh, xm = index(x), wrapped(x - 1, nx)
        quarter = half * half
        for y in range(ny):
            yh, yp, ym = index(y), wrapped(y + 1, ny), wrapped(y - 1, ny)
            mean_electric_line(W, 0, xh, yh, z0, z1, E, xm, yh, 0, V, hm, half)
            mean_electric_line(W, 1, xh, yh, z0, z1, E, xh, ym, 0, V, h, half)
            mean_electric_line(W, 2, xh, yh, z0, z1, E, xh, yh, 1, V, h, half * inverse_a_z)
            clover_line(W, 3, 1, 2, h, yh, z0, z1, V, hp, hm, yp, ym, -quarter * inverse_a_z)
            clover_line(W, 4, 0, 2, h, yh, z0, z1, V, hp, hm, yp, ym, quarter * inverse_a_z)
            clover_line(W, 5, 0, 1, h, yh, z0, z1, V, hp, hm, yp, ym, -quarter)
            tensor_line(T, yh, W, z0, z1, half)

    return SimpleNamespace(stress=stress, tensor_line=tensor_line)


def stress_tensor(
    fields: Fields, workers: Workers, region: Sequence[tuple[int, int]], x0: int = 0, x1: int | None = None
) -> np.ndarray:
    """T^{μν} at the sites of planes x0 ≤ x < x1, (10, x1 − x0, ny, nz), units 1/(g² a_T⁴), at t − ½.

    It is computed over the given intervals of z and zero elsewhere.
    """
    nx, ny, nz = fields.grid.shape
    intervals = workers.own_along_z(region)
    count = (nx if x1 is None else x1) - x0
    T = np.zeros((len(TENSOR), count, ny, nz), fields.dtype)

    def planes(first: int, last: int) -> None:
        held, stress = MidpointPlanes(fields, intervals), StressTensor(fields)
        plane = np.zeros((len(TENSOR), ny, nz), fields.dtype)
        for k in range(first, last):
            held.move_to(x0 + k)
            for z0, z1 in intervals:
                stress.at_plane(plane, held, x0 + k, z0, z1)
            T[:, k] = plane

    workers.over_some(count, planes)
    return T


class StressTensor:
    """Computes the tensor plane by plane, with a workspace of its own (one object per thread)."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        _, _, nz = fields.grid.shape
        self._lines = np.zeros((6, fields.group.DIMENSION, 1, 1, nz), fields.dtype)

    def at_plane(self, T: np.ndarray, planes: MidpointPlanes, x: int, z0: int, z1: int) -> None:
        """Write T^{μν} at the plane x for z0 ≤ z < z1 to `T`, (10, ny, nz), units 1/(g² a_T⁴), at t − ½."""
        fields = self._fields
        real = fields.dtype.type
        here, after, before = (index(planes.slot(n)) for n in (x, x + 1, x - 1))
        stress_kernels(fields.group).stress(
            T, self._lines, x, planes.V, here, after, before, z0, z1, fields.E, real(1 / fields.grid.a_z), real(0.5)
        )
