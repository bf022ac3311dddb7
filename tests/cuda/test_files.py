"""Runs with files on the GPU, and checkpoints that go from the GPU to the CPU and back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from glasma.collision import Collision
from glasma.config import load_config
from glasma.cuda.device import to_host
from glasma.io.checkpoint import load_checkpoint, save_checkpoint
from glasma.io.openpmd import Snapshots, SnapshotWriter
from tests.tiny_run import glasma, write_tiny

LABORATORY = {
    "transverse_cells": "4",
    "longitudinal_cells": "64",
    "width": '"0.025 fm"',
    "profile_cutoff": "3.0",
    "ultraviolet_cutoff": '"4 GeV"',
    "snapshots": "[]",
}


def boost_invariant(directory: Path) -> Path:
    path = write_tiny(directory, transverse_cells="4", ultraviolet_cutoff='"4 GeV"', end_time='"0.2 fm"', snapshots="[]")
    path.write_text(path.read_text().replace("[evolution]", '[evolution]\nscheme = "boost_invariant"'))
    return path


@pytest.mark.parametrize("first", ["cuda", "cpu"])
def test_checkpoint_goes_on_elsewhere(tmp_path: Path, first: str) -> None:
    """Two steps here and two steps there are four steps on the CPU."""
    config, other = load_config(write_tiny(tmp_path, **LABORATORY)), {"cuda": "cpu", "cpu": "cuda"}[first]
    expected = Collision(config)
    begun = Collision(config.on_backend(first))
    for _ in range(2):
        begun.step()
    save_checkpoint(tmp_path / "checkpoint.h5", begun.fields, begun.config)
    fields, stored = load_checkpoint(tmp_path / "checkpoint.h5")
    assert stored == begun.config
    assert np.array_equal(fields.U, to_host(begun.fields).U)
    gone_on = Collision(config.on_backend(other), fields=fields)
    for _ in range(2):
        gone_on.step()
    for _ in range(4):
        expected.step()
    found = to_host(gone_on.fields)
    np.testing.assert_allclose(found.U, expected.fields.U, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.E, expected.fields.E, rtol=0, atol=1e-12)
    for one, other_charges in zip(found.charges, expected.fields.charges, strict=True):
        np.testing.assert_allclose(one.q, other_charges.q, rtol=0, atol=1e-12)
        assert one.moves == other_charges.moves
    assert found.region == expected.fields.region


def test_snapshot_holds_the_fields_of_the_gpu(tmp_path: Path) -> None:
    config = load_config(write_tiny(tmp_path, **LABORATORY)).on_backend("cuda")
    collision = Collision(config)
    writer = SnapshotWriter(tmp_path, collision.derived)
    writer.write(collision.fields, None)
    writer.gather()
    with Snapshots(tmp_path / "snapshots.h5") as snapshots:
        altered: list[str] = []
        stored = snapshots.fields(snapshots.steps[0], altered)
    assert altered == []
    assert np.array_equal(stored.U, to_host(collision.fields).U)
    assert np.array_equal(stored.E, to_host(collision.fields).E)


def test_run_from_the_command_line_is_checked_on_the_cpu(tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = glasma("run", boost_invariant(tmp_path), "--backend", "cuda", "--out", out, "--quiet")
    assert outcome.status == 0, outcome.err
    record = json.loads((out / "run.json").read_text())
    assert record["config"]["run"]["backend"] == "cuda"
    assert record["status"] == "finished"
    assert glasma("check", out).status == 0


def test_run_that_began_on_the_gpu_is_resumed_on_the_cpu(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert glasma("run", boost_invariant(tmp_path), "--backend", "cuda", "--out", out, "--quiet").status == 0
    outcome = glasma("resume", out, "--backend", "cpu", "--quiet")
    assert outcome.status == 0, outcome.err
    assert json.loads((out / "run.json").read_text())["config"]["run"]["backend"] == "cpu"


def test_events_of_an_ensemble_are_those_of_the_cpu(tmp_path: Path) -> None:
    """Two processes at once, each with its GPU."""
    path, histories = boost_invariant(tmp_path), {}
    for backend in ("cuda", "cpu"):
        out = tmp_path / backend
        outcome = glasma("ensemble", path, "--events", 2, "--jobs", 2, "--set", f"run.backend={backend}", "--out", out)
        assert outcome.status == 0, outcome.err
        assert (" on 1 of 1 GPUs" in outcome.out) == (backend == "cuda")
        files = sorted((out / "events").glob("*/history.csv"))
        histories[backend] = np.array([np.loadtxt(file, delimiter=",", skiprows=1) for file in files])
        records = [json.loads(file.with_name("run.json").read_text()) for file in files]
        assert all(("gpus" in record) == (backend == "cuda") for record in records)
        assert len(files) == 2
    np.testing.assert_allclose(histories["cuda"], histories["cpu"], rtol=1e-10, atol=1e-12)
