"""Batches of the samples of a data set, in an order that is a function of seed and epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset, default_collate

#: A tensor, a tuple of tensors (the first axis counts samples), or a map-style data set.
Data = Tensor | tuple[Tensor, ...] | Dataset[Any]


def checked_data(data: Data, name: str) -> Data:
    """The data, if samples can be taken from them.

    Raises
    ------
    ValueError
        If there are no samples, tensors differ in their number, or the data set has no length.
    """
    if isinstance(data, TensorDataset):
        data = data.tensors
    if isinstance(data, tuple):
        lengths = [len(tensor) for tensor in data]
        if len(set(lengths)) != 1:
            raise ValueError(f"{name}: tensors have {lengths} samples; give the same number in each")
    elif not hasattr(data, "__len__"):
        raise ValueError(f"{name}: a {type(data).__name__} has no length; give tensors or a map-style Dataset")
    if size_of(data) == 0:
        raise ValueError(f"{name}: holds no samples; give at least one")
    return data


def size_of(data: Data) -> int:
    """How many samples there are."""
    return len(data[0]) if isinstance(data, tuple) else len(data)  # type: ignore[arg-type]


def batch_of(data: Data, samples: Tensor) -> Any:
    """The samples with the given numbers, along the first axis."""
    if isinstance(data, Tensor):
        return data[samples.to(data.device)]
    if isinstance(data, tuple):
        return tuple(tensor[samples.to(tensor.device)] for tensor in data)
    if isinstance(data, TensorDataset):
        return batch_of(data.tensors, samples)
    return default_collate([data[number] for number in samples.tolist()])


def order_of(size: int, seed: int, epoch: int) -> Tensor:
    """The order in which an epoch takes its samples."""
    # Not a torch.Generator: on the CPU it takes only the lower 32 bits of a seed, too few for two numbers.
    return torch.from_numpy(np.random.default_rng((seed, epoch)).permutation(size))


def batches_of(order: Tensor, batch_size: int) -> tuple[Tensor, ...]:
    """The order cut into batches; 0 takes all at once."""
    return order.split(batch_size or len(order))


def cast(values: Any, device: torch.device, precision: torch.dtype) -> Any:
    """Tensors on a device, real ones in a precision, complex ones in its complex type, others as they are."""
    if isinstance(values, Tensor):
        dtype = precision if values.is_floating_point() else precision.to_complex() if values.is_complex() else values.dtype
        return values.to(device, dtype, non_blocking=True)
    if isinstance(values, dict):
        return {key: cast(value, device, precision) for key, value in values.items()}
    if isinstance(values, tuple | list):
        entries = [cast(value, device, precision) for value in values]
        return type(values)(*entries) if hasattr(values, "_fields") else type(values)(entries)
    return values
