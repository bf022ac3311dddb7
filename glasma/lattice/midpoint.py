"""Links at the time of the electric field: U(t − ½) = exp(−i g a_t a_i E_i(t − ½)/2) U(t).

Energies and the stress tensor need E and B at the same time.  The links half a step back are computed for three planes
in x at once, in a rolling buffer, so that no second copy of the lattice is needed.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType, SimpleNamespace

from glasma.backend import index, inline, kernel
from glasma.lattice.fields import Fields
from glasma.lattice.storage import field_array


@cache
def midpoint_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernel `half_step_back` of one group, and `link_back` for one of its links."""
    load, store, mul, exp, load_algebra = group.load, group.store, group.mul, group.exp, group.load_algebra

    @inline
    def link_back(U, E, d, x, y, z, half_a_t):
        """U_d(t − ½)"""
        return mul(exp(-half_a_t, load_algebra(E, d, x, y, z)), load(U, d, x, y, z))

    @kernel(group.NAME)
    def half_step_back(V, slot, x, z0, z1, U, E, half_a_t):
        """V[:, :, slot] ← U(t − ½) at the plane x for z0 ≤ z < z1."""
        for d in range(3):
            for y in range(U.shape[3]):
                for k in range(z0, z1):
                    d_, x_, y_, z = index(d), index(x), index(y), index(k)
                    store(V, d_, index(slot), y_, z, link_back(U, E, d_, x_, y_, z, half_a_t))

    return SimpleNamespace(half_step_back=half_step_back, link_back=link_back)


class RollingPlanes:
    """Three planes in x, held in slots of a buffer and filled once each for ascending x; a subclass says how."""

    def __init__(self) -> None:
        self._held: set[int] = set()

    @staticmethod
    def slot(x: int) -> int:
        """Where plane x lies in the buffer."""
        return x % 3

    def move_to(self, x: int) -> None:
        """Hold the planes around x (unwrapped: x − 1 may be −1)."""
        wanted = {x - 1, x, x + 1}
        for plane in wanted - self._held:
            self._fill(plane)
        self._held = wanted

    def _fill(self, x: int) -> None:
        """Write plane x (unwrapped) into its slot."""
        raise NotImplementedError


class MidpointPlanes(RollingPlanes):
    """U(t − ½) at the planes x − 1, x and x + 1 for ascending x.

    Attributes
    ----------
    V : (3, link_reals, 3, ny, nz)
        The third axis is the slot of a plane, see `slot`.
    """

    def __init__(self, fields: Fields, region: list[tuple[int, int]]) -> None:
        super().__init__()
        self._fields, self._region = fields, region
        _, ny, nz = fields.grid.shape
        self.V = field_array((3, fields.group.LINK_REALS, 3, ny, nz), fields.dtype)

    def _fill(self, x: int) -> None:
        fields = self._fields
        nx, _, nz = fields.grid.shape
        half = fields.dtype.type(0.5 * fields.grid.a_t)
        for z0, z1 in self._region:
            midpoint_kernels(fields.group).half_step_back(
                self.V, self.slot(x), x % nx, max(z0 - 1, 0), min(z1 + 1, nz), fields.U, fields.E, half
            )
