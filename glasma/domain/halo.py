"""The exchange of planes between neighbours, which goes on while the caller works.

In a step each rank sends the electric fields of its two outermost planes, once they are kicked, and drifts its own links
meanwhile; then it drifts the copies of the neighbours' links with the fields that have come.  So links are never sent: the
momenta have 3 reals for 4 of a link in SU(2), 8 for 18 in SU(3), and the copies are complete at the end of every step.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from glasma.domain.ranks import MpiRanks
from glasma.lattice.grid import Interval

_UP, _DOWN = 1, 2


class Halo:
    """The planes next to the own ones, along x, periodic.

    Attributes
    ----------
    bytes_sent, exchanges : int
        Since the start, of this rank.
    seconds, processor_seconds : float
        That this rank has waited; MPI keeps the core busy meanwhile.
    """

    def __init__(self, ranks: MpiRanks, axis: int) -> None:
        self._communicator, self._axis = ranks.communicator, axis
        self._above, self._below = (ranks.rank + 1) % ranks.size, (ranks.rank - 1) % ranks.size
        self.bytes_sent, self.exchanges = 0, 0
        self.seconds = self.processor_seconds = 0.0

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

        def packed(x: int) -> np.ndarray:
            plane = self._plane(field, x)
            return np.concatenate([plane[..., part].ravel() for part in parts])

        upwards, downwards = packed(last - 1), packed(1)
        from_below, from_above = np.empty_like(upwards), np.empty_like(downwards)
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
            start, busy = time.perf_counter(), time.process_time()
            for request in requests:
                request.Wait()
            self.seconds += time.perf_counter() - start
            self.processor_seconds += time.process_time() - busy
            for x, values in ((0, from_below), (last, from_above)):
                plane, begin = self._plane(field, x), 0
                for part in parts:
                    target = plane[..., part]
                    target[...] = values[begin : begin + target.size].reshape(target.shape)
                    begin += target.size

        return arrived
