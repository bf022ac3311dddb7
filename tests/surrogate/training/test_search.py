"""The search finds the best values, cuts bad trainings short, and goes on after a kill."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from glasma.errors import ConfigError, FileError, GlasmaError
from glasma.progress import Silent
from surrogate.training import Trainer, training_config
from surrogate.training.search import Found, Search, search, search_config

pytest.importorskip("optuna")

BASE: dict[str, Any] = {
    "training": {"epochs": 6, "optimiser": "sgd", "momentum": 0, "tensorboard": False, "device": "cpu"},
    "model": {"start": 1},
}

SPACE: dict[str, Any] = {
    "training": {"learning_rate": {"low": 1e-3, "high": 0.2, "log": True}},
    "model": {"start": {"low": 1, "high": 4}},
}


class Bowl(nn.Module):
    """The loss is x²; a step multiplies x by 1 − 2 × the learning rate."""

    def __init__(self, start: float) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.tensor(float(start)))

    def loss(self, model: nn.Module, batch: Tensor) -> Tensor:
        return self.x.square()


class Make:
    """Makes the trainer of a configuration; raises when a number of trainings were made."""

    def __init__(self, stop_at: int = 0) -> None:
        self.made: list[dict[str, Any]] = []
        self.stop_at, self.steps = stop_at, 0

    def __call__(self, config: dict[str, Any], directory: Path) -> Trainer:
        self.made.append(config)
        model, data = Bowl(config["model"]["start"]), torch.zeros(4, 1)
        training = training_config({**config["training"], "checkpoint_every": 1})

        def loss(module: nn.Module, batch: Tensor) -> Tensor:
            self.steps += module.training
            if len(self.made) == self.stop_at and model.training and self.steps % 6 == 4:
                raise KeyboardInterrupt
            return model.loss(module, batch)

        return Trainer(model, loss, data, data, training, directory, reporter=Silent())


def searched(make: Make, path: Path, trials: int = 8, space: dict[str, Any] = SPACE, **settings: Any) -> Found:
    config, ranges = search_config({"trials": trials, "space": space, **settings})
    return search(make, BASE, config, ranges, path, Silent())


def test_finds_the_best_and_writes_it_down(tmp_path: Path):
    make = Make()
    found = searched(make, tmp_path, pruner="none")
    losses = [config["model"]["start"] ** 2 * (1 - 2 * config["training"]["learning_rate"]) ** 12 for config in make.made]
    assert len(losses) == 8
    assert found.loss == pytest.approx(min(losses), rel=1e-4)
    assert found.config == make.made[losses.index(min(losses))]
    assert found.values["training.learning_rate"] == found.config["training"]["learning_rate"]
    assert all(isinstance(config["model"]["start"], int) for config in make.made)
    written = json.loads((tmp_path / "search.json").read_text())
    assert written["best"]["loss"] == found.loss
    assert len(written["trials"]) == 8
    assert json.loads((found.directory / "run.json").read_text())["best_loss"] == found.loss
    assert BASE["model"] == {"start": 1}, "the base is left alone"


def test_bad_trainings_are_cut_short(tmp_path: Path):
    searched(Make(), tmp_path, startup_trials=2, warmup_epochs=1)
    trials = json.loads((tmp_path / "search.json").read_text())["trials"]
    epochs = {t["state"]: json.loads((tmp_path / t["directory"] / "run.json").read_text())["epochs"] for t in trials}
    assert epochs["complete"] == 6
    assert epochs["pruned"] < 6


def test_resumed_search_makes_the_same_trainings_once(tmp_path: Path):
    stopped = Make(stop_at=4)
    with pytest.raises(KeyboardInterrupt):
        searched(stopped, tmp_path / "a", pruner="none")
    resumed = Make()
    searched(resumed, tmp_path / "a", pruner="none")
    assert resumed.made[0] == stopped.made[3], "the interrupted training comes first"
    run = json.loads((tmp_path / "a" / "trial-0003" / "run.json").read_text())
    assert (run["status"], run["resumed"]) == ("finished", 1)
    assert len(stopped.made) + len(resumed.made) == 8 + 1
    drawn = [json.dumps(config) for config in stopped.made[:3] + resumed.made]
    assert len(set(drawn)) == 8, "no choice is repeated"
    more = Make()
    searched(more, tmp_path / "a", trials=9, pruner="none")
    assert len(more.made) == 1
    with pytest.raises(ConfigError, match=r"another content of search.space"):
        searched(Make(), tmp_path / "a", space={"model": SPACE["model"]})


def test_diverging_trainings_do_not_end_the_search(tmp_path: Path):
    space = {"training": {"learning_rate": {"choices": [0.1, 1e30]}}}
    found = searched(Make(), tmp_path, space=space, sampler="random", trials=6)
    assert found.values == {"training.learning_rate": 0.1}
    with pytest.raises(GlasmaError, match="all 2 trainings diverged or were cut short"):
        searched(Make(), tmp_path / "b", space={"training": {"learning_rate": {"choices": [1e30]}}}, trials=2)


def test_one_process_at_a_time(tmp_path: Path):
    class Nested(Make):
        def __call__(self, config: dict[str, Any], directory: Path) -> Trainer:
            with pytest.raises(FileError, match="another process searches here"):
                searched(Make(), tmp_path)
            return super().__call__(config, directory)

    searched(Nested(), tmp_path, trials=1)


def test_missing_optuna_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(GlasmaError, match=r"optuna is not installed; .* pip install 'glasma\[tune\]'"):
        searched(Make(), tmp_path)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"trials": 0, "space": SPACE}, "search.trials = 0: should be greater than or equal to 1"),
        ({"sampler": "grid", "space": SPACE}, "search.sampler = 'grid': must be one of"),
        ({}, "search.space: names no hyper-parameter"),
        ({"space": {"x": {"low": 1}}}, "search.space.x = {'low': 1}: needs low ≤ high"),
        (
            {"space": {"x": {"low": 0, "high": 1, "log": True}}},
            "search.space.x = {'low': 0, 'high': 1, 'log': True}: ",
        ),
        ({"space": {"a": {"b": {"low": 1, "hig": 2}}}}, "search.space.a.b.hig = 2: unknown key; did you mean high?"),
        ({"space": {"x": {"choices": []}}}, "search.space.x.choices = []: "),
        ({"space": {"x": {"log": True}}}, "search.space.x = {'log': True}: needs low and high, or choices"),
        ({"space": {"x": 3}}, "search.space.x = 3: must be"),
    ],
)
def test_wrong_search_is_one_line(data: dict[str, Any], line: str):
    with pytest.raises(ConfigError) as error:
        search_config(data)
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)


def test_defaults():
    assert search_config({"space": SPACE})[0] == Search()
