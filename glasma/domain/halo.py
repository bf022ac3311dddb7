"""The exchange of planes between neighbours, which goes on while the caller works.

In a step each rank sends the electric fields of its two outermost planes, once they are kicked, and drifts its own links
meanwhile; then it drifts the copies of the neighbours' links with the fields that have come.  So links are never sent: the
momenta have 3 reals for 4 of a link in SU(2), 8 for 18 in SU(3), and the copies are complete at the end of every step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from glasma.domain.messages import Messages
from glasma.domain.ranks import MpiRanks
from glasma.domain.traffic import MakeMessages, Parcel, Traffic
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
        As for `Traffic`.
    """

    def __init__(self, ranks: MpiRanks, axis: int, messages: MakeMessages = Messages) -> None:
        super().__init__(ranks.communicator, messages)
        self._axis = axis
        self._above, self._below = (ranks.rank + 1) % ranks.size, (ranks.rank - 1) % ranks.size

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

        def parcel(peer: int, tag: int, x: int) -> Parcel:
            plane = field[(slice(None),) * self._axis + (x,)]
            return Parcel(peer, tag, [plane[..., part] for part in parts])

        leaving = parcel(self._above, _UP, last - 1), parcel(self._below, _DOWN, 1)
        coming = parcel(self._below, _UP, 0), parcel(self._above, _DOWN, last)
        self.exchanges += 1
        return self.begin(leaving, coming)
