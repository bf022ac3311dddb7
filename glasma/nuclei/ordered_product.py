"""The compiled step of an ordered product of exponentials in the transverse plane."""

from __future__ import annotations

from functools import cache
from math import ceil
from types import ModuleType, SimpleNamespace

import numpy as np

from glasma.backend import index, kernel

#: Largest |X| in one exponential of the group functions; larger ones are taken in parts.
_LARGEST = 2.0


@cache
def product_kernel(group: ModuleType) -> SimpleNamespace:
    """The kernel `append_exponential` of one group."""
    load, store, load_algebra, mul, exp = group.load, group.store, group.load_algebra, group.mul, group.exp

    @kernel(group.NAME)
    def append_exponential(V_next, V, X, scale):
        """V_next = V exp(i scale X) of links (1, reals, 1, nx, ny) and algebra components (1, dim_g, 1, nx, ny)."""
        zero = index(0)
        for x in range(V.shape[3]):
            for y in range(V.shape[4]):
                x_, y_ = index(x), index(y)
                step = exp(scale, load_algebra(X, zero, zero, x_, y_))
                store(V_next, zero, zero, x_, y_, mul(load(V, zero, zero, x_, y_), step))

    return SimpleNamespace(append_exponential=append_exponential)


def identity(group: ModuleType, shape: tuple[int, ...]) -> np.ndarray:
    """Links 1 in a plane (nx, ny), as components (reals, nx, ny)."""
    return np.tile(np.reshape(group.IDENTITY, (-1, 1, 1)), (1, *shape))


def times_exponential(group: ModuleType, V: np.ndarray, X: np.ndarray, fraction: float) -> np.ndarray:
    """V exp(−i X `fraction`) of links (reals, nx, ny) and algebra components (dim_g, nx, ny)."""
    largest = fraction * np.sqrt(np.max(np.sum(X**2, axis=0)))
    parts = max(1, ceil(largest / _LARGEST))
    for _ in range(parts):
        V, before = np.empty_like(V), V
        product_kernel(group).append_exponential(
            V[None, :, None], before[None, :, None], np.ascontiguousarray(X)[None, :, None], -fraction / parts
        )
    return V
