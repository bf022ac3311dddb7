"""A training of some seconds at most, which also runs as a process: `python -m tests.surrogate.training.tiny_training DIR`.

The model has complex and real weights and a buffer; the loss draws from all global random number generators.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glasma.progress import Silent
from surrogate.training import Trainer, mean_square, seed_everything, training_config
from surrogate.training.history import History

#: What a training leaves that must not depend on interruptions.
RESULTS = ("history.csv", "best.safetensors", "last.safetensors")

SETTINGS: dict[str, Any] = {
    "epochs": 6,
    "batch_size": 8,
    "learning_rate": 0.02,
    "schedule": "plateau",
    "plateau_patience": 1,
    "min_delta": 0.5,
    "checkpoint_every": 2,
    "checkpoint_batches": 2,
    "gradient_clip": 3.0,
    "tensorboard": False,
    "device": "cpu",
    "lbfgs": {"epochs": 4, "batch_size": 16},
}


class Square(torch.autograd.Function):
    """|z|² with a backward pass of its own, as the layers have."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        return z.real.square() + z.imag.square()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        return 2 * gradient * z


class TinyModel(nn.Module):
    """Real outputs of complex inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(4, 6, dtype=torch.complex64)
        self.out = nn.Linear(6, 2)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.calls += 1
        return self.out(Square.apply(self.mix(x)))


def noisy(model: nn.Module, batch: Any) -> Tensor:
    draws = torch.rand(()).item() + np.random.random() + random.random()  # noqa: NPY002
    return mean_square(model, batch) * (1 + 0.1 * draws)


def tiny_data(samples: int = 44) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(samples, 4, dtype=torch.complex64, generator=generator)
    target = torch.stack([inputs.abs().square().sum(1), (inputs[:, 0] * inputs[:, 1].conj()).real], dim=1)
    return inputs, target


def tiny_trainer(directory: Path, loss: Any = noisy, **settings: Any) -> Trainer:
    inputs, target = tiny_data()
    config = training_config({**SETTINGS, **settings})
    seed_everything(config.seed)
    train, validation = (inputs[:30], target[:30]), (inputs[30:], target[30:])
    return Trainer(TinyModel(), loss, train, validation, config, directory, reporter=Silent())


def tiny_training(directory: Path, resume: bool = False, loss: Any = noisy, **settings: Any) -> History:
    return tiny_trainer(directory, loss, **settings).fit(resume=resume)


def results(directory: Path) -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in RESULTS}


if __name__ == "__main__":
    tiny_training(Path(sys.argv[1]), resume=True, **json.loads(sys.argv[2] if len(sys.argv) > 2 else "{}"))
