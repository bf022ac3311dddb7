"""Snapshots in the openPMD standard 1.1.0 (Huebl et al., doi:10.5281/zenodo.1167843).

While a run goes on, each snapshot is a complete openPMD file of its own under `snapshots/`, written aside and renamed, and
`snapshots.h5` links them; at the end they are gathered into one self-contained `snapshots.h5`.  So a kill at any moment
leaves nothing half-written.

Meshes of an iteration (the step number), all on the lattice in C order x, y, z:

==================  ==============================================================================================
U_x, U_y, U_z       links at t + a_t/2, one component per real of the group (SU(2): u0…u3; SU(3): re, im row by row)
E_x, E_y, E_z       g a_i E_i in units of a_T at t, one component per generator
charge_density      g ρ in units a_T⁻³ at t, all nuclei, one component per generator
T                   T^{μν} at t in GeV/fm³, single precision, components T00, T0x, …
==================  ==============================================================================================

In a boost-invariant run the lattice is nx × ny × 1, τ stands for t, and instead of U_z, E_x, E_y, E_z and the charges there are
the adjoint scalar `A_eta` and the momenta `P_x`, `P_y`, `P_eta` of `glasma.lattice.milne`.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from glasma.config import Config, config_from_dict
from glasma.derived import Derived
from glasma.domain.ranks import Ranks
from glasma.domain.slab import Slab
from glasma.errors import FileError
from glasma.io.atomic import reading_hdf5, replacing_hdf5
from glasma.io.parts import PLANES_AT_ONCE, check_parts, copy_whole, datasets, is_altered, matches, write_index
from glasma.io.provenance import commit, versions
from glasma.io.together import replacing_hdf5_together, write_one_file
from glasma.io.written import new_datasets
from glasma.lattice.fields import Fields
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields
from glasma.lattice.storage import field_array, on_host
from glasma.observables.stress_energy import TENSOR

#: A mesh, a few planes in x at a time: (x0, x1) → (components, x1 − x0, ny, nz).
Planes = Callable[[int, int], np.ndarray]

_AXES = ("x", "y", "z")
_AT_SITES = (0.0, 0.0, 0.0)
_FM_IN_M = 1e-15
_FM_IN_S = 1e-15 / 299792458.0
_GEV_PER_FM3_IN_SI = 1.602176634e-10 / _FM_IN_M**3
_ENERGY_DENSITY = (-1.0, 1.0, -2.0, 0.0, 0.0, 0.0, 0.0)
_GATHERED = "glasmaGathered"
_DIMENSIONLESS = (0.0,) * 7


class StoredDensity:
    """A charge density read from a snapshot; stands in for `Charges` where only ρ is asked for."""

    def __init__(self, rho: np.ndarray) -> None:
        self.rho = rho

    def add_density(self, plane: np.ndarray, x: int) -> None:
        """Add g ρ at the plane x to `plane`, (dim_g, ny, nz)."""
        plane += self.rho[:, x]


class DensityOnFile:
    """The same, read from the open file as it is asked for: each thread holds the planes of one row of chunks."""

    def __init__(self, components: Sequence[h5py.Dataset]) -> None:
        self._components, self._held = components, threading.local()

    def add_density(self, plane: np.ndarray, x: int) -> None:
        """Add g ρ at the plane x to `plane`, (dim_g, ny, nz)."""
        first = x - x % PLANES_AT_ONCE
        if getattr(self._held, "first", None) != first:
            self._held.rho = None  # before the next ones are read
            self._held.rho = np.stack([data[first : first + PLANES_AT_ONCE] for data in self._components])
            self._held.first = first
        plane += self._held.rho[:, x - first]


class SnapshotWriter:
    """Writes the snapshots of one run into its directory; of a slab all ranks do so together."""

    def __init__(self, directory: Path, derived: Derived, slab: Slab | None = None) -> None:
        self.directory, self.derived, self.slab = directory, derived, slab
        self._together = slab is not None and write_one_file(slab.ranks)
        self._new = new_datasets(slab, self._together)
        self.pieces = directory / "snapshots"
        self.index = directory / "snapshots.h5"

    def write(self, fields: Fields | MilneFields, tensor: Planes | None) -> None:
        """Write one snapshot; ``tensor(x0, x1)`` gives T^{μν} in GeV/fm³ of planes x0 ≤ x < x1, (10, x1 − x0, ny, nz)."""
        self.pieces.mkdir(exist_ok=True)
        piece = self.pieces / f"{fields.step:08d}.h5"
        if self.slab is None:
            self._write_piece(piece, fields, tensor)
            self._write_index()
            return
        ranks = self.slab.ranks
        if self._together:
            with replacing_hdf5_together(piece, ranks) as file:
                self._fill(file, fields, tensor)
            if ranks.is_first:
                self._write_index()
            ranks.barrier()
            return
        parts = [piece.with_name(f"{piece.stem}.{rank}-of-{ranks.size}.h5") for rank in range(ranks.size)]
        self._write_piece(parts[ranks.rank], fields, tensor)
        ranks.barrier()
        if ranks.is_first:
            with replacing_hdf5(piece) as file:
                write_index(file, parts, 0, self.slab.parts[1])
            self._write_index()
        ranks.barrier()

    def _write_piece(self, path: Path, fields: Fields | MilneFields, tensor: Planes | None) -> None:
        with replacing_hdf5(path) as file:
            self._fill(file, fields, tensor)

    def _fill(self, file: h5py.File, fields: Fields | MilneFields, tensor: Planes | None) -> None:
        _set_attributes(file, **self._of_first(self._root_attributes()))
        iteration = file.create_group(f"data/{fields.step}")
        _set_attributes(iteration, **self._of_first(self._iteration_attributes(fields)))
        meshes = iteration.create_group("meshes")
        if self.derived.config.output.snapshot_fields:
            if isinstance(fields, MilneFields):
                self._write_milne(meshes, fields)
            else:
                self._write_fields(meshes, fields)
        if tensor is not None:
            single = np.dtype(np.float32)
            self._record(meshes, "T", TENSOR, single, tensor, _AT_SITES, _ENERGY_DENSITY, _GEV_PER_FM3_IN_SI)

    def _of_first(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Of ranks, what the first one has: clocks and machines differ."""
        return attributes if self.slab is None else self.slab.ranks.broadcast(attributes)

    def _pieces(self) -> list[Path]:
        """The snapshots that are there, without the parts of which some are indices."""
        return sorted(path for path in self.pieces.glob("[0-9]*.h5") if path.stem.isdigit())

    def drop_after(self, step: int) -> None:
        """Remove the pieces of later steps."""
        if self._is_gathered():
            return
        for piece in self.pieces.glob("[0-9]*.h5"):
            if int(piece.name.partition(".")[0]) > step:
                piece.unlink()
        if self.pieces.exists():
            self._write_index()

    def gather(self) -> None:
        """Make `snapshots.h5` hold everything itself, then remove the pieces.

        What ranks have written stays where it is, and `snapshots.h5` links it.
        """
        if self.slab is not None:
            return
        if not self._is_gathered():
            with replacing_hdf5(self.index) as file:
                _set_attributes(file, **self._root_attributes())
                for piece in self._pieces():
                    with reading_hdf5(piece, "snapshot of glasma") as part:
                        step = str(int(piece.stem))
                        check_parts(part)
                        copy_whole(part[f"data/{step}"], file.require_group("data").create_group(step))
                file.attrs[_GATHERED] = 1
        shutil.rmtree(self.pieces, ignore_errors=True)

    def _is_gathered(self) -> bool:
        if not self.index.exists():
            return False
        with reading_hdf5(self.index, "snapshot file of glasma") as file:
            _must_be_ours(file, self.index)
            return _GATHERED in file.attrs

    def _write_index(self) -> None:
        with replacing_hdf5(self.index) as file:
            _set_attributes(file, **self._root_attributes())
            data = file.create_group("data")
            for piece in self._pieces():
                step = str(int(piece.stem))
                data[step] = h5py.ExternalLink(f"snapshots/{piece.name}", f"/data/{step}")

    def _root_attributes(self) -> dict[str, Any]:
        return {
            "openPMD": "1.1.0",
            "openPMDextension": np.uint32(0),
            "basePath": "/data/%T/",
            "meshesPath": "meshes/",
            "iterationEncoding": "groupBased",
            "iterationFormat": "/data/%T/",
            "author": "glasma",
            "software": "glasma",
            "softwareVersion": versions()["glasma"] or "unknown",
            "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S +0000"),
            "glasmaConfig": json.dumps(self.derived.config.as_dict()),
            "glasmaSeed": self.derived.config.run.seed,
            "glasmaVersions": json.dumps(versions()),
            "glasmaCommit": commit(),
        }

    def _iteration_attributes(self, fields: Fields | MilneFields) -> dict[str, Any]:
        return {
            "time": self.derived.time_at(fields.step),
            "dt": fields.grid.time_step_fm,
            "timeUnitSI": _FM_IN_S,
            "workOnCharges": fields.work,
        }

    def _write_fields(self, meshes: h5py.Group, fields: Fields) -> None:
        group, dtype = fields.group, fields.dtype
        reals = [str(n) for n in range(group.LINK_REALS)]
        generators = [str(n) for n in range(group.DIMENSION)]
        for i, axis in enumerate(_AXES):
            along = tuple(0.5 if j == i else 0.0 for j in range(3))
            links, electric = fields.U[i], fields.E[i]
            self._record(meshes, f"U_{axis}", reals, dtype, _planes_of(links), along, time_offset=0.5)
            self._record(meshes, f"E_{axis}", generators, dtype, _planes_of(electric), along)

        def density(x0: int, x1: int) -> np.ndarray:
            rho = np.zeros((group.DIMENSION, x1 - x0, *fields.grid.shape[1:]), dtype)
            for x in range(x0, x1):
                for charges in fields.charges:
                    charges.add_density(rho[:, x - x0], x)
            return rho

        self._record(meshes, "charge_density", generators, dtype, density, _AT_SITES)

    def _write_milne(self, meshes: h5py.Group, fields: MilneFields) -> None:
        reals = [str(n) for n in range(fields.group.LINK_REALS)]
        generators = [str(n) for n in range(fields.group.DIMENSION)]

        def write(name: str, components: Sequence[str], array: np.ndarray, at: tuple[float, ...], later: float = 0.0) -> None:
            # Stored (components, 1, nx, ny), in the file (components, nx, ny, 1).
            self._record(meshes, name, components, fields.dtype, _planes_of(array[:, 0, :, :, None]), at, time_offset=later)

        for i, axis in enumerate(("x", "y")):
            along = tuple(0.5 if j == i else 0.0 for j in range(3))
            write(f"U_{axis}", reals, fields.U[i], along, 0.5)
            write(f"P_{axis}", generators, fields.E[i], along)
        write("P_eta", generators, fields.E[2], _AT_SITES)
        write("A_eta", generators, fields.A[0], _AT_SITES, 0.5)

    def _record(
        self,
        meshes: h5py.Group,
        name: str,
        components: Sequence[str],
        dtype: np.dtype,
        planes: Planes,
        position: tuple[float, ...],
        dimension: tuple[float, ...] = _DIMENSIONLESS,
        unit: float = 1.0,
        time_offset: float = 0.0,
    ) -> None:
        """Write one mesh, a few planes in x at a time, so that no second copy of it is needed."""
        grid, level = self.derived.grid, self.derived.config.output.compression
        record = meshes.create_group(name)
        _set_attributes(
            record,
            geometry="cartesian",
            dataOrder="C",
            axisLabels=np.array(_AXES, dtype="S1"),
            gridSpacing=np.array(grid.spacings) * grid.spacing_fm,
            gridGlobalOffset=np.array([0.0, 0.0, grid.z_fm()[0]]),
            gridUnitSI=_FM_IN_M,
            unitDimension=np.array(dimension),
            timeOffset=time_offset * grid.time_step_fm,
        )
        nx, ny, nz = grid.shape
        # A slab holds copies of planes of its neighbours before its own ones.
        before, along_z = 0, slice(None)
        if self.slab is not None:
            nx, before = self.slab.own, self.slab.copies
        if self.slab is not None and self.slab.parts[1] > 1:
            along_z = self.slab.inner_along_z
            nz = along_z.stop - along_z.start
        packed: dict[str, Any] = {"compression": "gzip", "compression_opts": level, "shuffle": True} if level else {}
        chunks = (PLANES_AT_ONCE, 32, 256)
        written = [self._new(record, c, (nx, ny, nz), dtype, axis=0, chunks=chunks, **packed) for c in components]
        for x0, x1 in written[0].blocks(PLANES_AT_ONCE):
            block = np.empty((len(components), 0, ny, nz), dtype)  # while other ranks have more planes
            if x1 > x0:
                block = planes(before + x0, before + x1)[..., along_z].astype(dtype, copy=False)
            for component, values in zip(written, block, strict=True):
                component.write(values, x0=x0)
        for component in written:
            component.finish()
            _set_attributes(component.data, unitSI=unit, position=np.array(position))


def _planes_of(array: np.ndarray) -> Planes:
    """The planes of an array (components, nx, ny, nz)."""
    return lambda x0, x1: on_host(array[:, x0:x1])


def _set_attributes(holder: h5py.Group | h5py.Dataset, **attributes: Any) -> None:
    for name, value in attributes.items():
        # The standard wants fixed-length strings.
        holder.attrs[name] = np.bytes_(value.encode()) if isinstance(value, str) else value


def _must_be_ours(file: h5py.File, path: Path) -> None:
    if "glasmaConfig" not in file.attrs:
        raise FileError(f"{path}: is an HDF5 file but not a snapshot file of glasma; give a run's own snapshots.h5")


class Snapshots:
    """Reads `snapshots.h5`; a context manager.

    Examples
    --------
    >>> with Snapshots(Path("runs/output/quickstart/snapshots.h5")) as snapshots:  # doctest: +SKIP
    ...     fields = snapshots.fields(snapshots.steps[-1])
    """

    def __init__(self, path: Path, slab: Slab | None = None) -> None:
        self.path, self._slab = path, slab
        self._open = reading_hdf5(path, "snapshot file of glasma")

    def __enter__(self) -> Snapshots:
        self._file = self._open.__enter__()
        try:
            _must_be_ours(self._file, self.path)
            self.config: Config = config_from_dict(json.loads(self._file.attrs["glasmaConfig"]))
            self.derived = Derived(self.config)
            self.steps = sorted(int(step) for step in self._file["data"])
        except BaseException:
            # The context that was entered above closes the file and words the error.
            if not self._open.__exit__(*sys.exc_info()):
                raise
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._open.__exit__(*error)

    @property
    def _grid(self) -> Grid:
        return self.derived.grid if self._slab is None else self._slab.grid

    def _iteration(self, step: int) -> h5py.Group:
        return self._file[f"data/{step}"]

    def time(self, step: int) -> float:
        """t in fm."""
        return float(self._iteration(step).attrs["time"])

    def meshes(self, step: int) -> list[str]:
        """Names of the meshes of a snapshot."""
        return sorted(self._iteration(step)["meshes"])

    def mesh(self, step: int, name: str, altered: list[str] | None = None) -> np.ndarray:
        """All components of a mesh, (components, nx, ny, nz); of a slab, the planes held.

        Names of datasets whose values are no longer those that were written are added to `altered`.
        """
        record = self._iteration(step)["meshes"][name]
        components = TENSOR if name == "T" else sorted(record, key=int)
        check_parts(record)
        mesh = np.empty((len(components), *self._grid.shape), record[components[0]].dtype)
        self._read(mesh, record, name, components, altered)
        return mesh

    def _read(
        self, into: np.ndarray, record: h5py.Group, name: str, components: Sequence[str], altered: list[str] | None
    ) -> None:
        for values, component in zip(into, components, strict=True):
            data = record[component]
            if self._slab is not None:
                self._slab.read(data, values)
                continue
            data.read_direct(values)
            if altered is not None and not matches(data, values):
                altered.append(f"{name}/{component}")

    def altered(self, step: int, ranks: Ranks) -> list[str]:
        """Names of all datasets whose values are no longer those that were written; ranks share the work."""
        meshes = self._iteration(step)["meshes"]
        check_parts(meshes)
        ours = datasets(meshes)[ranks.rank :: ranks.size]
        found = ["/".join(data.name.split("/")[-2:]) for data in ours if is_altered(data)]
        return [name for names in ranks.of_each(found) for name in names]

    def has_fields(self, step: int) -> bool:
        """Whether a snapshot holds links and momenta."""
        return "U_x" in self.meshes(step)

    def fields(self, step: int, altered: list[str] | None = None, density_on_file: bool = False) -> Fields | MilneFields:
        """Links and electric fields, and the charges as a density, or the boost-invariant state.

        Parameters
        ----------
        altered : list, optional
            As in `mesh`.
        density_on_file : bool
            Leave the density on the file, which has to stay open: less memory by dim_g reals a site.
        """
        check_parts(self._iteration(step)["meshes"])
        if self.config.is_boost_invariant:
            return self._milne(step, altered)
        meshes, group = self._iteration(step)["meshes"], self.derived.group
        dtype, shape = self.derived.dtype, self._grid.shape
        U = field_array((3, group.LINK_REALS, *shape), dtype)
        E = field_array((3, group.DIMENSION, *shape), dtype)
        for array, letter in ((U, "U"), (E, "E")):
            components = [str(n) for n in range(array.shape[1])]
            for i, axis in enumerate(_AXES):
                self._read(array[i], meshes[f"{letter}_{axis}"], f"{letter}_{axis}", components, altered)
        charges = (self._density(step, altered, density_on_file),)
        work = float(self._iteration(step).attrs["workOnCharges"])
        return Fields(self._grid, group, U, E, charges, step, work)  # type: ignore[arg-type]

    def _density(self, step: int, altered: list[str] | None, on_file: bool) -> StoredDensity | DensityOnFile:
        name = "charge_density"
        if not on_file or self._slab is not None:
            return StoredDensity(self.mesh(step, name, altered))
        record = self._iteration(step)["meshes"][name]
        components = sorted(record, key=int)
        if altered is not None:
            altered += [f"{name}/{component}" for component in components if is_altered(record[component])]
        return DensityOnFile([record[component] for component in components])

    def _milne(self, step: int, altered: list[str] | None) -> MilneFields:
        def stored(*names: str) -> np.ndarray:
            return np.stack([np.ascontiguousarray(self.mesh(step, name, altered)[..., 0])[:, None] for name in names])

        U, A, E = stored("U_x", "U_y"), stored("A_eta"), stored("P_x", "P_y", "P_eta")
        work = float(self._iteration(step).attrs["workOnCharges"])
        return MilneFields(self._grid, self.derived.group, U, A, E, step, work)
