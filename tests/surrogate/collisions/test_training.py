"""Training on collisions: a scheme is found again from what it did, in the slab alone, and comes back from its file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from glasma.errors import FileError, GlasmaError
from surrogate.actions.least_squares import Window, fit_coefficients
from surrogate.collisions.event import CoarseCollision, coarse_collision, strength_error
from surrogate.collisions.run import slab_state
from surrogate.collisions.slab import moves
from surrogate.collisions.surrogate import FITTED, CollisionConfig, CollisionSurrogate
from surrogate.dataset import Dataset, WindowSamples
from surrogate.engine_fields import links_from_tensor
from surrogate.evolution.surrogate import EvolutionSurrogate
from surrogate.fitting.collision import fit_slab_energies
from surrogate.model_files import load_model, load_model_of, save_model
from tests.surrogate.collisions.small import FIRST, STEPS, difference, evolved, values
from tests.surrogate.dataset.small import drawn
from tests.surrogate.pipeline import trained

#: A stable action with all terms.
TRUTH = {name: (1.1 if name.startswith("plaquette") else 0.0) + 0.02 * (-1) ** n for n, name in enumerate(FITTED)}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return drawn(tmp_path_factory.mktemp("collisions"), values())


@pytest.fixture(scope="module")
def model(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained on the data set as it is."""
    return trained(data.path, tmp_path_factory.mktemp("model"))


def known(group: str = "SU(2)", terms: dict[str, float] | None = None) -> CollisionSurrogate:
    """The scheme that is to be found, its energies with weights of their own."""
    terms = terms or TRUTH
    made = CollisionSurrogate(CollisionConfig(group, 2, 2, 0.25, tuple(terms)))
    made.pairs.set_values(terms)
    with torch.no_grad():
        made.energies.weights.add_(0.05 * (made.energies.weights == 1))
    return made


def own_window(run: CoarseCollision, scheme: CollisionSurrogate, times: int) -> Window:
    """Links of a run of the scheme in the stored planes, from when its nuclei have left them."""
    links = [
        slab_state(fields, run.slab.stored).U for fields in run.fields(scheme.scheme(run.grid)) if fields.step >= run.first
    ]
    U = torch.cat(links[:times])
    return Window(U, first=run.first, moves=moves(U.shape[2:-2]))


def test_coefficients_are_those_with_which_the_links_moved(data: Dataset) -> None:
    """Accelerations on the planes of the slab alone, with its two neighbours, tell all coefficients exactly."""
    windows = [own_window(coarse_collision(data, split, 0), known(), 4) for split in ("train", "test")]
    found = CollisionSurrogate(known().config)
    fit = fit_coefficients(found.pairs, windows, data.frame, found.config.step, ridge=0)
    assert fit.times == 4
    assert fit.residual < 1e-6
    for name, value in TRUTH.items():
        assert found.pairs.values()[name] == pytest.approx(value, abs=1e-6), name
    # With the sites beside the slab, whose forces reach beyond what is stored, it is not so.
    window = Window(windows[0].U[:3], first=windows[0].first)
    assert fit_coefficients(found.pairs, [window], data.frame, found.config.step, ridge=0).residual > 1e-3


def test_training_on_runs_of_a_scheme_gives_that_scheme(data: Dataset, tmp_path: Path) -> None:
    """A data set whose fields and energies are those of a coarse scheme: planes, times and units of all steps are the same."""
    scheme = known()
    path = Path(shutil.copy(data.path, tmp_path / "own.h5"))
    with h5py.File(path, "r+") as file, torch.no_grad():
        for split in data.splits:
            for event in range(data.events(split)):
                run, place = coarse_collision(data, split, event), file[f"{split}/{event:04d}"]
                for fields in run.fields(scheme.scheme(run.grid)):
                    row = fields.step - run.first
                    if row >= 0:
                        state = slab_state(fields, run.slab.stored)
                        place["U"][row] = links_from_tensor(state.U, fields.group)
                    if row > 0:
                        place["energies"][row - 1] = scheme.energies(state.U, state.E)[0].numpy()
    model = load_model_of(trained(path, tmp_path / "out", evolution={"ridge": 0, "energy_ridge": 1e-12}), CollisionSurrogate)
    assert model.pairs.values() == pytest.approx(TRUTH, abs=1e-6)
    metrics = model.card["metrics"]
    assert metrics["residual"] < 1e-6
    assert max(metrics["energy_operators"]) < 1e-6
    (test,) = metrics["splits"].values()
    assert max(test["strength"].values()) < 1e-6
    assert max(value for name in ("energy", "P_L", "P_T") for value in test[name].values()) < 1e-5


def test_the_card_tells_the_errors_of_the_run(data: Dataset, model: Path) -> None:
    """At a quarter, half and the end of the times; at the end they are below Wilson's for an event not seen."""
    found = load_model_of(model, CollisionSurrogate)
    run, window, energies = coarse_collision(data, "test", 0), data.window("test", 0), data.energies("test", 0)
    seen: dict[str, list[float]] = {}
    with torch.no_grad():
        for name, scheme in (("wilson", CollisionSurrogate(found.config)), ("fit", found)):
            states = [slab_state(fields, run.slab.stored) for fields in run.fields(scheme.scheme(run.grid))][run.first :]
            assert [state.number for state in states] == list(range(FIRST + 1, FIRST + STEPS + 1))
            seen[name] = [strength_error(state.U, U[None], 0.25) for state, U in zip(states, window.U[1:], strict=True)]
        ratio = float(found.energies(states[-1].U, states[-1].E).sum() / energies[-1].sum())
    assert seen["fit"][-1] < seen["wilson"][-1]
    metrics = found.card["metrics"]["splits"]["test"]
    assert metrics["energy"]["1.0"] == pytest.approx(abs(ratio - 1), rel=1e-9)
    for part, strength in metrics["strength"].items():
        assert strength == pytest.approx(seen["fit"][round(float(part) * STEPS) - 1], rel=1e-9), part


def test_the_error_of_fields_that_are_the_same_is_zero(data: Dataset) -> None:
    U = data.window("test", 0).U
    assert strength_error(U[:1], U[:1], 0.25) == 0
    assert strength_error(U[:1].conj().resolve_conj(), U[:1], 0.25) > 1


@pytest.mark.parametrize("ridge", [1e-3, 1e6])
def test_the_ridge_holds_energy_operators_at_the_plain_ones(data: Dataset, ridge: float) -> None:
    found = CollisionSurrogate(known().config)
    plain = found.energies.weights.detach().clone()
    errors = fit_slab_energies(found, data, "train", ridge)
    assert (max(errors) < 0.02) == (ridge < 1)
    distance = difference(found.energies.weights.detach(), plain)
    assert (distance < 1e-3) == (ridge > 1)


def test_a_model_comes_back_from_its_file_and_runs_bit_for_bit_the_same(data: Dataset, model: Path) -> None:
    first = load_model_of(model, CollisionSurrogate)
    second = load_model_of(save_model(first, model.with_name("again.safetensors")), CollisionSurrogate)
    assert first.config == second.config
    assert first.config.anisotropy == pytest.approx(0.25)
    run = coarse_collision(data, "test", 0)
    one, other = (evolved(made.scheme(run.grid), run.nuclei, run.last - 1) for made in (first, second))
    assert np.array_equal(one.U, other.U)
    assert np.array_equal(one.E, other.E)
    state = slab_state(one, run.slab.stored)
    with torch.no_grad():
        assert torch.equal(first.energies(state.U, state.E), second.energies(state.U, state.E))
    card = json.loads(model.with_suffix(".json").read_text())
    assert card["architecture"] == "CollisionSurrogate"
    assert card["dimensions"] == 3
    assert card["training_data"]["dataset"]["source"]["kind"] == "collision"
    with pytest.raises(FileError, match="holds a model of the kind CollisionSurrogate, not EvolutionSurrogate"):
        load_model_of(model, EvolutionSurrogate)


def test_training_is_reproducible(data: Dataset, model: Path, tmp_path: Path) -> None:
    again = trained(data.path, tmp_path)
    one, other = (load_model(path).state_dict() for path in (model, again))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_samples_in_any_gauge_tell_the_same_coefficients(data: Dataset) -> None:
    """Windows keep the sites that count when they are turned."""
    found = []
    for seed in (None, 5):
        made = CollisionSurrogate(known().config)
        fit_coefficients(made.pairs, WindowSamples(data, "train", 3, 6, gauge_seed=seed), data.frame, made.config.step)
        found.append(made.pairs.coefficients.detach())
    assert difference(found[0], found[1]) < 1e-6 * float(found[0].abs().max())


def test_an_action_without_a_stable_scheme_is_one_line(data: Dataset) -> None:
    """What a fit to too few times may find."""
    made = CollisionSurrogate(known().config)
    made.pairs.set_values({"plaquette.xy": 1.0, "plaquette.z": 4.0})
    with pytest.raises(GlasmaError, match=r"a surrogate for collisions: a_t = 0\.125 a_T is not below 0\.11") as error:
        made.scheme(coarse_collision(data, "test", 0).grid)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"train": {"model": "upscaler"}}, "train.model = 'upscaler': the events of .* are collisions in 3\\+1D"),
        ({"train": {"model": "tests.surrogate.own_models:Plaquettes"}}, "own_models:Plaquettes': the events of .* are coll"),
        (
            {"evolution": {"network": {"channels": [2]}}},
            "evolution.network: a surrogate for collisions in 3\\+1D has",
        ),
        ({"evolution": {"terms": ["plaquette.xy", "straight2.zz"]}}, "evolution.terms = 'straight2.zz': reaches along z"),
        ({"evolution": {"terms": ["plaquette.xy", "diagonal.z"]}}, "evolution.terms = 'diagonal.z': reaches along z"),
        ({"evolution": {"terms": ["plaquette"]}}, "term 'plaquette': known are plaquette.xy"),
        ({"train": {"test_splits": ["larger"]}}, "split 'larger': .* has train, test"),
    ],
)
def test_wrong_trainings_are_refused(
    data: Dataset, tmp_path: Path, sections: dict[str, dict[str, object]], expected: str
) -> None:
    with pytest.raises(GlasmaError, match=expected) as error:
        trained(data.path, tmp_path, **sections)
    assert "\n" not in str(error.value)
