"""Wrong values in [training] are answered with one line: the field, its value, the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from glasma.errors import ConfigError, FileError
from surrogate.training import Trainer, TrainingConfig, load_training, training_config


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"epoch": 3}, "training.epoch = 3: unknown key; did you mean epochs?"),
        ({"epochs": -1}, "training.epochs = -1: should be greater than or equal to 0 (passes over"),
        ({"epochs": "many"}, "training.epochs = 'many': should be a valid integer"),
        ({"optimiser": "adamm"}, "training.optimiser = 'adamm': must be one of 'adam', 'adamw', 'sgd' or 'lbfgs'"),
        ({"learning_rate": 0}, "training.learning_rate = 0: should be greater than 0 (at the start"),
        ({"learning_rate": float("nan")}, "training.learning_rate = nan: should be a finite number"),
        ({"lbfgs": {"epochs": -2}}, "training.lbfgs.epochs = -2: should be greater than or equal to 0 (iterations"),
        ({"lbfgs": {"step": 1}}, "training.lbfgs.step = 1: unknown key; "),
        ({"lbfgs": 20}, "training.lbfgs = 20: must be a section with keys"),
        ({"device": "gpu"}, 'training.device = \'gpu\': must be "auto", "cpu", "cuda" or "cuda:N"'),
    ],
)
def test_one_line(data: dict[str, Any], line: str):
    with pytest.raises(ConfigError) as error:
        training_config(data)
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)


def test_file_with_other_sections_and_overrides(tmp_path: Path):
    path = tmp_path / "study.toml"
    path.write_text('[data]\nlattice = 8\n[training]\nepochs = 3\noptimiser = "sgd"\n[training.lbfgs]\nepochs = 7\n')
    config = load_training(path, ["training.learning_rate=0.5", "training.optimiser=adamw"])
    assert (config.epochs, config.learning_rate, config.optimiser, config.lbfgs.epochs) == (3, 0.5, "adamw", 7)
    assert training_config(config.as_dict()) == config
    path.write_text("[data]\nlattice = 8\n")
    with pytest.raises(ConfigError, match=r"has no section \[training\]; add one"):
        load_training(path)
    with pytest.raises(FileError, match="cannot be read"):
        load_training(tmp_path / "none.toml")


def test_missing_cuda_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    config = TrainingConfig(device="cuda")
    with pytest.raises(ConfigError, match=r'training.device = "cuda": there is no CUDA device here; set "auto" or "cpu"'):
        Trainer(nn.Linear(1, 1), None, torch.ones(1, 1), None, config, tmp_path)
