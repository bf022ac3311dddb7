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

import numpy as np

from glasma.backend import Workers, index, kernel
from glasma.lattice.charges import Charges
from glasma.lattice.fields import Fields


@cache
def charge_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels `depart`, `deposit` and `arrive` of one group."""
    load, load_algebra, store_algebra = group.load, group.load_algebra, group.store_algebra
    rotate, rotate_back, dot, add_scaled = group.rotate, group.rotate_back, group.dot, group.add_scaled

    @kernel(group.NAME)
    def depart(x0, x1, z0, q, slot, rightward, E, U, power):
        """Rotate a left-mover's colour into its new cell; power[x] gains Σ ±q·E_z(t − ½) of the plane.

        z0 is the cell at whose link the first column crosses.
        """
        two = index(2)
        slot_ = index(slot)
        for x in range(x0, x1):
            for y in range(q.shape[3]):
                sum_ = 0.0
                x_, y_ = index(x), index(y)
                if rightward:
                    for k in range(q.shape[4]):
                        e = load_algebra(E, two, x_, y_, index(z0 + k))
                        sum_ += dot(load_algebra(q, slot_, x_, y_, index(k)), e)
                else:
                    for k in range(q.shape[4]):
                        e = load_algebra(E, two, x_, y_, index(z0 + k))
                        u = load(U, two, x_, y_, index(z0 + k))
                        charge = rotate(u, load_algebra(q, slot_, x_, y_, index(k)))
                        sum_ -= dot(charge, e)
                        store_algebra(q, slot_, x_, y_, index(k), charge)
                power[x] += sum_

    @kernel(group.NAME)
    def deposit(x0, x1, z0, q, slot, E, c):
        """E_z ← E_z − c q at the links that the slot crosses."""
        two = index(2)
        slot_ = index(slot)
        for x in range(x0, x1):
            for y in range(q.shape[3]):
                x_, y_ = index(x), index(y)
                for k in range(q.shape[4]):
                    e = load_algebra(E, two, x_, y_, index(z0 + k))
                    charge = load_algebra(q, slot_, x_, y_, index(k))
                    store_algebra(E, two, x_, y_, index(z0 + k), add_scaled(e, -c, charge))

    @kernel(group.NAME)
    def arrive(x0, x1, z0, q, slot, rightward, E, U, power):
        """Rotate a right-mover's colour into its new cell; power[x] gains Σ ±q·E_z(t + ½) of the plane."""
        two = index(2)
        slot_ = index(slot)
        for x in range(x0, x1):
            for y in range(q.shape[3]):
                sum_ = 0.0
                x_, y_ = index(x), index(y)
                if rightward:
                    for k in range(q.shape[4]):
                        e = load_algebra(E, two, x_, y_, index(z0 + k))
                        u = load(U, two, x_, y_, index(z0 + k))
                        charge = load_algebra(q, slot_, x_, y_, index(k))
                        sum_ += dot(charge, e)
                        store_algebra(q, slot_, x_, y_, index(k), rotate_back(u, charge))
                else:
                    for k in range(q.shape[4]):
                        e = load_algebra(E, two, x_, y_, index(z0 + k))
                        sum_ -= dot(load_algebra(q, slot_, x_, y_, index(k)), e)
                power[x] += sum_

    return SimpleNamespace(depart=depart, deposit=deposit, arrive=arrive)


def _crossing(charges: Charges) -> tuple[int, int]:
    """The site x of the link (x, z) over which the first column of the crossing slot moves, and that slot."""
    slot = charges.crossing_slot
    return charges.first_cell(slot) - (charges.direction < 0), slot


def deposit_currents(fields: Fields, workers: Workers, into: Sequence[np.ndarray]) -> float:
    """Apply −a_t J(t) to E or to other momenta; the half of the work ∫ J·E that belongs to E(t − ½), units 1/(g² a_T).

    The work on every nucleus is taken before the first current changes E; else it misses J_1·J_2 a_t/2 where the nuclei
    overlap, and the energy balance is of first order in a_t only.
    """
    kernels = charge_kernels(fields.group)
    nx = fields.grid.shape[0]
    power = np.zeros(nx)
    for charges in fields.charges:
        (z0, slot), rightward = _crossing(charges), charges.direction > 0
        workers.over_planes(
            nx,
            lambda x0, x1: kernels.depart(x0, x1, z0, charges.q, slot, rightward, fields.E, fields.U, power),  # noqa: B023
        )
    for charges in fields.charges:
        z0, slot = _crossing(charges)
        # In stored units −a_t g a_z J_z = ∓a_z² q.
        c = fields.dtype.type(charges.direction * fields.grid.a_z**2)
        for momenta in into:
            workers.over_planes(nx, lambda x0, x1: kernels.deposit(x0, x1, z0, charges.q, slot, momenta, c))  # noqa: B023
    return 0.5 * fields.grid.a_z * float(workers.sum(power))


def move_charges(fields: Fields, workers: Workers) -> float:
    """Bring the crossing charges into their new cells; the half of the work that belongs to E(t + ½)."""
    arrive = charge_kernels(fields.group).arrive
    power = np.zeros(fields.grid.shape[0])
    for charges in fields.charges:
        (z0, slot), rightward = _crossing(charges), charges.direction > 0
        workers.over_planes(
            fields.grid.shape[0],
            lambda x0, x1: arrive(x0, x1, z0, charges.q, slot, rightward, fields.E, fields.U, power),  # noqa: B023
        )
        charges.moves += 1
    return 0.5 * fields.grid.a_z * float(workers.sum(power))
