"""The messages of fields on the GPU: sent from its memory where MPI can do that, else by way of page-locked memory of the host.

Planes are packed on the GPU either way.  MPI is told of a message only when the GPU has written it; what the GPU does after
that, the drift of the own links, goes on while the message travels, and copies to and from the host have a stream of their own.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from glasma.backend import SIMULATES_CUDA
from glasma.cuda.device import array_module
from glasma.domain.messages import Messages, Sizes, pieces
from glasma.domain.traffic import MakeMessages
from glasma.errors import ConfigError

#: Whether MPI is given addresses of the memory of the GPU: "1" or "0".
SWITCH = "GLASMA_CUDA_AWARE_MPI"


class _OnGpu(Messages):
    """Messages that are packed on the GPU."""

    def _make_room(self, totals: Sequence[int], dtype: np.dtype) -> None:
        self._room = [array_module().empty(total, dtype) for total in totals]


class DirectMessages(_OnGpu):
    """MPI reads and writes the memory of the GPU itself."""

    def leave(self) -> tuple[list[Any], list[Any]]:
        """Arrays of the GPU; what was packed is complete, what was last received is unpacked."""
        _wait_for_gpu()
        return self.leaving, self.coming


class StagedMessages(_OnGpu):
    """MPI reads and writes page-locked memory of the host, to and from which the GPU copies, all messages at once."""

    def _make_room(self, totals: Sequence[int], dtype: np.dtype) -> None:
        super()._make_room(totals, dtype)
        self._pinned = [_page_locked(total, dtype) for total in totals]

    def _cut(self, sizes: Sizes) -> None:
        super()._cut(sizes)
        self._staged = [pieces(pinned, each) for pinned, each in zip(self._pinned, sizes, strict=True)]
        self._used = [slice(sum(each)) for each in sizes]

    def leave(self) -> tuple[list[Any], list[Any]]:
        """Arrays of the host; those that are to be sent have been copied from the GPU."""
        used = self._used[0]
        _copy(self._room[0][used], self._pinned[0][used])
        sent, received = self._staged
        return sent, received

    def arrive(self) -> None:
        """Begin to copy what has been received to the GPU; what it does from now on waits for that."""
        used = self._used[1]
        _copy(self._pinned[1][used], self._room[1][used])


def _wait_for_gpu() -> None:
    if not SIMULATES_CUDA:
        array_module().cuda.get_current_stream().synchronize()


def _page_locked(size: int, dtype: np.dtype) -> np.ndarray:
    if SIMULATES_CUDA or size == 0:
        return np.empty(size, dtype)
    return np.frombuffer(array_module().cuda.alloc_pinned_memory(size * dtype.itemsize), dtype, size)


@cache
def _stream_of_copies(device: int) -> Any:
    # Not the blocking kind: it would wait for all that the GPU has still to do.
    return array_module().cuda.Stream(non_blocking=True)


def _copy(source: Any, target: Any) -> None:
    """Copy between GPU and host, after what the GPU was told before; to the host the copy is complete on return."""
    if SIMULATES_CUDA:
        target[...] = source
        return
    gpu = array_module().cuda
    now, copies = gpu.get_current_stream(), _stream_of_copies(gpu.runtime.getDevice())
    to_host = isinstance(target, np.ndarray)
    if to_host:
        # The packing is the last that was told to the GPU.  To the GPU nothing has to be waited for: what was unpacked from the
        # target before has ended when the last messages left.
        copies.wait_event(now.record())
    kind = gpu.runtime.memcpyDeviceToHost if to_host else gpu.runtime.memcpyHostToDevice
    if source.nbytes:
        gpu.runtime.memcpyAsync(_address(target), _address(source), source.nbytes, kind, copies.ptr)
    if to_host:
        copies.synchronize()  # also where nothing leaves: MPI is about to write what the last messages were copied from
    else:
        now.wait_event(copies.record())


def _address(array: Any) -> int:
    return array.ctypes.data if isinstance(array, np.ndarray) else array.data.ptr


def messages_of_run() -> MakeMessages:
    """What makes the messages of a field of this run: those of its memory, the host's or the GPU's.

    Raises
    ------
    ConfigError
        If GLASMA_CUDA_AWARE_MPI asks for what this MPI cannot do.
    """
    on_gpu = DirectMessages if sends_from_gpu() else StagedMessages

    def messages(sizes: Sizes, field: Any) -> Messages:
        return (on_gpu if isinstance(field, array_module().ndarray) else Messages)(sizes, field)

    return messages


def sends_from_gpu() -> bool:
    """Whether MPI is given the memory of the GPU.

    Only where the user says so.  What an MPI says of itself is not enough: Open MPI answers for itself and not for the UCX that
    it sends with, and an MPI that cannot do it ends with a segmentation fault or sends something else.

    Raises
    ------
    ConfigError
        If the environment says something else than 0 or 1, or the MPI says that it cannot.
    """
    wanted = os.environ.get(SWITCH, "0")
    if wanted not in ("0", "1"):
        raise ConfigError(f"{SWITCH} = {wanted!r}: must be 0 or 1; unset it to send by way of the host")
    if wanted == "1" and mpi_takes_gpu_memory() is False and not SIMULATES_CUDA:
        raise ConfigError(
            f"{SWITCH} = 1: this MPI says that it takes no memory of a GPU; load one that is CUDA-aware (Cray MPICH: "
            "MPICH_GPU_SUPPORT_ENABLED=1), or unset it to send by way of the host"
        )
    return wanted == "1"


def mpi_takes_gpu_memory() -> bool | None:
    """What the MPI of this run says of itself; None if it does not say.

    Asked is MPIX_Query_cuda_support, which MPICH, its descendants and Open MPI have as an extension, and the memory kinds of
    MPI 4.1.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError):
        return None
    kinds = MPI.COMM_WORLD.Get_info().get("mpi_memory_alloc_kinds") or ""
    if any(kind.partition(":")[0] == "cuda" for kind in kinds.split(",")):
        return True
    try:
        query = ctypes.CDLL(MPI.__file__).MPIX_Query_cuda_support
    except (OSError, AttributeError):
        return None
    return bool(query())
