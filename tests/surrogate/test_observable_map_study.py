"""The study of observable maps at its smallest: what each rival does under a gauge transformation, files, wrong values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from glasma.cli import cli
from glasma.errors import ConfigError
from surrogate import load_model
from surrogate.studies.observable_map_report import ROUNDING
from surrogate.studies.observable_maps import KINDS, load_map_study

SMALL = {
    "cells": 16,
    "larger_cells": 24,
    "g2mu": 0.3,
    "times": [0.3, 0.6],
    "training_events": 3,
    "validation_events": 1,
    "test_events": 2,
    "other_g2mu": [0.2],
    "members": 2,
    "convolutions": [8, 8],
    "channels": [10],
    "epochs": 4,
    "plain_epochs": 4,
    "threads": 1,
}
SETS = [part for key, value in SMALL.items() for part in ("--set", f"study.{key}={value}")]


def test_command_compares_all_and_writes_every_number_and_a_page(tmp_path: Path) -> None:
    out = tmp_path / "study"
    run = CliRunner().invoke(cli, ["study", "observable-maps", *SETS, "--out", str(out)])
    assert run.exit_code == 0, run.output
    results = json.loads((out / "results.json").read_text())
    rivals = {rival["kind"]: rival for rival in results["rivals"]}
    assert tuple(rivals) == KINDS
    assert rivals["L-CNN"]["change"] < ROUNDING
    assert rivals["coarse solver"]["change"] < ROUNDING
    assert rivals["U-Net, gauge fixed"]["change"] < 1e-4
    assert rivals["U-Net"]["change"] > 0.1
    numbers = [rivals[kind]["parameters"] for kind in ("L-CNN", "U-Net", "U-Net, gauge fixed")]
    assert max(numbers) < 1.05 * min(numbers)
    rows = (out / "results.csv").read_text().splitlines()
    assert len(rows) == 1 + len(KINDS) * 4 * 2 * 3
    page = (out / "report.html").read_text()
    assert page.count("<img") == 3
    assert "banner passed" in page
    assert load_model(out / "observable_maps.safetensors").card["metrics"]["coverage"] == results["coverage"]["after"]

    # Trained networks are taken from their directories, and the numbers are the same.
    again = CliRunner().invoke(cli, ["study", "observable-maps", *SETS, "--out", str(out)])
    assert again.exit_code == 0, again.output
    assert [rival["errors"] for rival in json.loads((out / "results.json").read_text())["rivals"]] == [
        rival["errors"] for rival in results["rivals"]
    ]
    other = CliRunner().invoke(cli, ["study", "observable-maps", *SETS, "--set", "study.epochs=5", "--out", str(out)])
    assert "holds another study" in str(other.exception)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("study.cells=30", "study.cells = 30"),
        ("study.other_g2mu=[-1.0]", "study.other_g2mu"),
        ("study.members=1", "study.members = 1"),
        ("study.events=3", "study.events"),
    ],
)
def test_wrong_values_are_named(override: str, line: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_map_study(None, True, [override])
    assert line in str(error.value)
    assert "\n" not in str(error.value)
