"""Which of the GPUs of a machine a process takes.

Ranks of one machine take its GPUs in turn, by their number on that machine.  Where the launcher shows every rank a GPU of its
own (CUDA_VISIBLE_DEVICES, as Slurm's --gpus-per-task sets it), that is the only one there is to take.
"""

from __future__ import annotations

import os
import platform
from collections import Counter
from dataclasses import dataclass
from typing import TypeVar

from numba import cuda

from glasma.backend import SIMULATES_CUDA
from glasma.cuda.device import array_module, device_name, require_memory
from glasma.cuda.messages import SWITCH, mpi_takes_gpu_memory, sends_from_gpu
from glasma.domain.ranks import Ranks
from glasma.errors import ConfigError

T = TypeVar("T")


def count() -> int:
    """GPUs that this process may take."""
    return 1 if SIMULATES_CUDA else len(cuda.gpus)


def use(number: int) -> None:
    """Make a GPU the current one of this thread, for CuPy and for Numba; what is on another GPU stays there."""
    if SIMULATES_CUDA:
        return
    array_module().cuda.Device(number).use()
    cuda.select_device(number)


def take_in_turn(number: int) -> None:
    """Use the GPU that is the turn of a process, which has a number on its machine.

    Raises
    ------
    ConfigError
        If there is none.
    """
    array_module()
    use(number % count())


def _identity() -> str:
    """What no other GPU is called, on whatever machine and however the processes number them."""
    if SIMULATES_CUDA:
        return f"simulated by process {os.getpid()}"
    return str(cuda.get_current_device().uuid)


@dataclass(frozen=True)
class Gpu:
    """The GPU that a rank has taken."""

    machine: str
    name: str
    identity: str

    def __str__(self) -> str:
        return f"{self.name}, {self.identity}, on {self.machine}"


class GpusOfRanks:
    """A GPU for each rank of a run; all ranks make this together, before any other work on a GPU.

    Attributes
    ----------
    of_each : list of Gpu
        In the order of the ranks.

    Raises
    ------
    ConfigError
        On all ranks, if one has no GPU.
    """

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks
        taken: Gpu | ConfigError
        try:
            array_module()
            if ranks.size > 1:  # a single process keeps the current one
                take_in_turn(ranks.rank_on_node)
            taken = Gpu(platform.node(), device_name(), _identity())
        except ConfigError as error:
            taken = error
        self.of_each: list[Gpu] = _all_or_none(ranks, taken)

    @property
    def _sharers(self) -> Counter[Gpu]:
        return Counter(self.of_each)

    def lines(self) -> list[str]:
        """What is to be said of them: GPUs that several ranks share, and messages that could take a shorter way."""
        shared = [
            f"{number} ranks share one GPU ({gpu}) and wait for each other; start one rank for each GPU "
            "(srun --gpus-per-task=1 gives every rank its own)"
            for gpu, number in self._sharers.items()
            if number > 1
        ]
        if self._ranks.size == 1 or sends_from_gpu() or not mpi_takes_gpu_memory():
            return shared
        return [*shared, f"messages go by way of the host; this MPI says that it takes memory of the GPU: {SWITCH}=1 tries it"]

    def require(self, need: int) -> None:
        """Refuse what does not fit into a GPU, for all ranks that have it; all ranks call this together.

        Parameters
        ----------
        need : int
            Bytes of the arrays of this rank.

        Raises
        ------
        ConfigError
            On all ranks, if it does not fit for one.
        """
        # A barrier: no rank takes memory before all have looked.
        needs = self._ranks.of_each(need)
        mine = self.of_each[self._ranks.rank]
        error: ConfigError | None = None
        try:
            require_memory(sum(bytes_ for gpu, bytes_ in zip(self.of_each, needs, strict=True) if gpu == mine))
        except ConfigError as raised:
            error = raised
        _all_or_none(self._ranks, error)


def check_processes(option: str, processes: int, need: int) -> int:
    """Refuse tasks that do not fit into the GPUs of this machine; how many GPUs there are.

    Only their size is asked for: what is free is seen by each task, and to ask for that would take memory of every GPU.

    Parameters
    ----------
    option, processes : str, int
        What says how many run at once and take the GPUs in turn, and how many.
    need : int
        Bytes of the arrays of one.

    Raises
    ------
    ConfigError
        If there is no GPU, or several processes on one need more than it has.
    """
    arrays, gpus = array_module(), count()
    if SIMULATES_CUDA:
        return gpus
    sharers = -(-processes // gpus)
    size = min(arrays.cuda.runtime.getDeviceProperties(number)["totalGlobalMem"] for number in range(gpus))
    if sharers * need > size:
        fit = gpus * (size // need)
        remedy = f"use at most {option} {fit}" if fit else 'use fewer cells or run.precision = "float32"'
        raise ConfigError(
            f"{option} {processes}: {sharers} on one GPU need {sharers * need / 2**30:.3g} GiB and it has "
            f"{size / 2**30:.3g} GiB ({gpus} GPUs are visible); {remedy}"
        )
    return gpus


def _all_or_none(ranks: Ranks, mine: T | ConfigError) -> list[T]:
    """What every rank has; if one has an error, all raise that of the first that has."""
    every = []
    for rank, found in enumerate(ranks.of_each(mine)):
        if isinstance(found, ConfigError):
            raise ConfigError(str(found) if ranks.size == 1 else f"rank {rank}: {found}")
        every.append(found)
    return every
