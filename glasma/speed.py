"""How fast this machine is: memory bandwidth and the step of the solver, measured side by side."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType

import numba
import numpy as np

from glasma.backend import Workers
from glasma.derived import Derived
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.scheme import Scheme
from glasma.group import group_named
from glasma.lattice.fields import Fields, vacuum
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields
from glasma.schemes import make_scheme


@numba.njit(nogil=True, fastmath=True)
def _triad(first, last, a, b, c, s):  # type: ignore[no-untyped-def]
    for i in range(first, last):
        a[i] = b[i] + s * c[i]


def best_of(repeats: int, task: Callable[[], object]) -> float:
    """Least seconds of several calls."""
    least = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        task()
        least = min(least, time.perf_counter() - start)
    return least


def triad_bandwidth(threads: int = 1, megabytes: int = 480, repeats: int = 8) -> float:
    """Bandwidth of a = b + s c in bytes per second, far out of cache (three streams counted)."""
    size = megabytes * 10**6 // 24
    a, b, c = np.zeros(size), np.ones(size), np.ones(size)
    workers = Workers(threads)

    def sweep() -> None:
        workers.over_planes(size, lambda first, last: _triad(first, last, a, b, c, 2.0))

    sweep()
    return 24 * size / best_of(repeats, sweep)


def moving_fields(grid: Grid, group: ModuleType, dtype: np.dtype | type) -> Fields:
    """Weak random electric fields on trivial links: something that moves."""
    fields = vacuum(grid, group, dtype)
    z0, z1 = grid.interior
    rng = np.random.default_rng(1)
    fields.E[..., z0:z1] = 0.05 * rng.standard_normal(fields.E[..., z0:z1].shape, dtype=np.float32)
    return fields


def step_seconds(scheme: Scheme, fields: Fields | MilneFields, repeats: int = 3) -> float:
    """Least seconds of a step; the first call, which compiles, is not counted."""
    scheme.step(fields)
    return best_of(repeats, lambda: scheme.step(fields))


def expected_seconds(derived: Derived) -> float:
    """Seconds that the steps of a run will take, from a few steps on a small lattice of the same kind."""
    config = derived.config
    group = group_named(config.lattice.group)
    if config.is_boost_invariant:
        grid = Grid((256, 256, 1), 1.0, 1.0, derived.grid.substeps)
        boost_invariant = BoostInvariant(grid, group, derived.dtype, make_scheme(config, grid).workers)
        links = vacuum(grid, group, derived.dtype).U[:2, ..., 0]
        seconds = step_seconds(boost_invariant, boost_invariant.start(links, np.ones((group.DIMENSION, 256, 256))))
        return seconds / grid.sites * derived.site_updates()
    grid = Grid((32, 32, 262), 1.0, derived.grid.anisotropy, derived.grid.substeps)
    scheme = make_scheme(config, grid)
    seconds = step_seconds(scheme, moving_fields(grid, group, derived.dtype))
    z0, z1 = grid.interior
    return seconds / (32 * 32 * (z1 - z0)) * derived.site_updates()
