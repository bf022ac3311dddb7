"""What follows from a configuration: the grid, times, memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor

import numpy as np

from glasma.config import Config
from glasma.evolution.active_region import light_cone
from glasma.group import group_named
from glasma.lattice.grid import Grid
from glasma.nuclei.profile import GaussianProfile
from glasma.units import HBARC


@dataclass(frozen=True)
class Derived:
    """Quantities that a configuration implies.  Lengths and times in fm, unless a name says otherwise."""

    config: Config

    @cached_property
    def grid(self) -> Grid:
        """Shape, spacings and time step."""
        lattice = self.config.lattice
        a_t = lattice.transverse_length / lattice.transverse_cells
        n = lattice.transverse_cells
        if self.config.is_boost_invariant:
            return Grid((n, n, 1), a_t, 1.0, self.config.substeps)
        assert lattice.longitudinal_length is not None
        assert lattice.longitudinal_cells is not None
        a_z = lattice.longitudinal_length / lattice.longitudinal_cells
        return Grid((n, n, lattice.longitudinal_cells), a_t, a_z / a_t, self.config.substeps)

    @cached_property
    def dtype(self) -> np.dtype:
        """Precision of the fields."""
        return np.dtype(self.config.run.precision)

    @cached_property
    def profile(self) -> GaussianProfile:
        """Longitudinal profile in units of a_T; without a width, which only boost_invariant allows, any will do."""
        if self.config.nuclei.lorentz_factor is None:
            return GaussianProfile(1.0, self.config.nuclei.profile_cutoff)
        return GaussianProfile(self.config.nuclei.sigma / self.grid.spacing_fm, self.config.nuclei.profile_cutoff)

    @property
    def a_z_fm(self) -> float:
        """Longitudinal spacing."""
        return self.grid.anisotropy * self.grid.spacing_fm

    @property
    def half_length(self) -> float:
        """Distance from the centre of a nucleus to its end, with the cell that its charges need."""
        return self.profile.half_length * self.grid.spacing_fm + 2 * self.a_z_fm

    @property
    def start_distance(self) -> float:
        """Distance of a nucleus from the middle of the box at the start."""
        if self.config.nuclei.system == "single":
            return self.config.evolution.end_time / 2
        separation = self.config.nuclei.separation
        return separation / 2 if separation is not None else self.half_length

    @property
    def start_time(self) -> float:
        """t at the start: minus the distance to the collision; 0 for a single nucleus and for boost_invariant."""
        return 0.0 if self.config.nuclei.system == "single" or self.config.is_boost_invariant else -self.start_distance

    @property
    def first_step(self) -> int:
        """Step of the initial state, which holds the links at t_0 + a_t."""
        return 1

    @property
    def last_step(self) -> int:
        """Step at which the run ends."""
        return self.step_at(self.config.evolution.end_time)

    def step_at(self, time: float) -> int:
        """The step whose fields are nearest to t."""
        step = round((time - self.start_time) / self.grid.time_step_fm + 0.5)
        return max(self.first_step, step)

    def time_at(self, step: int) -> float:
        """t of the electric fields of a step: half a step before its links."""
        return self.start_time + (step - 0.5) * self.grid.time_step_fm

    @property
    def measure_every(self) -> int:
        """Steps between measurements."""
        return max(1, round(self.config.observables.interval / self.grid.time_step_fm))

    @property
    def g2mu_lattice(self) -> float:
        """g²μ a_T; 0 for nuclei from a file."""
        return (self.config.nuclei.g2mu or 0.0) * self.grid.spacing_fm / HBARC

    @property
    def energy_unit(self) -> float:
        """1/(g² a_T) in GeV."""
        return HBARC / (self.config.nuclei.coupling**2 * self.grid.spacing_fm)

    @property
    def density_unit(self) -> float:
        """1/(g² a_T⁴) in GeV/fm³."""
        return self.energy_unit / self.grid.spacing_fm**3

    @cached_property
    def slab_cells(self) -> int:
        """Cells along z that the charges of one nucleus occupy, at most."""
        return ceil(2 * self.profile.half_length / self.grid.a_z) + 4

    @cached_property
    def field_bytes(self) -> int:
        """Bytes of links and electric fields."""
        group = group_named(self.config.lattice.group)
        links, algebra = (2, 4) if self.config.is_boost_invariant else (3, 3)
        return (links * group.LINK_REALS + algebra * group.DIMENSION) * self.grid.sites * self.dtype.itemsize

    @cached_property
    def memory_bytes(self) -> int:
        """Bytes of all arrays of the run: fields, charges, profiles and the buffers of a measurement."""
        if self.config.is_boost_invariant:
            return 3 * self.field_bytes
        group = group_named(self.config.lattice.group)
        nx, ny, nz = self.grid.shape
        nuclei = 1 if self.config.nuclei.system == "single" else 2
        charges = nuclei * self.grid.substeps * group.DIMENSION * nx * ny * self.slab_cells * self.dtype.itemsize
        rolling = 2 * (9 * group.LINK_REALS + 14) * ny * nz * self.dtype.itemsize
        block = 16 * 10 * ny * nz * self.dtype.itemsize
        return self.field_bytes + self._scheme_bytes + charges + rolling + block

    @property
    def _scheme_bytes(self) -> int:
        """Bytes of the arrays that the scheme needs beside the state."""
        if self.config.evolution.scheme != "semi_implicit":
            return 0
        group = group_named(self.config.lattice.group)
        return 3 * (group.LINK_REALS + 3 * group.DIMENSION) * self.grid.sites * self.dtype.itemsize

    def site_updates(self) -> int:
        """Sites that all steps of the run evolve; of the active region, what light reaches."""
        nx, ny, nz = self.grid.shape
        steps = self.last_step - self.first_step
        if self.config.is_boost_invariant:
            return steps * nx * ny
        if self.config.evolution.region == "whole":
            (z0, z1) = self.grid.interior
            return steps * nx * ny * (z1 - z0)
        centre = -self.start_distance / self.a_z_fm + self.grid.middle
        first = floor(centre - self.slab_cells / 2)
        slabs = [(first, first + self.slab_cells)]
        if self.config.nuclei.system == "collision":
            slabs.append((nz - first - self.slab_cells, nz - first))
        planes = (z1 - z0 for move in range(steps) for z0, z1 in light_cone(self.grid, slabs, move))
        return nx * ny * sum(planes)
