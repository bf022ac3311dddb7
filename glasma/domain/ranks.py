"""The processes of one run: a single one, or the ranks that `mpirun` has started.

mpi4py is imported only in a process that a launcher of MPI has started, so that a plain run needs no MPI.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any, NoReturn, TypeVar

import numpy as np

from glasma.errors import ConfigError

#: What launchers tell the processes that they start: how many there are, or that there are any.
_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
_SIGNS = ("PMIX_RANK",)

T = TypeVar("T")


class Ranks:
    """A single process: nothing to wait for, nobody to talk to.

    Attributes
    ----------
    rank, size : int
        Which of how many.
    on_node, rank_on_node : int
        How many of them share this machine's cores and memory, and which of these this one is.
    along_z : int
        Into how many parts they cut a lattice along z; in x into size/along_z.
    """

    rank, size, on_node, rank_on_node, along_z = 0, 1, 1, 0, 1

    @property
    def is_first(self) -> bool:
        """Whether this is the rank that writes what there is one of."""
        return self.rank == 0

    def barrier(self) -> None:
        """Wait for all ranks."""

    def long_barrier(self) -> None:
        """Wait for all ranks without keeping a core busy."""

    def broadcast(self, value: T) -> T:
        """What the first rank has."""
        return value

    def of_each(self, value: T) -> list[T]:
        """What each rank has, in their order."""
        return [value]

    def first_does(self, task: Callable[[], T]) -> T:
        """Run the task on the first rank alone; all get its result, or raise its error."""
        return task()

    def largest(self, values: np.ndarray) -> np.ndarray:
        """Element by element; NaN if any is."""
        return values

    def joined(self, own: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        """The arrays (counts[rank], ...) of all ranks, one behind the other."""
        return own

    def joined_at_first(self, own: np.ndarray, counts: Sequence[int]) -> np.ndarray | None:
        """As `joined`, for the first rank alone."""
        return own

    @property
    def row(self) -> Ranks:
        """Those that hold the same planes along z, in the order of their planes in x."""
        return self

    @property
    def column(self) -> Ranks:
        """Those that hold the same planes in x, in the order of their planes along z."""
        return self

    def filled(self, values: np.ndarray) -> np.ndarray:
        """An array of which each rank has written entries of its own and left zero at the others."""
        return values

    def abort(self, status: int) -> NoReturn:
        """End all ranks."""
        sys.exit(status)


class MpiRanks(Ranks):
    """The ranks of a communicator of mpi4py."""

    def __init__(self, communicator: Any) -> None:
        from mpi4py import MPI

        self.communicator = communicator
        self.rank, self.size = communicator.Get_rank(), communicator.Get_size()
        node = communicator.Split_type(MPI.COMM_TYPE_SHARED)
        self.on_node, self.rank_on_node = node.Get_size(), node.Get_rank()
        node.Free()

    @cached_property
    def row(self) -> MpiRanks:
        """Those that hold the same planes along z; all call this at once, first when `along_z` is set."""
        return self if self.along_z == 1 else MpiRanks(self.communicator.Split(self.rank % self.along_z, self.rank))

    @cached_property
    def column(self) -> Ranks:
        """Those that hold the same planes in x; all call this at once, first when `along_z` is set."""
        return Ranks() if self.along_z == 1 else MpiRanks(self.communicator.Split(self.rank // self.along_z, self.rank))

    def barrier(self) -> None:
        """Wait for all ranks."""
        self.communicator.Barrier()

    def long_barrier(self) -> None:
        """Wait for all ranks without keeping a core busy."""
        request = self.communicator.Ibarrier()
        while not request.Test():
            time.sleep(0.02)

    def broadcast(self, value: T) -> T:
        """What the first rank has."""
        return self.communicator.bcast(value)

    def of_each(self, value: T) -> list[T]:
        """What each rank has, in their order."""
        return self.communicator.allgather(value)

    def first_does(self, task: Callable[[], T]) -> T:
        """Run the task on the first rank alone; all get its result, or raise its error."""
        result: T | None = None
        error: Exception | None = None
        if self.is_first:
            try:
                result = task()
            except Exception as raised:
                error = raised
        result, error = self.communicator.bcast((result, error))
        if error is not None:
            raise error
        return result  # type: ignore[return-value]

    def largest(self, values: np.ndarray) -> np.ndarray:
        """Element by element; NaN if any is."""
        values = np.array(values, np.float64)
        every = np.empty((self.size, *values.shape))
        # MPI leaves open what its own maximum makes of NaN.
        self.communicator.Allgather(values, every)
        return every.max(axis=0)

    def joined(self, own: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        """The arrays (counts[rank], ...) of all ranks, one behind the other."""
        own = np.ascontiguousarray(own)
        everything = np.empty((sum(counts), *own.shape[1:]), own.dtype)
        each = int(np.prod(own.shape[1:]))
        self.communicator.Allgatherv(own, [everything, [count * each for count in counts]])
        return everything

    def joined_at_first(self, own: np.ndarray, counts: Sequence[int]) -> np.ndarray | None:
        """As `joined`, for the first rank alone."""
        own = np.ascontiguousarray(own)
        each = int(np.prod(own.shape[1:]))
        if not self.is_first:
            self.communicator.Gatherv(own, None)
            return None
        everything = np.empty((sum(counts), *own.shape[1:]), own.dtype)
        self.communicator.Gatherv(own, [everything, [count * each for count in counts]])
        return everything

    def filled(self, values: np.ndarray) -> np.ndarray:
        """An array of which each rank has written entries of its own and left zero at the others."""
        from mpi4py import MPI

        # Bits, not sums: −0 + 0 is another zero.
        everything = np.empty_like(values, order="C")
        self.communicator.Allreduce(np.ascontiguousarray(values).view(np.uint8), everything.view(np.uint8), MPI.BOR)
        return everything

    def abort(self, status: int) -> NoReturn:
        """End all ranks."""
        sys.stdout.flush()
        sys.stderr.flush()
        self.communicator.Abort(status)
        os._exit(status)


def launched() -> bool:
    """Whether a launcher of MPI has started this process beside others."""
    sizes = [os.environ[name] for name in _SIZES if name in os.environ]
    if sizes:
        return any(size != "1" for size in sizes)
    return any(name in os.environ for name in _SIGNS)


@cache
def world() -> Ranks:
    """All ranks of this launch; a single process if there was none.

    Raises
    ------
    ConfigError
        If there are many and mpi4py is not installed.
    """
    if not launched():
        return Ranks()
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        if _is_first_by_name():
            reason = str(error).splitlines()[0] if str(error) else "not found"
            raise ConfigError(f"mpirun: needs mpi4py with a library of MPI ({reason}); pip install 'glasma[mpi]'") from None
        sys.exit(2)
    if MPI.COMM_WORLD.Get_size() > 1:
        return MpiRanks(MPI.COMM_WORLD)
    if (size := _size_by_name()) > 1:
        if _is_first_by_name():
            library = " ".join(MPI.Get_library_version().replace(",", "").split()[:3])
            raise ConfigError(
                f"mpirun: it started {size} processes, and each sees only itself through the MPI of mpi4py ({library}); "
                "use the launcher of that MPI"
            )
        sys.exit(2)
    return Ranks()


def remedy_for_strangers() -> str:
    """What to do about processes that srun has started together and that do not know of each other, if this is one."""
    tasks = os.environ.get("SLURM_STEP_NUM_TASKS", "1")
    if tasks == "1" or world().size > 1:
        return ""
    return f"srun started {tasks} tasks that do not know of each other: give it --mpi=pmi2 for MPICH, --mpi=pmix for Open MPI"


def _size_by_name() -> int:
    """How many processes the launcher says that it has started; 1 if it does not."""
    names = (*_SIZES, *(["SLURM_STEP_NUM_TASKS"] if "PMIX_RANK" in os.environ else []))
    return max([int(os.environ[name]) for name in names if os.environ.get(name, "").isdigit()], default=1)


def _is_first_by_name() -> bool:
    """Whether the launcher says that this is rank 0."""
    names = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK", "PMIX_RANK")
    return next((os.environ[name] for name in names if name in os.environ), "0") == "0"
