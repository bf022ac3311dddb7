"""SU(3) with links stored whole, as 18 reals: the real block row by row and then the imaginary block."""

from __future__ import annotations

import numpy as np

from glasma.backend import inline, rows
from glasma.group.su3_arithmetic import *  # noqa: F403

NAME = "SU(3)"
LINK_REALS = 18
IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0) + (0.0,) * 9


def link_from_matrix(matrix: np.ndarray) -> np.ndarray:
    """Components (18, ...) of complex matrices (..., 3, 3)."""
    flat = np.moveaxis(matrix.reshape(*matrix.shape[:-2], 9), -1, 0)
    return np.concatenate([flat.real, flat.imag])


def link_to_matrix(link: np.ndarray) -> np.ndarray:
    """Complex matrices (..., 3, 3) of components (18, ...)."""
    flat = np.moveaxis(link[:9] + 1j * link[9:], 0, -1)
    return flat.reshape(*flat.shape[:-1], 3, 3)


@inline
def load(U, d, x, y, z):
    """Link in direction d at the site."""
    U = rows(U)
    return (
        U[d, 0, x, y, z],
        U[d, 1, x, y, z],
        U[d, 2, x, y, z],
        U[d, 3, x, y, z],
        U[d, 4, x, y, z],
        U[d, 5, x, y, z],
        U[d, 6, x, y, z],
        U[d, 7, x, y, z],
        U[d, 8, x, y, z],
        U[d, 9, x, y, z],
        U[d, 10, x, y, z],
        U[d, 11, x, y, z],
        U[d, 12, x, y, z],
        U[d, 13, x, y, z],
        U[d, 14, x, y, z],
        U[d, 15, x, y, z],
        U[d, 16, x, y, z],
        U[d, 17, x, y, z],
    )


@inline
def store(U, d, x, y, z, u):
    U = rows(U)
    U[d, 0, x, y, z] = u[0]
    U[d, 1, x, y, z] = u[1]
    U[d, 2, x, y, z] = u[2]
    U[d, 3, x, y, z] = u[3]
    U[d, 4, x, y, z] = u[4]
    U[d, 5, x, y, z] = u[5]
    U[d, 6, x, y, z] = u[6]
    U[d, 7, x, y, z] = u[7]
    U[d, 8, x, y, z] = u[8]
    U[d, 9, x, y, z] = u[9]
    U[d, 10, x, y, z] = u[10]
    U[d, 11, x, y, z] = u[11]
    U[d, 12, x, y, z] = u[12]
    U[d, 13, x, y, z] = u[13]
    U[d, 14, x, y, z] = u[14]
    U[d, 15, x, y, z] = u[15]
    U[d, 16, x, y, z] = u[16]
    U[d, 17, x, y, z] = u[17]
