"""Rectangular Wilson loops W^(m×n)_ij = Re tr(m links along i, n along j, and back)/N_c."""

from __future__ import annotations

from functools import cache
from types import ModuleType, SimpleNamespace

import numpy as np

from glasma.backend import Workers, index, inline, kernel
from glasma.lattice.storage import as_field_array


@inline
def _moved(d, s, x, y, z, shape):
    """The site s ≥ 0 links further along lattice axis d, periodic."""
    if d == 0:
        return index((x + s) % shape[0]), y, z
    if d == 1:
        return x, index((y + s) % shape[1]), z
    return x, y, index((z + s) % shape[2])


@cache
def loop_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernel `rectangles` of one group."""
    mul, load, subtract, norm2 = group.mul, group.load, group.subtract, group.norm2

    @inline
    def line(U, i, d, length, x, y, z, shape):
        """The product of the links in direction i from the site, along lattice axis d."""
        product = load(U, i, x, y, z)
        for s in range(1, length):
            xs, ys, zs = _moved(d, s, x, y, z, shape)
            product = mul(product, load(U, i, xs, ys, zs))
        return product

    @kernel(group.NAME)
    def rectangles(out, x0, x1, U, i, di, m, j, dj, n, c):
        """The loop at every site of `out` for x0 ≤ x < x1; c is 1/(2 N_c).

        Re tr(A B†) = N_c − ½ |A − B|² for the two ways A and B to the far corner: no cancellation for weak fields.
        """
        shape = (U.shape[2], U.shape[3], U.shape[4])
        one = type(c)(1)
        for xs in range(x0, x1):
            for ys in range(out.shape[1]):
                for zs in range(out.shape[2]):
                    x, y, z = index(xs), index(ys), index(zs)
                    xi, yi, zi = _moved(di, m, x, y, z, shape)
                    xj, yj, zj = _moved(dj, n, x, y, z, shape)
                    i_first = mul(line(U, i, di, m, x, y, z, shape), line(U, j, dj, n, xi, yi, zi, shape))
                    j_first = mul(line(U, j, dj, n, x, y, z, shape), line(U, i, di, m, xj, yj, zj, shape))
                    out[x, y, z] = one - c * norm2(subtract(i_first, j_first))

    return SimpleNamespace(rectangles=rectangles)


def wilson_loops(
    U: np.ndarray,
    group: ModuleType,
    plane: tuple[int, int] = (0, 1),
    size: tuple[int, int] = (1, 1),
    workers: Workers | None = None,
) -> np.ndarray:
    """W^(m×n)_ij at every site where the loop fits; it starts there and reaches in positive directions.

    Parameters
    ----------
    U : (3, link_reals, nx, ny, nz) or (2, link_reals, 1, nx, ny) real
        Links of the lattice, periodic in x and y but not in z, or of a transverse plane, periodic in both directions.
    group : module
        The gauge group of the links.
    plane : (i, j)
        Two different directions, 0, 1, 2 for x, y, z.
    size : (m, n)
        Links along i and along j, at least one.
    workers : Workers, optional
        Threads; one by default.

    Returns
    -------
    (nx, ny, nz − s) or (nx, ny) real
        s is what the loop takes along z.  1 for weak fields; 1×1 is the plaquette.
    """
    (i, j), (m, n) = plane, size
    directions = U.shape[0]
    if directions not in (2, 3) or U.ndim != 5 or (directions == 2 and U.shape[2] != 1):
        raise ValueError(f"links of shape {U.shape}: need (3, reals, nx, ny, nz) or (2, reals, 1, nx, ny)")
    if i == j or not {i, j} <= set(range(directions)):
        raise ValueError(f"plane = {plane}: needs two different directions out of 0 to {directions - 1}")
    if m < 1 or n < 1:
        raise ValueError(f"size = {size}: needs at least one link on each side")
    # The axes of a transverse plane are the last two.
    first_axis = 3 - directions
    along_z = 0 if directions == 2 else m * (i == 2) + n * (j == 2)
    nx, ny, nz = U.shape[2:]
    if along_z >= nz:
        raise ValueError(f"size = {size}: a loop of {along_z} links along z does not fit into {nz} planes")
    U = as_field_array(U)
    out = np.empty((nx, ny, nz - along_z), U.dtype)
    c = U.dtype.type(0.5 / group.COLOURS)
    rectangles = loop_kernels(group).rectangles
    (workers or Workers()).over_planes(
        nx, lambda x0, x1: rectangles(out, x0, x1, U, i, i + first_axis, m, j, j + first_axis, n, c)
    )
    return out[0] if directions == 2 else out


def mean_wilson_loop(
    U: np.ndarray,
    group: ModuleType,
    plane: tuple[int, int] = (0, 1),
    size: tuple[int, int] = (1, 1),
    workers: Workers | None = None,
) -> float:
    """⟨W^(m×n)_ij⟩ over the sites where the loop fits; arguments as for `wilson_loops`."""
    return float(wilson_loops(U, group, plane, size, workers).mean(dtype=np.float64))
