"""Passes over data: the gradient of a batch, the gradient of all data, the loss of all data."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from surrogate.training.batches import Data, batch_of, batches_of, cast, size_of
from surrogate.training.losses import Loss
from surrogate.training.processes import Processes


class Passes:
    """A model and its loss, computed by all processes together.

    Each process takes its share of a batch and weighs its loss with it, so that the sum over processes is the loss of the
    batch, for any number of them.

    Parameters
    ----------
    model : module on the device
    loss : (model, batch) -> scalar, a mean over the samples of the batch
    processes : that compute
    precision : of the data
    """

    def __init__(self, model: nn.Module, loss: Loss, processes: Processes, precision: torch.dtype) -> None:
        self.model, self.loss, self.processes, self.precision = model, loss, processes, precision
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def gradient(self, data: Data, samples: Tensor) -> Tensor:
        """Set the gradient of the loss of some samples; returns this process's part of the loss, detached."""
        self._forget_gradient()
        part = self._backward(data, samples, len(samples))
        self.processes.add_up_gradients(self.parameters)
        return part

    def full_gradient(self, data: Data, batch_size: int) -> float:
        """Set the gradient of the loss of all samples; returns that loss."""
        self.model.train()
        self._forget_gradient()
        size = size_of(data)
        parts = [self._backward(data, samples, size) for samples in batches_of(torch.arange(size), batch_size)]
        self.processes.add_up_gradients(self.parameters)
        return math.fsum(self.whole(parts))

    def mean_loss(self, data: Data, batch_size: int) -> float:
        """The loss of all samples, in evaluation mode and without gradients."""
        self.model.eval()
        size, parts = size_of(data), []
        with torch.no_grad():
            for samples in batches_of(torch.arange(size), batch_size):
                share = self.processes.share(samples)
                parts.append(self._loss(data, share) * (len(share) / size) if len(share) else self._nothing())
        return math.fsum(self.whole(parts))

    def first_not_finite(self, data: Data, batch_size: int, training: bool) -> tuple[int, Tensor] | None:
        """Number and samples of the first batch whose loss, or in training gradient, is not finite; with the weights of now."""
        self.model.train(training)
        for number, samples in enumerate(batches_of(torch.arange(size_of(data)), batch_size), 1):
            if training:
                (loss,) = self.whole([self.gradient(data, samples)])
                norm = float(gradient_norm(self.parameters, None))
            else:
                with torch.no_grad():
                    share = self.processes.share(samples)
                    (loss,) = self.whole([self._loss(data, share) if len(share) else self._nothing()])
                norm = 0.0
            if not math.isfinite(loss) or not math.isfinite(norm):
                return number, samples
        return None

    def batch(self, data: Data, samples: Tensor) -> Any:
        """The batch of some samples as the loss gets it, but on the CPU."""
        return cast(batch_of(data, samples), torch.device("cpu"), self.precision)

    def whole(self, parts: list[Tensor]) -> list[float]:
        """Sums over processes of the parts of some losses."""
        sums: list[float] = self.processes.add_up(torch.stack(parts).double()).tolist()
        return sums

    def _backward(self, data: Data, samples: Tensor, size: int) -> Tensor:
        share = self.processes.share(samples)
        if not len(share):
            return self._nothing()
        part = self._loss(data, share) * (len(share) / size)
        part.backward()
        return part.detach()

    def _loss(self, data: Data, samples: Tensor) -> Tensor:
        batch: Any = cast(batch_of(data, samples), self.processes.device, self.precision)
        loss = self.loss(self.model, batch)
        if loss.ndim or loss.is_complex():
            raise ValueError(f"the loss must be one real number, not {loss.dtype} of shape {tuple(loss.shape)}; take its mean")
        return loss

    def _nothing(self) -> Tensor:
        return torch.zeros((), dtype=self.precision, device=self.processes.device)

    def _forget_gradient(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None


def gradient_norm(parameters: list[nn.Parameter], limit: float | None) -> Tensor:
    """The norm of the whole gradient, which is scaled down to `limit` if it is longer."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        raise ValueError("the loss depends on no parameter of the model; nothing can be trained")
    norm: Tensor = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients]))
    if limit is not None:
        scale = (limit / (norm + 1e-12)).clamp(max=1.0)
        for gradient in gradients:
            gradient.mul_(scale.to(gradient.real.dtype))
    return norm
