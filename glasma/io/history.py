"""Time series of a run: `history.csv`, one row a measurement, and `profiles.h5`, what it saw along z."""

from __future__ import annotations

import csv
from pathlib import Path

import h5py
import numpy as np

from glasma.errors import FileError
from glasma.io.atomic import reading_hdf5, replacing, replacing_hdf5
from glasma.lattice.energy import COMPONENTS
from glasma.observables.measure import Measurement
from glasma.observables.stress_energy import TENSOR

#: Columns of `history.csv`.  Energies in GeV, densities and pressures in GeV/fm³ at z = 0.
COLUMNS = (
    "t_fm",
    "step",
    "gauss_max_rel",
    "gauss_rms_rel",
    "unitarity_max",
    "iterations",
    "energy_field",
    "work_on_charges",
    "energy_balance_rel",
    *COMPONENTS,
    "eps_mid",
    "pL_mid",
    "pT_mid",
    "Sz_mid",
)

Row = dict[str, float]


class History:
    """The rows of `history.csv`: appended as they come, floats in full precision."""

    def __init__(self, path: Path, rows: list[Row] | None = None) -> None:
        self.path = path
        self.rows: list[Row] = rows or []

    def start(self) -> None:
        """Write the file anew with the rows held, so that rows after a checkpoint are gone."""
        with replacing(self.path) as aside, aside.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(_cells(row) for row in self.rows)

    def append(self, row: Row) -> None:
        """Add one row, to the file at once."""
        self.rows.append(row)
        try:
            with self.path.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerow(_cells(row))
        except OSError as error:
            raise FileError(f"{self.path}: cannot be written ({error.strerror}); free some space and resume the run") from None

    def drop_after(self, step: int) -> None:
        """Forget rows of later steps."""
        self.rows = [row for row in self.rows if row["step"] <= step]

    def column(self, name: str) -> np.ndarray:
        """One column over time."""
        return np.array([row[name] for row in self.rows])


def _cells(row: Row) -> list[str]:
    return [str(int(row[name])) if name in ("step", "iterations") else repr(float(row[name])) for name in COLUMNS]


def load_history(path: Path) -> History:
    """Read `history.csv`; a last row that a kill cut short is left out.

    Raises
    ------
    FileError
        If the file is missing or not a history.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError):
        raise FileError(f"{path}: cannot be read; give the directory of a run") from None
    if not lines or tuple(lines[0]) != COLUMNS:
        raise FileError(f"{path}: is not a history of glasma; run again")
    rows = []
    for cells in lines[1:]:
        try:
            rows.append({name: float(cell) for name, cell in zip(COLUMNS, cells, strict=True)})
        except ValueError:
            break
    return History(path, rows)


class Profiles:
    """What each measurement saw along z and in two planes, in GeV/fm³.

    Attributes
    ----------
    steps, times : one entry a measurement
    z : (nz,) fm
    components : list of (4, nz)
    tensor : list of (10, nz)
    side_view : list of (nx, nz)
    front_view : list of (nx, ny)
    """

    _SERIES = ("steps", "times", "components", "tensor", "side_view", "front_view")

    def __init__(self, path: Path, z: np.ndarray, transverse_length: float) -> None:
        self.path, self.z, self.transverse_length = path, z, transverse_length
        self.steps: list[int] = []
        self.times: list[float] = []
        self.components: list[np.ndarray] = []
        self.tensor: list[np.ndarray] = []
        self.side_view: list[np.ndarray] = []
        self.front_view: list[np.ndarray] = []

    def append(self, step: int, time: float, seen: Measurement, unit: float) -> None:
        """Add a measurement; `unit` is 1/(g² a_T⁴) in GeV/fm³."""
        self.steps.append(step)
        self.times.append(time)
        self.components.append((unit * seen.components).astype(np.float32))
        self.tensor.append((unit * seen.tensor).astype(np.float32))
        self.side_view.append((unit * seen.side_view).astype(np.float32))
        self.front_view.append((unit * seen.front_view).astype(np.float32))

    def drop_after(self, step: int) -> None:
        """Forget measurements of later steps."""
        kept = sum(s <= step for s in self.steps)
        for name in self._SERIES:
            del getattr(self, name)[kept:]

    def save(self) -> None:
        """Write all that is held."""
        with replacing_hdf5(self.path) as file:
            self.write(file)

    def write(self, file: h5py.File) -> None:
        """Write all that is held into an open file."""
        file.attrs["component_order"] = np.array(COMPONENTS, dtype="S")
        file.attrs["tensor_order"] = np.array(TENSOR, dtype="S")
        file.attrs["units"] = np.bytes_(b"GeV/fm^3; z and times in fm")
        file.attrs["transverse_length"] = self.transverse_length
        file["z"] = self.z
        for name in self._SERIES:
            values = np.array(getattr(self, name))
            packed = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if values.ndim > 1 else {}
            file.create_dataset(name, data=values, **packed)


def load_profiles(path: Path) -> Profiles:
    """Read `profiles.h5`.

    Raises
    ------
    FileError
        If the file is missing or damaged.
    """
    with reading_hdf5(path, "profiles file of glasma") as file:
        profiles = Profiles(path, np.asarray(file["z"]), float(file.attrs["transverse_length"]))
        profiles.steps = [int(step) for step in file["steps"]]
        profiles.times = [float(time) for time in file["times"]]
        for name in Profiles._SERIES[2:]:
            setattr(profiles, name, list(np.asarray(file[name])))
        return profiles
