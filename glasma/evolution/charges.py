"""Nearest-grid-point motion of colour charges: current deposition and colour rotation.

A right-mover with charge q that leaves x for x + z gives the current J_{x,z} = ρ a_z/a_t and arrives as U†_{x,z} q U_{x,z};
a left-mover that leaves x + z for x gives J_{x,z} = −ρ' a_z/a_t and arrives as ρ' = U_{x,z} ρ U†_{x,z}.  The lattice
continuity equation, and with it the Gauss constraint, holds to rounding (Gelfand, Ipp, Müller, PRD 94 (2016) 014020,
section III).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from glasma.backend import Workers, index, inline, kernel
from glasma.lattice.charges import Charges
from glasma.lattice.fields import Fields


@cache
def charge_updates(group: ModuleType) -> SimpleNamespace:
    """What one sub-particle does that crosses the link z of the site (x, y), as inlined functions; k is its column.

    `meet` gives q·E_z; `turn_to_start` and `turn_to_end` rotate its colour to the start of the link (a left-mover departs) and
    to its end (a right-mover arrives); `add_current` adds −c q to E_z.
    """
    load, load_algebra, store_algebra = group.load, group.load_algebra, group.store_algebra
    rotate, rotate_back, dot, add_scaled = group.rotate, group.rotate_back, group.dot, group.add_scaled
    two = index(2)

    @inline
    def meet(q, slot, x, y, k, E, z):
        return dot(load_algebra(q, slot, x, y, k), load_algebra(E, two, x, y, z))

    @inline
    def turn_to_start(q, slot, x, y, k, U, z):
        store_algebra(q, slot, x, y, k, rotate(load(U, two, x, y, z), load_algebra(q, slot, x, y, k)))

    @inline
    def turn_to_end(q, slot, x, y, k, U, z):
        store_algebra(q, slot, x, y, k, rotate_back(load(U, two, x, y, z), load_algebra(q, slot, x, y, k)))

    @inline
    def add_current(E, x, y, z, c, q, slot, k):
        e = load_algebra(E, two, x, y, z)
        store_algebra(E, two, x, y, z, add_scaled(e, -c, load_algebra(q, slot, x, y, k)))

    return SimpleNamespace(meet=meet, turn_to_start=turn_to_start, turn_to_end=turn_to_end, add_current=add_current)


@cache
def charge_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels `depart`, `deposit` and `arrive` of one group, which work on the columns k0 ≤ k < k1."""
    updates = charge_updates(group)
    meet, add_current = updates.meet, updates.add_current
    turn_to_start, turn_to_end = updates.turn_to_start, updates.turn_to_end

    @kernel(group.NAME)
    def depart(x0, x1, z0, k0, k1, q, slot, rightward, E, U, power):
        """Rotate a left-mover's colour into its new cell; power[x, k] gains Σ ±q·E_z(t − ½) of the column in the plane.

        z0 is the cell at whose link the first column crosses.
        """
        slot_ = index(slot)
        for x in range(x0, x1):
            for y in range(q.shape[3]):
                x_, y_ = index(x), index(y)
                if rightward:
                    for k in range(k0, k1):
                        power[x_, index(k)] += meet(q, slot_, x_, y_, index(k), E, index(z0 + k))
                else:
                    for k in range(k0, k1):
                        turn_to_start(q, slot_, x_, y_, index(k), U, index(z0 + k))
                        power[x_, index(k)] -= meet(q, slot_, x_, y_, index(k), E, index(z0 + k))

    @kernel(group.NAME)
    def deposit(x0, x1, z0, k0, k1, q, slot, E, c):
        """E_z ← E_z − c q at the links that the slot crosses."""
        slot_ = index(slot)
        for x in range(x0, x1):
            for y in range(q.shape[3]):
                x_, y_ = index(x), index(y)
                for k in range(k0, k1):
                    add_current(E, x_, y_, index(z0 + k), c, q, slot_, index(k))

    @kernel(group.NAME)
    def arrive(x0, x1, z0, k0, k1, q, slot, rightward, E, U, power):
        """Rotate a right-mover's colour into its new cell; power[x, k] gains Σ ±q·E_z(t + ½) of the column in the plane."""
        slot_ = index(slot)
        for x in range(x0, x1):
            for y in range(q.shape[3]):
                x_, y_ = index(x), index(y)
                if rightward:
                    for k in range(k0, k1):
                        power[x_, index(k)] += meet(q, slot_, x_, y_, index(k), E, index(z0 + k))
                        turn_to_end(q, slot_, x_, y_, index(k), U, index(z0 + k))
                else:
                    for k in range(k0, k1):
                        power[x_, index(k)] -= meet(q, slot_, x_, y_, index(k), E, index(z0 + k))

    return SimpleNamespace(depart=depart, deposit=deposit, arrive=arrive)


def crossing(charges: Charges) -> tuple[int, int]:
    """The site x of the link (x, z) over which the first column of the crossing slot moves, and that slot."""
    slot = charges.crossing_slot
    return charges.first_cell(slot) - (charges.direction < 0), slot


def current_weight(fields: Fields, charges: Charges) -> Any:
    """c in E_z ← E_z − c q, in the precision of the fields: in stored units a_t g a_z J_z = ±a_z² q."""
    return fields.dtype.type(charges.direction * fields.grid.a_z**2)


def columns(charges: Charges, workers: Workers) -> tuple[int, int]:
    """The columns k0 ≤ k < k1 of the crossing slot whose links move here: the own ones and, of a part along z, that before."""
    z0, _ = crossing(charges)
    parts = workers.moving([(z0 + 1, z0 + charges.cells)])  # and the link before each interval
    return (parts[0][0] - 1 - z0, parts[0][1] - z0) if parts else (0, 0)


def deposit_currents(fields: Fields, workers: Workers, into: Sequence[np.ndarray]) -> float:
    """Apply −a_t J(t) to E or to other momenta; the half of the work ∫ J·E that belongs to E(t − ½), units 1/(g² a_T).

    The work on every nucleus is taken before the first current changes E; else it misses J_1·J_2 a_t/2 where the nuclei
    overlap, and the energy balance is of first order in a_t only.
    """
    kernels = charge_kernels(fields.group)
    nx, work = fields.grid.shape[0], 0.0
    for charges in fields.charges:
        (z0, slot), rightward, (k0, k1) = crossing(charges), charges.direction > 0, columns(charges, workers)
        power = np.zeros((nx, charges.cells))
        workers.over_planes(
            nx,
            lambda x0, x1: kernels.depart(x0, x1, z0, k0, k1, charges.q, slot, rightward, fields.E, fields.U, power),  # noqa: B023
        )
        work += work_of_columns(power, z0, fields, workers)
    for charges in fields.charges:
        (z0, slot), (k0, k1) = crossing(charges), columns(charges, workers)
        c = current_weight(fields, charges)
        for momenta in into:
            workers.over_planes(
                nx,
                lambda x0, x1: kernels.deposit(x0, x1, z0, k0, k1, charges.q, slot, momenta, c),  # noqa: B023
            )
    return work


def move_charges(fields: Fields, workers: Workers) -> float:
    """Bring the crossing charges into their new cells; the half of the work that belongs to E(t + ½)."""
    arrive = charge_kernels(fields.group).arrive
    nx, work = fields.grid.shape[0], 0.0
    for charges in fields.charges:
        (z0, slot), rightward, (k0, k1) = crossing(charges), charges.direction > 0, columns(charges, workers)
        power = np.zeros((nx, charges.cells))
        workers.over_planes(
            nx,
            lambda x0, x1: arrive(x0, x1, z0, k0, k1, charges.q, slot, rightward, fields.E, fields.U, power),  # noqa: B023
        )
        work += work_of_columns(power, z0, fields, workers)
        charges.moves += 1
    return work


def work_of_columns(power: np.ndarray, z0: int, fields: Fields, workers: Workers) -> float:
    """Half of the work on a nucleus, from q·E_z of each of its columns in each plane; z0 is the link of the first column."""
    own = np.zeros_like(power)
    for first, last in workers.own_along_z([(z0, z0 + power.shape[1])]):
        own[:, first - z0 : last - z0] = power[:, first - z0 : last - z0]
    return 0.5 * fields.grid.a_z * float(workers.filled(workers.sum(own)).sum())
