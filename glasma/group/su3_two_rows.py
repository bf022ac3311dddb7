"""SU(3) with links stored as their first two rows, 12 reals for 18.

The third row of a unitary matrix of determinant 1 is the complex conjugate of the cross product of the others; `load` rebuilds
it, in registers.  The arithmetic is the same: links agree to rounding, memory and its traffic are less.
"""

from __future__ import annotations

import numpy as np

from glasma.backend import inline, rows
from glasma.group import su3
from glasma.group.su3_arithmetic import *  # noqa: F403

NAME = "SU(3), two rows"
LINK_REALS = 12
IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0) + (0.0,) * 6

#: Components of the whole matrix that are kept: real parts of the first two rows, then imaginary ones.
_KEPT = np.r_[0:6, 9:15]


def link_from_matrix(matrix: np.ndarray) -> np.ndarray:
    """Components (12, ...) of complex matrices (..., 3, 3) in SU(3)."""
    return su3.link_from_matrix(matrix)[_KEPT]


def link_to_matrix(link: np.ndarray) -> np.ndarray:
    """Complex matrices (..., 3, 3) of components (12, ...)."""
    first, second = np.moveaxis((link[:6] + 1j * link[6:]).reshape(2, 3, *link.shape[1:]), 1, -1)
    return np.stack([first, second, np.conj(np.cross(first, second))], axis=-2)


@inline
def _conjugate_of_cross(r, i, s, j, k, l):
    """Element (a_k b_l − a_l b_k)* of rows a = r + i·i and b = s + i·j: real and imaginary part."""
    re = (r[k] * s[l] - i[k] * j[l]) - (r[l] * s[k] - i[l] * j[k])
    im = (r[k] * j[l] + i[k] * s[l]) - (r[l] * j[k] + i[l] * s[k])
    return re, -im


@inline
def load(U, d, x, y, z):
    """Link in direction d at the site, with its third row."""
    U = rows(U)
    r = U[d, 0, x, y, z], U[d, 1, x, y, z], U[d, 2, x, y, z]
    s = U[d, 3, x, y, z], U[d, 4, x, y, z], U[d, 5, x, y, z]
    i = U[d, 6, x, y, z], U[d, 7, x, y, z], U[d, 8, x, y, z]
    j = U[d, 9, x, y, z], U[d, 10, x, y, z], U[d, 11, x, y, z]
    a, b, c = (
        _conjugate_of_cross(r, i, s, j, 1, 2),
        _conjugate_of_cross(r, i, s, j, 2, 0),
        _conjugate_of_cross(r, i, s, j, 0, 1),
    )
    return (
        r[0], r[1], r[2], s[0], s[1], s[2], a[0], b[0], c[0],
        i[0], i[1], i[2], j[0], j[1], j[2], a[1], b[1], c[1],
    )  # fmt: skip


@inline
def store(U, d, x, y, z, u):
    U = rows(U)
    U[d, 0, x, y, z] = u[0]
    U[d, 1, x, y, z] = u[1]
    U[d, 2, x, y, z] = u[2]
    U[d, 3, x, y, z] = u[3]
    U[d, 4, x, y, z] = u[4]
    U[d, 5, x, y, z] = u[5]
    U[d, 6, x, y, z] = u[9]
    U[d, 7, x, y, z] = u[10]
    U[d, 8, x, y, z] = u[11]
    U[d, 9, x, y, z] = u[12]
    U[d, 10, x, y, z] = u[13]
    U[d, 11, x, y, z] = u[14]
