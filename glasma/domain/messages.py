"""The messages of one exchange between neighbours: some that leave, some that come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

#: Numbers in each message that leaves, and in each that comes.
Sizes = tuple[Sequence[int], Sequence[int]]


class Messages:
    """Messages of a field in the memory of the host, which are packed where MPI sends them from.

    A class for fields elsewhere brings them there and back.  Those that leave lie one behind the other, and those that come.

    Parameters
    ----------
    sizes : Sizes
    field : array
        One such as those that are exchanged.

    Attributes
    ----------
    leaving, coming : list of arrays (size,)
        In the memory of the field.
    """

    leaving: list[Any]
    coming: list[Any]

    def __init__(self, sizes: Sizes, field: np.ndarray) -> None:
        self._make_room([sum(each) for each in sizes], field.dtype)
        self._cut(sizes)

    def _make_room(self, totals: Sequence[int], dtype: np.dtype) -> None:
        """Memory for what leaves, and for what comes."""
        self._room: list[Any] = [np.empty(total, dtype) for total in totals]

    def _cut(self, sizes: Sizes) -> None:
        self.leaving, self.coming = (pieces(room, each) for room, each in zip(self._room, sizes, strict=True))

    @property
    def nbytes(self) -> int:
        """Bytes of the memory where they are packed."""
        return sum(room.nbytes for room in self._room)

    def serve(self, sizes: Sizes, field: np.ndarray) -> bool:
        """Whether they can serve another exchange; if they are too small they grow, with the region that moves."""
        first = self._room[0]
        if type(field) is not type(first) or field.dtype != first.dtype:
            return False
        totals = [sum(each) for each in sizes]
        if any(total > room.size for total, room in zip(totals, self._room, strict=True)):
            # By a quarter at least: new memory in every step takes longer than a message.
            grown = [max(total, room.size * 5 // 4) for total, room in zip(totals, self._room, strict=True)]
            self._make_room(grown, first.dtype)
        self._cut(sizes)
        return True

    def leave(self) -> tuple[list[Any], list[Any]]:
        """As MPI is to send the ones, which are packed, and to receive the others."""
        return self.leaving, self.coming

    def arrive(self) -> None:
        """Bring what has been received to where it is unpacked."""


def pieces(room: Any, sizes: Sequence[int]) -> list[Any]:
    """Arrays of some sizes, one behind the other."""
    ends = np.cumsum(sizes, dtype=int).tolist()
    return [room[end - size : end] for end, size in zip(ends, sizes, strict=True)]
