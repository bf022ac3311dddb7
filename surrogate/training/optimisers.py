"""Which optimiser `training.optimiser` names."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from surrogate.training.config import TrainingConfig
from surrogate.training.lbfgs import LBFGS


def optimiser_named(name: str, parameters: list[nn.Parameter], config: TrainingConfig) -> torch.optim.Optimizer | LBFGS:
    """A new optimiser of some parameters."""
    if name == "lbfgs":
        return LBFGS(parameters, config.lbfgs.history, config.lbfgs.evaluations)
    common: dict[str, Any] = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
    if name == "sgd":
        return torch.optim.SGD(parameters, momentum=config.momentum, **common)
    kind = torch.optim.Adam if name == "adam" else torch.optim.AdamW
    return kind(parameters, betas=(config.momentum, 0.999), amsgrad=config.amsgrad, **common)
