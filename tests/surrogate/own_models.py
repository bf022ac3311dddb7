"""Models as users write them, for the tests; `tests.surrogate.own_models:Plaquettes` is a Python path."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from surrogate.actions.field_strength import ahead, dot
from surrogate.lattice import plaquettes


class Plaquettes(nn.Module):
    """V_B = β Σ 2 Re tr(1 − U_xy), V_φ = γ ½ Σ (D_i φ)²: Wilson's action to begin with, written down without the library's."""

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        self.beta, self.gamma = (nn.Parameter(torch.tensor(value)) for value in (beta, 1.0))

    def forward(self, U: Tensor, phi: Tensor) -> tuple[Tensor, Tensor]:
        trace = plaquettes(U).diagonal(dim1=-2, dim2=-1).sum(-1).real
        magnetic = 2 * (U.shape[-1] - trace).flatten(1).sum(1)
        slopes = [ahead(U, phi, i) - phi for i in (0, 1)]
        return self.beta * magnetic, self.gamma * sum(dot(X, X) for X in slopes).flatten(1).sum(1) / 2


class Told(Plaquettes):
    """Keeps what it was told."""

    def __init__(self, group: str, step: float, depth: int = 1) -> None:
        super().__init__()
        self.told = group, step, depth


def everything(**facts: object) -> nn.Module:
    """A function that makes a module."""
    module = Plaquettes()
    module.told = facts
    return module


class ComplexWeight(Plaquettes):
    """Has complex and integer tensors in its state."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1 + 2j, 3 - 1j]))
        self.register_buffer("count", torch.tensor(3))

    def forward(self, U: Tensor, phi: Tensor) -> tuple[Tensor, Tensor]:
        magnetic, gradient = super().forward(U, phi)
        return magnetic * (self.weight.abs().square().sum() / 15), gradient


class Constant(nn.Module):
    """A potential of which nothing depends on the fields: no force."""

    def forward(self, U: Tensor, phi: Tensor) -> tuple[Tensor, Tensor]:
        return U.real.new_ones(len(U)), U.real.new_zeros(len(U))


class Shifted(nn.Module):
    """A stepper that moves nothing but φ."""

    def forward(self, U: Tensor, P: Tensor, phi: Tensor, pi: Tensor, tau: float) -> tuple[Tensor, ...]:
        return U, P, phi + tau * pi, pi


class Explodes(nn.Module):
    """A stepper whose fields overflow."""

    def forward(self, U: Tensor, P: Tensor, phi: Tensor, pi: Tensor, tau: float) -> tuple[Tensor, ...]:
        return U * 1e60, P * 1e60, phi * 1e60, pi * 1e60


class ThreeArguments(nn.Module):
    """Fits no protocol."""

    def forward(self, U: Tensor, P: Tensor, E: Tensor) -> Tensor:
        return U


class OneNumber(nn.Module):
    """Forgets V_φ."""

    def forward(self, U: Tensor, phi: Tensor) -> Tensor:
        return U.real.flatten(1).sum(1)


class PerSite(nn.Module):
    """Does not sum over the lattice."""

    def forward(self, U: Tensor, phi: Tensor) -> tuple[Tensor, Tensor]:
        return plaquettes(U).diagonal(dim1=-2, dim2=-1).sum(-1).real[:, 0], phi.real.flatten(1).sum(1)


class WrongLinks(nn.Module):
    """Gives links of one direction."""

    def forward(self, U: Tensor, P: Tensor, phi: Tensor, pi: Tensor, tau: float) -> tuple[Tensor, ...]:
        return U[:, :1], P, phi, pi


class TwoFields(nn.Module):
    """Gives links and momenta alone."""

    def forward(self, U: Tensor, P: Tensor, phi: Tensor, pi: Tensor, tau: float) -> tuple[Tensor, ...]:
        return U, P


class Fails(nn.Module):
    """Cannot be made."""

    def __init__(self) -> None:
        super().__init__()
        raise RuntimeError("no weights\nhere")


class NotAModule:
    """Something else."""


def gives_a_dict() -> dict[str, int]:
    """No module."""
    return {}


NUMBER = 3
