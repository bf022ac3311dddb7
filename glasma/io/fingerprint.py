"""Fingerprints of stored arrays: a change of a single bit after writing shows."""

from __future__ import annotations

import hashlib

import numpy as np


class Fingerprint:
    """A hash of values that come in parts, in the order in which the whole array stores them."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, array: np.ndarray) -> None:
        """The next part."""
        if array.ndim > 3 and not array.flags.c_contiguous:
            # a field: no copy of more than a component
            for part in array:
                self.add(part)
            return
        self._hash.update(np.ascontiguousarray(array).data.cast("B"))

    def text(self) -> str:
        """The fingerprint of all parts."""
        return self._hash.hexdigest()


def fingerprint(array: np.ndarray) -> str:
    """The fingerprint of a whole array."""
    whole = Fingerprint()
    whole.add(array)
    return whole.text()
