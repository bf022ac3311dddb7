"""Training through the evolution: windows of blocked fine runs, rolled out by the surrogate and compared at every step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from surrogate.actions.least_squares import Window
from surrogate.evolution.leapfrog import FieldState
from surrogate.evolution.momenta import momenta_between
from surrogate.evolution.own import Evolution, OwnEvolution
from surrogate.evolution.surrogate import EvolutionSurrogate
from surrogate.groups import algebra_part
from surrogate.lattice import plaquettes


def state_of(surrogate: Evolution, window: Window, at: int = 1) -> FieldState:
    """The state with the links of entry `at` of a window, its momenta from the entry before: those of the coarse leapfrog.

    Parameters
    ----------
    at : int
        At least 1.
    """
    step, frame, group = surrogate.config.step, surrogate.leapfrog.frame, surrogate.leapfrog.group
    number = window.first + at
    metric = frame.metric((number - 0.5) * step)
    P = momenta_between(window.U[at - 1 : at], window.U[at : at + 1], step, metric, group)
    phi = pi = None
    if window.phi is not None:
        phi = window.phi[at : at + 1]
        pi = (phi - window.phi[at - 1 : at]) / (step * metric)
    elif frame.has_scalar:
        phi = pi = torch.zeros_like(window.U[at : at + 1, 0])
    return FieldState(window.U[at : at + 1], P, phi, pi, number)


class RolloutData(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Windows as samples (U, φ, number) of a `Trainer`.

    Parameters
    ----------
    windows : sequence of Window
        All of the same length, at least three times.
    """

    def __init__(self, windows: Sequence[Window]) -> None:
        self.windows = windows

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        window = self.windows[n]
        phi = torch.zeros_like(window.U[:, 0]) if window.phi is None else window.phi
        return window.U, phi, torch.tensor(float(window.first), dtype=torch.float64)


class RolloutLoss:
    """Mean over the steps of |F − F*|²/|F*|² + |φ − φ*|²/|φ*|², F = [U_xy]_ah of the surrogate and F* of the truth.

    Both start from the same links in the same temporal gauge, so that their fields can be compared component by component;
    gauge transformations of the truth leave the loss as it is.

    Parameters
    ----------
    checkpointing : bool
        Make the graph of each step again in the backward pass, instead of keeping it.
    """

    def __init__(self, checkpointing: bool = True) -> None:
        self.checkpointing = checkpointing

    def __call__(self, model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """The loss of a batch (U, φ, number), mean over its samples."""
        assert isinstance(model, EvolutionSurrogate | OwnEvolution)
        samples = [self._of(model, Window(U, phi, round(float(first)))) for U, phi, first in zip(*batch, strict=True)]
        return torch.stack(samples).mean()

    def _of(self, model: Evolution, window: Window) -> Tensor:
        steps = len(window.U) - 2
        terms = []
        for state in model.run(state_of(model, window), steps, self.checkpointing):
            at = state.number - window.first
            terms.append(_relative(field_strength(model, state.U), field_strength(model, window.U[at : at + 1])))
            if state.phi is not None and window.phi is not None and bool(window.phi[at].any()):
                terms.append(_relative(state.phi, window.phi[at : at + 1]))
        return torch.stack(terms).sum() / steps


def strength_error(model: Evolution, U: Tensor, truth: Tensor) -> float:
    """|F − F*|/|F*|, root mean square over the lattice: 0 to √2, which fields that have nothing to do with each other reach."""
    return float(_relative(field_strength(model, U), field_strength(model, truth)).sqrt())


def field_strength(model: Evolution, U: Tensor) -> Tensor:
    """F = [U_ij]_ah of the planes, (batch, planes, *lattice, N, N)."""
    return algebra_part(plaquettes(U), model.leapfrog.group)


def _relative(found: Tensor, truth: Tensor) -> Tensor:
    return (found - truth).abs().square().sum() / truth.abs().square().sum()
