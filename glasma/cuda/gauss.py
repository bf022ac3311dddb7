"""The Gauss constraint and unitarity on the GPU; see `glasma.lattice.gauge`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numba import cuda

from glasma.backend import Workers, index
from glasma.cuda.device import array_module, launch, slabs
from glasma.cuda.sums import over_lines
from glasma.lattice.fields import Fields
from glasma.lattice.gauge import GaussResidual
from glasma.lattice.grid import Interval
from glasma.lattice.plaquettes import plaquettes_of, wrapped


@cache
def gauge_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels `violation` and `unitarity` of one group."""
    load, load_algebra, store_algebra = group.load, group.load_algebra, group.store_algebra
    add_difference, add_scaled = plaquettes_of(group).add_difference, group.add_scaled
    unitarity_defect = group.unitarity_defect
    zero = index(0)

    @cuda.jit
    def violation(G, rho, x0, z0, z1, E, U, unit, inverse_a_z2):
        """G ← Σ_i (E_i − U†_i E_i U_i)/a_i − ρ at planes from x0 on, for z0 ≤ z < z1; both (1, dim_g, planes, ny, nz)."""
        k, j, i = cuda.grid(3)
        nx, ny = U.shape[2], U.shape[3]
        if i >= G.shape[2] or j >= ny or k >= z1 - z0:
            return
        s, x, xm = index(i), index(x0 + i), wrapped(x0 + i - 1, nx)
        y, ym = index(j), wrapped(j - 1, ny)
        z, zm = index(z0 + k), index(z0 + k - 1)
        g = load_algebra(G, zero, s, y, z)
        g = add_difference(g, unit, load_algebra(E, 0, x, y, z), load(U, 0, xm, y, z), load_algebra(E, 0, xm, y, z))
        g = add_difference(g, unit, load_algebra(E, 1, x, y, z), load(U, 1, x, ym, z), load_algebra(E, 1, x, ym, z))
        e, u, before = load_algebra(E, 2, x, y, z), load(U, 2, x, y, zm), load_algebra(E, 2, x, y, zm)
        g = add_difference(g, inverse_a_z2, e, u, before)
        store_algebra(G, zero, s, y, z, add_scaled(g, -unit, load_algebra(rho, zero, s, y, z)))

    @cuda.jit
    def unitarity(D, x0, U):
        """D ← the largest |U†U − 1| of the links of a site, at planes from x0 on, (planes, n, m)."""
        k, j, i = cuda.grid(3)
        if i >= D.shape[0] or j >= D.shape[1] or k >= D.shape[2]:
            return
        worst = 0.0
        for d in range(U.shape[0]):
            defect = float(unitarity_defect(load(U, index(d), index(x0 + i), index(j), index(k))))
            # not max: it may lose what is not a number
            if not defect <= worst:
                worst = defect
        D[i, j, k] = worst

    return SimpleNamespace(violation=violation, unitarity=unitarity)


def density(fields: Fields, x0: int, x1: int) -> Any:
    """g ρ at planes x0 ≤ x < x1 on the GPU, (1, dim_g, x1 − x0, ny, nz)."""
    _, ny, nz = fields.grid.shape
    rho = array_module().zeros((1, fields.group.DIMENSION, x1 - x0, ny, nz), fields.dtype)
    for charges in fields.charges:
        for cells, columns in charges.in_cells(nz):
            rho[0, ..., cells] += columns[:, x0:x1]
    return rho


def gauss_residual(fields: Fields, workers: Workers, region: Sequence[Interval]) -> GaussResidual:
    """Violation of the leapfrog's Gauss constraint over the given intervals of z."""
    arrays, real, grid = array_module(), fields.dtype.type, fields.grid
    nx, ny, nz = grid.shape
    own, every = workers.own_along_z(region), workers.own_along_z([(0, nz)])
    squares, found = np.zeros((nx, nz)), []
    for x0, x1 in slabs(grid.shape, workers.own(nx)):
        rho = density(fields, x0, x1)
        G = arrays.zeros_like(rho)
        for z0, z1 in own:
            arguments = x0, z0, z1, fields.E, fields.U, real(1), real(grid.a_z**-2)
            launch(gauge_kernels(fields.group).violation, (x1 - x0, ny, z1 - z0), G, rho, *arguments)
        squares[x0:x1] = over_lines(arrays.square(G, dtype=np.float64))[:, 0]
        densities = [float(arrays.abs(rho[..., z0:z1]).max()) for z0, z1 in every]
        found.append((float(arrays.abs(G).max()), max(densities)))
    violation, scale = workers.largest(np.max(found, axis=0)).tolist()  # NaN if any is
    total = float(workers.along_z(workers.sum(squares)).sum())
    if scale == 0:
        largest = max(float(arrays.abs(fields.E[i]).max()) / a**2 for i, a in enumerate(grid.spacings))
        scale = float(workers.largest(largest)) or 1.0
    count = workers.planes_of_all(nx) * ny * fields.group.DIMENSION * sum(z1 - z0 for z0, z1 in region)
    return GaussResidual(violation / scale, (total / count) ** 0.5 / scale, scale)


def unitarity_violation(group: ModuleType, U: Any, workers: Workers) -> float:
    """Largest |U†U − 1| over all links (directions, link_reals, n, m, l), those of the neighbours' planes too."""
    arrays = array_module()
    worst = []
    for x0, x1 in slabs(U.shape[2:]):
        D = arrays.empty((x1 - x0, *U.shape[3:]))
        launch(gauge_kernels(group).unitarity, D.shape, D, x0, U)
        worst.append(float(D.max()))
    return float(workers.largest(float(np.max(worst))))
