"""What ranks next to each other along z exchange: one transverse plane of the fields, and the charges that cross.

The kernels move the longitudinal links of the plane before the first own one themselves, with all that acts on them: the planes
on either side of these links are held, and charges that are about to cross them are handed over before.  So of the neighbours'
planes only the transverse components of a field are sent, at the corners of the grid of ranks too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from glasma.domain.messages import Messages
from glasma.domain.ranks import MpiRanks
from glasma.domain.traffic import MakeMessages, Parcel, Traffic
from glasma.evolution.charges import crossing
from glasma.lattice.fields import Fields
from glasma.lattice.grid import Interval

#: Messages of fields have the tags from here on, one for each of the directions in which they travel.
_FIELD, _CHARGES = 10, 20


def bytes_a_step_along_z(shape: tuple[int, int, int], dimension: int, real: int) -> int:
    """What a rank with two neighbours along z sends them in a step of the leapfrog: two momenta of two planes.

    To this come the corners, and while a nucleus crosses the plane between two ranks one slot of its charges there.

    Parameters
    ----------
    shape : (nx, ny, nz)
        Of the planes that a rank owns.
    dimension : int
        Of the algebra.
    real : int
        Bytes of a number.
    """
    nx, ny, _ = shape
    return 2 * 2 * dimension * nx * ny * real


class HaloAlongZ(Traffic):
    """The planes next to the own ones along z, of fields (directions, components, nx, ny, nz), and the charges between them.

    Parameters
    ----------
    ranks : MpiRanks
        All of them.
    parts, place : (int, int)
        How many parts there are in x and along z, and which one is here.
    own_x, own_z : slice
        The own planes in arrays of the planes held.
    messages : callable
        As for `Traffic`.
    """

    def __init__(
        self,
        ranks: MpiRanks,
        parts: tuple[int, int],
        place: tuple[int, int],
        own_x: slice,
        own_z: slice,
        messages: MakeMessages = Messages,
    ) -> None:
        super().__init__(ranks.communicator, messages)
        self._parts, self._place = parts, place
        self._own_x, self._own_z = own_x, own_z

    def _sides(self) -> Iterator[tuple[int, int, int]]:
        """Of each neighbour along z: on which side it is, the outermost own plane there, and the copy of its plane."""
        (_, along_z), (_, here) = self._parts, self._place
        if here > 0:
            yield -1, self._own_z.start, self._own_z.start - 1
        if here < along_z - 1:
            yield 1, self._own_z.stop - 1, self._own_z.stop

    def _planes_in_x(self) -> Iterator[tuple[int, slice, slice]]:
        """Of each neighbour in x, and of none: on which side it is, what is sent there, and where its planes go."""
        own = self._own_x
        yield 0, own, own
        if self._parts[0] > 1:
            yield -1, slice(own.start, own.start + 1), slice(own.start - 1, own.start)
            yield 1, slice(own.stop - 1, own.stop), slice(own.stop, own.stop + 1)

    def _peer(self, x: int, side: int) -> int:
        """The rank on these sides in x and along z."""
        parts_x, parts_z = self._parts
        return (self._place[0] + x) % parts_x * parts_z + self._place[1] + side

    def copies(self, region: Sequence[Interval]) -> list[int]:
        """The copies of planes along z that move."""
        return [copy for _, _, copy in self._sides() if _moves(region, copy)]

    def exchange(self, field: np.ndarray, region: Sequence[Interval] | None) -> Callable[[], None]:
        """Send the outermost own planes of a field; what is returned waits for the neighbours' and stores them.

        Parameters
        ----------
        field : (directions, components, nx, ny, nz)
        region : intervals of z, optional
            Of what moves, the first two directions are sent; without it all directions of all planes.
        """
        sent = field if region is None else field[:2]
        leaving, coming = [], []
        for side, outermost, copy in self._sides():
            for x, from_x, into_x in self._planes_in_x():
                peer = self._peer(x, side)
                if region is None or _moves(region, copy):
                    coming.append(Parcel(peer, _tag(-x, -side), [sent[..., into_x, :, copy]]))
                if region is None or _moves(region, outermost):
                    leaving.append(Parcel(peer, _tag(x, side), [sent[..., from_x, :, outermost]]))
        self.exchanges += 1
        return self.begin(leaving, coming)

    def take_over_charges(self, fields: Fields) -> None:
        """Hand over the columns of charges that cross between two ranks in the coming step; both then move them alike.

        A column is valid on the rank in whose own planes its cell lies, and now on the one that it moves to.
        """
        leaving: list[Parcel] = []
        coming: list[Parcel] = []
        for number, charges in enumerate(fields.charges):
            z0, slot = crossing(charges)
            for side, outermost, copy in self._sides():
                # Columns cross at the links of the plane before the border.
                k = min(outermost, copy) - z0
                if 0 <= k < charges.cells:
                    parcel = Parcel(self._peer(0, side), _CHARGES + number, [charges.q[slot, ..., k]])
                    (coming if charges.direction == -side else leaving).append(parcel)
        self.begin(leaving, coming)()


def _moves(region: Sequence[Interval], plane: int) -> bool:
    return any(z0 <= plane < z1 for z0, z1 in region)


def _tag(x: int, side: int) -> int:
    """Of a message that goes to the neighbour on these sides."""
    return _FIELD + 3 * (x + 1) + side + 1
