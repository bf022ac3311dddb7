"""The state of a simulation: links, electric fields and colour charges, with their time level.

Stored fields are dimensionless, in units of the transverse spacing (a_T = 1), with the coupling absorbed, so that
g appears nowhere in the dynamics:

=========  =====================================  ==================
stored     meaning                                at time
=========  =====================================  ==================
U_i        exp(i g a_i A_i)                       t
E_i        g a_i E_i                              t − a_t/2
q          g ρ of each sub-particle               t − a_t/2
=========  =====================================  ==================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from glasma.lattice.charges import Charges
from glasma.lattice.grid import Grid, Interval
from glasma.lattice.storage import as_field_array, copy_field, field_array


@dataclass
class Fields:
    """Links and electric fields on a grid, and the charges that move through it.

    Arrays that do not come from `lattice.storage.field_array` are copied into such ones.

    Attributes
    ----------
    U : (3, link_reals, nx, ny, nz) real
        Links in the components of the group, at t = step · a_t.
    E : (3, dim_g, nx, ny, nz) real
        g a_i E_i at t − a_t/2.
    charges : tuple of Charges
        One for each nucleus, at t − a_t/2.
    step : int
        The time level of U.
    work : float
        Energy that the fields have given to the charges since the start, ∫ J·E, in units 1/(g² a_T).
    region : list of (z0, z1)
        The planes that move, disjoint and ascending; all but the frozen ones unless a scheme says otherwise.
    still : float
        Electric fields up to this size count as rounding at the edge of the region.
    """

    grid: Grid
    group: ModuleType
    U: np.ndarray
    E: np.ndarray
    charges: tuple[Charges, ...] = ()
    step: int = 0
    work: float = 0.0
    region: list[Interval] = field(default_factory=list)
    still: float = 0.0

    def __post_init__(self) -> None:
        self.U, self.E = as_field_array(self.U), as_field_array(self.E)
        if not self.region:
            self.region = [self.grid.interior]

    @property
    def dtype(self) -> np.dtype:
        """Precision of links and electric fields."""
        return self.U.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return self.U.nbytes + self.E.nbytes + sum(c.q.nbytes for c in self.charges)

    def copy(self) -> Fields:
        """The same state in arrays of its own."""
        charges = tuple(c.copy() for c in self.charges)
        arrays = copy_field(self.U), copy_field(self.E)
        return Fields(self.grid, self.group, *arrays, charges, self.step, self.work, list(self.region), self.still)


def vacuum(grid: Grid, group: ModuleType, dtype: np.dtype | type = np.float64) -> Fields:
    """U = 1, E = 0, no charges."""
    U = field_array((3, group.LINK_REALS, *grid.shape), dtype)
    for component, value in enumerate(group.IDENTITY):
        if value:
            U[:, component] = value
    return Fields(grid, group, U, field_array((3, group.DIMENSION, *grid.shape), dtype))
