"""Weights of layers, real or complex, kept as real parameters.

A complex weight is kept as (..., 2) real numbers, so that optimisers, safetensors, `double()` and all-reduce treat it as
any other.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def weight_parameter(shape: tuple[int, ...], complex_weights: bool) -> nn.Parameter:
    """A parameter for a weight of that shape."""
    return nn.Parameter(torch.zeros(*shape, 2) if complex_weights else torch.zeros(shape))


def as_weight(parameter: Tensor, complex_weights: bool, dtype: torch.dtype) -> Tensor:
    """The weight in the precision of objects of complex type `dtype`; real if the parameter is."""
    real = torch.float64 if dtype == torch.complex128 else torch.float32
    parameter = parameter.to(real)
    return torch.view_as_complex(parameter) if complex_weights else parameter


@torch.no_grad()
def initialise(parameter: Tensor, complex_weights: bool, standard_deviation: float) -> None:
    """Gaussian weights of mean square modulus standard_deviation²."""
    parameter.normal_(0.0, standard_deviation / (2**0.5 if complex_weights else 1.0))
