"""Boost-invariant fields at the time of the momenta, as the comoving observer sees them.

    U(τ − ½) = exp(−i (Δτ/2) P_i/τ_{−½}) U(τ),   A_η(τ − ½) = A_η(τ) − (Δτ/2) τ_{−½} P_η

At η = 0 the axes of the observer are those of x, y and z, with A_z = A_η/τ, E_i = P_i/τ and E_z = P_η.  Three planes in x are
held at once, each with a copy of its last site before the first and of its first behind the last, so that loops over y need
no wrap.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType, SimpleNamespace

from glasma.backend import index, inline, kernel
from glasma.lattice.midpoint import RollingPlanes
from glasma.lattice.milne import MilneFields
from glasma.lattice.storage import field_array


@cache
def milne_midpoint_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernel `half_step_back` of one group, and `site_back` for one of its sites."""
    load, store, mul, exp = group.load, group.store, group.mul, group.exp
    load_algebra, store_algebra, add_scaled = group.load_algebra, group.store_algebra, group.add_scaled
    zero, two = index(0), index(2)

    @inline
    def site_back(V, Az, F, s, out, U, A, E, x, y, c_links, c_scalar, inverse_tau):
        """Links, A_z and electric fields of the site (x, y), stored at (s, out)."""
        unit = inverse_tau / inverse_tau
        for d in range(2):
            i = index(d)
            p = load_algebra(E, i, zero, x, y)
            store(V, i, zero, s, out, mul(exp(-c_links, p), load(U, i, zero, x, y)))
            store_algebra(F, i, zero, s, out, add_scaled(p, inverse_tau - unit, p))
        p = load_algebra(E, two, zero, x, y)
        a = add_scaled(load_algebra(A, zero, zero, x, y), -c_scalar, p)
        store_algebra(Az, zero, zero, s, out, add_scaled(a, inverse_tau - unit, a))
        store_algebra(F, two, zero, s, out, p)

    @kernel(group.NAME)
    def half_step_back(V, Az, F, slot, x, U, A, E, c_links, c_scalar, inverse_tau):
        """Links, A_z and electric fields of the plane x, sites 1 … ny of a slot."""
        for k in range(U.shape[4]):
            site_back(V, Az, F, index(slot), index(k + 1), U, A, E, index(x), index(k), c_links, c_scalar, inverse_tau)

    return SimpleNamespace(half_step_back=half_step_back, site_back=site_back)


class ComovingPlanes(RollingPlanes):
    """The planes x − 1, x and x + 1 for ascending x; the fourth axis of the arrays is the slot of a plane.

    Attributes
    ----------
    V : (2, link_reals, 1, 3, ny + 2)
        Links.
    Az : (1, dim_g, 1, 3, ny + 2)
        g A_z.
    E : (3, dim_g, 1, 3, ny + 2)
        g (E_x, E_y, E_z).
    """

    def __init__(self, fields: MilneFields) -> None:
        super().__init__()
        self._fields = fields
        shape = 1, 3, fields.grid.shape[1] + 2
        self.V = field_array((2, fields.group.LINK_REALS, *shape), fields.dtype)
        self.Az = field_array((1, fields.group.DIMENSION, *shape), fields.dtype)
        self.E = field_array((3, fields.group.DIMENSION, *shape), fields.dtype)

    def _fill(self, x: int) -> None:
        fields, slot = self._fields, self.slot(x)
        real, tau, half = fields.dtype.type, fields.tau_of_momenta, fields.grid.a_t / 2
        milne_midpoint_kernels(fields.group).half_step_back(
            self.V, self.Az, self.E, slot, x % fields.grid.shape[0], fields.U, fields.A, fields.E,
            real(half / tau), real(half * tau), real(1 / tau),
        )  # fmt: skip
        for array in (self.V, self.Az, self.E):
            plane = array[:, :, 0, slot]
            plane[..., 0], plane[..., -1] = plane[..., -2], plane[..., 1]
