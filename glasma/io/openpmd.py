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
"""

from __future__ import annotations

import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from glasma.config import Config, config_from_dict
from glasma.derived import Derived
from glasma.errors import FileError
from glasma.group import group_named
from glasma.io.atomic import reading_hdf5, replacing_hdf5
from glasma.io.fingerprint import fingerprint
from glasma.io.provenance import commit, versions
from glasma.lattice.fields import Fields
from glasma.observables.stress_energy import TENSOR

_AXES = ("x", "y", "z")
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


class SnapshotWriter:
    """Writes the snapshots of one run into its directory."""

    def __init__(self, directory: Path, derived: Derived) -> None:
        self.directory, self.derived = directory, derived
        self.pieces = directory / "snapshots"
        self.index = directory / "snapshots.h5"

    def write(self, fields: Fields, tensor: np.ndarray | None) -> None:
        """Write one snapshot; `tensor` is T^{μν} in GeV/fm³, (10, nx, ny, nz)."""
        self.pieces.mkdir(exist_ok=True)
        with replacing_hdf5(self.pieces / f"{fields.step:08d}.h5") as file:
            self._root_attributes(file)
            iteration = file.create_group(f"data/{fields.step}")
            self._iteration_attributes(iteration, fields)
            meshes = iteration.create_group("meshes")
            if self.derived.config.output.snapshot_fields:
                self._write_fields(meshes, fields)
            if tensor is not None:
                self._record(
                    meshes, "T", tensor.astype(np.float32), TENSOR, (0.0, 0.0, 0.0), _ENERGY_DENSITY, _GEV_PER_FM3_IN_SI
                )
        self._write_index()

    def drop_after(self, step: int) -> None:
        """Remove the pieces of later steps."""
        if self._is_gathered():
            return
        for piece in self.pieces.glob("[0-9]*.h5"):
            if int(piece.stem) > step:
                piece.unlink()
        if self.pieces.exists():
            self._write_index()

    def gather(self) -> None:
        """Make `snapshots.h5` hold everything itself, then remove the pieces."""
        if not self._is_gathered():
            with replacing_hdf5(self.index) as file:
                self._root_attributes(file)
                for piece in sorted(self.pieces.glob("[0-9]*.h5")):
                    with reading_hdf5(piece, "snapshot of glasma") as part:
                        step = str(int(piece.stem))
                        part.copy(part[f"data/{step}"], file.require_group("data"), name=step)
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
            self._root_attributes(file)
            data = file.create_group("data")
            for piece in sorted(self.pieces.glob("[0-9]*.h5")):
                step = str(int(piece.stem))
                data[step] = h5py.ExternalLink(f"snapshots/{piece.name}", f"/data/{step}")

    def _root_attributes(self, file: h5py.File) -> None:
        _set_attributes(
            file,
            openPMD="1.1.0",
            openPMDextension=np.uint32(0),
            basePath="/data/%T/",
            meshesPath="meshes/",
            iterationEncoding="groupBased",
            iterationFormat="/data/%T/",
            author="glasma",
            software="glasma",
            softwareVersion=versions()["glasma"] or "unknown",
            date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S +0000"),
            glasmaConfig=json.dumps(self.derived.config.as_dict()),
            glasmaSeed=self.derived.config.run.seed,
            glasmaVersions=json.dumps(versions()),
            glasmaCommit=commit(),
        )

    def _iteration_attributes(self, iteration: h5py.Group, fields: Fields) -> None:
        iteration.attrs["time"] = self.derived.time_at(fields.step)
        iteration.attrs["dt"] = fields.grid.time_step_fm
        iteration.attrs["timeUnitSI"] = _FM_IN_S
        iteration.attrs["workOnCharges"] = fields.work

    def _write_fields(self, meshes: h5py.Group, fields: Fields) -> None:
        group = fields.group
        reals = [str(n) for n in range(group.LINK_REALS)]
        generators = [str(n) for n in range(group.DIMENSION)]
        for i, axis in enumerate(_AXES):
            along = tuple(0.5 if j == i else 0.0 for j in range(3))
            self._record(meshes, f"U_{axis}", fields.U[i], reals, along, time_offset=0.5)
            self._record(meshes, f"E_{axis}", fields.E[i], generators, along)
        rho = np.zeros((group.DIMENSION, *fields.grid.shape), fields.dtype)
        for x in range(fields.grid.shape[0]):
            for charges in fields.charges:
                charges.add_density(rho[:, x], x)
        self._record(meshes, "charge_density", rho, generators, (0.0, 0.0, 0.0))

    def _record(
        self,
        meshes: h5py.Group,
        name: str,
        values: np.ndarray,
        components: tuple[str, ...] | list[str],
        position: tuple[float, ...],
        dimension: tuple[float, ...] = _DIMENSIONLESS,
        unit: float = 1.0,
        time_offset: float = 0.0,
    ) -> None:
        grid, level = self.derived.grid, self.derived.config.output.compression
        record = meshes.create_group(name)
        spacings = np.array(grid.spacings) * grid.spacing_fm
        _set_attributes(
            record,
            geometry="cartesian",
            dataOrder="C",
            axisLabels=np.array(_AXES, dtype="S1"),
            gridSpacing=spacings,
            gridGlobalOffset=np.array([0.0, 0.0, grid.z_fm()[0]]),
            gridUnitSI=_FM_IN_M,
            unitDimension=np.array(dimension),
            timeOffset=time_offset * grid.time_step_fm,
        )
        nx, ny, nz = grid.shape
        packed: dict[str, Any] = {"compression": "gzip", "compression_opts": level, "shuffle": True} if level else {}
        for component, array in zip(components, values, strict=True):
            data = record.create_dataset(component, data=array, chunks=(min(nx, 16), min(ny, 32), min(nz, 256)), **packed)
            _set_attributes(data, unitSI=unit, position=np.array(position), fingerprint=fingerprint(array))


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

    def __init__(self, path: Path) -> None:
        self.path = path
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

    def _iteration(self, step: int) -> h5py.Group:
        return self._file[f"data/{step}"]

    def time(self, step: int) -> float:
        """t in fm."""
        return float(self._iteration(step).attrs["time"])

    def meshes(self, step: int) -> list[str]:
        """Names of the meshes of a snapshot."""
        return sorted(self._iteration(step)["meshes"])

    def mesh(self, step: int, name: str, altered: list[str] | None = None) -> np.ndarray:
        """All components of a mesh, (components, nx, ny, nz).

        Names of datasets whose values are no longer those that were written are added to `altered`.
        """
        record = self._iteration(step)["meshes"][name]
        arrays = []
        for component in TENSOR if name == "T" else sorted(record, key=int):
            data = record[component]
            arrays.append(np.asarray(data))
            if altered is not None and fingerprint(arrays[-1]) != bytes(data.attrs["fingerprint"]).decode():
                altered.append(f"{name}/{component}")
        return np.stack(arrays)

    def fields(self, step: int, altered: list[str] | None = None) -> Fields:
        """Links and electric fields, and the charges as a density; `altered` as in `mesh`."""
        U = np.stack([self.mesh(step, f"U_{axis}", altered) for axis in _AXES])
        E = np.stack([self.mesh(step, f"E_{axis}", altered) for axis in _AXES])
        charges = (StoredDensity(self.mesh(step, "charge_density", altered)),)
        work = float(self._iteration(step).attrs["workOnCharges"])
        return Fields(self.derived.grid, group_named(self.config.lattice.group), U, E, charges, step, work)  # type: ignore[arg-type]
