"""What a data set of collisions in 3+1D holds is the engine's run, blocked in the slab; what cannot be drawn is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glasma.collision import Collision
from glasma.derived import Derived
from glasma.errors import GlasmaError
from surrogate.collisions.event import coarse_collision
from surrogate.collisions.run import blocked_links
from surrogate.collisions.slab import Slab, moves
from surrogate.dataset import Dataset, load_dataset_config
from surrogate.dataset.collision_event import blocked_mean
from surrogate.dataset.config import dataset_config
from surrogate.dataset.plan import make_plan
from surrogate.errors import LayerError
from tests.surrogate.collisions.small import FINE_PER_STEP, FIRST, STEPS, difference, values
from tests.surrogate.dataset.small import drawn, toml
from tests.tiny_run import assert_refused, glasma

#: By the number m of fine steps in a coarse one.
SUBSTEPS = {FINE_PER_STEP: 2, 3: 3}


@pytest.fixture(scope="module", params=SUBSTEPS)
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The small data set, with an even and an odd number of fine steps in a coarse one."""
    given = values()
    given["source"]["evolution"]["substeps"] = SUBSTEPS[request.param]
    return drawn(tmp_path_factory.mktemp("collisions"), given)


def fine_per_step(data: Dataset) -> int:
    return data.blocking * data.content.splits["train"].fine_substeps // data.content.substeps


@pytest.mark.parametrize(("split", "event"), [("train", 1), ("test", 0)])
def test_fields_energies_and_view_are_those_of_the_engine(data: Dataset, split: str, event: int) -> None:
    """A run of its own, from the configuration that the event carries, at the times that follow from the definition."""
    m, b = fine_per_step(data), data.blocking
    run = Collision(data.engine_config(split, event))
    fields, scheme = run.fields, run.scheme
    slab = Slab.at_midrapidity(fields.grid, b)
    links, energies = {}, {}
    while True:
        links[fields.step] = blocked_links(fields, slab.stored_fine, b) if fields.step % m == 0 else None
        if fields.step > m * FIRST:
            energies[fields.step - 0.5] = scheme.measure(fields).components[:, slice(*slab.fine)].mean(axis=1)
        if fields.step == m * (FIRST + STEPS):
            break
        scheme.step(fields)
    window, means = data.window(split, event), data.energies(split, event)
    assert window.U.shape[0] == data.times(split) == STEPS + 1 == len(means) + 1
    for n in range(STEPS + 1):
        assert difference(window.U[n], links[m * (FIRST + n)][0]) < 1e-14
    for n in range(STEPS):
        at = m * (FIRST + n + 0.5)
        # A fine half step lies there if m is odd; else the mean of both around it.
        expected = energies[at] if m % 2 else (energies[at - 0.5] + energies[at + 0.5]) / 2
        assert means[n].numpy() == pytest.approx(b**4 * expected, rel=1e-12)
    view = scheme.measure(fields).front_view.astype(np.float64)
    seen = data.front_view(split, event)
    assert seen.shape == data.lattice(split) == (8, 8)
    assert seen.mean() == pytest.approx(b**4 * view.mean(), rel=1e-12)
    assert seen[1, 3] == pytest.approx(b**4 * np.array([1, 2, 1]) @ view[1:4, 5:8] @ np.array([1, 2, 1]) / 16, rel=1e-12)


def test_a_window_knows_its_times_and_the_sites_that_count(data: Dataset) -> None:
    window = data.window("train", 0, 2, 3)
    planes = window.U.shape[4]
    slab = coarse_collision(data, "train", 0).slab
    assert planes == slab.last - slab.first + 2
    assert window.first == FIRST + 2
    assert window.phi is window.longitudinal is None
    assert window.moves is not None
    assert torch.equal(window.moves, moves((8, 8, planes)))
    assert torch.equal(window.U, data.window("train", 0).U[2:5])
    assert data.frame.name == "laboratory"
    assert data.frame.anisotropy == pytest.approx(0.25)
    assert data.step == pytest.approx(0.25 / 2)
    assert data.fine_step("train") == pytest.approx(0.25 / data.content.splits["train"].fine_substeps)
    with pytest.raises(LayerError, match="fine state of time 0: the split 'train' has none"):
        data.fine_state("train", 0, 0)


def test_the_coarse_run_has_the_times_and_nuclei_of_the_event(data: Dataset) -> None:
    derived = Derived(data.engine_config("test", 0))
    run = coarse_collision(data, "test", 0)
    step_fm = run.grid.a_t * run.grid.spacing_fm
    assert run.grid.shape == (8, 8, 60)
    assert (run.first, run.last) == (FIRST, FIRST + STEPS)
    assert run.start * run.grid.spacing_fm == pytest.approx(derived.start_time)
    # The last time is the nearest to the end that was asked for.
    assert abs(derived.start_time + run.last * step_fm - 0.45) <= step_fm / 2 + 1e-12
    # The charges have left the stored planes on the coarse lattice, which has the longer cells.
    halves = [nucleus.profile.half_length for nucleus in run.nuclei]
    behind = [run.grid.a_t * FIRST - 0.49 / 2 / run.grid.spacing_fm - half for half in halves]
    assert min(behind) > run.slab.reach_fm(run.fine) / run.grid.spacing_fm + 2 * run.grid.a_z


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_means_around_coarse_sites_count_every_fine_site_once(factor: int, rng: np.random.Generator) -> None:
    plane = rng.normal(size=(4 * factor, 5 * factor))
    blocked = blocked_mean(plane, factor)
    assert blocked.shape == (4, 5)
    assert blocked.mean() == pytest.approx(plane.mean(), rel=1e-12)
    # Nothing farther than half a cell counts, and the mean lies where the coarse site is: a slope does not move it.
    x = np.arange(4 * factor, dtype=float)[:, None] * np.ones(5 * factor)
    assert blocked_mean(x, factor)[1:, 0] == pytest.approx(factor * np.arange(1, 4))
    point = np.zeros((4 * factor, 5 * factor))
    point[factor, factor] = 1
    assert np.count_nonzero(blocked_mean(point, factor)) == 1


def test_info_tells_times_since_the_collision(data: Dataset) -> None:
    said = glasma("info", data.path)
    assert said.status == 0, said.err
    run = coarse_collision(data, "test", 0)
    t0, t1 = ((run.start + n * run.grid.a_t) * run.grid.spacing_fm for n in (run.first, run.last))
    for words in (
        "data set of SU(2), collisions in 3+1D",
        "fields every coarse a_z/2",
        "1 events from seed 2, 8 × 8 sites of 0.1 fm, 10 times from "
        f"{t0:.4g} to {t1:.4g} fm since the collision, a_z/a_T = 0.25",
    ):
        assert words in said.out
    assert t1 == pytest.approx(0.455)


Change = Callable[[dict[str, Any]], Any]


def _source(section: str, **changes: Any) -> Change:
    return lambda data: data["source"][section].update(changes)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda data: data["dataset"].update(fine_times=["0.45 fm"]), "dataset.fine_times: has no meaning with source.kind"),
        (
            lambda data: data["dataset"].update(end="0.2 fm"),
            "dataset.end = 0.2 fm: the nuclei leave the planes around z = 0",
        ),
        (lambda data: data["dataset"].update(substeps=3), "Δτ_c = 2 a_z/3 is no whole number of fine steps a_z/2; set"),
        (_source("nuclei", sheets=2), "source.nuclei.sheets = 2: collisions on a coarse lattice have coherent nuclei; remove"),
        (_source("nuclei", correlation_length="0.03 fm"), "source.nuclei.correlation_length = 0.03: collisions on a coarse"),
        (_source("nuclei", system="single"), 'source.nuclei.system = "single": must be "collision"'),
        (_source("nuclei", source="file"), 'source.nuclei.source = "file": has no randomness'),
        (lambda data: data["source"].pop("nuclei"), "source.nuclei: is missing; source.kind"),
        (lambda data: data["source"]["lattice"].pop("longitudinal_cells"), "source.lattice.longitudinal_cells: is missing"),
        (lambda data: data["source"]["lattice"].pop("longitudinal_length"), "source.lattice.longitudinal_length: is missing"),
        (_source("lattice", longitudinal_cells=121), "source.lattice.longitudinal_cells = 121: must be a multiple of"),
        (_source("lattice", transverse_cells=15), "source.lattice.transverse_cells = 15: must be a multiple of"),
        (_source("evolution", scheme="semi_implicit"), 'source.evolution.scheme = "semi_implicit": must be "leapfrog"'),
        (_source("evolution", scheme="boost_invariant"), 'source.evolution.scheme = "boost_invariant": must be "leapfrog"'),
        (lambda data: data["source"].update(fields={"correlation_length": 1, "amplitude": 1}), "source.fields: has no meaning"),
        (
            lambda data: data["split"][1].update(set=['lattice.longitudinal_length="1.56 fm"']),
            'split "test": a_z/a_T = 0.26: must be 0.25 in all splits',
        ),
        (lambda data: data["split"][1].update(set=["kind=box"]), 'split "test": kind = "box": must be the same in all splits'),
        # The fine box is large enough, the coarse one with its longer cells is not.
        (
            _source("lattice", longitudinal_cells=114, longitudinal_length="1.425 fm"),
            "source.lattice.longitudinal_length = 1.425 fm: the box is too short for nuclei on the coarse lattice; use",
        ),
        (_source("nuclei", separation="0.42 fm"), "source.nuclei.separation = 0.42 fm: the nuclei overlap at the start on the"),
        (
            lambda data: data["source"]["nuclei"].pop("separation"),
            "source.nuclei.separation: the nuclei overlap at the start on the coarse lattice; set at least 0.485 fm",
        ),
    ],
)
def test_what_cannot_be_drawn_is_one_line(change: Change, expected: str) -> None:
    given = values()
    change(given)
    with pytest.raises(GlasmaError) as error:
        make_plan(dataset_config(given))
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_the_end_that_is_asked_for_is_enough(tmp_path: Path) -> None:
    """The line that refuses an early end names one that is not refused; the command says the same line."""
    config = tmp_path / "early.toml"
    config.write_text(toml(values(end="0.2 fm")))
    refused = glasma("dataset", config, "--out", tmp_path / "early.h5")
    assert_refused(refused, "dataset.end = 0.2 fm: the nuclei leave")
    named = refused.err.split("use at least ")[1].split(" fm")[0]
    plans = make_plan(dataset_config(values(end=f"{named} fm")))
    assert all(2 <= plan.timing.steps <= 3 for plan in plans)


def test_configuration_of_the_study_is_valid() -> None:
    plans = make_plan(load_dataset_config(Path(__file__).parents[3] / "runs/surrogate_collision_su2_dataset.toml"))
    sizes = {plan.split.name: (plan.split.events, plan.grid.shape, plan.timing.first, plan.timing.steps) for plan in plans}
    assert sizes["train"] == (6, (32, 32, 320), 85, 68)
    assert sizes["larger"] == (1, (64, 64, 320), 85, 68)
    assert list(sizes) == ["train", "validation", "test", "larger", "stronger", "weaker"]
