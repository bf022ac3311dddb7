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
    first_plane, whole_planes : int
        Of a part of a longer lattice along z: where its first plane is there, and how many planes that has; 0 is all of them.
    """

    shape: tuple[int, int, int]
    spacing_fm: float = 1.0
    anisotropy: float = 1.0
    substeps: int = 2
    first_plane: int = 0
    whole_planes: int = 0

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
        """First and one past the last plane in z that evolves; of a part, outside it where that is so."""
        return FROZEN_CELLS - self.first_plane, self._planes - FROZEN_CELLS - self.first_plane

    def z_fm(self) -> np.ndarray:
        """Positions of the sites along z in fm, 0 in the middle of the box."""
        return (np.arange(self.shape[2]) - self.middle) * self.anisotropy * self.spacing_fm

    @property
    def middle(self) -> float:
        """The index, whole or half, at which z = 0."""
        return (self._planes - 1) / 2 - self.first_plane

    @property
    def middle_planes(self) -> tuple[int, int]:
        """The planes before and behind z = 0, or that at z = 0 twice."""
        return (self._planes - 1) // 2 - self.first_plane, self._planes // 2 - self.first_plane

    @property
    def _planes(self) -> int:
        """Planes of the whole lattice."""
        return self.whole_planes or self.shape[2]
