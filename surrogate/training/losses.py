"""Losses: functions (model, batch) -> scalar, means over the samples of the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from surrogate.training.batches import Data, batch_of, size_of

Loss = Callable[[nn.Module, Any], Tensor]


def _difference(model: nn.Module, batch: Any) -> Tensor:
    if not isinstance(batch, tuple | list) or len(batch) < 2:
        raise ValueError("a batch must be (inputs, …, target); give such data or a loss of your own")
    *inputs, target = batch
    output = model(*inputs)
    if output.shape != target.shape:
        raise ValueError(f"the model gives {tuple(output.shape)} and the target is {tuple(target.shape)}; make them equal")
    difference: Tensor = output - target
    return difference


def _square(values: Tensor) -> Tensor:
    return torch.view_as_real(values).square().sum(-1) if values.is_complex() else values.square()


def mean_square(model: nn.Module, batch: Any) -> Tensor:
    """Mean of |model(inputs) − target|² for a batch (inputs, …, target)."""
    return _square(_difference(model, batch)).mean()


class Relative:
    """Mean of |model(inputs) − target|² / Var(target), which is 1 − R² averaged over the outputs.

    Parameters
    ----------
    variance : (outputs,) or () tensor
        Of the target over the training data; axis 1 of a target (batch, outputs, …) counts the outputs.
    """

    def __init__(self, variance: Tensor) -> None:
        if not bool((variance > 0).all()):
            raise ValueError(f'training.loss = "relative": an output is constant, variances {variance.tolist()}; take "mse"')
        self.variance = variance

    @classmethod
    def to(cls, data: Data) -> Relative:
        """The loss relative to the variances of the last entry of all samples of `data`."""
        if isinstance(data, tuple):
            target = data[-1].detach()
        else:
            target = torch.stack([torch.as_tensor(batch_of(data, torch.tensor([n]))[-1][0]) for n in range(size_of(data))])
        axes = [axis for axis in range(target.ndim) if axis != 1]
        return cls(_square((target - target.mean(axes, keepdim=True)).to(_double(target))).mean(axes))

    def __call__(self, model: nn.Module, batch: Any) -> Tensor:
        """The loss of a batch (inputs, …, target)."""
        square = _square(_difference(model, batch))
        scale = self.variance.to(square)
        return (square / (scale.reshape(-1, *[1] * (square.ndim - 2)) if scale.ndim else scale)).mean()


def _double(values: Tensor) -> torch.dtype:
    return torch.complex128 if values.is_complex() else torch.float64


def loss_named(name: str, data: Data) -> Loss:
    """The loss that `training.loss` names."""
    return Relative.to(data) if name == "relative" else mean_square
