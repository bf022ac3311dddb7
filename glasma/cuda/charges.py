"""The charges on the GPU, one thread a sub-particle that crosses; see `glasma.evolution.charges`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numba import cuda

from glasma.backend import index
from glasma.cuda.device import array_module, launch
from glasma.evolution.charges import charge_updates, crossing, current_weight
from glasma.lattice.fields import Fields


@cache
def charge_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels `depart`, `deposit` and `arrive` of one group."""
    updates = charge_updates(group)
    meet, add_current = updates.meet, updates.add_current
    turn_to_start, turn_to_end = updates.turn_to_start, updates.turn_to_end

    @cuda.jit
    def depart(power, z0, q, slot, rightward, E, U):
        """Rotate a left-mover's colour into its new cell; power ← ±q·E_z(t − ½)."""
        k, y, x = cuda.grid(3)
        if x >= q.shape[2] or y >= q.shape[3] or k >= q.shape[4]:
            return
        s, x_, y_, k_, z = index(slot), index(x), index(y), index(k), index(z0 + k)
        if rightward:
            power[x_, y_, k_] = meet(q, s, x_, y_, k_, E, z)
        else:
            turn_to_start(q, s, x_, y_, k_, U, z)
            power[x_, y_, k_] = -meet(q, s, x_, y_, k_, E, z)

    @cuda.jit
    def deposit(z0, q, slot, E, c):
        """E_z ← E_z − c q at the links that the slot crosses."""
        k, y, x = cuda.grid(3)
        if x >= q.shape[2] or y >= q.shape[3] or k >= q.shape[4]:
            return
        add_current(E, index(x), index(y), index(z0 + k), c, q, index(slot), index(k))

    @cuda.jit
    def arrive(power, z0, q, slot, rightward, E, U):
        """Rotate a right-mover's colour into its new cell; power ← ±q·E_z(t + ½)."""
        k, y, x = cuda.grid(3)
        if x >= q.shape[2] or y >= q.shape[3] or k >= q.shape[4]:
            return
        s, x_, y_, k_, z = index(slot), index(x), index(y), index(k), index(z0 + k)
        if rightward:
            power[x_, y_, k_] = meet(q, s, x_, y_, k_, E, z)
            turn_to_end(q, s, x_, y_, k_, U, z)
        else:
            power[x_, y_, k_] = -meet(q, s, x_, y_, k_, E, z)

    return SimpleNamespace(depart=depart, deposit=deposit, arrive=arrive)


def _power(kernel: Any, fields: Fields) -> Any:
    """Σ ±q·E_z over the sub-particles that cross, as an array of the GPU without axes."""
    arrays = array_module()
    total = arrays.zeros(())
    for charges in fields.charges:
        (z0, slot), rightward = crossing(charges), charges.direction > 0
        power = arrays.empty(charges.q.shape[2:], fields.dtype)
        launch(kernel, power.shape, power, z0, charges.q, slot, rightward, fields.E, fields.U)
        total = total + power.sum(dtype=np.float64)
    return total


def deposit_currents(fields: Fields, into: Sequence[Any]) -> float:
    """Apply −a_t J(t) to E or to other momenta; the half of the work ∫ J·E that belongs to E(t − ½)."""
    kernels = charge_kernels(fields.group)
    power = _power(kernels.depart, fields)
    for charges in fields.charges:
        z0, slot = crossing(charges)
        for momenta in into:
            launch(kernels.deposit, charges.q.shape[2:], z0, charges.q, slot, momenta, current_weight(fields, charges))
    return 0.5 * fields.grid.a_z * float(power)


def move_charges(fields: Fields) -> float:
    """Bring the crossing charges into their new cells; the half of the work that belongs to E(t + ½)."""
    power = _power(charge_kernels(fields.group).arrive, fields)
    for charges in fields.charges:
        charges.moves += 1
    return 0.5 * fields.grid.a_z * float(power)
