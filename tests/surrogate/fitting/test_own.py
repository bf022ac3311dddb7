"""Training of models of one's own: they learn, go on after an interruption, and the example of the page runs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from glasma.cli import cli
from glasma.errors import GlasmaError
from surrogate.dataset import Dataset
from surrogate.evolution.own import OwnEvolution
from surrogate.fitting.evolution import train_on_rollouts
from surrogate.fitting.own import own_evolution
from surrogate.model_files import load_model_of
from tests.surrogate.pipeline import small_dataset, train_file, trained

HERE = "tests.surrogate.own_models"
ROOT = Path(__file__).parents[3]
SECTIONS = {
    "rollouts": {"lengths": [2, 4], "windows": 4, "validation_windows": 2},
    "training": {"epochs": 4, "batch_size": 2, "precision": "float64", "learning_rate": 0.03, "threads": 1},
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dataset(tmp_path_factory.mktemp("dataset") / "small.h5")


def test_two_coefficients_learn_what_blocking_does_to_wilson_s_action(dataset: Path, tmp_path: Path) -> None:
    """From 1 towards the plaquette coefficient of the fit with all terms, which is above 1; the field strength gets better."""
    path = trained(dataset, tmp_path, train={"model": f"{HERE}:Plaquettes"}, **SECTIONS)
    model = load_model_of(path, OwnEvolution)
    wilson = trained(dataset, tmp_path / "wilson", train={"model": f"{HERE}:Constant"}, **SECTIONS)
    assert model.card["metrics"]["parameters"] == 2
    assert model.module.beta.item() > 1.05
    assert model.card["config"]["path"] == f"{HERE}:Plaquettes"
    # Without forces nothing is right; without parameters nothing is trained.
    errors = [json.loads(p.with_suffix(".json").read_text())["metrics"]["splits"]["test"]["strength"] for p in (path, wilson)]
    assert errors[0]["1.0"] < 0.35 < 0.39 < errors[1]["1.0"]
    assert not (tmp_path / "wilson" / "rollouts-2").exists()


def test_keywords_reach_the_class_and_an_interrupted_training_goes_on(dataset: Path, tmp_path: Path) -> None:
    def sections(*lengths: int) -> dict[str, dict[str, object]]:
        rollouts = {"lengths": list(lengths), "windows": 2, "validation_windows": 1}
        training = {**SECTIONS["training"], "epochs": 2}
        model = {"model": f"{HERE}:Plaquettes"}
        return {"train": model, "own": {"beta": 1.25}, "rollouts": rollouts, "training": training}

    # The first phase alone, then the command as a whole: what is there is not trained again.
    file, data = train_file(dataset, **sections(1)), Dataset(dataset)
    model = own_evolution(file.train.model, file.own, data)
    assert model.module.beta.item() == 1.25
    train_on_rollouts(model, file, data, tmp_path / "parts", lambda text: None)
    assert model.module.beta.item() != 1.25
    whole, parts = (
        load_model_of(trained(dataset, tmp_path / name, **sections(1, 2)), OwnEvolution) for name in ("whole", "parts")
    )
    assert json.loads((tmp_path / "parts" / "rollouts-1" / "run.json").read_text())["resumed"] == 1
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, parts.state_dict()[name]), name


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"train": {"model": "gan"}}, "train.model = 'gan': must be one of .*, or a Python path such as package.module:Name"),
        ({"train": {"model": "nowhere.to:Find"}}, "Python path 'nowhere.to:Find': cannot be imported"),
        ({"train": {"model": f"{HERE}:Plaquettes"}, "own": {"depth": 1}}, "called with depth it fails"),
        ({"train": {"model": f"{HERE}:OneNumber"}}, "a potential gives V_B, V_φ"),
    ],
)
def test_wrong_models_give_one_line(
    dataset: Path, tmp_path: Path, sections: dict[str, dict[str, object]], message: str
) -> None:
    with pytest.raises(GlasmaError, match=message) as error:
        trained(dataset, tmp_path, **{key: dict(values) for key, values in sections.items()})
    assert "\n" not in str(error.value)


def test_the_example_of_the_page_runs(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands, with a smaller data set in the place of the large one, and fewer epochs."""
    page = (ROOT / "docs" / "surrogate.md").read_text(encoding="utf-8").partition("## Your own models")[2]
    blocks = dict(re.findall(r"```(python|toml|sh)\n(.*?)```", page, re.DOTALL))
    (tmp_path / "my_models.py").write_text(blocks["python"])
    (tmp_path / "my_model.toml").write_text(blocks["toml"])
    (tmp_path / "runs" / "output").mkdir(parents=True)
    shutil.copy(dataset, tmp_path / "runs" / "output" / "surrogate_mv_su2.h5")
    shutil.copytree(ROOT / "runs" / "models", tmp_path / "runs" / "models")
    shutil.copy(ROOT / "runs" / "surrogate_mv_su2_compare.toml", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    smaller = {
        "train": ["training.epochs=2", "training.threads=1", "rollouts.windows=4"],
        "compare": ['compare.splits=["test"]'],
    }
    for line in blocks["sh"].splitlines():
        program, command, *arguments = re.findall(r"'[^']*'|\S+", line)
        assert program == "glasma"
        options = [part for override in smaller[command] for part in ("--set", override)]
        done = CliRunner().invoke(cli, [command, *(a.strip("'") for a in arguments), *options], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    data = json.loads((tmp_path / "runs/output/mv_su2_compare/compare.json").read_text())
    names = ["Wilson", "Symanzik", "surrogate", "my_model", "PlainStepper"]
    curves = data["events"][0]["curves"]
    assert [*curves] == [*names, "floor"]
    # The trained action is better than Wilson's, and has all that is exact; the rival is untrained, hence Wilson's scheme.
    errors = {name: curve["strength"][-1] for name, curve in curves.items()}
    assert errors["my_model"] < 0.95 * errors["Wilson"]
    assert errors["PlainStepper"] == pytest.approx(errors["Wilson"], rel=1e-9)
    assert max(curves[name]["gauss"] for name in names) < 1e-12
    assert max(data["equivariance"].values()) < 1e-12
