"""Snapshots follow the openPMD standard 1.1.0 and hold what the fields were."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from glasma.backend import Workers
from glasma.collision import Collision
from glasma.io.openpmd import Snapshots, SnapshotWriter
from tests.tiny_run import finished_run, glasma, write_tiny

validator = pytest.importorskip("openpmd_validator.check_h5")


def errors_and_warnings(path: Path) -> tuple[int, int]:
    errors, warnings = validator.check_file(str(path))
    return int(errors), int(warnings)


def test_gathered_snapshots_pass_the_validator() -> None:
    assert errors_and_warnings(finished_run() / "snapshots.h5") == (0, 0)


def test_validator_notices_what_is_missing(tmp_path: Path) -> None:
    copy = Path(shutil.copy(finished_run() / "snapshots.h5", tmp_path))
    with h5py.File(copy, "a") as file:
        del file["data/20/meshes/E_x"].attrs["gridSpacing"]
    assert errors_and_warnings(copy)[0] > 0


@pytest.mark.parametrize(
    "overrides",
    [["lattice.group=SU(3)"], ["run.precision=float32"], ["output.snapshot_tensor=false"], ["output.snapshot_fields=false"]],
)
def test_snapshots_of_other_kinds_pass_the_validator(overrides: list[str], tmp_path: Path) -> None:
    collision = Collision(write_tiny(tmp_path), *overrides)
    output = collision.config.output
    SnapshotWriter(tmp_path, collision.derived).write(
        collision.fields, collision.stress_tensor if output.snapshot_tensor else None
    )
    for path in (tmp_path / "snapshots.h5", *(tmp_path / "snapshots").iterdir()):
        assert errors_and_warnings(path)[0] == 0


def test_snapshots_of_a_run_that_goes_on_pass_the_validator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: SnapshotWriter) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SnapshotWriter, "gather", interrupt)
    assert glasma("run", write_tiny(tmp_path), "--out", tmp_path / "out", "--quiet").status == 130
    pieces = sorted((tmp_path / "out" / "snapshots").iterdir())
    assert [piece.name for piece in pieces] == ["00000001.h5", "00000020.h5", "00000059.h5"]
    for path in (tmp_path / "out" / "snapshots.h5", *pieces):
        assert errors_and_warnings(path)[0] == 0


def test_file_names_the_configuration_seed_versions_and_commit() -> None:
    with h5py.File(finished_run() / "snapshots.h5") as file:
        assert json.loads(file.attrs["glasmaConfig"])["run"]["seed"] == 5
        assert file.attrs["glasmaSeed"] == 5
        assert set(json.loads(file.attrs["glasmaVersions"])) >= {"python", "numpy", "numba"}
        assert file.attrs["glasmaCommit"]
        assert file.attrs["openPMD"] == b"1.1.0"


def test_units_lead_to_si() -> None:
    with h5py.File(finished_run() / "snapshots.h5") as file:
        iteration = file["data/20"]
        assert iteration.attrs["dt"] == pytest.approx(0.003125)
        assert iteration.attrs["timeUnitSI"] == pytest.approx(1e-15 / 299792458)
        electric = iteration["meshes/E_z"]
        np.testing.assert_allclose(electric.attrs["gridSpacing"], [0.125, 0.125, 0.00625])
        assert electric.attrs["gridUnitSI"] == 1e-15
        np.testing.assert_array_equal(electric["0"].attrs["position"], [0, 0, 0.5])
        # 1 GeV/fm³ in J/m³
        assert iteration["meshes/T/T00"].attrs["unitSI"] == pytest.approx(1.602176634e35)


def test_stored_fields_are_those_of_the_collision(tmp_path: Path) -> None:
    collision = Collision(write_tiny(tmp_path))
    for step in collision:
        if step == 20:
            break
    with h5py.File(finished_run() / "snapshots.h5") as file:
        meshes = file["data/20/meshes"]
        np.testing.assert_array_equal(meshes["U_y/3"], collision.U[1, 3])
        np.testing.assert_array_equal(meshes["E_z/2"], collision.E[2, 2])
        density = np.zeros((3, 8, 8, 128))
        for x in range(8):
            for charges in collision.fields.charges:
                charges.add_density(density[:, x], x)
        np.testing.assert_array_equal(meshes["charge_density/1"], density[1])
        energy = np.asarray(meshes["T/T00"]).mean(axis=(0, 1))
        expected = collision.derived.density_unit * collision.measure().tensor[0]
    np.testing.assert_allclose(energy, expected, rtol=1e-5, atol=1e-6 * expected.max())


def test_gathering_twice_is_gathering_once(tmp_path: Path) -> None:
    shutil.copytree(finished_run(), tmp_path / "out")
    before = (tmp_path / "out" / "snapshots.h5").read_bytes()
    derived = Collision(write_tiny(tmp_path)).derived
    SnapshotWriter(tmp_path / "out", derived).gather()
    assert (tmp_path / "out" / "snapshots.h5").read_bytes() == before


def test_a_density_left_on_the_file_is_the_one_in_memory():
    """With the same density a check needs less memory; planes are asked for in any order, by any thread."""
    with Snapshots(finished_run() / "snapshots.h5") as snapshots:
        step, altered = snapshots.steps[1], []
        held, left = snapshots.fields(step), snapshots.fields(step, altered, density_on_file=True)
        assert altered == []
        shape = held.E.shape[1], *held.E.shape[3:]
        planes = np.zeros((2, held.E.shape[2], *shape))

        def add(x: int) -> None:
            held.charges[0].add_density(planes[0, x], x)
            left.charges[0].add_density(planes[1, x], x)

        Workers(3).each(reversed(range(held.E.shape[2])), add)
    assert np.abs(planes[0]).max() > 0
    np.testing.assert_array_equal(planes[1], planes[0])
