"""The energy of the fields on links and plaquettes: what the leapfrog conserves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType, SimpleNamespace

import numpy as np

from glasma.backend import Workers, index, inline, kernel, line
from glasma.lattice.fields import Fields
from glasma.lattice.midpoint import MidpointPlanes
from glasma.lattice.plaquettes import neighbour, plaquettes_of, wrapped

#: Order of the components in every array of component energies.
COMPONENTS = ("E_L2", "E_T2", "B_L2", "B_T2")


@cache
def energies_at_site(group: ModuleType) -> SimpleNamespace:
    """What a link and a plaquette at a site give, c E_i² and c · 2 Re tr(1 − U_ij), as inlined functions."""
    load_algebra, dot = group.load_algebra, group.dot
    two_re_trace_of_one_minus = plaquettes_of(group).two_re_trace_of_one_minus

    @inline
    def electric(E, i, x, y, z, c):
        e = load_algebra(E, i, x, y, z)
        return c * dot(e, e)

    @inline
    def magnetic(V, i, j, x, y, z, xp, yp, zp, c):
        xi, yi, zi = neighbour(i, x, y, z, xp, yp, zp)
        xj, yj, zj = neighbour(j, x, y, z, xp, yp, zp)
        return c * two_re_trace_of_one_minus(V, i, j, x, y, z, xi, yi, zi, xj, yj, zj)

    return SimpleNamespace(electric=electric, magnetic=magnetic)


@cache
def energy_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernel `component_energies` of one group."""
    at_site = energies_at_site(group)
    electric, magnetic = at_site.electric, at_site.magnetic

    @line
    def electric_line(out, component, y, i, x, E, z0, z1, c):
        for k in range(z0, z1):
            out[component, y, index(k)] += electric(E, i, x, y, index(k), c)

    @line
    def magnetic_line(out, component, y, i, j, x, V, xp, yp, z0, z1, c):
        for k in range(z0, z1):
            out[component, y, index(k)] += magnetic(V, i, j, x, y, index(k), xp, yp, index(k + 1), c)

    @kernel(group.NAME)
    def component_energies(out, x, slot, slot_next, z0, z1, E, V, longitudinal, half):
        """Add E_L², E_T², B_L², B_T² (halves of the squares) at the plane x to out, (4, ny, nz).

        `longitudinal` is 1/a_z²; `half` is 1/2 in the precision of the fields.
        """
        ny = E.shape[3]
        one = half + half
        h, hp = index(slot), index(slot_next)
        for y in range(ny):
            yh, yp = index(y), wrapped(y + 1, ny)
            electric_line(out, 0, yh, 2, index(x), E, z0, z1, half * longitudinal)
            electric_line(out, 1, yh, 0, index(x), E, z0, z1, half)
            electric_line(out, 1, yh, 1, index(x), E, z0, z1, half)
            magnetic_line(out, 2, yh, 0, 1, h, V, hp, yp, z0, z1, one)
            magnetic_line(out, 3, yh, 0, 2, h, V, hp, yp, z0, z1, longitudinal)
            magnetic_line(out, 3, yh, 1, 2, h, V, hp, yp, z0, z1, longitudinal)

    return SimpleNamespace(component_energies=component_energies)


def add_component_energies(out: np.ndarray, fields: Fields, planes: MidpointPlanes, x: int, z0: int, z1: int) -> None:
    """Add ½E_L², ½E_T², ½B_L², ½B_T² at the plane x to `out`, (4, ny, nz), units 1/(g² a_T⁴), at t − ½."""
    real = fields.dtype.type
    energy_kernels(fields.group).component_energies(
        out, x, planes.slot(x), planes.slot(x + 1), z0, z1, fields.E, planes.V, real(fields.grid.a_z**-2), real(0.5)
    )


def field_energy(fields: Fields, workers: Workers, region: Sequence[tuple[int, int]]) -> float:
    """½ ∫ (E² + B²) at t − ½ over the given intervals of z, units 1/(g² a_T).

    The static plane before an interval counts too: its longitudinal link moves.
    """
    intervals = workers.own_along_z([(z0 - 1, z1) for z0, z1 in region])
    nx, ny, nz = fields.grid.shape
    totals = np.zeros((nx, len(COMPONENTS), nz))

    def planes(x0: int, x1: int) -> None:
        held = MidpointPlanes(fields, intervals)
        for x in range(x0, x1):
            held.move_to(x)
            out = np.zeros((len(COMPONENTS), ny, nz), fields.dtype)
            for z0, z1 in intervals:
                add_component_energies(out, fields, held, x, z0, z1)
            totals[x] = out.sum(axis=1, dtype=np.float64)

    workers.over_planes(nx, planes)
    return fields.grid.a_z * float(workers.along_z(workers.sum(totals)).sum())


def total_of(parts: Sequence[Sequence[float]], count: int, workers: Workers) -> float:
    """The sum over all planes of numbers of the own ones, which come in the order of `Workers.over_planes`."""
    by_plane = np.zeros(count)
    own = workers.own(count)
    by_plane[own.start : own.stop] = [total for part in parts for total in part]
    return float(workers.sum(by_plane))
