"""The learning rate of each epoch."""

from __future__ import annotations

import math
from typing import Any

from surrogate.training.config import TrainingConfig


class Schedule:
    """What `training.schedule` says, after a linear warm-up.

    `constant`; `cosine`: from the learning rate to its final fraction over all epochs; `plateau`: lower by a factor whenever
    the validation loss has not improved for some evaluations.
    """

    def __init__(self, config: TrainingConfig) -> None:
        self._config = config
        self._factor, self._best, self._waited = 1.0, math.inf, 0

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0."""
        config = self._config
        if epoch < config.warmup_epochs:
            return config.learning_rate * (epoch + 1) / config.warmup_epochs
        if config.schedule == "cosine":
            part = (epoch - config.warmup_epochs) / max(1, config.epochs - config.warmup_epochs)
            cosine = (1 + math.cos(math.pi * part)) / 2
            return config.learning_rate * (config.final_fraction + (1 - config.final_fraction) * cosine)
        return config.learning_rate * self._factor

    def evaluated(self, loss: float) -> None:
        """Take note of a validation loss."""
        config = self._config
        if config.schedule != "plateau":
            return
        if improves(loss, self._best, config.min_delta):
            self._best, self._waited = loss, 0
            return
        self._waited += 1
        if self._waited >= config.plateau_patience:
            self._factor, self._waited = max(self._factor * config.plateau_factor, config.final_fraction), 0

    def state_dict(self) -> dict[str, Any]:
        """What later learning rates depend on."""
        return {"factor": self._factor, "best": self._best, "waited": self._waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._factor, self._best, self._waited = state["factor"], state["best"], state["waited"]


def improves(loss: float, best: float, min_delta: float) -> bool:
    """Whether a loss is smaller than the best so far, by more than a part `min_delta` of it."""
    return loss < best and (math.isinf(best) or best - loss >= min_delta * abs(best))
