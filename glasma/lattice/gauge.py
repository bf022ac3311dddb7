"""Gauge transformations, the Gauss constraint and unitarity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType, SimpleNamespace

import numpy as np

from glasma.backend import Workers, index, kernel, line
from glasma.group import dagger
from glasma.lattice.fields import Fields
from glasma.lattice.plaquettes import plaquettes_of, wrapped


@dataclass(frozen=True)
class GaussResidual:
    """Violation of Σ_i (E_{x,i} − U†_{x−i,i} E_{x−i,i} U_{x−i,i})/a_i = ρ_x.

    Attributes
    ----------
    max_rel, rms_rel : float
        Largest component, and root mean square over sites and components, relative to max |ρ| (without charges: to
        the largest single term of the divergence).
    scale : float
        That reference value, g ρ in units a_T⁻³.
    """

    max_rel: float
    rms_rel: float
    scale: float


@cache
def gauge_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels `divergence` and `unitarity` of one group."""
    load, load_algebra, store_algebra = group.load, group.load_algebra, group.store_algebra
    add_difference, unitarity_defect = plaquettes_of(group).add_difference, group.unitarity_defect

    @line
    def add_divergence_line(G, i, x, y, z0, z1, E, U, xm, ym, lag, c):
        zero = index(0)
        for k in range(z0, z1):
            g = load_algebra(G, zero, zero, y, index(k))
            e = load_algebra(E, i, x, y, index(k))
            before = load_algebra(E, i, xm, ym, index(k - lag))
            u = load(U, i, xm, ym, index(k - lag))
            store_algebra(G, zero, zero, y, index(k), add_difference(g, c, e, u, before))

    @kernel(group.NAME)
    def divergence(G, x, z0, z1, E, U, inverse_a2):
        """Add the covariant divergence of E at the plane x to G, (1, dim_g, 1, ny, nz)."""
        nx, ny = U.shape[2], U.shape[3]
        xh, xm = index(x), wrapped(x - 1, nx)
        for y in range(ny):
            yh, ym = index(y), wrapped(y - 1, ny)
            add_divergence_line(G, 0, xh, yh, z0, z1, E, U, xm, yh, 0, inverse_a2[0])
            add_divergence_line(G, 1, xh, yh, z0, z1, E, U, xh, ym, 0, inverse_a2[1])
            add_divergence_line(G, 2, xh, yh, z0, z1, E, U, xh, yh, 1, inverse_a2[2])

    @kernel(group.NAME)
    def unitarity(x0, x1, U):
        """Largest |U†U − 1| of the links in a range of planes."""
        worst = 0.0
        for d in range(U.shape[0]):
            for x in range(x0, x1):
                for y in range(U.shape[3]):
                    for z in range(U.shape[4]):
                        worst = max(worst, unitarity_defect(load(U, index(d), index(x), index(y), index(z))))
        return worst

    return SimpleNamespace(divergence=divergence, unitarity=unitarity)


def covariant_divergence(fields: Fields, x: int, z0: int, z1: int) -> np.ndarray:
    """Σ_i (E_i − U†_i E_i U_i)/a_i at the plane x for z0 ≤ z < z1, zero elsewhere: (dim_g, ny, nz), units of g ρ."""
    _, ny, nz = fields.grid.shape
    plane = np.zeros((1, fields.group.DIMENSION, 1, ny, nz), fields.dtype)
    inverse_a2 = np.array([a**-2 for a in fields.grid.spacings], fields.dtype)
    gauge_kernels(fields.group).divergence(plane, x, z0, z1, fields.E, fields.U, inverse_a2)
    return plane[0, :, 0]


def constraint(fields: Fields, x: int, intervals: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Σ_i (E_i − U†_i E_i U_i)/a_i − ρ at the plane x, zero outside the intervals of z, and ρ: both (dim_g, ny, nz)."""
    _, ny, nz = fields.grid.shape
    rho = np.zeros((fields.group.DIMENSION, ny, nz), fields.dtype)
    for charges in fields.charges:
        charges.add_density(rho, x)
    violation = np.zeros_like(rho)
    for z0, z1 in intervals:
        violation[..., z0:z1] = covariant_divergence(fields, x, z0, z1)[..., z0:z1] - rho[..., z0:z1]
    return violation, rho


def gauss_residual(fields: Fields, workers: Workers, region: Sequence[tuple[int, int]] | None = None) -> GaussResidual:
    """Violation of the leapfrog's Gauss constraint, over the given intervals of z or all planes but the outermost."""
    nx, ny, nz = fields.grid.shape
    intervals = region or [(1, nz)]
    own, every = workers.own_along_z(intervals), workers.own_along_z([(0, nz)])
    squares = np.zeros((nx, nz))

    def plane(x: int) -> tuple[float, float]:
        violation, rho = constraint(fields, x, own)
        squares[x] = (violation.astype(np.float64) ** 2).sum(axis=(0, 1))
        return float(np.abs(violation).max()), max(float(np.abs(rho[..., z0:z1]).max()) for z0, z1 in every)

    largest_of_each = np.array(workers.each(workers.own(nx), plane))
    violation, scale = (float(n) for n in workers.largest(largest_of_each.max(axis=0)))  # NaN if any is
    total = float(workers.along_z(workers.sum(squares)).sum())
    if scale == 0:
        largest = max(float(np.abs(fields.E[i]).max()) / a**2 for i, a in enumerate(fields.grid.spacings))
        scale = float(workers.largest(largest)) or 1.0
    count = workers.planes_of_all(nx) * ny * fields.group.DIMENSION * sum(z1 - z0 for z0, z1 in intervals)
    return GaussResidual(violation / scale, (total / count) ** 0.5 / scale, scale)


def of_planes(count: int, task: Callable[[int], tuple[float, ...]], workers: Workers) -> list[list[float]]:
    """What ``task(x)`` gives at each plane x of the lattice: one list over all planes for every number of its result."""
    own = workers.own(count)
    results = np.array(workers.each(own, task))
    by_plane = np.zeros((count, results.shape[1]))
    by_plane[own.start : own.stop] = results
    return workers.whole(by_plane).T.tolist()


def unitarity_violation(fields: Fields, workers: Workers) -> float:
    """Largest |U†U − 1| over all links."""
    unitarity = gauge_kernels(fields.group).unitarity
    return float(workers.largest(max(workers.over_planes(fields.grid.shape[0], lambda x0, x1: unitarity(x0, x1, fields.U)))))


def gauge_transform(fields: Fields, omega: np.ndarray) -> Fields:
    """The same state in another gauge: U → Ω_x U Ω†_{x+i}, E → Ω_x E Ω†_x, q → Ω q Ω†.

    Parameters
    ----------
    omega : (nx, ny, nz, N_c, N_c) complex
        A group element at every site, periodic in all directions.  Each sub-particle turns with the cell it is in.
    """
    group, generators = fields.group, fields.group.GENERATORS
    inverse = dagger(omega)
    new = fields.copy()

    def rotated(algebra: np.ndarray, omega: np.ndarray, inverse: np.ndarray) -> np.ndarray:
        matrix = np.einsum("a...,aij->...ij", algebra, generators)
        return 2 * np.einsum("aij,...ji->a...", generators, omega @ matrix @ inverse).real

    for i in range(3):
        matrix = group.link_to_matrix(fields.U[i])
        new.U[i] = group.link_from_matrix(omega @ matrix @ np.roll(inverse, -1, axis=i))
        new.E[i] = rotated(fields.E[i], omega, inverse)
    for charges in new.charges:
        for slot in range(charges.slots):
            cells = slice(charges.first_cell(slot), charges.first_cell(slot) + charges.cells)
            charges.q[slot] = rotated(charges.q[slot], omega[:, :, cells], inverse[:, :, cells])
    return new
