"""The exchange of planes between neighbours, which goes on while the caller works.

In a step each rank sends the electric fields of its two outermost planes, once they are kicked, and drifts its own links
meanwhile; then it drifts the copies of the neighbours' links with the fields that have come.  So links are never sent: the
momenta have 3 reals for 4 of a link in SU(2), 8 for 18 in SU(3), and the copies are complete at the end of every step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from glasma.domain.messages import Messages
from glasma.domain.ranks import MpiRanks
from glasma.domain.traffic import Traffic
from glasma.lattice.grid import FROZEN_CELLS, Interval

_UP, _DOWN = 1, 2


def bytes_a_step(shape: tuple[int, int, int], dimension: int, real: int) -> int:
    """What a rank sends in a step of the leapfrog: three momenta of two planes, over all planes along z that move.

    Parameters
    ----------
    shape : (nx, ny, nz)
        Of the lattice.
    dimension : int
        Of the algebra.
    real : int
        Bytes of a number.
    """
    _, ny, nz = shape
    # The static plane before the first that moves is sent too; in 2+1D there is one plane.
    moving = nz - 2 * FROZEN_CELLS + 1 if nz > 1 else 1
    return 2 * 3 * dimension * ny * moving * real


class Halo(Traffic):
    """The planes next to the own ones, along x, periodic.

    Parameters
    ----------
    ranks : MpiRanks
    axis : int
        Of x in the fields.
    messages : callable
        ``messages(size, field)`` makes the `Messages` of a field, by the memory that it is in.
    """

    def __init__(self, ranks: MpiRanks, axis: int, messages: Callable[[int, np.ndarray], Messages] = Messages) -> None:
        super().__init__()
        self._communicator, self._axis, self._messages = ranks.communicator, axis, messages
        self._above, self._below = (ranks.rank + 1) % ranks.size, (ranks.rank - 1) % ranks.size
        self._idle: Messages | None = None

    def _plane(self, field: np.ndarray, x: int) -> np.ndarray:
        return field[(slice(None),) * self._axis + (x,)]

    def exchange(self, field: np.ndarray, region: Sequence[Interval] | None) -> Callable[[], None]:
        """Send the outermost own planes of a field; what is returned waits for the neighbours' and stores them.

        Parameters
        ----------
        field : (directions, components, nx, ny, nz), or (directions, components, 1, nx, ny)
        region : intervals of the last axis, optional
            Planes in z that move.  The plane before each is sent too: its longitudinal link moves.
        """
        last = field.shape[self._axis] - 1
        parts = [slice(None)] if region is None else [slice(z0 - 1, z1) for z0, z1 in region]
        size = sum(self._plane(field, 1)[..., part].size for part in parts)
        messages = self._take(size, field)
        self._pack(field, last - 1, parts, messages.packed[0])
        self._pack(field, 1, parts, messages.packed[1])
        upwards, downwards, from_below, from_above = messages.leave()
        talk = self._communicator
        requests = [
            talk.Irecv(from_below, self._below, _UP),
            talk.Irecv(from_above, self._above, _DOWN),
            talk.Isend(upwards, self._above, _UP),
            talk.Isend(downwards, self._below, _DOWN),
        ]
        self.bytes_sent += upwards.nbytes + downwards.nbytes
        self.exchanges += 1

        def arrived() -> None:
            self.wait(requests)
            messages.arrive()
            self._unpack(field, 0, parts, messages.packed[2])
            self._unpack(field, last, parts, messages.packed[3])
            self._idle = messages

        return arrived

    def _take(self, size: int, field: np.ndarray) -> Messages:
        """Those of the last exchange if they fit: new ones would be new pages of memory in every step."""
        messages, self._idle = self._idle, None
        return messages if messages is not None and messages.serve(size, field) else self._messages(size, field)

    def _pack(self, field: np.ndarray, x: int, parts: list[slice], buffer: np.ndarray) -> None:
        for values, stored in self._pairs(field, x, parts, buffer):
            stored[...] = values

    def _unpack(self, field: np.ndarray, x: int, parts: list[slice], buffer: np.ndarray) -> None:
        for values, stored in self._pairs(field, x, parts, buffer):
            values[...] = stored

    def _pairs(
        self, field: np.ndarray, x: int, parts: list[slice], buffer: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The parts of a plane, and their places in a buffer."""
        plane, begin = self._plane(field, x), 0
        for part in parts:
            values = plane[..., part]
            yield values, buffer[begin : begin + values.size].reshape(values.shape)
            begin += values.size
