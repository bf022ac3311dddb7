"""The messages of one exchange between neighbours: two that leave, two that come."""

from __future__ import annotations

from typing import Any

import numpy as np


class Messages:
    """Messages of a field in the memory of the host, which are packed where MPI sends them from.

    A class for fields elsewhere brings them there and back.

    Parameters
    ----------
    size : int
        Numbers in each.
    field : array
        One such as those that are exchanged.

    Attributes
    ----------
    packed : list of four arrays (size,)
        Upwards, downwards, from below, from above, in the memory of the field.
    """

    def __init__(self, size: int, field: np.ndarray) -> None:
        self.packed: list[Any] = [np.empty(size, field.dtype) for _ in range(4)]

    def serve(self, size: int, field: np.ndarray) -> bool:
        """Whether they can serve another exchange."""
        return type(field) is type(self.packed[0]) and field.dtype == self.packed[0].dtype and size == self.packed[0].size

    def leave(self) -> list[Any]:
        """The four as MPI is to send and to receive them, once the first two are packed."""
        return self.packed

    def arrive(self) -> None:
        """Bring the two that have been received to where they are unpacked."""
