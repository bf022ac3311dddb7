"""Coefficients fitted to whole collisions: Gauss–Newton steps on runs from the nuclei to the end.

The accelerations between the nuclei say nothing of how the fields are made when the nuclei meet.  Minimised is the mean over
events and times of |B − B*|²/|B*|² at mid-rapidity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from glasma.backend import Workers
from glasma.errors import GlasmaError
from surrogate.collisions.event import CoarseCollision, coarse_collision, magnetic_field
from surrogate.collisions.run import slab_state
from surrogate.collisions.surrogate import CollisionSurrogate
from surrogate.dataset import Dataset
from surrogate.evolution.gauss_newton import gauss_newton


def fit_to_collisions(
    surrogate: CollisionSurrogate,
    dataset: Dataset,
    split: str,
    events: Sequence[int],
    iterations: int,
    every: int,
    workers: Workers,
    say: Callable[[str], None] = lambda text: None,
) -> list[float]:
    """Improve the coefficients of a surrogate.

    Parameters
    ----------
    surrogate : CollisionSurrogate
        Its coefficients are changed.
    events : sequence of int
        Of the split.
    iterations : int
        Steps at most.
    every : int
        Times between the comparisons.
    workers : Workers
    say : told of each step

    Returns
    -------
    list of float
        Root mean square error before, and after each step.

    Raises
    ------
    LayerError
        If the action has no stable scheme to begin with.
    """
    anisotropy = dataset.frame.anisotropy
    collisions = [coarse_collision(dataset, split, event) for event in events]
    truths = []
    for event in events:
        U = dataset.window(split, event).U
        truths.append({n: magnetic_field(U[n : n + 1], anisotropy) for n in range(every, len(U), every)})

    def residual(coefficients: np.ndarray) -> np.ndarray | None:
        with torch.no_grad():
            surrogate.pairs.coefficients.copy_(torch.from_numpy(coefficients))
        parts = []
        for collision, truth in zip(collisions, truths, strict=True):
            found = _fields(surrogate, collision, list(truth), workers)
            if found is None:
                return None
            for n, B in found.items():
                weight = float(truth[n].abs().square().sum()) * len(truth) * len(collisions)
                parts.append(torch.view_as_real((B - truth[n]) / weight**0.5).flatten().numpy())
        whole = np.concatenate(parts)
        return whole if np.isfinite(whole).all() else None

    surrogate.scheme(collisions[0].grid)  # refuses an action that has no stable scheme to begin with
    at, history = gauss_newton(residual, surrogate.pairs.coefficients.detach().numpy().copy(), iterations, say)
    with torch.no_grad():
        surrogate.pairs.coefficients.copy_(torch.from_numpy(at))
    return history


def _fields(
    surrogate: CollisionSurrogate, collision: CoarseCollision, times: list[int], workers: Workers
) -> dict[int, torch.Tensor] | None:
    """B at some times after the first; None if the action has no stable scheme."""
    try:
        scheme = surrogate.scheme(collision.grid, workers)
    except (GlasmaError, ValueError):
        return None
    found = {}
    for fields in collision.fields(scheme):
        if fields.step - collision.first in times:
            U = slab_state(fields, collision.slab.stored).U
            found[fields.step - collision.first] = magnetic_field(U, surrogate.config.anisotropy)
    return found
