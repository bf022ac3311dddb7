"""The comparison on collisions in 3+1D: its numbers are those of the schemes, and its page is whole."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glasma.backend import Workers
from glasma.errors import GlasmaError
from glasma.evolution.leapfrog import Leapfrog
from glasma.group import group_named
from glasma.sections import checked
from surrogate.collisions.event import coarse_collision, strength_error
from surrogate.collisions.nuclei import coarse_grid
from surrogate.collisions.run import slab_state
from surrogate.collisions.surrogate import CollisionConfig, CollisionSurrogate
from surrogate.comparison.collisions import equivariance, schemes_of
from surrogate.comparison.config import CompareFile
from surrogate.comparison.contenders import FLOOR, SURROGATE, SYMANZIK, WILSON
from surrogate.comparison.report import compare
from surrogate.dataset import Dataset
from surrogate.evolution.surrogate import EvolutionSurrogate, pressures
from surrogate.model_files import load_model_of, save_model
from tests.surrogate.collisions.small import STEPS, values
from tests.surrogate.dataset.small import drawn
from tests.surrogate.dataset.small import values as transverse_values
from tests.surrogate.pipeline import trained

SCHEMES = [WILSON, SYMANZIK, SURROGATE, FLOOR]


@dataclass(frozen=True)
class Made:
    """A data set, a model trained on it, and what the comparison wrote."""

    data: Dataset
    model: Path
    page: str
    plain: dict[str, Any]


def compare_file(**values: object) -> CompareFile:
    return checked(CompareFile, {"compare": {"name": "small", "threads": 1, **values}})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    directory = tmp_path_factory.mktemp("compare")
    given = values()
    given["source"]["evolution"]["substeps"] = 3
    given["split"].append({"name": "unresolved", "events": 1, "seed": 3, "set": ["nuclei.ultraviolet_cutoff=50 fm^-1"]})
    data = drawn(directory, given)
    model = trained(data.path, directory / "model")
    file = compare_file(dataset=str(data.path), evolution=str(model), splits=["test", "unresolved"])
    page = compare(file, directory / "out", lambda text: None)
    return Made(data, model, page.read_text(encoding="utf-8"), json.loads((directory / "out" / "compare.json").read_text()))


def test_the_page_and_its_numbers(made: Made) -> None:
    assert made.page.count("data:image/png;base64,") == 4
    assert not re.search(r'(src|href)="(?!data:)', made.page)
    assert "one transverse site in 2 along each axis" in made.page
    assert "nan" not in made.page.split("<body>")[1].split("data:image")[0]
    test, unresolved = made.plain["events"]
    assert (test["split"], unresolved["split"]) == ("test", "unresolved")
    for event in (test, unresolved):
        assert list(event["curves"]) == SCHEMES
        assert len(event["times"]) == len(event["truth"]) == STEPS
        for curves in event["curves"].values():
            assert len(curves["strength"]) == len(curves["observables"]) == STEPS
            assert curves["gauss"] < 1e-12
    assert made.plain["equivariance"] < 1e-11
    assert [row["split"] for row in made.plain["summary"]] == ["test", "unresolved"]
    assert [cost["name"] for cost in made.plain["costs"]] == ["solver, fine", *(f"{name}, coarse" for name in SCHEMES[:3])]
    fine, *coarse = made.plain["costs"]
    assert {cost["sites"] for cost in coarse} == {fine["sites"] // 8}
    assert {cost["steps"] for cost in coarse} == {(fine["steps"] + 1) // 3 - 1}


def test_all_numbers_are_finite(made: Made) -> None:
    """`as_plain` writes None where one is not."""

    def check(value: Any, place: str) -> None:
        if isinstance(value, dict):
            for key, entry in value.items():
                check(entry, f"{place}.{key}")
        elif isinstance(value, list):
            for number, entry in enumerate(value):
                check(entry, f"{place}[{number}]")
        else:
            assert isinstance(value, str | int) or math.isfinite(value), place

    for key in ("events", "summary", "costs", "equivariance", "coefficients"):
        check(made.plain[key], key)


def test_nothing_is_lost_of_nuclei_without_short_waves(made: Made) -> None:
    """The floor runs the fine solver from what the coarse lattice knows: all of such nuclei, not all of others."""
    test, unresolved = (event["curves"][FLOOR] for event in made.plain["events"])
    assert max(test["strength"]) < 1e-11
    truth = made.plain["events"][0]["truth"]
    assert np.array(test["observables"]) == pytest.approx(np.array(truth), rel=1e-9)
    assert min(unresolved["strength"]) > 0.1


def test_curves_are_those_of_the_schemes(made: Made) -> None:
    """Wilson's is the engine's leapfrog with its own energies; all go from the collision to the same time."""
    data, event = made.data, made.plain["events"][0]
    run, window, truth = coarse_collision(data, "test", 0), data.window("test", 0), data.energies("test", 0)
    assert event["times"] == pytest.approx([run.start + n * run.grid.a_t for n in range(run.first + 1, run.last + 1)])
    assert event["times"][-1] * run.grid.spacing_fm == pytest.approx(0.455)
    assert np.array(event["truth"]) == pytest.approx(pressures(truth).numpy())
    engine, first, last = Leapfrog(run.grid, group_named("SU(2)")), run.slab.first, run.slab.last
    for fields in run.fields(engine):
        if fields.step > run.first:
            row = fields.step - run.first - 1
            state = slab_state(fields, run.slab.stored)
            wilson = event["curves"][WILSON]
            assert wilson["strength"][row] == pytest.approx(strength_error(state.U, window.U[row + 1 :][:1], 0.25), rel=1e-9)
            means = engine.measure(fields).components[:, first:last].mean(axis=1)
            assert wilson["observables"][row] == pytest.approx(pressures(torch.from_numpy(means)).tolist(), rel=1e-9)
    # What the fit tells of itself is the same number.
    card = made.plain["model"]["metrics"]["splits"]["test"]["strength"]["1.0"]
    assert event["curves"][SURROGATE]["strength"][-1] == pytest.approx(card, rel=1e-9)
    assert card < event["curves"][WILSON]["strength"][-1]


def test_wilson_and_symanzik_are_what_their_names_say(made: Made) -> None:
    surrogate = load_model_of(made.model, CollisionSurrogate)
    schemes, grid = {scheme.name: scheme for scheme in schemes_of(surrogate)}, coarse_collision(made.data, "test", 0).grid
    assert list(schemes) == SCHEMES[:3]
    assert type(schemes[WILSON].make(grid, Workers(1))) is Leapfrog
    symanzik, own = (schemes[name].make(grid, Workers(1)).action.to_dict() for name in (SYMANZIK, SURROGATE))  # type: ignore[attr-defined]
    assert symanzik["rectangle.zz"] == -1 / 12
    assert {name: own[name] for name in surrogate.pairs.names} == surrogate.pairs.values()
    assert schemes[SURROGATE].energies is surrogate.energies


def test_equivariance_sees_a_scheme_that_is_not(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    run, surrogate = coarse_collision(made.data, "test", 0), load_model_of(made.model, CollisionSurrogate)
    assert equivariance(run, surrogate, Workers(1), seed=7) < 1e-11
    stepping = Leapfrog._drift

    def broken(self: Leapfrog, fields: Any, region: Any, arrived: Any) -> None:
        fields.E[:, 0, ..., 10:20] *= 1.001
        stepping(self, fields, region, arrived)

    monkeypatch.setattr(Leapfrog, "_drift", broken)
    assert equivariance(run, surrogate, Workers(1), seed=7) > 1e-5


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"upscaler": "none.safetensors"}, "compare.upscaler = 'none.safetensors': collisions in 3\\+1D are compared without"),
        ({"others": ["a.safetensors"]}, r"compare.others = \['a.safetensors'\]: collisions in 3\+1D are compared without"),
        ({"splits": ["larger"]}, "split 'larger': .* has train, test, unresolved"),
        ({"evolution": "none.safetensors"}, "none.safetensors: "),
    ],
)
def test_wrong_comparisons_are_refused(made: Made, tmp_path: Path, given: dict[str, object], expected: str) -> None:
    file = compare_file(**{"dataset": str(made.data.path), "evolution": str(made.model), **given})
    with pytest.raises(GlasmaError, match=expected) as error:
        compare(file, tmp_path / "out", lambda text: None)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"group": "SU(3)"}, r"group is SU\(2\), not SU\(3\)"),
        ({"blocking": 4}, "blocking is 2, not 4"),
        ({"substeps": 4}, "its steps are a_z/2, those of the surrogate a_z/4; draw a dataset with dataset.substeps = 4"),
        ({"anisotropy": 0.5}, "its a_z/a_T is 0.25, that of the surrogate 0.5; draw a dataset with that ratio"),
    ],
)
def test_models_of_other_lattices_are_refused(made: Made, tmp_path: Path, config: dict[str, Any], expected: str) -> None:
    fitting = {"group": "SU(2)", "blocking": 2, "substeps": 2, "anisotropy": 0.25}
    model = save_model(CollisionSurrogate(CollisionConfig(**{**fitting, **config})), tmp_path / "other.safetensors")
    with pytest.raises(GlasmaError, match=expected) as error:
        compare(compare_file(dataset=str(made.data.path), evolution=str(model)), tmp_path, lambda text: None)
    assert "\n" not in str(error.value)


def test_models_and_data_sets_of_other_dimensions_are_refused(made: Made, tmp_path: Path) -> None:
    transverse = save_model(EvolutionSurrogate(group="SU(2)", frame="milne", blocking=2), tmp_path / "transverse.safetensors")
    data = drawn(tmp_path, transverse_values())
    for dataset, model, expected in (
        (made.data, transverse, "holds a model of the kind EvolutionSurrogate, not CollisionSurrogate; give another file"),
        (data, made.model, "holds a model of the kind CollisionSurrogate, not EvolutionSurrogate; give another file"),
    ):
        with pytest.raises(GlasmaError, match=expected) as error:
            compare(compare_file(dataset=str(dataset.path), evolution=str(model)), tmp_path, lambda text: None)
        assert "\n" not in str(error.value)


def test_the_model_of_the_repository_is_that_of_its_configuration() -> None:
    """It loads, and has a stable scheme on the lattice of runs/surrogate_collision_su2_dataset.toml."""
    from surrogate.dataset import load_dataset_config
    from surrogate.dataset.plan import make_plan

    runs = Path(__file__).parents[3] / "runs"
    model = load_model_of(runs / "models/collision_su2_evolution.safetensors", CollisionSurrogate)
    plan = make_plan(load_dataset_config(runs / "surrogate_collision_su2_dataset.toml"))[0]
    grid = coarse_grid(plan.grid, plan.blocks.blocking, plan.blocks.substeps)
    assert (model.config.blocking, model.config.substeps) == (plan.blocks.blocking, plan.blocks.substeps)
    assert model.config.anisotropy == pytest.approx(grid.anisotropy, rel=1e-12)
    model.scheme(grid)
