"""The charges on the GPU, one thread a sub-particle that crosses; see `glasma.evolution.charges`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numba import cuda

from glasma.backend import Workers, index
from glasma.cuda.device import array_module, launch
from glasma.evolution.charges import charge_updates, crossing, current_weight
from glasma.lattice.fields import Fields
from glasma.lattice.storage import on_host


@cache
def charge_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels `depart`, `deposit` and `arrive` of one group."""
    updates = charge_updates(group)
    meet, add_current = updates.meet, updates.add_current
    turn_to_start, turn_to_end = updates.turn_to_start, updates.turn_to_end

    @cuda.jit
    def depart(power, x0, z0, q, slot, rightward, E, U):
        """Rotate a left-mover's colour into its new cell; power ← ±q·E_z(t − ½)."""
        k, j, i = cuda.grid(3)
        if i >= power.shape[0] or j >= q.shape[3] or k >= q.shape[4]:
            return
        s, h, x, y, k_, z = index(slot), index(i), index(x0 + i), index(j), index(k), index(z0 + k)
        if rightward:
            power[h, y, k_] = meet(q, s, x, y, k_, E, z)
        else:
            turn_to_start(q, s, x, y, k_, U, z)
            power[h, y, k_] = -meet(q, s, x, y, k_, E, z)

    @cuda.jit
    def deposit(x0, x1, z0, q, slot, E, c):
        """E_z ← E_z − c q at the links that the slot crosses."""
        k, j, i = cuda.grid(3)
        if i >= x1 - x0 or j >= q.shape[3] or k >= q.shape[4]:
            return
        add_current(E, index(x0 + i), index(j), index(z0 + k), c, q, index(slot), index(k))

    @cuda.jit
    def arrive(power, x0, z0, q, slot, rightward, E, U):
        """Rotate a right-mover's colour into its new cell; power ← ±q·E_z(t + ½)."""
        k, j, i = cuda.grid(3)
        if i >= power.shape[0] or j >= q.shape[3] or k >= q.shape[4]:
            return
        s, h, x, y, k_, z = index(slot), index(i), index(x0 + i), index(j), index(k), index(z0 + k)
        if rightward:
            power[h, y, k_] = meet(q, s, x, y, k_, E, z)
            turn_to_end(q, s, x, y, k_, U, z)
        else:
            power[h, y, k_] = -meet(q, s, x, y, k_, E, z)

    return SimpleNamespace(depart=depart, deposit=deposit, arrive=arrive)


def _power(kernel: Any, fields: Fields, workers: Workers) -> float:
    """Σ ±q·E_z over the sub-particles that cross."""
    arrays, nx = array_module(), fields.grid.shape[0]
    own = workers.own(nx)
    total = arrays.zeros(len(own))
    for charges in fields.charges:
        (z0, slot), rightward = crossing(charges), charges.direction > 0
        power = arrays.empty((len(own), *charges.q.shape[3:]), fields.dtype)
        launch(kernel, power.shape, power, own.start, z0, charges.q, slot, rightward, fields.E, fields.U)
        total += power.sum(axis=(1, 2), dtype=np.float64)
    by_plane = np.zeros(nx)
    by_plane[own.start : own.stop] = on_host(total)
    return float(workers.sum(by_plane))


def deposit_currents(fields: Fields, workers: Workers, into: Sequence[Any]) -> float:
    """Apply −a_t J(t) to E or to other momenta; the half of the work ∫ J·E that belongs to E(t − ½)."""
    kernels = charge_kernels(fields.group)
    power = _power(kernels.depart, fields, workers)
    own = workers.own(fields.grid.shape[0])
    for charges in fields.charges:
        z0, slot = crossing(charges)
        shape = len(own), *charges.q.shape[3:]
        for momenta in into:
            arguments = z0, charges.q, slot, momenta, current_weight(fields, charges)
            launch(kernels.deposit, shape, own.start, own.stop, *arguments)
    return 0.5 * fields.grid.a_z * power


def move_charges(fields: Fields, workers: Workers) -> float:
    """Bring the crossing charges into their new cells; the half of the work that belongs to E(t + ½)."""
    power = _power(charge_kernels(fields.group).arrive, fields, workers)
    for charges in fields.charges:
        charges.moves += 1
    return 0.5 * fields.grid.a_z * power
