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
from glasma.io.parts import PLANES_AT_ONCE
from glasma.lattice.grid import Grid
from glasma.nuclei.profile import GaussianProfile
from glasma.units import HBARC

#: Steps whose regions are summed at once.
_STEPS_AT_ONCE = 1 << 14
#: Bytes of the cache of chunks of an HDF5 dataset.
_CHUNK_CACHE = 8 << 20


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

    @cached_property
    def field_bytes(self) -> int:
        """Bytes of links and electric fields."""
        group = self.group
        links, algebra = (2, 4) if self.config.is_boost_invariant else (3, 3)
        return (links * group.LINK_REALS + algebra * group.DIMENSION) * self.grid.sites * self.dtype.itemsize

    @cached_property
    def charge_bytes(self) -> int:
        """Bytes of the charges: the sub-particles in the slabs of the nuclei."""
        if self.config.is_boost_invariant:
            return 0
        nx, ny, _ = self.grid.shape
        slots = self.grid.substeps * self.group.DIMENSION
        return self.nuclei * slots * nx * ny * self.slab_cells * self.dtype.itemsize

    @property
    def nuclei(self) -> int:
        """How many nuclei there are."""
        return 1 if self.config.nuclei.system == "single" else 2

    @cached_property
    def memory_bytes(self) -> int:
        """Bytes of all arrays of the run at its peak, in the run or in its report."""
        return max(self.running_bytes, self.report_bytes)

    @cached_property
    def running_bytes(self) -> int:
        """Bytes of the arrays while it runs: fields, charges, what the scheme adds, and the buffers of a snapshot."""
        if self.config.is_boost_invariant:
            return self.field_bytes + max(self._light_cone_bytes, self.field_bytes)
        group = self.group
        nx, ny, nz = self.grid.shape
        rolling = self.threads * (9 * group.LINK_REALS + 14) * ny * nz * self.dtype.itemsize
        # Planes in x of T^{μν} at once, in the precision of the run and in the single precision of the file.
        tensor = 10 * min(nx, PLANES_AT_ONCE) * ny * nz * (self.dtype.itemsize + 4) if self.config.output.snapshot_tensor else 0
        # HDF5 keeps so much of each component of a mesh that is being written.
        component = self.grid.sites * self.dtype.itemsize
        caches = max(group.LINK_REALS * min(_CHUNK_CACHE, component), 10 * min(_CHUNK_CACHE, 4 * self.grid.sites))
        return self.field_bytes + self.charge_bytes + self._scheme_bytes + rolling + tensor + caches

    @property
    def device_bytes(self) -> int:
        """Bytes of the arrays that a run keeps on a GPU."""
        return self.field_bytes + self.charge_bytes + self._scheme_bytes

    @cached_property
    def report_bytes(self) -> int:
        """Bytes of the arrays of the report's checks: a snapshot, its charges as a density at a few planes for each thread."""
        if self.config.is_boost_invariant or not self.config.output.snapshot_fields:
            return self.field_bytes
        nx, ny, nz = self.grid.shape
        density = self.group.DIMENSION * min(nx, PLANES_AT_ONCE * self.threads) * ny * nz * self.dtype.itemsize
        return self.field_bytes + density + self._scheme_bytes

    @property
    def _light_cone_bytes(self) -> int:
        """Bytes of the matrices of Wilson lines, links and their products at the start of a boost-invariant run."""
        group = self.group
        return 11 * 16 * group.COLOURS**2 * self.grid.sites

    @property
    def _scheme_bytes(self) -> int:
        """Bytes of the arrays that the scheme needs beside the state."""
        if self.config.evolution.scheme != "semi_implicit":
            return 0
        group = self.group
        return 3 * (group.LINK_REALS + 3 * group.DIMENSION) * self.grid.sites * self.dtype.itemsize

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
