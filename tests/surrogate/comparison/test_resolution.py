"""The resolution gain: known errors give the known gain, and Wilson on the lattice of the truth is the truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from glasma.backend import Workers
from glasma.errors import ConfigError
from glasma.sections import checked
from surrogate.comparison.config import CompareFile
from surrogate.comparison.contenders import WILSON
from surrogate.comparison.report import compare
from surrogate.comparison.resolution import (
    SUBSTEPS,
    initial_fields,
    missing,
    refinement_of,
    refinements,
    study_resolution,
    time_at,
    wilson_run,
)
from surrogate.comparison.run import FLOOR
from surrogate.dataset import Dataset, draw_dataset
from surrogate.dataset.config import dataset_config
from surrogate.evolution.rollouts import strength_error
from surrogate.evolution.surrogate import EvolutionSurrogate
from surrogate.model_files import save_model
from surrogate.upscaling import Upscaler
from tests.surrogate.pipeline import DATASET, small_dataset

ONE = Workers(1)


@pytest.fixture(scope="module", params=["boost_invariant", "box"])
def kinds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return drawn(tmp_path_factory.mktemp("resolution") / "b4.h5", request.param)


@pytest.fixture(scope="module")
def collision(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return drawn(tmp_path_factory.mktemp("resolution") / "b4.h5", "boost_invariant")


def drawn(path: Path, kind: str) -> Dataset:
    """32² sites blocked to 8²."""
    source = {**DATASET["source"], "kind": kind}
    if kind == "box":
        del source["nuclei"]
        source["fields"] = {"correlation_length": 4.0, "amplitude": 0.1}
    blocks = {"name": "small", "blocking": 4, "substeps": 4, "end": "0.8 fm", "fine_times": ["0 fm"]}
    config = {"dataset": blocks, "source": source, "split": [{"name": "test", "events": 2, "seed": 3}]}
    draw_dataset(path, dataset_config(config))
    return Dataset(path)


@pytest.mark.parametrize("limit", [np.inf, 8.0])
@pytest.mark.parametrize("gain", [1.0, 1.7, 2.0, 3.9])
def test_errors_of_second_order_give_the_gain_that_they_were_made_with(gain: float, limit: float) -> None:
    def error(r: float) -> float:
        return 0.6 * (r**-2 - limit**-2)

    found, extrapolated = refinement_of(error(gain), [1, 2, 4], [error(r) for r in (1, 2, 4)], limit)
    assert found == pytest.approx(gain, rel=1e-12)
    assert not extrapolated


@pytest.mark.parametrize(("gain", "order"), [(0.8, 2.0), (5.5, 2.0), (6.0, 3.0)])
def test_beyond_the_lattices_that_were_run_the_measured_order_goes_on_and_is_said(gain: float, order: float) -> None:
    def error(r: float) -> float:
        return 0.6 * (r**-2 - 8**-2) ** (order / 2)

    found, extrapolated = refinement_of(error(gain), [1, 2, 4], [error(r) for r in (1, 2, 4)], 8)
    assert found == pytest.approx(gain, rel=1e-12)
    assert extrapolated


def test_the_gain_is_that_of_the_least_lattice_that_reaches_the_error() -> None:
    # Errors need not fall everywhere: that of r = 2 is reached first.
    assert refinement_of(0.1, [1, 2, 4], [0.4, 0.1, 0.2])[0] == pytest.approx(2)
    assert refinement_of(0.1, [1, 2, 4], [0.4, 0.4, 0.2])[1]
    assert 4 < refinement_of(1e-3, [1, 2, 4], [0.4, 0.2, 0.1], 8)[0] < 8


def test_wall_time_between_and_beyond_the_lattices() -> None:
    seconds = [1e-3 * r**3 for r in (1, 2, 4)]
    for r in (0.5, 1.0, 2.7, 4.0, 6.0):
        assert time_at(r, [1, 2, 4], seconds) == pytest.approx(1e-3 * r**3)


def test_lattices_between(collision: Dataset, tmp_path: Path) -> None:
    assert refinements(8) == [1, 2, 4]
    assert refinements(6) == [1, 2, 3]
    assert refinements(2) == [1]
    assert missing(collision, ["test"]) is None
    by_two = Dataset(small_dataset(tmp_path / "b2.h5"))
    assert "blocking = 2" in (missing(by_two, ["test"]) or "")


def test_on_the_lattice_of_the_truth_wilson_is_the_truth(kinds: Dataset) -> None:
    window, times = kinds.window("test", 1), [0.25, 0.5, 1.0, 2.0]
    links = wilson_run(kinds, initial_fields(kinds, "test", 1, 4), 4, 8, times, ONE)
    for moment, U in zip(times, links, strict=True):
        assert (U - window.U[round(4 * moment)]).abs().max() < 1e-12, moment
    assert (window.U[8] - window.U[0]).abs().max() > 0.01


def test_on_the_coarse_lattice_wilson_is_the_plain_coarse_scheme(kinds: Dataset) -> None:
    """Steps of the solver from the blocked fields that every coarse scheme starts from."""
    window, start = kinds.window("test", 0), initial_fields(kinds, "test", 0, 1)
    assert torch.equal(start.U, window.U[:1])
    assert start.pi is not None
    if window.longitudinal is None:
        assert not start.pi.any()
        return
    assert torch.equal(start.pi[0], window.longitudinal)
    surrogate = EvolutionSurrogate(group="SU(2)", frame="milne", blocking=4, substeps=4)
    state = surrogate.start(window.U[:1], window.longitudinal[None])
    *_, last = surrogate.run(state, 15)
    (found,) = wilson_run(kinds, start, 1, 4, [4.0], ONE)
    assert (found - last.U).abs().max() < 1e-12


def test_finer_lattices_are_better_and_a_surrogate_with_wilsons_action_gains_nothing(collision: Dataset) -> None:
    surrogate = EvolutionSurrogate(group="SU(2)", frame="milne", blocking=4, substeps=SUBSTEPS[-1])
    (one,) = study_resolution(collision, ["test"], 0, surrogate, ONE, lambda text: None)
    assert [(run.refinement, run.substeps) for run in one.wilson] == [(r, n) for n in SUBSTEPS for r in (1, 2)]
    for coarse, fine in (one.wilson[:2], one.wilson[2:]):
        assert np.all(np.array(fine.errors) < 0.6 * np.array(coarse.errors))
        assert (fine.sites, fine.steps, fine.field_bytes) == (4 * coarse.sites, 2 * coarse.steps, 4 * coarse.field_bytes)
        assert 0 < coarse.seconds < fine.seconds
    # It is the same scheme as Wilson's of its own step: with that, no gain at all.
    np.testing.assert_allclose(one.surrogate.errors, one.wilson[2].errors, rtol=1e-9)
    assert one.substeps in SUBSTEPS
    for gain in one.curve:
        assert gain.resolution <= 1 + 1e-9
        assert gain.memory == gain.resolution**2
        assert gain.events[0] <= gain.events[1]
    assert one.at[-1] is one.curve[-1]
    window = collision.window("test", 0)
    assert strength_error(surrogate, window.U[1:2], window.U[1:2]) == 0


def test_upscalers_have_to_refine_by_the_blocking(collision: Dataset, tmp_path: Path) -> None:
    evolution = save_model(EvolutionSurrogate(blocking=4), tmp_path / "evolution.safetensors")
    upscaler = str(save_model(Upscaler(radius=0), tmp_path / "upscaler.safetensors"))
    given = {"name": "small", "threads": 1, "dataset": str(collision.path), "evolution": str(evolution), "events": 1}
    with pytest.raises(ConfigError, match=r"refines by 2, .* is blocked by 4"):
        compare(checked(CompareFile, {"compare": {**given, "upscaler": upscaler}}), tmp_path, lambda text: None)
    # Two of them give a floor; the file has no fine state after τ = 0+, so there is no map.
    page = compare(checked(CompareFile, {"compare": {**given, "upscaler": [upscaler] * 2}}), tmp_path, lambda text: None)
    data = json.loads(page.with_suffix(".json").read_text())
    assert FLOOR in data["events"][0]["curves"]
    assert data["maps"] is None


def test_the_page_has_the_study_or_says_why_not(collision: Dataset, tmp_path: Path) -> None:
    def compared(dataset: Path, blocking: int) -> tuple[dict, str]:
        model = save_model(EvolutionSurrogate(blocking=blocking), tmp_path / f"b{blocking}.safetensors")
        given = {"name": "small", "threads": 1, "dataset": str(dataset), "evolution": str(model), "events": 1}
        out = tmp_path / str(blocking)
        page = compare(checked(CompareFile, {"compare": given}), out, lambda text: None)
        return json.loads((out / "compare.json").read_text()), page.read_text(encoding="utf-8")

    data, page = compared(collision.path, 4)
    (one,) = data["resolution"]
    assert len(one["curve"]) == len(one["times"]) == 4
    assert all(gain["extrapolated"] in (True, False) for gain in one["at"])
    assert page.count("data:image/png;base64,") == 4
    assert data["events"][0]["curves"][WILSON]["strength"][-1] == pytest.approx(one["surrogate"]["errors"][-1], rel=1e-9)
    fine = next(cost for cost in data["costs"] if cost["name"] == "solver, fine, Δτ = a/8")
    assert fine["sites"] == 32**2
    data, page = compared(small_dataset(tmp_path / "b2.h5"), 2)
    assert "blocking = 2" in data["resolution"]["missing"]
    assert data["resolution"]["missing"] in page.replace("&#34;", '"')
