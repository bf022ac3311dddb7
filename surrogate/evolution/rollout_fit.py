"""Coefficients fitted to the evolution itself: Gauss–Newton steps on rollouts of the compiled scheme.

A fit to accelerations weighs all wave numbers by their forces; what matters is where the fields are some time later.  With
only a dozen coefficients the derivatives of a whole rollout are differences of a dozen rollouts, which the compiled scheme
runs in milliseconds: no graph is kept, and lengths of a hundred steps cost no more memory than one.  Minimised is

    Σ_windows Σ_steps ( |F − F*|²/|F*|² + |φ − φ*|²/|φ*|² )

over the coefficients c (`surrogate.evolution.rollouts.RolloutLoss`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from glasma.errors import GlasmaError
from surrogate.actions.least_squares import Window
from surrogate.engine_fields import empty_milne_fields, state_from_engine, state_to_engine
from surrogate.evolution.compiled import compiled_scheme
from surrogate.evolution.gauss_newton import gauss_newton
from surrogate.evolution.rollouts import field_strength, state_of
from surrogate.evolution.surrogate import EvolutionSurrogate


def fit_to_rollouts(
    surrogate: EvolutionSurrogate,
    windows: Sequence[Window],
    iterations: int = 6,
    every: int = 2,
    say: Callable[[str], None] = lambda text: None,
) -> list[float]:
    """Improve the coefficients of a surrogate whose action is of field strengths.

    Parameters
    ----------
    surrogate : EvolutionSurrogate
        Its coefficients are changed.
    windows : sequence of Window
        Their lengths are those of the rollouts, which begin at their second time.
    iterations : int
        Steps at most; it ends earlier when the loss no longer falls.
    every : int
        Times between the comparisons.
    say : told of each step

    Returns
    -------
    list of float
        Root mean square error of the rollouts before, and after each step.
    """
    truths = [_truth(surrogate, window, every) for window in windows]

    def residual(coefficients: np.ndarray) -> np.ndarray | None:
        return _residual(surrogate, windows, truths, coefficients, every)

    start = surrogate.pairs.coefficients.detach().numpy().copy()
    at, history = gauss_newton(residual, start, iterations, say)
    with torch.no_grad():
        surrogate.pairs.coefficients.copy_(torch.from_numpy(at))
    return history


def _truth(surrogate: EvolutionSurrogate, window: Window, every: int) -> list[tuple[Tensor, Tensor | None]]:
    found = []
    for at in range(1 + every, len(window.U), every):
        phi = None if window.phi is None else window.phi[at : at + 1]
        found.append((field_strength(surrogate, window.U[at : at + 1]), phi))
    return found


def _residual(
    surrogate: EvolutionSurrogate,
    windows: Sequence[Window],
    truths: list[list[tuple[Tensor, Tensor | None]]],
    coefficients: np.ndarray,
    every: int,
) -> np.ndarray | None:
    """All differences; their sum of squares is the mean relative error, squared.  None if a run is not finite."""
    with torch.no_grad():
        surrogate.pairs.coefficients.copy_(torch.from_numpy(coefficients))
    parts = []
    for window, truth in zip(windows, truths, strict=True):
        nx, ny = window.U.shape[2:4]
        try:
            scheme = compiled_scheme(surrogate, (nx, ny))
        except (GlasmaError, ValueError):
            return None
        fields = empty_milne_fields(scheme.grid, scheme.group, surrogate.config.frame)
        state_to_engine(state_of(surrogate, window), fields)
        for strength, phi in truth:
            for _ in range(every):
                scheme.step(fields)
            state = state_from_engine(fields)
            pairs = [(field_strength(surrogate, state.U), strength)]
            if phi is not None and state.phi is not None:
                pairs.append((state.phi, phi))
            for found, wanted in pairs:
                weight = float(wanted.abs().square().sum()) * len(truth) * len(windows)
                parts.append(torch.view_as_real((found - wanted) / weight**0.5).flatten().numpy())
    whole = np.concatenate(parts)
    return whole if np.isfinite(whole).all() else None
