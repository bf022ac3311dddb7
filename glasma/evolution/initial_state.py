"""Fields and charges of nuclei before they touch.

Behind each nucleus the links are the pure gauge V_x V†_{x+i} of its Wilson line V, ahead of it they are 1.  The electric
field is what takes the links from t = 0 to a_t, and the charges *are* the covariant divergence of the electric field, so
that the Gauss constraint holds to rounding from the start (Gelfand, Ipp, Müller, PRD 94 (2016) 014020, section III).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import ceil, floor
from types import ModuleType, SimpleNamespace

import numpy as np

from glasma.backend import Workers, index, kernel
from glasma.group import dagger
from glasma.lattice.charges import Charges
from glasma.lattice.fields import Fields, vacuum
from glasma.lattice.gauge import covariant_divergence
from glasma.lattice.grid import Grid
from glasma.lattice.refinement import refine_along_z
from glasma.nuclei.nucleus import Nucleus


@cache
def logarithm_kernel(group: ModuleType) -> SimpleNamespace:
    """The kernel `logarithm_of_step` of one group."""
    load, store_algebra = group.load, group.store_algebra
    mul, dagger, exp = group.mul, group.dagger, group.exp
    antihermitian, antihermitian_mul_dagger, add_scaled = group.antihermitian, group.antihermitian_mul_dagger, group.add_scaled

    @kernel(group.NAME)
    def logarithm_of_step(E, U_next, U_now, inverse_a_t):
        """g a_i E_i = log(U(a_t) U†(0))/(i a_t) of links (1, reals, nx, ny, 1).

        With the remainder R = exp(−iX) W, X ← X + [R]_ah converges with the third order from X = [W]_ah.
        """
        zero = index(0)
        for x in range(E.shape[2]):
            for y in range(E.shape[3]):
                x_, y_ = index(x), index(y)
                u, v = load(U_next, zero, x_, y_, zero), load(U_now, zero, x_, y_, zero)
                w = mul(u, dagger(v))
                f = antihermitian_mul_dagger(u, v)
                for _ in range(5):
                    f = add_scaled(f, 1.0, antihermitian(mul(exp(-1.0, f), w)))
                store_algebra(E, zero, x_, y_, zero, add_scaled(f, inverse_a_t - 1.0, f))

    return SimpleNamespace(logarithm_of_step=logarithm_of_step)


def initial_state(
    grid: Grid,
    group: ModuleType,
    nuclei: Sequence[Nucleus],
    dtype: np.dtype | type = np.float64,
    workers: Workers | None = None,
    with_momentum: Callable[[Fields], Fields] = lambda fields: fields,
) -> Fields:
    """Links at a_t, electric fields and charges at a_t/2, of nuclei whose extents do not overlap.

    `grid` and the fields are of the planes that `workers` hold.  `with_momentum` puts into the place of E whatever a scheme's
    Gauss constraint takes the divergence of.

    Raises
    ------
    ValueError
        If a nucleus reaches into the frozen ends of the box.
    """
    workers = workers or Workers()
    fields = vacuum(grid, group, dtype)
    fields.step = 1
    slabs = [_add_fields(fields, nucleus, workers) for nucleus in nuclei]
    source = with_momentum(fields)
    fields.charges = tuple(
        _charges_from_divergence(source, slab, nucleus.direction, workers) for slab, nucleus in zip(slabs, nuclei, strict=True)
    )
    return fields


def _add_fields(fields: Fields, nucleus: Nucleus, workers: Workers) -> tuple[int, int]:
    """Write the links and the electric field of one nucleus; the interval of cells that it occupies."""
    grid, group = fields.grid, fields.group
    # Rounding must not depend on which planes are held.
    middle = grid.middle + grid.first_plane
    first = floor(nucleus.extent[0] / grid.a_z + middle) - 1 - grid.first_plane
    last = ceil(nucleus.extent[1] / grid.a_z + middle) + 2 - grid.first_plane
    if first < grid.interior[0] or last > grid.interior[1]:
        raise ValueError(f"a nucleus from cell {first} to {last} does not fit between the frozen ends {grid.interior}")

    held = range(grid.shape[2])
    edge = first if nucleus.direction > 0 else last - 1
    behind = held[: max(first, 0)] if nucleus.direction > 0 else held[max(last, 0) :]
    # From the front to the back: the order in which a Wilson line grows.
    for z in range(first, last)[:: -nucleus.direction]:
        position = (z - grid.middle) * grid.a_z
        now, following = nucleus.wilson_line(position, 0.0), nucleus.wilson_line(position, grid.a_t)
        if z not in held and z != edge:
            continue
        for i in (0, 1):
            u_now, u_next = (group.link_from_matrix(workers.held(pure_gauge(V, i))) for V in (now, following))
            electric = np.zeros((1, group.DIMENSION, *grid.shape[:2], 1))
            logarithm_kernel(group).logarithm_of_step(
                electric,
                np.ascontiguousarray(u_next[None, ..., None]),
                np.ascontiguousarray(u_now[None, ..., None]),
                1 / grid.a_t,
            )
            if z in held:
                fields.U[i, ..., z] = u_next
                fields.E[i, ..., z] = electric[0, ..., 0]
            if z == edge:
                fields.U[i, ..., behind.start : behind.stop] = u_next[..., None]

    return first, last


def pure_gauge(V: np.ndarray, i: int) -> np.ndarray:
    """V_x V†_{x+i} of the Wilson lines V, (nx, ny, N_c, N_c), periodic."""
    return V @ dagger(np.roll(V, -1, axis=i))


def _charges_from_divergence(fields: Fields, slab: tuple[int, int], direction: int, workers: Workers) -> Charges:
    """Charges equal to the covariant divergence of E in a slab, spread over the sub-particles of each cell."""
    first, last = slab
    nx, ny, _ = fields.grid.shape
    slots, dimension = fields.grid.substeps, fields.group.DIMENSION
    q = np.zeros((slots, dimension, nx, ny, last - first), fields.dtype)
    for x in workers.own(nx):
        density = np.zeros(q.shape[1:2] + q.shape[3:], q.dtype)
        for z0, z1 in workers.own_along_z([(first, last)]):
            density[..., z0 - first : z1 - first] = covariant_divergence(fields, x, z0, z1)[..., z0:z1]
        density = workers.filled(density)
        fine = refine_along_z(density.astype(np.float64), slots)
        # Slots count along the direction of motion.
        q[:, :, x] = fine if direction > 0 else fine[::-1]
        # The last slot takes up the rounding, so that the sum over the slots is the density itself.
        q[-1, :, x] = density - q[:-1, :, x].sum(axis=0, dtype=fields.dtype)
    return Charges(q, first, direction)
