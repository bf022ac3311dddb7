"""Training of an evolution surrogate: linear fit, rollouts if they are asked for, energy operators, errors for the card."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from surrogate.actions.field_strength import fitted_terms, is_of_scalar, is_wilson
from surrogate.actions.least_squares import Window, fit_coefficients
from surrogate.dataset import Dataset
from surrogate.evolution.compiled import can_be_compiled
from surrogate.evolution.own import Evolution
from surrogate.evolution.rollout_fit import fit_to_rollouts
from surrogate.evolution.rollouts import RolloutData, RolloutLoss, state_of, strength_error
from surrogate.evolution.surrogate import EvolutionConfig, EvolutionSurrogate
from surrogate.fitting.config import TrainFile
from surrogate.fitting.part_errors import PartErrors, Say
from surrogate.training import Trainer


def new_surrogate(file: TrainFile, dataset: Dataset) -> EvolutionSurrogate:
    """The surrogate for the lattice and the times of a dataset, with Wilson's coefficients."""
    wanted = file.evolution
    fitted = fitted_terms(2, wanted.reach)
    if dataset.frame.name == "static":
        # The scalar stays zero: nothing is learned of it.
        fitted = [name for name in fitted if not is_of_scalar(name) or is_wilson(name)]
    config = EvolutionConfig(
        dataset.group.name,
        dataset.frame.name,
        dataset.blocking,
        dataset.content.substeps,
        tuple(wanted.terms or fitted),
        wanted.network,
        wanted.beginning and dataset.frame.name == "milne",
    )
    return EvolutionSurrogate(config)


def train_evolution(file: TrainFile, dataset: Dataset, directory: Path, say: Say) -> tuple[EvolutionSurrogate, dict[str, Any]]:
    """The trained surrogate and what the card tells of it.

    Raises
    ------
    GlasmaError
        If the dataset lacks a split or the training breaks off.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(file.training.seed)
        surrogate = new_surrogate(file, dataset)
    split = file.train.train_split
    fit = fit_coefficients(
        surrogate.pairs,
        short_windows(dataset, split, file.evolution.every),
        surrogate.leapfrog.frame,
        surrogate.config.step,
        file.evolution.ridge,
    )
    say(f"fitted {len(surrogate.pairs.names)} coefficients at {fit.times} times: {100 * fit.residual:.1f} % left over")
    _roll_out(surrogate, file, dataset, directory, say)
    metrics: dict[str, Any] = {"residual": fit.residual, "times": fit.times}
    if surrogate.beginning is not None:
        # A window of two times from τ = 0+ has no other time to fit than the first half step.
        firsts = (dataset.window(split, event, 0, 2) for event in range(dataset.events(split)))
        begun = fit_coefficients(
            surrogate.beginning, firsts, surrogate.leapfrog.frame, surrogate.config.step, file.evolution.ridge
        )
        say(f"first half step from τ = 0+: {100 * begun.residual:.1f} % left over")
        metrics["beginning"] = begun.residual
    metrics |= energies_and_errors(surrogate, file, dataset, say)
    return surrogate.eval(), metrics


def energies_and_errors(surrogate: Evolution, file: TrainFile, dataset: Dataset, say: Say) -> dict[str, Any]:
    """Fit the energy operators of a trained evolution; their errors and those of the test splits."""
    metrics: dict[str, Any] = {}
    if dataset.frame.name == "milne":
        errors = fit_energies(surrogate, dataset, file.train.train_split, file.evolution.energy_ridge)
        say("energy operators: rms errors relative to ε " + ", ".join(f"{error:.1e}" for error in errors))
        metrics["energy_operators"] = errors
    metrics["splits"] = {name: _tested(surrogate, dataset, name, say) for name in file.train.test_splits}
    return metrics


def fit_energies(surrogate: Evolution, dataset: Dataset, split: str, ridge: float) -> list[float]:
    """Fit the energy operators to blocked states of a split; the errors of the four components relative to ε."""
    invariants: list[Tensor] = []
    energies: list[Tensor] = []
    for event in range(dataset.events(split)):
        window, means = dataset.window(split, event), dataset.energies(split, event)
        for at in range(1, len(window.U)):
            with torch.no_grad():
                invariants.append(surrogate.energies.invariants(state_of(surrogate, window, at))[0])
            energies.append(means[at - 1])
    return surrogate.energies.fit(invariants, energies, ridge)


def short_windows(dataset: Dataset, split: str, every: int) -> Iterator[Window]:
    """Windows of three times, which have one acceleration, from every so-many-th time of all events of a split."""
    for event in range(dataset.events(split)):
        for first in range(0, dataset.times(split) - 2, every):
            yield dataset.window(split, event, first, 3)


def _roll_out(surrogate: EvolutionSurrogate, file: TrainFile, dataset: Dataset, directory: Path, say: Say) -> None:
    wanted = file.rollouts
    if can_be_compiled(surrogate):
        for length in wanted.lengths:
            windows = _drawn(dataset, file.train.train_split, length + 2, wanted.windows, file.training.seed + length)
            errors = fit_to_rollouts(surrogate, windows, wanted.iterations, max(2, length // 8))
            say(f"rollouts of {length} steps: error {errors[0]:.4f} → {errors[-1]:.4f}")
    else:
        train_on_rollouts(surrogate, file, dataset, directory, say)


def train_on_rollouts(surrogate: Evolution, file: TrainFile, dataset: Dataset, directory: Path, say: Say) -> None:
    """Train through rollouts of growing lengths as [training] asks, each in a directory from which it goes on.

    Raises
    ------
    GlasmaError
        If a training breaks off, or the dataset lacks the split.
    """
    wanted = file.rollouts
    surrogate.energies.requires_grad_(False)
    for length in wanted.lengths:
        known, unseen = (
            RolloutData(_drawn(dataset, split, length + 2, count, file.training.seed))
            for split, count in (
                (file.train.train_split, wanted.windows),
                (file.train.validation_split, wanted.validation_windows),
            )
        )
        trainer = Trainer(
            surrogate, RolloutLoss(wanted.checkpointing), known, unseen, file.training, directory / f"rollouts-{length}"
        )
        history = trainer.fit(resume=True)
        say(f"rollouts of {length} steps: validation loss {history.best_loss:.3e} ({history.status})")
    surrogate.energies.requires_grad_(True)


def _drawn(dataset: Dataset, split: str, length: int, count: int, seed: int) -> list[Window]:
    """Windows of random events and times, not those with τ = 0+, where the scalar is zero."""
    generator = torch.Generator().manual_seed(seed)
    events = dataset.events(split)
    windows = []
    for _ in range(count):
        event = int(torch.randint(events, (1,), generator=generator))
        last = dataset.times(split) - length
        first = 1 + int(torch.randint(max(1, last), (1,), generator=generator))
        windows.append(dataset.window(split, event, first, length))
    return windows


@torch.no_grad()
def _tested(surrogate: Evolution, dataset: Dataset, split: str, say: Say) -> dict[str, Any]:
    """Errors of field strengths and energies at parts of the run, root mean squares over events."""
    errors = PartErrors()
    for event in range(dataset.events(split)):
        window = dataset.window(split, event)
        means = dataset.energies(split, event) if dataset.frame.name == "milne" else None
        for state in evolved(surrogate, window):
            for part in errors.parts(state.number, len(window.U) - 1):
                strength = strength_error(surrogate, state.U, window.U[state.number : state.number + 1])
                energies = None if means is None else (surrogate.energies(state)[0], means[state.number - 1])
                errors.add(part, strength, energies)
    return errors.told(split, say)


def evolved(surrogate: Evolution, window: Window) -> Iterator[Any]:
    """The surrogate's states at the times 1, 2, … of a window from the beginning of a run."""
    if window.longitudinal is not None:
        state = surrogate.start(window.U[:1], window.longitudinal[None])
    else:
        state = state_of(surrogate, window)
    yield state
    yield from surrogate.run(state, len(window.U) - 1 - state.number)
