"""The messages of fields on the GPU: sent from its memory where MPI can do that, else by way of page-locked memory of the host.

Planes are packed on the GPU either way.  MPI is told of a message only when the GPU has written it; what the GPU does after
that, the drift of the own links, goes on while the message travels, and copies to and from the host have a stream of their own.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from glasma.backend import SIMULATES_CUDA
from glasma.cuda.device import array_module
from glasma.domain.messages import Messages
from glasma.errors import ConfigError

#: Whether MPI is given addresses of the memory of the GPU: "1" or "0".
SWITCH = "GLASMA_CUDA_AWARE_MPI"


class _OnGpu(Messages):
    """Messages that are packed on the GPU, in buffers that grow with the region that moves, by a quarter at least."""

    def __init__(self, size: int, field: Any) -> None:
        self._allocate(size, field.dtype)
        self._cut(size)

    def _allocate(self, size: int, dtype: np.dtype) -> None:
        self._buffers = [array_module().empty(size, dtype) for _ in range(4)]

    def _cut(self, size: int) -> None:
        self.packed = [buffer[:size] for buffer in self._buffers]

    def serve(self, size: int, field: Any) -> bool:
        """Whether they can serve another exchange; if they are too small they grow."""
        first = self._buffers[0]
        if type(field) is not type(first) or field.dtype != first.dtype:
            return False
        if size > first.size:
            self._allocate(max(size, first.size * 5 // 4), first.dtype)
        self._cut(size)
        return True


class DirectMessages(_OnGpu):
    """MPI reads and writes the memory of the GPU itself."""

    def leave(self) -> list[Any]:
        """The four arrays of the GPU; what was packed is complete, what was last received is unpacked."""
        _wait_for_gpu()
        return self.packed


class StagedMessages(_OnGpu):
    """MPI reads and writes page-locked memory of the host, to and from which the GPU copies."""

    def _allocate(self, size: int, dtype: np.dtype) -> None:
        super()._allocate(size, dtype)
        self._pinned = [_page_locked(size, dtype) for _ in range(4)]

    def _cut(self, size: int) -> None:
        super()._cut(size)
        self._staged = [buffer[:size] for buffer in self._pinned]

    def leave(self) -> list[Any]:
        """Four arrays of the host, of which the two that are to be sent have been copied from the GPU."""
        _copy(self.packed[:2], self._staged[:2])
        return self._staged

    def arrive(self) -> None:
        """Begin to copy what has been received to the GPU; what it does from now on waits for that."""
        _copy(self._staged[2:], self.packed[2:])


def _wait_for_gpu() -> None:
    if not SIMULATES_CUDA:
        array_module().cuda.get_current_stream().synchronize()


def _page_locked(size: int, dtype: np.dtype) -> np.ndarray:
    if SIMULATES_CUDA:
        return np.empty(size, dtype)
    return np.frombuffer(array_module().cuda.alloc_pinned_memory(size * dtype.itemsize), dtype, size)


@cache
def _stream_of_copies(device: int) -> Any:
    # Not the blocking kind: it would wait for all that the GPU has still to do.
    return array_module().cuda.Stream(non_blocking=True)


def _copy(sources: list[Any], targets: list[Any]) -> None:
    """Copy between GPU and host, after what the GPU was told before; to the host the copies are complete on return."""
    if SIMULATES_CUDA:
        for source, target in zip(sources, targets, strict=True):
            target[...] = source
        return
    gpu = array_module().cuda
    now, copies = gpu.get_current_stream(), _stream_of_copies(gpu.runtime.getDevice())
    to_host = isinstance(targets[0], np.ndarray)
    if to_host:
        # The packing is the last that was told to the GPU.  To the GPU nothing has to be waited for: what was unpacked from the
        # targets before has ended when the last messages left.
        copies.wait_event(now.record())
    kind = gpu.runtime.memcpyDeviceToHost if to_host else gpu.runtime.memcpyHostToDevice
    for source, target in zip(sources, targets, strict=True):
        gpu.runtime.memcpyAsync(_address(target), _address(source), source.nbytes, kind, copies.ptr)
    if to_host:
        copies.synchronize()
    else:
        now.wait_event(copies.record())


def _address(array: Any) -> int:
    return array.ctypes.data if isinstance(array, np.ndarray) else array.data.ptr


def messages_of_run() -> Callable[[int, Any], Messages]:
    """What makes the messages of a field of this run: those of its memory, the host's or the GPU's.

    Raises
    ------
    ConfigError
        If GLASMA_CUDA_AWARE_MPI asks for what this MPI cannot do.
    """
    on_gpu = DirectMessages if sends_from_gpu() else StagedMessages

    def messages(size: int, field: Any) -> Messages:
        return (on_gpu if isinstance(field, array_module().ndarray) else Messages)(size, field)

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
