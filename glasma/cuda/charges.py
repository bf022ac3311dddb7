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
from glasma.cuda.sums import over_lines
from glasma.evolution.charges import charge_updates, columns, crossing, current_weight, work_of_columns
from glasma.lattice.fields import Fields


@cache
def charge_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels `depart`, `deposit` and `arrive` of one group, which work on the columns from k0 on."""
    updates = charge_updates(group)
    meet, add_current = updates.meet, updates.add_current
    turn_to_start, turn_to_end = updates.turn_to_start, updates.turn_to_end

    @cuda.jit
    def depart(power, x0, z0, k0, k1, q, slot, rightward, E, U):
        """Rotate a left-mover's colour into its new cell; power ← ±q·E_z(t − ½), (planes, ny, cells).

        z0 is the cell at whose link the first column of all crosses.
        """
        k, j, i = cuda.grid(3)
        if i >= power.shape[0] or j >= q.shape[3] or k >= k1 - k0:
            return
        s, h, x, y, k_, z = index(slot), index(i), index(x0 + i), index(j), index(k0 + k), index(z0 + k0 + k)
        if rightward:
            power[h, y, k_] = meet(q, s, x, y, k_, E, z)
        else:
            turn_to_start(q, s, x, y, k_, U, z)
            power[h, y, k_] = -meet(q, s, x, y, k_, E, z)

    @cuda.jit
    def deposit(x0, x1, z0, k0, k1, q, slot, E, c):
        """E_z ← E_z − c q at the links that the slot crosses."""
        k, j, i = cuda.grid(3)
        if i >= x1 - x0 or j >= q.shape[3] or k >= k1 - k0:
            return
        add_current(E, index(x0 + i), index(j), index(z0 + k0 + k), c, q, index(slot), index(k0 + k))

    @cuda.jit
    def arrive(power, x0, z0, k0, k1, q, slot, rightward, E, U):
        """Rotate a right-mover's colour into its new cell; power ← ±q·E_z(t + ½), (planes, ny, cells)."""
        k, j, i = cuda.grid(3)
        if i >= power.shape[0] or j >= q.shape[3] or k >= k1 - k0:
            return
        s, h, x, y, k_, z = index(slot), index(i), index(x0 + i), index(j), index(k0 + k), index(z0 + k0 + k)
        if rightward:
            power[h, y, k_] = meet(q, s, x, y, k_, E, z)
            turn_to_end(q, s, x, y, k_, U, z)
        else:
            power[h, y, k_] = -meet(q, s, x, y, k_, E, z)

    return SimpleNamespace(depart=depart, deposit=deposit, arrive=arrive)


def _work(kernel: Any, fields: Fields, workers: Workers) -> float:
    """Half of the work on all nuclei, from ±q·E_z of the sub-particles that cross here."""
    nx, work = fields.grid.shape[0], 0.0
    own = workers.own(nx)
    for charges in fields.charges:
        (z0, slot), rightward, (k0, k1) = crossing(charges), charges.direction > 0, columns(charges, workers)
        power = array_module().zeros((len(own), *charges.q.shape[3:]), fields.dtype)
        shape = *power.shape[:2], k1 - k0
        launch(kernel, shape, power, own.start, z0, k0, k1, charges.q, slot, rightward, fields.E, fields.U)
        by_column = np.zeros((nx, charges.cells))
        by_column[own.start : own.stop] = over_lines(power[None, None])[:, 0]
        work += work_of_columns(by_column, z0, fields, workers)
    return work


def deposit_currents(fields: Fields, workers: Workers, into: Sequence[Any]) -> float:
    """Apply −a_t J(t) to E or to other momenta; the half of the work ∫ J·E that belongs to E(t − ½)."""
    kernels = charge_kernels(fields.group)
    work = _work(kernels.depart, fields, workers)
    own = workers.own(fields.grid.shape[0])
    for charges in fields.charges:
        (z0, slot), (k0, k1) = crossing(charges), columns(charges, workers)
        shape = len(own), charges.q.shape[3], k1 - k0
        for momenta in into:
            arguments = z0, k0, k1, charges.q, slot, momenta, current_weight(fields, charges)
            launch(kernels.deposit, shape, own.start, own.stop, *arguments)
    return work


def move_charges(fields: Fields, workers: Workers) -> float:
    """Bring the crossing charges into their new cells; the half of the work that belongs to E(t + ½)."""
    work = _work(charge_kernels(fields.group).arrive, fields, workers)
    for charges in fields.charges:
        charges.moves += 1
    return work
