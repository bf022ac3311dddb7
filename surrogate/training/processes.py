"""Processes that train one model together, each on its share of every batch, as `torchrun` starts them.

The gradient of a batch is the sum of what the processes found.  It is summed here after the backward pass, in one message for
each dtype, not by `DistributedDataParallel`: that wrapper sees only what passes through `forward` and knows nothing of
`torch.autograd.grad`, and losses here may call any method of a model and differentiate it more than once.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch
import torch.distributed as distributed

# Before any group exists: its functions keep the group that is the world when they are defined as a default argument.  A
# group that is kept has threads which outlive the interpreter, and abort the process at its end, once in a hundred times.
import torch.distributed.nn
from torch import Tensor, nn

from glasma.errors import ConfigError

Result = TypeVar("Result")


class Processes:
    """The group of processes, or one process alone.

    Parameters
    ----------
    device : "auto", "cpu", "cuda" or "cuda:N"
        Under `torchrun` a process with CUDA takes the GPU of its local rank.

    Raises
    ------
    ConfigError
        If CUDA is asked for and there is none.
    """

    def __init__(self, device: str) -> None:
        self.device = _device(device)
        if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
            atexit.register(_leave)
        together = distributed.is_available() and distributed.is_initialized()
        self.rank = distributed.get_rank() if together else 0
        self.count = distributed.get_world_size() if together else 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share(self, samples: Tensor) -> Tensor:
        """The part of a batch that this process computes; it may be empty."""
        return samples.tensor_split(self.count)[self.rank]

    def add_up(self, values: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values

    def add_up_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Sum the gradients over all processes; one that a process lacks counts as zero."""
        if self.count == 1:
            return
        kinds: dict[torch.dtype, list[Tensor]] = {}
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradient = parameter.grad
            real = torch.view_as_real(gradient) if gradient.is_complex() else gradient
            kinds.setdefault(real.dtype, []).append(real)
        for gradients in kinds.values():
            message = self.add_up(torch.cat([gradient.reshape(-1) for gradient in gradients]))
            for gradient, part in zip(gradients, message.split([g.numel() for g in gradients]), strict=True):
                gradient.copy_(part.view_as(gradient))

    def spread(self, tensors: Iterable[Tensor]) -> None:
        """Give all processes the values of the first."""
        if self.count > 1:
            for tensor in tensors:
                values = tensor.detach()
                distributed.broadcast(torch.view_as_real(values) if values.is_complex() else values, 0)

    def agreed(self, function: Callable[[], Result]) -> Result:
        """What a function gives or raises in the first process, in all of them."""
        if self.count == 1:
            return function()
        outcome: list[Any] = [None, None]
        if self.is_first:
            try:
                outcome = [function(), None]
            except Exception as error:
                outcome = [None, error]
        distributed.broadcast_object_list(outcome, 0)
        if outcome[1] is not None:
            raise outcome[1]
        result: Result = outcome[0]
        return result

    def gather(self, value: Result) -> list[Result]:
        """The values of all processes, in all of them."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        distributed.all_gather_object(values, value)
        return values


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if not name.startswith("cuda"):
        return torch.device(name)
    if not torch.cuda.is_available():
        raise ConfigError(f'training.device = "{name}": there is no CUDA device here; set "auto" or "cpu"')
    device = torch.device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if name == "cuda" else name)
    if device.index >= torch.cuda.device_count():
        raise ConfigError(f'training.device = "{device}": there are {torch.cuda.device_count()} CUDA devices; set a lower one')
    torch.cuda.set_device(device)
    return device


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()
