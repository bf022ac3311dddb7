"""L-BFGS comes to the minimum, at any scale of the loss."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from surrogate.training.lbfgs import LBFGS


def minimised(loss, start: torch.Tensor, iterations: int, history: int = 10) -> tuple[torch.Tensor, int]:
    x = nn.Parameter(start.clone())
    optimiser = LBFGS([x], history, 20)

    def evaluate() -> float:
        x.grad = None
        value = loss(x)
        value.backward()
        return value.item()

    for done in range(iterations):
        if not optimiser.step(evaluate)[2]:
            return x.detach(), done
    return x.detach(), iterations


def rosenbrock(x: torch.Tensor) -> torch.Tensor:
    return (100 * (x[1:] - x[:-1].square()).square() + (1 - x[:-1]).square()).sum()


@pytest.mark.parametrize("scale", [1e-14, 1.0, 1e8])
def test_rosenbrock_at_any_scale(scale: float):
    start = torch.full((6,), -1.2, dtype=torch.float64)
    x, iterations = minimised(lambda x: scale * rosenbrock(x), start, 300)
    assert float((x - 1).abs().max()) < 1e-7
    assert iterations < 150


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_quadratic_of_n_directions_takes_about_n_iterations(dtype: torch.dtype):
    generator = torch.Generator().manual_seed(1)
    matrix = torch.randn(12, 12, dtype=dtype, generator=generator) + 3 * torch.eye(12)
    solution = torch.randn(12, dtype=dtype, generator=generator)

    def loss(x: torch.Tensor) -> torch.Tensor:
        residual = matrix @ (x - solution)
        return (residual.abs().square()).sum() * 1e-12

    x, iterations = minimised(loss, torch.zeros(12, dtype=dtype), 200, history=40)
    assert float((x - solution).abs().max()) < 1e-11
    assert iterations < 80


def test_it_stops_at_a_minimum_that_is_not_zero():
    x, iterations = minimised(lambda x: (x.square() + 1).sum(), torch.full((3,), 2.0, dtype=torch.float64), 100)
    assert float(x.abs().max()) < 1e-7
    assert iterations < 20


def test_steps_out_of_the_domain_are_shortened():
    x, _ = minimised(lambda x: (x - torch.log(x)).sum(), torch.full((2,), 1e-3, dtype=torch.float64), 100)
    assert float((x - 1).abs().max()) < 1e-7
