"""Training of a surrogate for collisions in 3+1D: linear fit, whole collisions, then the energy operators on its own runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from glasma.backend import Workers
from glasma.errors import ConfigError
from surrogate.actions.least_squares import fit_coefficients
from surrogate.collisions.event import coarse_collision, strength_error
from surrogate.collisions.rollout_fit import fit_to_collisions
from surrogate.collisions.run import slab_state
from surrogate.collisions.surrogate import CollisionConfig, CollisionSurrogate
from surrogate.dataset import Dataset
from surrogate.fitting.config import TrainFile
from surrogate.fitting.evolution import short_windows
from surrogate.fitting.part_errors import PartErrors, Say


def train_collision(file: TrainFile, dataset: Dataset, say: Say) -> tuple[CollisionSurrogate, dict[str, Any]]:
    """The trained surrogate and what the card tells of it.

    Raises
    ------
    GlasmaError
        If the dataset lacks a split, or the action has no stable scheme.
    ConfigError
        If a network is asked for, or a term that reaches beyond the stored planes.
    """
    _check(file)
    config = CollisionConfig(dataset.group.name, dataset.blocking, dataset.content.substeps, dataset.frame.anisotropy)
    if file.evolution.terms is not None:
        config = CollisionConfig(**{**config.to_dict(), "terms": tuple(file.evolution.terms)})
    surrogate, split = CollisionSurrogate(config), file.train.train_split
    windows = short_windows(dataset, split, file.evolution.every)
    fit = fit_coefficients(surrogate.pairs, windows, dataset.frame, config.step, file.evolution.ridge)
    say(f"fitted {len(config.terms)} coefficients at {fit.times} times: {100 * fit.residual:.1f} % left over")
    metrics: dict[str, Any] = {"residual": fit.residual, "times": fit.times}
    if file.rollouts.lengths:
        events = range(min(file.rollouts.windows, dataset.events(split)))
        every, workers = max(1, dataset.times(split) // 6), Workers(file.training.threads or os.cpu_count() or 1)
        history = fit_to_collisions(surrogate, dataset, split, events, file.rollouts.iterations, every, workers, say)
        say(f"whole collisions: error {history[0]:.4f} → {history[-1]:.4f}")
        metrics["collisions"] = history
    errors = fit_slab_energies(surrogate, dataset, split, file.evolution.energy_ridge)
    say("energy operators: rms errors relative to ε " + ", ".join(f"{error:.1e}" for error in errors))
    metrics["energy_operators"] = errors
    metrics["splits"] = {name: _tested(surrogate, dataset, name, say) for name in file.train.test_splits}
    return surrogate.eval(), metrics


def _check(file: TrainFile) -> None:
    if file.evolution.network is not None:
        raise ConfigError("evolution.network: a surrogate for collisions in 3+1D has field strengths alone; remove it")
    for name in file.evolution.terms or ():
        # Their forces on the planes of the slab need links of planes that are not stored.
        if name.endswith(("zz", ".xyz")) or name in ("diagonal.z", "action_diagonal.z"):
            raise ConfigError(
                f"evolution.terms = {name!r}: reaches along z, beyond the planes that a data set of collisions has; remove it"
            )


@torch.no_grad()
def fit_slab_energies(surrogate: CollisionSurrogate, dataset: Dataset, split: str, ridge: float) -> list[float]:
    """Fit the energy operators to runs of the surrogate itself; the errors of the four components relative to ε.

    In 3+1D the coarse lattice makes the fields too, when the nuclei meet, and misses some of their longitudinal part: see
    docs/surrogate.md.  Operators that are fitted to blocked fine fields would know nothing of that.
    """
    invariants: list[Tensor] = []
    energies: list[Tensor] = []
    for event in range(dataset.events(split)):
        means = dataset.energies(split, event)
        for row, state in _states(surrogate, dataset, split, event):
            invariants.append(surrogate.energies.invariants(state.U, state.E)[0])
            energies.append(means[row])
    return surrogate.energies.fit(invariants, energies, ridge)


def _states(surrogate: CollisionSurrogate, dataset: Dataset, split: str, event: int) -> Iterator[tuple[int, Any]]:
    """Row of the energies, and the state of the surrogate whose momenta are at their time."""
    run = coarse_collision(dataset, split, event)
    for fields in run.fields(surrogate.scheme(run.grid)):
        if fields.step > run.first:
            yield fields.step - run.first - 1, slab_state(fields, run.slab.stored)


@torch.no_grad()
def _tested(surrogate: CollisionSurrogate, dataset: Dataset, split: str, say: Say) -> dict[str, Any]:
    """Errors of field strengths and energies at parts of the run, root mean squares over events."""
    errors = PartErrors()
    for event in range(dataset.events(split)):
        window, means = dataset.window(split, event), dataset.energies(split, event)
        for row, state in _states(surrogate, dataset, split, event):
            for part in errors.parts(row + 1, len(means)):
                strength = strength_error(state.U, window.U[row + 1 : row + 2], dataset.frame.anisotropy)
                errors.add(part, strength, (surrogate.energies(state.U, state.E)[0], means[row]))
    return errors.told(split, say)
