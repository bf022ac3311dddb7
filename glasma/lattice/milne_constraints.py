"""The Gauss constraint and unitarity of boost-invariant fields."""

from __future__ import annotations

from functools import cache
from types import ModuleType, SimpleNamespace

import numpy as np

from glasma.backend import Workers, index, inline, kernel
from glasma.lattice.gauge import GaussResidual, gauge_kernels, of_planes
from glasma.lattice.milne import MilneFields
from glasma.lattice.plaquettes import wrapped


@cache
def constraint_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernel `gauss` of one group, and `gauss_at_site` for one of its sites."""
    load, load_algebra, store_algebra = group.load, group.load_algebra, group.store_algebra
    add_scaled, cross, rotate_back = group.add_scaled, group.cross, group.rotate_back
    zero, one, two = index(0), index(1), index(2)

    @inline
    def gauss_at_site(U, A, E, x, y, xm, ym, unit):
        """A_η × P_η, and Σ_i (P_i − U†_i P_i U_i |_{x−i}) − A_η × P_η."""
        current = cross(load_algebra(A, zero, zero, x, y), load_algebra(E, two, zero, x, y))
        g = add_scaled(load_algebra(E, zero, zero, x, y), -unit, current)
        g = add_scaled(g, unit, load_algebra(E, one, zero, x, y))
        from_x = rotate_back(load(U, zero, zero, xm, y), load_algebra(E, zero, zero, xm, y))
        from_y = rotate_back(load(U, one, zero, x, ym), load_algebra(E, one, zero, x, ym))
        return current, add_scaled(add_scaled(g, -unit, from_x), -unit, from_y)

    @kernel(group.NAME)
    def gauss(G, x, U, A, E, unit):
        """G[0] ← A_η × P_η and G[1] ← Σ_i (P_i − U†_i P_i U_i |_{x−i}) − A_η × P_η at the plane x, (2, dim_g, 1, 1, ny)."""
        nx, ny = U.shape[3], U.shape[4]
        xh, xm = index(x), wrapped(x - 1, nx)
        for k in range(ny):
            y, ym = index(k), wrapped(k - 1, ny)
            current, violation = gauss_at_site(U, A, E, xh, y, xm, ym, unit)
            store_algebra(G, zero, zero, zero, y, current)
            store_algebra(G, one, zero, zero, y, violation)

    return SimpleNamespace(gauss=gauss, gauss_at_site=gauss_at_site)


def constraint(fields: MilneFields, x: int) -> tuple[np.ndarray, np.ndarray]:
    """Σ_i (P_i − U†_i P_i U_i |_{x−i}) − A_η × P_η at the plane x, and A_η × P_η: both (dim_g, ny)."""
    G = np.empty((2, fields.group.DIMENSION, 1, 1, fields.grid.shape[1]), fields.dtype)
    constraint_kernels(fields.group).gauss(G, x, fields.U, fields.A, fields.E, fields.dtype.type(1))
    return G[1, :, 0, 0], G[0, :, 0, 0]


def gauss_residual(fields: MilneFields, workers: Workers) -> GaussResidual:
    """Violation of Σ_i (P_i − U†_i P_i U_i |_{x−i}) = A_η × P_η.

    It is relative to the largest component of P_x, P_y and A_η × P_η; `scale` is that value, in units 1/a_T.
    """
    nx, ny, _ = fields.grid.shape

    def plane(x: int) -> tuple[float, float, float]:
        violation, current = constraint(fields, x)
        square = float(np.sum(violation.astype(np.float64) ** 2))
        largest = max(float(np.abs(current).max()), float(np.abs(fields.E[:2, :, 0, x]).max()))
        return float(np.abs(violation).max()), square, largest

    worst, squares, terms = of_planes(nx, plane, workers)
    scale = max(terms) or 1.0
    count = len(squares) * ny * fields.group.DIMENSION
    return GaussResidual(float(np.max(worst)) / scale, (sum(squares) / count) ** 0.5 / scale, scale)


def unitarity_violation(fields: MilneFields, workers: Workers) -> float:
    """Largest |U†U − 1| over all links."""
    return float(workers.largest(gauge_kernels(fields.group).unitarity(0, 1, fields.U)))
