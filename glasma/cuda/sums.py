"""Sums over the lines along y on the GPU, in one order however the lattice is cut.

The order in which CuPy adds may depend on the shape of an array, and so on which planes a rank holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from glasma.backend import index
from glasma.cuda.device import array_module, launch
from glasma.lattice.storage import on_host


@cuda.jit
def add_lines(out, values):
    """out ← Σ over the terms and y of values, (entries, planes, nz) and (entries, terms, planes, ny, nz)."""
    k, i, c = cuda.grid(3)
    if c >= out.shape[0] or i >= out.shape[1] or k >= out.shape[2]:
        return
    total = 0.0
    for s in range(values.shape[1]):
        for j in range(values.shape[3]):
            total += float(values[index(c), index(s), index(i), index(j), index(k)])
    out[index(c), index(i), index(k)] = total


def over_lines(values: Any) -> np.ndarray:
    """Sums over the second axis and the fourth, in double precision and in the memory of the host.

    Parameters
    ----------
    values : (entries, terms, planes, ny, nz)
        An array of the GPU.

    Returns
    -------
    (planes, entries, nz) float64
    """
    entries, _, planes, _, nz = values.shape
    out = array_module().empty((entries, planes, nz))
    launch(add_lines, out.shape, out, values)
    return on_host(out).swapaxes(0, 1)
