"""The GPU: arrays that live on it, kernels with one thread a site, and one line that says why there is none.

Kernels are compiled by Numba from the functions that `glasma.backend.inline` marks, the very same that the loops of the CPU are
made of; arrays are CuPy's.  With NUMBA_ENABLE_CUDASIM=1 Numba runs the kernels thread by thread in Python, on NumPy arrays and
without a GPU: slow, and what the tests do where there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numba import cuda

from glasma.backend import SIMULATES_CUDA, Workers
from glasma.errors import ConfigError
from glasma.lattice.charges import Charges
from glasma.lattice.fields import Fields
from glasma.lattice.milne import MilneFields
from glasma.lattice.storage import field_array, on_host

#: Threads of a block along z, y and x, and along y and x of a plane; the first runs along memory.  Neighbours in y and x share
#: their links in the cache; 128 threads leave each of them all the registers that an SU(3) plaquette takes.
_BLOCKS = {3: (32, 2, 2), 2: (32, 4)}

#: The simulator starts a Python thread for each: few, and no divisor of the lattices of the tests.
_SIMULATED_BLOCKS = {3: (5, 3, 1), 2: (5, 3)}

#: Sites that are measured at once: enough to fill a GPU, few enough to need little memory beside the fields.
_SITES_AT_ONCE = 2**20

_REMEDY = 'or take run.backend = "cpu"'

State = TypeVar("State", Fields, MilneFields)


@cache
def array_module() -> Any:
    """CuPy, or NumPy for the simulator.

    Raises
    ------
    ConfigError
        If a package or the GPU is missing.
    """
    if SIMULATES_CUDA:
        return np
    try:
        import cupy
    except ImportError as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else f"CuPy ({error})"
        raise ConfigError(f'run.backend = "cuda": {missing} is not installed; pip install "glasma[gpu]" {_REMEDY}') from None
    # Numba without its package numba-cuda has an older target, for older drivers.
    if not hasattr(cuda, "__version__") and "numba_cuda" not in str(cuda.__file__):
        raise ConfigError(f'run.backend = "cuda": numba-cuda is not installed; pip install "glasma[gpu]" {_REMEDY}')
    if not cuda.is_available():
        raise ConfigError(
            f'run.backend = "cuda": no NVIDIA GPU answers on this machine; run where nvidia-smi shows one {_REMEDY}'
        )
    return cupy


def device_name() -> str:
    """What the GPU is called."""
    if array_module() is np:
        return "simulated"
    name = cuda.get_current_device().name
    return name.decode() if isinstance(name, bytes) else str(name)


def require_memory(need: int) -> None:
    """Refuse what does not fit.

    Parameters
    ----------
    need : int
        Bytes of all arrays.

    Raises
    ------
    ConfigError
        If the GPU has less than that free.
    """
    arrays = array_module()
    if arrays is np:
        return
    free = arrays.cuda.runtime.memGetInfo()[0] + arrays.get_default_memory_pool().free_bytes()
    if need > free:
        raise ConfigError(
            f'run.backend = "cuda": the run needs {need / 2**30:,.4g} GiB on the GPU and {free / 2**30:.3g} GiB are free; '
            f'use fewer cells or run.precision = "float32" {_REMEDY}'
        )


def launch(kernel: Any, shape: tuple[int, ...], *arguments: Any) -> None:
    """Run a kernel with one thread for each element of `shape`, whose last axis runs fastest; more threads may run besides."""
    if 0 in shape:
        return
    blocks = _SIMULATED_BLOCKS if SIMULATES_CUDA else _BLOCKS
    block = blocks[len(shape)]
    grid = tuple(-(-n // threads) for n, threads in zip(reversed(shape), block, strict=True))
    kernel[grid, block](*map(_argument, arguments))


def _argument(value: Any) -> Any:
    if SIMULATES_CUDA:
        from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

        # As it stands, the simulator would copy every array twice a launch.
        return FakeCUDAArray(value) if isinstance(value, np.ndarray) else value
    # Both libraries work on the default stream: no need to wait for it.
    return cuda.as_cuda_array(value, sync=False) if hasattr(value, "__cuda_array_interface__") else value


def slabs(shape: tuple[int, ...], planes: range | None = None) -> Iterator[tuple[int, int]]:
    """Ranges of planes in x, (x0, x1), that are worked on at once; of all of a lattice (nx, ny, nz), or of those given."""
    planes = range(shape[0]) if planes is None else planes
    count = max(1, min(len(planes), _SITES_AT_ONCE // int(np.prod(shape[1:]))))
    for x0 in range(planes.start, planes.stop, count):
        yield x0, min(planes.stop, x0 + count)


def copies(workers: Workers, count: int) -> list[tuple[int, int]]:
    """Of the `count` planes held, the ranges before and behind the own ones.

    The threads of `Workers.over_copies` would have another GPU as their current one.
    """
    own = workers.own(count)
    return [(x0, x1) for x0, x1 in ((0, own.start), (own.stop, count)) if x0 < x1]


def device_array(array: np.ndarray) -> Any:
    """A copy of a field on the GPU, spaced as `glasma.lattice.storage` says; one component at a time."""
    arrays = array_module()
    new = field_array(array.shape, array.dtype, arrays)
    for entry in np.ndindex(array.shape[:2]):
        new[entry] = arrays.asarray(array[entry])
    return new


def host_array(array: Any) -> np.ndarray:
    """The reverse of `device_array`."""
    new = field_array(array.shape, array.dtype)
    for entry in np.ndindex(array.shape[:2]):
        new[entry] = on_host(array[entry])
    return new


def to_device(fields: State) -> State:
    """The same state with its arrays on the GPU.

    Raises
    ------
    ConfigError
        If there is no GPU, or it has too little memory.
    """
    arrays = array_module()
    require_memory(fields.nbytes)
    U, E = device_array(fields.U), device_array(fields.E)
    if isinstance(fields, MilneFields):
        return replace(fields, U=U, E=E, A=device_array(fields.A))
    charges = tuple(Charges(arrays.array(c.q), c.first, c.direction, c.moves) for c in fields.charges)
    return replace(fields, U=U, E=E, charges=charges, region=list(fields.region))


def to_host(fields: State) -> State:
    """The same state with its arrays in the memory of the host."""
    U, E = host_array(fields.U), host_array(fields.E)
    if isinstance(fields, MilneFields):
        return replace(fields, U=U, E=E, A=host_array(fields.A))
    charges = tuple(Charges(np.array(on_host(c.q)), c.first, c.direction, c.moves) for c in fields.charges)
    return replace(fields, U=U, E=E, charges=charges, region=list(fields.region))
