"""What follows from a configuration: the grid, times, memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor
from types import ModuleType

import numpy as np

from glasma.config import Config
from glasma.evolution.active_region import MARGIN
from glasma.group import group_named
from glasma.lattice.grid import Grid
from glasma.memory import Memory, Part
from glasma.nuclei.profile import GaussianProfile
from glasma.units import HBARC

#: Steps whose regions are summed at once.
_STEPS_AT_ONCE = 1 << 14


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
    def measurements(self) -> int:
        """How many there are when they are due, and at the end."""
        steps = self.last_step - self.first_step
        return steps // self.measure_every + 1 + (steps % self.measure_every > 0)

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

    @property
    def group(self) -> ModuleType:
        """The gauge group, with links as the run stores them."""
        return group_named(self.config.lattice.group, self.config.run.links)

    @property
    def threads(self) -> int:
        """CPU threads of the run, in one process."""
        return self.config.run.threads or os.cpu_count() or 1

    @cached_property
    def slab_cells(self) -> int:
        """Cells along z that the charges of one nucleus occupy, at most."""
        return ceil(2 * self.profile.half_length / self.grid.a_z) + 4

    @property
    def field_bytes(self) -> int:
        """Bytes of links and electric fields."""
        return self.memory.fields

    @property
    def charge_bytes(self) -> int:
        """Bytes of the charges: the sub-particles in the slabs of the nuclei."""
        return self.memory.charges

    @property
    def nuclei(self) -> int:
        """How many nuclei there are."""
        return 1 if self.config.nuclei.system == "single" else 2

    @cached_property
    def memory(self) -> Memory:
        """Bytes of the arrays of the run, in one process."""
        return Memory(self, Part(self.grid.shape), self.threads)

    @property
    def memory_bytes(self) -> int:
        """Bytes of all arrays of the run at its peak."""
        return self.memory.peak

    @property
    def device_bytes(self) -> int:
        """Bytes of the arrays that a run keeps on a GPU."""
        return self.memory.device

    def active_planes(self, moves: int, every: int = 1) -> int:
        """Planes along z that move, summed over the steps 0, `every`, 2 `every`, … below `moves`.

        The region grows with light on either side, a_z in n steps.  In the leapfrog rounding runs ahead, by a cell a step at
        most, which `glasma.evolution.active_region` follows where it is above the rounding of the largest field.  That is
        assumed here, so strong fields evolve fewer planes.  What the iteration of semi_implicit leaves is below its tolerance.
        """
        if self.config.is_boost_invariant:
            return len(range(0, moves, every))
        if self.config.evolution.region == "whole":
            z0, z1 = self.grid.interior
            return len(range(0, moves, every)) * (z1 - z0)
        total = 0
        for begin in range(0, moves, _STEPS_AT_ONCE * every):  # a long run has millions of steps
            steps = np.arange(begin, min(moves, begin + _STEPS_AT_ONCE * every), every)
            total += sum(int((high - low).sum()) for low, high in self.active_intervals(steps))
        return total

    def active_intervals(self, steps: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Where the planes that move begin and end at each of some steps, one interval a nucleus, without what they share."""
        nz, (z0, z1) = self.grid.shape[2], self.grid.interior
        ahead = int(self.config.evolution.scheme == "leapfrog")
        first = floor(self.grid.middle - self.start_distance / self.a_z_fm - self.slab_cells / 2)
        slabs = [(first, first + self.slab_cells)]
        if self.nuclei == 2:
            slabs.append((nz - first - self.slab_cells, nz - first))
        spread = MARGIN + steps // self.grid.substeps + ahead * steps
        ends = [(np.maximum(z0, low - spread), np.minimum(z1, high + spread)) for low, high in slabs]
        if len(ends) == 2:
            (_, high), (other_low, other_high) = ends
            ends[1] = np.maximum(high, other_low), np.maximum(high, other_high)
        return ends

    def site_updates(self) -> int:
        """Sites that all steps of the run evolve; of the active region, what it is expected to hold."""
        nx, ny, _ = self.grid.shape
        return nx * ny * self.active_planes(self.last_step - self.first_step)
