"""Random numbers without a state: draw n of a stream is a hash of the stream's key and n.

So every link has a stream of its own in every sweep, and what it draws does not depend on the order in which links are updated,
on the number of threads, or on how often other links draw.  The hash is the output function of SplitMix64 (G. L. Steele,
D. Lea, C. H. Flood, OOPSLA 2014): the draws of one stream are those of that generator from a hashed seed.
"""

from __future__ import annotations

import numpy as np

from glasma.backend import inline

# mypy: allow-untyped-defs, allow-incomplete-defs

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FACTOR_1, _FACTOR_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFT_1, _SHIFT_2, _SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31)
_ONE, _SHIFT = np.uint64(1), np.uint64(11)


@inline
def stream(key, number):
    """The key of stream `number` below `key`; both 64-bit unsigned integers."""
    z = key + (number + _ONE) * _GAMMA
    z = (z ^ (z >> _SHIFT_1)) * _FACTOR_1
    z = (z ^ (z >> _SHIFT_2)) * _FACTOR_2
    return z ^ (z >> _SHIFT_3)


@inline
def uniform(key, number):
    """Draw `number` of the stream: uniform in (0, 1], 53 bits."""
    return float((stream(key, number) >> _SHIFT) + _ONE) * 2.0**-53


def streams(key: np.ndarray | int, numbers: np.ndarray | int) -> np.ndarray:
    """`stream` on arrays."""
    with np.errstate(over="ignore"):
        return np.asarray(stream.py_func(np.asarray(key, np.uint64), np.asarray(numbers, np.uint64)))
