"""The kernels of the leapfrog on the GPU; see `glasma.evolution.leapfrog_kernels`.

A thread computes the nine plaquettes that the force on the three links of its site needs, three at the site and six behind it,
from the links themselves.  The CPU computes three and keeps them: on a GPU that would take another array of field strengths,
written and read once a step, hence 29 % (SU(2)) or 21 % (SU(3)) more traffic than that of the links and electric fields.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType, SimpleNamespace

from numba import cuda

from glasma.backend import index
from glasma.evolution.leapfrog_kernels import moved_link_of
from glasma.lattice.plaquettes import plaquettes_of, wrapped


@cache
def leapfrog_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels `electric` and `links` of one group."""
    load, store, load_algebra, store_algebra = group.load, group.store, group.load_algebra, group.store_algebra
    plaquettes, moved_link = plaquettes_of(group), moved_link_of(group)
    strength, add_difference = plaquettes.field_strength, plaquettes.add_difference

    @cuda.jit
    def electric(z0, z1, E, U, c_transverse, c_longitudinal):
        """E(t + ½) from E(t − ½) and U(t), without currents, for z0 ≤ z < z1, and E_z at z0 − 1.

        c_transverse = a_t/a_T², c_longitudinal = a_t/a_z².
        """
        k, j, i = cuda.grid(3)
        nx, ny = U.shape[2], U.shape[3]
        if i >= nx or j >= ny or k > z1 - z0:
            return
        x, xp, xm = index(i), wrapped(i + 1, nx), wrapped(i - 1, nx)
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
    def links(z0, z1, V, U, E, a_t):
        """V = exp(i a_t g a_i E_i(t + ½)) U, which may be V itself, for z0 ≤ z < z1, and V_z at z0 − 1."""
        k, j, i = cuda.grid(3)
        if i >= U.shape[2] or j >= U.shape[3] or k > z1 - z0:
            return
        x, y, z = index(i), index(j), index(z0 - 1 + k)
        for d in range(2 if k == 0 else 0, 3):
            store(V, index(d), x, y, z, moved_link(U, E, index(d), x, y, z, a_t))

    return SimpleNamespace(electric=electric, links=links)
