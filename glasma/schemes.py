"""Which class `evolution.scheme` and `run.backend` name."""

from __future__ import annotations

from typing import Any

import numpy as np

from glasma.backend import Workers
from glasma.config import Config
from glasma.derived import Derived
from glasma.domain.ranks import Ranks
from glasma.domain.slab import Slab
from glasma.errors import ConfigError
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.leapfrog import Leapfrog
from glasma.evolution.scheme import Scheme
from glasma.evolution.semi_implicit import SemiImplicit
from glasma.group import group_named
from glasma.lattice.grid import Grid


def make_scheme(config: Config, grid: Grid, slab: Slab | None = None, backend: str = "cpu") -> Scheme:
    """The evolution scheme of a configuration on a grid, with the threads of the run.

    Parameters
    ----------
    slab : Slab, optional
        The part of the grid that a rank holds, in whose place the scheme is made.
    backend : "cpu" or "cuda"
        Where its fields are.

    Raises
    ------
    ConfigError
        If there is no GPU for "cuda".
    """
    evolution = config.evolution
    group, dtype = group_named(config.lattice.group, config.run.links), np.dtype(config.run.precision)
    threads = Derived(config).threads
    if slab is None:
        workers = Workers(threads)
    else:
        grid, workers = slab.grid, slab.workers(config.run.threads or max(1, threads // slab.ranks.on_node))
    only_active = evolution.region == "active"
    boost_invariant, semi_implicit, leapfrog = BoostInvariant, SemiImplicit, Leapfrog
    if backend == "cuda":
        require_backend(backend)
        boost_invariant, semi_implicit, leapfrog = _on_gpu()
    if evolution.scheme == "boost_invariant":
        return boost_invariant(grid, group, dtype, workers)
    if evolution.scheme == "semi_implicit":
        iteration = config.iteration_tolerance, evolution.max_iterations
        return semi_implicit(grid, group, dtype, workers, only_active, *iteration)
    return leapfrog(grid, group, dtype, workers, only_active)


def _on_gpu() -> tuple[type[BoostInvariant], type[SemiImplicit], type[Leapfrog]]:
    """The same three, with their fields on the GPU."""
    from glasma.cuda.boost_invariant import CudaBoostInvariant
    from glasma.cuda.leapfrog import CudaLeapfrog
    from glasma.cuda.semi_implicit import CudaSemiImplicit

    return CudaBoostInvariant, CudaSemiImplicit, CudaLeapfrog


def require_backend(backend: str, ranks: Ranks | None = None) -> None:
    """Raise ConfigError, with one line that says what to do, if a run cannot be computed where `run.backend` says."""
    if backend == "cuda":
        from glasma.cuda.device import array_module

        if ranks is not None and ranks.along_z > 1:
            raise ConfigError(
                f'--ranks-along-z {ranks.along_z}: a lattice is cut along z on the CPU alone; take run.backend = "cpu"'
            )
        if ranks is not None and ranks.size > 1:
            raise ConfigError('run.backend = "cuda": is for one process; leave mpirun out, or take run.backend = "cpu"')
        array_module()


def place(fields: Any, backend: str) -> Any:
    """A state from the memory of the host, where a scheme of the backend wants it."""
    if backend == "cpu":
        return fields
    from glasma.cuda.device import to_device

    return to_device(fields)
