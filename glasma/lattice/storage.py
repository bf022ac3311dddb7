"""How a field lies in memory: field[direction, component, x, y, z] with z contiguous.

Each component is a lattice of its own, and the next one begins an odd number of cache lines further on.  Were it the volume of
the lattice alone, then on sides of powers of two all components of a site would fall on the same few sets of the caches and
drive each other out: a step of SU(3) takes up to twice as long (benchmarks/solver.py).
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

_CACHE_LINE = 64


def field_array(shape: tuple[int, ...], dtype: np.dtype | type, arrays: Any = np) -> np.ndarray:
    """Zeros of the given shape (directions, components, nx, ny, nz), spaced as above; `arrays` is NumPy or CuPy.

    The array is never contiguous as a whole, so that kernels compile for one kind of array only.
    """
    real = np.dtype(dtype).itemsize
    volume = int(np.prod(shape[2:]))
    lines = volume * real // _CACHE_LINE + 1
    lines += 1 - lines % 2
    components = arrays.zeros((*shape[:2], lines * _CACHE_LINE // real), dtype)
    return components[:, :, :volume].reshape(shape)


def as_field_array(array: np.ndarray) -> np.ndarray:
    """The array itself if it comes from `field_array`, else a copy that does."""
    if array[0, 0].flags.c_contiguous and not array.flags.c_contiguous:
        return array
    return copy_field(array)


def copy_field(array: np.ndarray) -> np.ndarray:
    """A copy, spaced as a field, in the same memory: the host's or a GPU's."""
    new = field_array(array.shape, array.dtype, sys.modules[type(array).__module__.partition(".")[0]])
    new[...] = array
    return new


def on_host(array: Any) -> np.ndarray:
    """The array itself, or a copy of it from the memory of a GPU."""
    return array if isinstance(array, np.ndarray) else array.get()
