"""Which class `evolution.scheme` and `run.backend` name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from glasma.backend import Workers
from glasma.cluster import number_of_process
from glasma.config import Config
from glasma.derived import Derived
from glasma.domain.messages import Messages
from glasma.domain.ranks import Ranks
from glasma.domain.slab import Slab
from glasma.domain.traffic import MakeMessages
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.leapfrog import Leapfrog
from glasma.evolution.scheme import Scheme
from glasma.evolution.semi_implicit import SemiImplicit
from glasma.group import group_named
from glasma.lattice.grid import Grid

if TYPE_CHECKING:
    from glasma.cuda.devices import GpusOfRanks


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
    derived = Derived(config)
    boost_invariant, semi_implicit, leapfrog = BoostInvariant, SemiImplicit, Leapfrog
    if backend == "cuda":
        boost_invariant, semi_implicit, leapfrog = _on_gpu()
    if slab is None:
        workers = Workers(derived.threads)
    else:
        grid, workers = slab.grid, slab.workers(threads_of_rank(derived, slab.ranks), _messages(backend))
    only_active = evolution.region == "active"
    if evolution.scheme == "boost_invariant":
        return boost_invariant(grid, group, dtype, workers)
    if evolution.scheme == "semi_implicit":
        iteration = config.iteration_tolerance, evolution.max_iterations
        return semi_implicit(grid, group, dtype, workers, only_active, *iteration)
    return leapfrog(grid, group, dtype, workers, only_active)


def threads_of_rank(derived: Derived, ranks: Ranks) -> int:
    """`run.threads`, by default this rank's share of the cores of its node."""
    return derived.config.run.threads or max(1, derived.threads // ranks.on_node)


def _on_gpu() -> tuple[type[BoostInvariant], type[SemiImplicit], type[Leapfrog]]:
    """The same three, with their fields on the GPU; ConfigError if there is none."""
    from glasma.cuda.device import array_module

    array_module()
    from glasma.cuda.boost_invariant import CudaBoostInvariant
    from glasma.cuda.leapfrog import CudaLeapfrog
    from glasma.cuda.semi_implicit import CudaSemiImplicit

    return CudaBoostInvariant, CudaSemiImplicit, CudaLeapfrog


def _messages(backend: str) -> MakeMessages:
    """What makes the messages between ranks."""
    if backend == "cpu":
        return Messages
    from glasma.cuda.messages import messages_of_run

    return messages_of_run()


def require_backend(backend: str, ranks: Ranks) -> GpusOfRanks | None:
    """The GPUs that the ranks of a run take, none on the CPU; all ranks call this together.

    Raises
    ------
    ConfigError
        If a run cannot be computed where `run.backend` says, with one line that says what to do.
    """
    if backend == "cpu":
        return None
    from glasma.cuda.devices import GpusOfRanks
    from glasma.cuda.messages import sends_from_gpu

    gpus = GpusOfRanks(ranks)
    if ranks.size > 1:
        sends_from_gpu()
    return gpus


def check_gpus(option: str, processes: int, need: int) -> int:
    """Raise ConfigError if `processes` tasks at once, of `need` bytes each, do not fit into the GPUs of this machine.

    `option` is the one that says how many.  Returns how many GPUs there are.
    """
    from glasma.cuda.devices import check_processes

    return check_processes(option, processes, need)


def take_gpu(backend: str) -> None:
    """Take the GPU of a worker, before its task does anything on one: processes of this machine take them in turn.

    Workers elsewhere keep what their environment gives them, the first that CUDA_VISIBLE_DEVICES names.
    """
    number = number_of_process()
    if backend == "cuda" and number is not None:
        from glasma.cuda.devices import take_in_turn

        take_in_turn(number)


def place(fields: Any, backend: str) -> Any:
    """A state from the memory of the host, where a scheme of the backend wants it."""
    if backend == "cpu":
        return fields
    from glasma.cuda.device import to_device

    return to_device(fields)
