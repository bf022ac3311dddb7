"""The lattice: its shape, spacings and time step."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

#: Outermost cells at each end of z whose links and electric fields never change.
FROZEN_CELLS = 3

#: Planes z0 ≤ z < z1.
Interval = tuple[int, int]


@dataclass(frozen=True)
class Grid:
    """A lattice of nx × ny × nz sites, periodic in x and y, with frozen ends in z.

    Inside the code the transverse spacing is the unit of length and of time, so that the fields depend on two ratios
    only; `spacing_fm` brings results back to physical units.

    Parameters
    ----------
    shape : (nx, ny, nz)
    spacing_fm : float
        Transverse spacing a_T in fm.
    anisotropy : float
        a_z/a_T.
    substeps : int
        n in a_t = a_z/n: the steps in which light crosses a longitudinal cell.
    """

    shape: tuple[int, int, int]
    spacing_fm: float = 1.0
    anisotropy: float = 1.0
    substeps: int = 2

    @property
    def a_z(self) -> float:
        """Longitudinal spacing in units of a_T."""
        return self.anisotropy

    @property
    def a_t(self) -> float:
        """Time step in units of a_T."""
        return self.anisotropy / self.substeps

    @property
    def spacings(self) -> tuple[float, float, float]:
        """(a_x, a_y, a_z) in units of a_T."""
        return 1.0, 1.0, self.anisotropy

    @property
    def sites(self) -> int:
        """nx ny nz"""
        return prod(self.shape)

    @property
    def cfl(self) -> float:
        """a_t (Σ a_i⁻²)^½: the leapfrog is stable below 1."""
        return self.a_t * sum(a**-2 for a in self.spacings) ** 0.5

    @property
    def time_step_fm(self) -> float:
        """a_t in fm."""
        return self.a_t * self.spacing_fm

    @property
    def interior(self) -> Interval:
        """First and one past the last plane in z that evolves."""
        return FROZEN_CELLS, self.shape[2] - FROZEN_CELLS

    def z_fm(self) -> np.ndarray:
        """Positions of the sites along z in fm, 0 in the middle of the box."""
        return (np.arange(self.shape[2]) - self.middle) * self.anisotropy * self.spacing_fm

    @property
    def middle(self) -> float:
        """The index, whole or half, at which z = 0."""
        return (self.shape[2] - 1) / 2
