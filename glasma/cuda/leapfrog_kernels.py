"""The kernels of the leapfrog on the GPU; see `glasma.evolution.leapfrog_kernels`.

In SU(2) a thread computes the nine plaquettes that the force on the three links of its site needs, three at the site and six
behind it, from the links themselves (`electric`): the products cost less than the 29 % more traffic of keeping field strengths.
In SU(3) nine plaquettes do not fit into the registers of a thread, 1.5 kB a site spill.  There, as on the CPU, each is computed
once: `strengths` keeps those of a few planes in x, which the second-level cache holds in part, and `divergence` uses them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType, SimpleNamespace

import numpy as np
from numba import cuda

from glasma.backend import index
from glasma.cuda.device import array_module, launch, slabs
from glasma.evolution.leapfrog_kernels import moved_link_of
from glasma.lattice.fields import Fields
from glasma.lattice.grid import Interval
from glasma.lattice.plaquettes import neighbour, plaquettes_of, wrapped
from glasma.lattice.storage import field_array


@cache
def leapfrog_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels `electric`, or `strengths` and `divergence` in its place, and `links` of one group."""
    load, store, load_algebra, store_algebra = group.load, group.store, group.load_algebra, group.store_algebra
    plaquettes, moved_link = plaquettes_of(group), moved_link_of(group)
    strength, add_difference = plaquettes.field_strength, plaquettes.add_difference

    @cuda.jit
    def electric(x0, x1, z0, z1, E, U, c_transverse, c_longitudinal):
        """E(t + ½) from E(t − ½) and U(t), without currents, for x0 ≤ x < x1 and z0 ≤ z < z1, and E_z at z0 − 1.

        c_transverse = a_t/a_T², c_longitudinal = a_t/a_z².
        """
        k, j, i = cuda.grid(3)
        nx, ny = U.shape[2], U.shape[3]
        if i >= x1 - x0 or j >= ny or k > z1 - z0:
            return
        x, xp, xm = index(x0 + i), wrapped(x0 + i + 1, nx), wrapped(x0 + i - 1, nx)
        y, yp, ym = index(j), wrapped(j + 1, ny), wrapped(j - 1, ny)
        z, zp = index(z0 - 1 + k), index(z0 + k)
        c, d = c_transverse, c_longitudinal

        xz = strength(U, 0, 2, x, y, z, xp, y, z, x, y, zp)
        yz = strength(U, 1, 2, x, y, z, x, yp, z, x, y, zp)
        before = strength(U, 0, 2, xm, y, z, x, y, z, xm, y, zp)
        e = add_difference(load_algebra(E, 2, x, y, z), c, xz, load(U, 0, xm, y, z), before)
        before = strength(U, 1, 2, x, ym, z, x, y, z, x, ym, zp)
        store_algebra(E, 2, x, y, z, add_difference(e, c, yz, load(U, 1, x, ym, z), before))
        if k == 0:
            return
        zm = index(z0 - 2 + k)
        xy = strength(U, 0, 1, x, y, z, xp, y, z, x, yp, z)
        before = strength(U, 0, 1, x, ym, z, xp, ym, z, x, y, z)
        e = add_difference(load_algebra(E, 0, x, y, z), -c, xy, load(U, 1, x, ym, z), before)
        before = strength(U, 0, 2, x, y, zm, xp, y, zm, x, y, z)
        store_algebra(E, 0, x, y, z, add_difference(e, -d, xz, load(U, 2, x, y, zm), before))

        before = strength(U, 0, 1, xm, y, z, x, y, z, xm, yp, z)
        e = add_difference(load_algebra(E, 1, x, y, z), c, xy, load(U, 0, xm, y, z), before)
        before = strength(U, 1, 2, x, y, zm, x, yp, zm, x, y, z)
        store_algebra(E, 1, x, y, z, add_difference(e, -d, yz, load(U, 2, x, y, zm), before))

    @cuda.jit
    def strengths(x0, z0, z1, F, U):
        """F ← F_xy, F_xz, F_yz at planes x0 − 1, x0, … for z0 − 1 ≤ z < z1, (3, dim_g, planes, ny, nz)."""
        k, j, s = cuda.grid(3)
        nx, ny = U.shape[2], U.shape[3]
        if s >= F.shape[2] or j >= ny or k > z1 - z0:
            return
        i = (x0 + s + nx - 1) % nx
        x, xp, y, yp, z, zp = index(i), wrapped(i + 1, nx), index(j), wrapped(j + 1, ny), index(z0 - 1 + k), index(z0 + k)
        # a loop, which keeps the links of one plaquette only in registers
        for plane in range(3):
            a, b = index(plane // 2), index(1 + (plane + 1) // 2)
            xa, ya, za = neighbour(a, x, y, z, xp, yp, zp)
            xb, yb, zb = neighbour(b, x, y, z, xp, yp, zp)
            f = strength(U, a, b, x, y, z, xa, ya, za, xb, yb, zb)
            store_algebra(F, index(plane), index(s), y, z, f)

    @cuda.jit
    def divergence(x0, z0, z1, E, U, F, c_transverse, c_longitudinal):
        """As `electric`, at planes from x0 on, with their F_ij and those of the plane before."""
        k, j, s = cuda.grid(3)
        ny = U.shape[3]
        if s + 1 >= F.shape[2] or j >= ny or k > z1 - z0:
            return
        x, xm, h, hm = index(x0 + s), wrapped(x0 + s - 1, U.shape[2]), index(s + 1), index(s)
        y, ym, z = index(j), wrapped(j - 1, ny), index(z0 - 1 + k)
        c, d = c_transverse, c_longitudinal
        xy, xz, yz = index(0), index(1), index(2)
        e, f = load_algebra(E, 2, x, y, z), load_algebra(F, xz, h, y, z)
        e = add_difference(e, c, f, load(U, 0, xm, y, z), load_algebra(F, xz, hm, y, z))
        f = load_algebra(F, yz, h, y, z)
        e = add_difference(e, c, f, load(U, 1, x, ym, z), load_algebra(F, yz, h, ym, z))
        store_algebra(E, 2, x, y, z, e)
        if k == 0:
            return
        zm = index(z0 - 2 + k)
        e, f = load_algebra(E, 0, x, y, z), load_algebra(F, xy, h, y, z)
        e = add_difference(e, -c, f, load(U, 1, x, ym, z), load_algebra(F, xy, h, ym, z))
        f = load_algebra(F, xz, h, y, z)
        e = add_difference(e, -d, f, load(U, 2, x, y, zm), load_algebra(F, xz, h, y, zm))
        store_algebra(E, 0, x, y, z, e)
        e, f = load_algebra(E, 1, x, y, z), load_algebra(F, xy, h, y, z)
        e = add_difference(e, c, f, load(U, 0, xm, y, z), load_algebra(F, xy, hm, y, z))
        f = load_algebra(F, yz, h, y, z)
        e = add_difference(e, -d, f, load(U, 2, x, y, zm), load_algebra(F, yz, h, y, zm))
        store_algebra(E, 1, x, y, z, e)

    @cuda.jit
    def links(x0, x1, z0, z1, V, U, E, a_t):
        """V = exp(i a_t g a_i E_i(t + ½)) U, which may be V itself, for x0 ≤ x < x1 and z0 ≤ z < z1, and V_z at z0 − 1.

        In the directions that U has.
        """
        k, j, i = cuda.grid(3)
        if i >= x1 - x0 or j >= U.shape[3] or k > z1 - z0 or (k == 0 and U.shape[0] < 3):
            return
        x, y, z = index(x0 + i), index(j), index(z0 - 1 + k)
        for d in range(2 if k == 0 else 0, U.shape[0]):
            store(V, index(d), x, y, z, moved_link(U, E, index(d), x, y, z, a_t))

    return SimpleNamespace(electric=electric, strengths=strengths, divergence=divergence, links=links)


def kick(
    fields: Fields, planes: range, region: Sequence[Interval], c_transverse: np.floating, c_longitudinal: np.floating
) -> None:
    """E(t + ½) from E(t − ½) and U(t), without currents, at some planes in x, for z0 ≤ z < z1 of the region.

    Of an interval z0 = z1 only E_z at z0 − 1 is kicked.
    """
    kernels, (_, ny, nz), E, U = leapfrog_kernels(fields.group), fields.grid.shape, fields.E, fields.U
    weights = c_transverse, c_longitudinal
    if fields.group.COLOURS == 2:
        for z0, z1 in region:
            launch(kernels.electric, (len(planes), ny, z1 - z0 + 1), planes.start, planes.stop, z0, z1, E, U, *weights)
        return
    for x0, x1 in slabs(fields.grid.shape, planes):
        F = field_array((3, fields.group.DIMENSION, x1 - x0 + 1, ny, nz), fields.dtype, array_module())
        for z0, z1 in region:
            launch(kernels.strengths, (x1 - x0 + 1, ny, z1 - z0 + 1), x0, z0, z1, F, U)
            launch(kernels.divergence, (x1 - x0, ny, z1 - z0 + 1), x0, z0, z1, E, U, F, *weights)
