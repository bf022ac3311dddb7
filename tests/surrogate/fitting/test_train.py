"""From a dataset to a model: what is learned, what is refused, and how an interrupted training goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from glasma.cli import cli
from glasma.errors import ConfigError, GlasmaError
from glasma.io.openpmd import Snapshots
from surrogate.dataset import Dataset
from surrogate.evolution.leapfrog import FieldState
from surrogate.evolution.rollouts import state_of
from surrogate.evolution.surrogate import EvolutionSurrogate
from surrogate.fitting.config import load_train_file
from surrogate.fitting.train import train
from surrogate.model_files import load_model, load_model_of
from surrogate.upscaling.upscaler import Upscaler
from tests.surrogate.pipeline import small_dataset, train_file, trained

ROLLOUTS = {"lengths": [4], "windows": 2, "iterations": 1}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dataset(tmp_path_factory.mktemp("dataset") / "small.h5")


@pytest.fixture(scope="module")
def evolution(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(dataset, tmp_path_factory.mktemp("evolution"), rollouts=ROLLOUTS)


@pytest.fixture(scope="module")
def upscaler(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(dataset, tmp_path_factory.mktemp("upscaler"), train={"model": "upscaler"}, upscaler={"radius": 1})


def test_the_surrogate_moves_fields_it_has_not_seen_better_than_wilson(evolution: Path) -> None:
    surrogate = load_model_of(evolution, EvolutionSurrogate)
    metrics = surrogate.card["metrics"]["splits"]["test"]
    assert metrics["strength"]["1.0"] < 0.08
    assert metrics["energy"]["1.0"] < 0.02
    values = surrogate.pairs.values()
    assert 1.2 < values["plaquette"] < 1.5
    assert values["adjacent"] < 0 < values["straight2"]


def test_the_first_half_step_has_a_fit_of_its_own(dataset: Path, evolution: Path) -> None:
    """It is nearer to the truth in the norm that is fitted, for an event not seen, and its fields obey Gauss as before."""
    surrogate, data = load_model_of(evolution, EvolutionSurrogate), Dataset(dataset)
    window = data.window("test", 0)
    assert window.longitudinal is not None
    with torch.no_grad():
        begun = surrogate.start(window.U[:1], window.longitudinal[None])
        plain = surrogate.leapfrog.start(window.U[:1], window.longitudinal[None])
    truth = state_of(surrogate, window)
    tau = surrogate.config.step / 2

    def distance(state: FieldState) -> float:
        assert state.pi is not None
        assert truth.pi is not None
        kinetic = (state.P - truth.P).norm() ** 2 / tau + tau * (state.pi - truth.pi).norm() ** 2
        return float(kinetic)

    assert distance(begun) < 0.5 * distance(plain)
    assert surrogate.leapfrog.gauss(begun).abs().max() < 1e-13
    assert surrogate.beginning is not None
    assert "commutator" not in surrogate.beginning.values()


def test_the_upscaler_beats_the_geodesic_baseline(upscaler: Path, dataset: Path) -> None:
    from surrogate.fitting.upscaler import magnetic_map_error, synchronous_fine_state

    state = synchronous_fine_state(Dataset(dataset), "test", 0, Dataset(dataset).content.splits["test"].fine[-1])
    fitted, mean = magnetic_map_error(load_model_of(upscaler, Upscaler), state)
    baseline, _ = magnetic_map_error(Upscaler.geodesic("SU(2)", "milne"), state)
    assert fitted < 0.5 * baseline
    assert abs(mean - 1) < 0.02


def test_models_come_back_from_their_files(evolution: Path, upscaler: Path) -> None:
    for path in (evolution, upscaler):
        first, second = load_model(path), load_model(path)
        for one, other in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
            assert torch.equal(one, other)
        card = json.loads(path.with_suffix(".json").read_text())
        assert card["training_data"]["dataset"]["dataset"]["name"] == "small"
    with pytest.raises(GlasmaError, match="holds a model of the kind Upscaler, not EvolutionSurrogate"):
        load_model_of(upscaler, EvolutionSurrogate)


def test_training_is_reproducible(dataset: Path, evolution: Path, tmp_path: Path) -> None:
    again = trained(dataset, tmp_path, rollouts=ROLLOUTS)
    one, other = (load_model(path).state_dict() for path in (evolution, again))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_network_is_trained_through_rollouts_and_goes_on(dataset: Path, tmp_path: Path) -> None:
    sections = {
        "evolution": {"network": {"channels": [2], "tied": True}},
        "rollouts": {"lengths": [1, 2], "windows": 1, "validation_windows": 1},
        "training": {"epochs": 2, "batch_size": 1, "precision": "float64", "learning_rate": 1e-3, "threads": 1},
    }
    whole = load_model_of(trained(dataset, tmp_path / "whole", **sections), EvolutionSurrogate)
    assert whole.network is not None
    assert bool(whole.network.strength)
    # Without the second phase, then with it: the first is not trained again.
    part = train_file(dataset, **{**sections, "rollouts": {**sections["rollouts"], "lengths": [1]}})
    train(part, tmp_path / "parts", lambda text: None)
    resumed = load_model_of(trained(dataset, tmp_path / "parts", **sections), EvolutionSurrogate)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"train": {"model": "gan"}}, "train.model = 'gan': must be one of evolution, upscaler"),
        ({"train": {"test_splits": ["other"]}}, "split 'other': .* has train, validation, test"),
        ({"evolution": {"terms": ["plaquete"]}}, "term 'plaquete': known are plaquette"),
    ],
)
def test_wrong_trainings_are_refused(
    dataset: Path, tmp_path: Path, sections: dict[str, dict[str, object]], message: str
) -> None:
    with pytest.raises(GlasmaError, match=message):
        trained(dataset, tmp_path, **sections)


def test_wrong_files_give_one_line(tmp_path: Path) -> None:
    path = tmp_path / "train.toml"
    path.write_text('[train]\nname = "x"\ndataset = "none.h5"\nmodl = "upscaler"\n')
    with pytest.raises(ConfigError, match=r"train\.modl = 'upscaler': unknown key; did you mean model\?"):
        load_train_file(path)
    done = CliRunner().invoke(cli, ["train", str(path), "--set", "train.modl=1"])
    assert isinstance(done.exception, ConfigError)


def test_a_snapshot_is_blocked_evolved_and_upscaled(evolution: Path, upscaler: Path, tmp_path: Path) -> None:
    """The commands, from a fine run to a fine snapshot of a later time, which has the energy of the run."""
    config = tmp_path / "run.toml"
    config.write_text(
        '[run]\nname = "fine"\nseed = 9\n[lattice]\ntransverse_cells = 32\ntransverse_length = "3.2 fm"\n'
        '[nuclei]\ng2mu = "2 fm^-1"\ninfrared_regulator = "0.4 fm^-1"\nultraviolet_cutoff = "10 fm^-1"\n'
        '[evolution]\nscheme = "boost_invariant"\nend_time = "0.8 fm"\n[output]\nsnapshots = ["0.4 fm"]\n'
    )
    fine, coarse, back = (tmp_path / name for name in ("fine", "coarse", "back"))
    runner = CliRunner()

    def invoke(*arguments: str) -> str:
        done = runner.invoke(cli, list(arguments), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    invoke("run", str(config), "--out", str(fine), "--quiet")
    invoke("evolve", str(evolution), str(fine / "snapshots.h5"), "--until", "0.8 fm", "--out", str(coarse))
    said = invoke("upscale", str(upscaler), str(coarse / "snapshots.h5"), "--out", str(back))
    assert "Gauss" in said
    with Snapshots(fine / "snapshots.h5") as truth, Snapshots(back / "snapshots.h5") as found:
        assert truth.steps[-1] == found.steps[-1]
        expected, energy = (s.mesh(s.steps[-1], "T")[0].mean() for s in (truth, found))
        assert energy == pytest.approx(expected, rel=0.02)
        assert found.derived.grid.shape == (32, 32, 1)
    for arguments, message in (
        (["evolve", str(evolution), str(fine / "snapshots.h5"), "--until", "0.1 fm", "--out", str(tmp_path / "a")], "until"),
        (["evolve", str(evolution), str(fine / "snapshots.h5"), "--until", "1 fm", "--step", "3"], "has no fields at step 3"),
        (["evolve", str(upscaler), str(fine / "snapshots.h5"), "--until", "1 fm"], "not EvolutionSurrogate"),
        (["evolve", str(evolution), str(fine / "snapshots.h5"), "--until", "soon"], "--until soon"),
    ):
        with pytest.raises(GlasmaError, match=message):
            runner.invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)
    assert np.isfinite(energy)
