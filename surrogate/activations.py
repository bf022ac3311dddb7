"""Real functions of invariants, by the names that configurations use."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from surrogate.errors import LayerError

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "relu": torch.relu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """The function of that name.

    Raises
    ------
    LayerError
        For an unknown name.
    """
    if name not in ACTIVATIONS:
        raise LayerError(f"activation = {name!r}: choose one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]
