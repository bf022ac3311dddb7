"""Collisions of a run's configuration on the coarse lattice, and coefficients that are fitted to whole collisions."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glasma.backend import Workers
from glasma.config import config_from_dict
from glasma.errors import ConfigError, GlasmaError
from surrogate.collisions.event import coarse_collision
from surrogate.collisions.evolve import evolve_collision
from surrogate.collisions.rollout_fit import fit_to_collisions
from surrogate.collisions.run import slab_state
from surrogate.collisions.surrogate import CollisionConfig, CollisionSurrogate
from surrogate.dataset import Dataset
from surrogate.evolution.surrogate import pressures
from tests.surrogate.collisions.small import values
from tests.surrogate.dataset.small import drawn


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return drawn(tmp_path_factory.mktemp("collisions"), values())


def wilson(terms: tuple[str, ...] = ("plaquette.xy", "plaquette.z"), **config: Any) -> CollisionSurrogate:
    return CollisionSurrogate(CollisionConfig(**{"substeps": 2, "anisotropy": 0.25, "terms": terms, **config}))


@torch.no_grad()
def test_the_densities_are_those_of_the_run_of_the_event(data: Dataset, tmp_path: Path) -> None:
    model, run = wilson(), coarse_collision(data, "test", 0)
    path = evolve_collision(model, data.engine_config("test", 0), None, tmp_path)
    rows = np.array([[float(value) for value in row] for row in list(csv.reader(path.open()))[1:]])
    expected = []
    for fields in run.fields(model.scheme(run.grid)):
        if fields.step > run.first:
            state = slab_state(fields, run.slab.stored)
            expected.append(pressures(model.energies(state.U, state.E))[0].numpy())
    found = rows[-len(expected) :]
    ratios = np.stack([found[:, 2] / found[:, 1], found[:, 3] / found[:, 1]], axis=1)
    assert ratios == pytest.approx(np.array(expected)[:, 1:], abs=1e-8)
    assert found[:, 1] / found[0, 1] == pytest.approx(np.array(expected)[:, 0] / expected[0][0], rel=1e-8)
    # 1/(g² a_T⁴) with g = 2 and a_T = 0.1 fm, in GeV/fm³.
    assert found[0, 1] == pytest.approx(expected[0][0] * 0.1973269804 / 4 / 0.1**4, rel=1e-6)
    assert rows[-1, 0] == pytest.approx(0.45, abs=0.0125)
    about = json.loads((tmp_path / "midrapidity.json").read_text())
    assert about["gauss"] < 1e-12
    assert about["config"]["run"]["seed"] == data.engine_config("test", 0).run.seed


@pytest.mark.parametrize(
    ("model", "change", "message"),
    [
        ({"group": "SU(3)"}, {}, r'lattice.group = "SU\(2\)": the surrogate is for SU\(3\)'),
        ({"anisotropy": 0.2}, {}, r"a_z/a_T = 0.25: the surrogate is for 0.2"),
        ({}, {"nuclei": {"system": "single", "separation": None}}, "the surrogate is for collisions in 3"),
        ({}, {"nuclei": {"sheets": 2}}, "need coherent nuclei"),
        ({}, {"evolution": {"end_time": "0.2 fm"}, "observables": {"interval": "0.1 fm"}}, "use a later time"),
        ({}, {"lattice": {"longitudinal_length": "1.35 fm", "longitudinal_cells": 108}}, "the box is too short"),
    ],
)
def test_other_runs_are_refused(
    data: Dataset, model: dict[str, Any], change: dict[str, dict[str, Any]], message: str, tmp_path: Path
) -> None:
    config = data.engine_config("test", 0).model_dump(mode="json", exclude_none=True)
    for section, keys in change.items():
        config[section] = {key: value for key, value in {**config[section], **keys}.items() if value is not None}
    with pytest.raises(GlasmaError, match=message) as caught:
        evolve_collision(wilson(**model), config_from_dict(config), None, tmp_path)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_whole_collisions_lower_the_error_of_training(data: Dataset) -> None:
    model = wilson(("plaquette.xy", "adjacent.xyt", "plaquette.z", "across1.zt"))
    history = fit_to_collisions(model, data, "train", [0, 1], 2, 4, Workers(1))
    assert history == sorted(history, reverse=True)
    assert history[-1] < 0.8 * history[0]
    # The coefficients that it leaves are those of the last error.
    assert fit_to_collisions(model, data, "train", [0, 1], 0, 4, Workers(1)) == pytest.approx(history[-1:], rel=1e-9)


def test_an_action_without_a_stable_scheme_is_refused(data: Dataset) -> None:
    model = wilson()
    model.pairs.set_values({"plaquette.xy": 1.0, "plaquette.z": 200.0})
    with pytest.raises(GlasmaError, match="bound of this action"):
        fit_to_collisions(model, data, "train", [0], 1, 4, Workers(1))
    model.pairs.set_values({"plaquette.xy": 1.0, "plaquette.z": -1.0})
    with pytest.raises(ConfigError, match="do not give waves"):
        fit_to_collisions(model, data, "train", [0], 1, 4, Workers(1))
