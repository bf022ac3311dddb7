"""Which class `evolution.scheme` names."""

from __future__ import annotations

import os

import numpy as np

from glasma.backend import Workers
from glasma.config import Config
from glasma.domain.slab import Slab
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.leapfrog import Leapfrog
from glasma.evolution.scheme import Scheme
from glasma.evolution.semi_implicit import SemiImplicit
from glasma.group import group_named
from glasma.lattice.grid import Grid


def make_scheme(config: Config, grid: Grid, slab: Slab | None = None) -> Scheme:
    """The evolution scheme of a configuration, with the threads of the run, on a grid or the slab of it that a rank holds."""
    evolution = config.evolution
    group, dtype = group_named(config.lattice.group, config.run.links), np.dtype(config.run.precision)
    cores = os.cpu_count() or 1
    if slab is None:
        workers = Workers(config.run.threads or cores)
    else:
        grid, workers = slab.grid, slab.workers(config.run.threads or max(1, cores // slab.ranks.on_node))
    only_active = evolution.region == "active"
    if evolution.scheme == "boost_invariant":
        return BoostInvariant(grid, group, dtype, workers)
    if evolution.scheme == "semi_implicit":
        iteration = config.iteration_tolerance, evolution.max_iterations
        return SemiImplicit(grid, group, dtype, workers, only_active, *iteration)
    return Leapfrog(grid, group, dtype, workers, only_active)
