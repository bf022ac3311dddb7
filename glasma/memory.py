"""Bytes of the arrays of a run, from their shapes: of a process with the whole lattice, or of a rank with a part of it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, prod
from types import ModuleType
from typing import TYPE_CHECKING

from glasma.evolution.leapfrog_kernels import workspace_shape as leapfrog_workspace
from glasma.evolution.light_cone import BATCH, newton_bytes
from glasma.evolution.semi_implicit_kernels import workspace_shape as semi_implicit_workspace
from glasma.io.parts import PLANES_AT_ONCE
from glasma.nuclei.incoherent import stored_planes

if TYPE_CHECKING:
    from glasma.derived import Derived

#: Bytes of the cache of chunks of an HDF5 dataset.
_CHUNK_CACHE = 8 << 20
#: Matrices in the transverse plane, beside the nuclei: when the links of one plane along z are made of their Wilson lines, when
#: the light cone asks for P_η, and in the Fourier transform of a correlator.
_OF_A_PLANE, _OF_THE_LIGHT_CONE, _OF_A_CORRELATOR = 5, 8, 3


@dataclass(frozen=True)
class Part:
    """The planes that one process holds.

    Attributes
    ----------
    own : (int, int, int)
        Own planes along each axis.
    copies : (int, int)
        Copies of planes of its neighbours, in x and along z.
    is_whole : bool
        Whether there is one process alone.
    """

    own: tuple[int, int, int]
    copies: tuple[int, int] = (0, 0)
    is_whole: bool = True

    @property
    def held(self) -> tuple[int, int, int]:
        """Own planes and copies."""
        nx, ny, nz = self.own
        return nx + self.copies[0], ny, nz + self.copies[1]

    @property
    def sites(self) -> int:
        """Of all planes held."""
        nx, ny, nz = self.held
        return nx * ny * nz


def largest_part(shape: tuple[int, int, int], parts: tuple[int, int]) -> Part:
    """The largest of so many parts in x and along z, as `glasma.domain.slab` cuts a lattice."""
    (nx, ny, nz), (in_x, along_z) = shape, parts
    copies = 2 * (in_x > 1), min(2, along_z - 1)
    return Part((ceil(nx / in_x), ny, ceil(nz / along_z)), copies, parts == (1, 1))


@dataclass(frozen=True)
class Memory:
    """Bytes of the arrays of one process of a run.

    Parameters
    ----------
    derived : Derived
        The run.
    part : Part
        What the process holds of the lattice.  The transverse plane of the nuclei is made whole by every rank, and every rank
        along z has room for the charges of a nucleus' whole thickness.
    threads : int
    """

    derived: Derived
    part: Part
    threads: int

    @property
    def fields(self) -> int:
        """Links and electric fields."""
        group = self.derived.group
        links, algebra = (2, 4) if self._is_boost_invariant else (3, 3)
        return (links * group.LINK_REALS + algebra * group.DIMENSION) * self.part.sites * self._real

    @property
    def charges(self) -> int:
        """The sub-particles in the slabs of the nuclei."""
        if self._is_boost_invariant:
            return 0
        derived, (nx, ny, _) = self.derived, self.part.held
        slots = derived.grid.substeps * derived.group.DIMENSION
        return derived.nuclei * slots * nx * ny * derived.slab_cells * self._real

    @property
    def scheme(self) -> int:
        """What the scheme needs beside the state."""
        if not self._is_implicit:
            return 0
        group = self.derived.group
        return 3 * (group.LINK_REALS + 3 * group.DIMENSION) * self.part.sites * self._real

    @property
    def workspaces(self) -> int:
        """What the threads of a scheme in the laboratory frame carry from plane to plane."""
        if self._is_boost_invariant:
            return 0
        return self._lines(leapfrog_workspace) + (self._lines(semi_implicit_workspace) if self._is_implicit else 0)

    @property
    def messages(self) -> int:
        """Buffers of what ranks exchange in a step: what goes to each neighbour, and as much that comes."""
        (nx, ny, nz), (in_x, along_z), dimension = self.part.held, self.part.copies, self.derived.group.DIMENSION
        plane = 3 * dimension * ny * nz * in_x
        if along_z:
            # The implicit scheme begins with those of the longitudinal links too.
            plane += (3 if self._is_implicit else 2) * dimension * ny * nx * along_z
        return 2 * plane * self._real

    @property
    def device(self) -> int:
        """What a run keeps on a GPU."""
        return self.fields + self.charges + self.scheme

    @property
    def peak(self) -> int:
        """The most, at the start, in the steps or in the report."""
        return max(self.start, self.running, self.report)

    @property
    def start(self) -> int:
        """While the nuclei are there, with the state that is made of them."""
        group, plane = self.derived.group, self.derived.grid.shape[0] * self.derived.grid.shape[1]
        if not self._is_boost_invariant:
            # Then, of all nuclei, the region that moves begins: it looks at one component of E after the other.
            component = self.part.sites * self._real
            # The charges of the implicit scheme are the divergence of its momentum, which needs what the residual needs.
            of_residual = self._lines(semi_implicit_workspace) if self._is_implicit else 0
            return self.device + of_residual + self.nuclei + max(_OF_A_PLANE * self._matrices, component)
        link, algebra = 8 * group.LINK_REALS * plane, 8 * group.DIMENSION * plane
        newton = 7 * self._matrices + link + algebra + 8 * plane + newton_bytes(group) * min(BATCH, plane)
        outgoing = _OF_THE_LIGHT_CONE * self._matrices + link + 2 * algebra
        return self.nuclei + max(newton, outgoing, 2 * link + algebra + self.fields)

    @property
    def nuclei(self) -> int:
        """Potentials, spectra and Wilson lines of the nuclei, in the whole transverse plane."""
        derived, nuclei = self.derived, self.derived.config.nuclei
        plane, group = derived.grid.shape[0] * derived.grid.shape[1], derived.group
        eigenvalues = 8 * group.COLOURS * plane
        if nuclei.source == "file":
            return derived.nuclei * (3 * self._matrices + eigenvalues)
        if nuclei.correlation_length is None:
            of_a_sheet = (2 if nuclei.sheets == 1 else 3) * self._matrices + eigenvalues
            return derived.nuclei * nuclei.sheets * of_a_sheet
        potentials, lines = stored_planes(
            derived.profile, nuclei.correlation_length / derived.grid.spacing_fm, derived.grid.a_t
        )
        return derived.nuclei * 8 * plane * (potentials * group.DIMENSION + lines * 2 * group.COLOURS**2)

    @property
    def profiles(self) -> int:
        """What `profiles.h5` holds: the first of many ranks keeps it, of the whole lattice, besides all else here."""
        nx, ny, nz = self.derived.grid.shape
        return self.derived.measurements * 4 * ((4 + 10) * nz + nx * nz + nx * ny)

    @property
    def running(self) -> int:
        """In the steps: fields, charges, what scheme and messages add, and a measurement or the buffers of a snapshot."""
        if self._is_boost_invariant:
            return self.fields + self.messages + self._profiles_here
        group, (nx, ny, nz), sites = self.derived.group, self.part.held, self.part.sites
        # Planes of the fields at one time, of which a measurement and T^{μν} are made.
        seen = self._threads * (9 * group.LINK_REALS + 14) * ny * nz * self._real
        if self.derived.config.output.snapshot_tensor:
            # Planes in x of T^{μν} at once, in the precision of the run and in the single precision of the file; HDF5 keeps
            # so much of each component of a mesh that is being written.
            seen += 10 * min(nx, PLANES_AT_ONCE) * ny * nz * (self._real + 4) + 10 * min(_CHUNK_CACHE, 4 * sites)
        links_written = group.LINK_REALS * min(_CHUNK_CACHE, sites * self._real)
        return self.device + self.workspaces + self.messages + max(seen, links_written) + self._profiles_here

    @property
    def report(self) -> int:
        """In the report: the checks, then the correlator of the Wilson lines of the nuclei, which are made again."""
        return max(self.checks, self.nuclei + _OF_A_CORRELATOR * self._matrices) + self._profiles_here

    @property
    def checks(self) -> int:
        """In the checks: a snapshot, and its charges as a density, of which one process reads few planes at once."""
        if self._is_boost_invariant:
            return 2 * self.fields  # meshes as they are read, and fields made of them
        of_checkpoint = self.fields + self.charges + self.scheme
        if not self.derived.config.output.snapshot_fields:
            return of_checkpoint
        nx, ny, nz = self.part.held
        # The planes that a thread holds are put together from those of each component.
        planes = min(nx, 2 * PLANES_AT_ONCE * self._threads) if self.part.is_whole else nx
        density = self.derived.group.DIMENSION * planes * ny * nz * self._real
        return max(self.fields + density + self.scheme, of_checkpoint)

    @property
    def _profiles_here(self) -> int:
        return self.profiles if self.part.is_whole else 0

    @property
    def _matrices(self) -> int:
        """Complex matrices of the group at the sites of the whole transverse plane."""
        nx, ny, _ = self.derived.grid.shape
        return 16 * self.derived.group.COLOURS**2 * nx * ny

    def _lines(self, workspace: Callable[[ModuleType, int], tuple[int, ...]]) -> int:
        """Workspaces of all threads, of which one has the shape ``workspace(group, ny)``."""
        return self._threads * prod(workspace(self.derived.group, self.part.own[1])) * self._real

    @property
    def _threads(self) -> int:
        """Those that have planes of their own."""
        return min(self.threads, self.part.own[0])

    @property
    def _real(self) -> int:
        return self.derived.dtype.itemsize

    @property
    def _is_implicit(self) -> bool:
        return self.derived.config.evolution.scheme == "semi_implicit"

    @property
    def _is_boost_invariant(self) -> bool:
        return self.derived.config.is_boost_invariant


def return_freed_memory() -> None:
    """Give the pages of freed arrays back to the system, which the allocator of glibc keeps of arrays below 32 MiB."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other libraries of C have none
        if trim is not None:
            trim(0)
