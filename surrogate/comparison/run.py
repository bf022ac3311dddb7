"""All schemes on all events: errors against time, energies, constraints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from glasma.backend import Workers
from surrogate.actions.least_squares import Window
from surrogate.comparison.contenders import FLOOR, Contender
from surrogate.comparison.floor import upscaled_run
from surrogate.dataset import Dataset
from surrogate.dataset.samples import transform_window
from surrogate.evolution.compiled import can_be_compiled, compiled_run
from surrogate.evolution.leapfrog import FieldState
from surrogate.evolution.own import Evolution
from surrogate.evolution.rollouts import state_of, strength_error
from surrogate.evolution.surrogate import pressures
from surrogate.groups import random_elements
from surrogate.lattice import transform_links
from surrogate.upscaling import Cascade

#: The rows of `Curves.observables`.
OBSERVABLES = ("energy", "P_L/energy", "P_T/energy")

Say = Callable[[str], None]


@dataclass
class Curves:
    """One scheme on one event.

    Attributes
    ----------
    strength : list of float
        |F − F*|/|F*| at Δτ, 2 Δτ, ….
    observables : list of (ε, P_L/ε, P_T/ε)
        At Δτ/2, 3Δτ/2, …, ε in units 1/(g² a_T⁴) of the coarse lattice.
    gauss : float
        Largest change of the Gauss constraint, relative to its largest term.
    """

    strength: list[float] = field(default_factory=list)
    observables: list[list[float]] = field(default_factory=list)
    gauss: float = 0.0


@dataclass
class Event:
    """All schemes on one event, and the truth.

    Attributes
    ----------
    split : str
    number : int
    times : list of float
        Δτ, 2 Δτ, …, units of the coarse a_T.
    truth : list of (ε, P_L/ε, P_T/ε)
    curves : dict of Curves by the name of the scheme
    """

    split: str
    number: int
    times: list[float]
    truth: list[list[float]]
    curves: dict[str, Curves]


def run_events(
    dataset: Dataset,
    splits: list[str],
    limit: int,
    schemes: list[Contender],
    upscaler: Cascade | None,
    workers: Workers,
    say: Say,
) -> list[Event]:
    """Every scheme on the events of some splits."""
    found = []
    for split in splits:
        for number in range(min(limit or dataset.events(split), dataset.events(split))):
            event = run_event(dataset, split, number, schemes, upscaler, workers)
            last = {scheme: curves.strength[-1] for scheme, curves in event.curves.items()}
            say(f"{split} {number}: error at the end " + ", ".join(f"{key} {value:.3f}" for key, value in last.items()))
            found.append(event)
    return found


@torch.no_grad()
def run_event(
    dataset: Dataset, split: str, number: int, schemes: list[Contender], upscaler: Cascade | None, workers: Workers
) -> Event:
    """Every scheme on one event."""
    window = dataset.window(split, number)
    step = schemes[0].model.config.step
    times = [step * n for n in range(1, len(window.U))]
    truth = pressures(torch.as_tensor(dataset.energies(split, number))).tolist()
    curves = {scheme.name: _curves(scheme.model, window) for scheme in schemes}
    if upscaler is not None:
        model, substeps = schemes[0].model, schemes[0].model.config.substeps
        fine_substeps = dataset.content.splits[split].fine_substeps
        blocked = upscaled_run(upscaler, window, len(times), substeps, fine_substeps, workers)
        errors = [strength_error(model, U, window.U[n : n + 1]) for n, U in enumerate(blocked, 1)]
        curves[FLOOR] = Curves(errors)
    return Event(split, number, times, truth, curves)


def _curves(model: Evolution, window: Window) -> Curves:
    curves = Curves()
    before: Tensor | None = None
    for state in evolve(model, window, len(window.U) - 1):
        curves.strength.append(strength_error(model, state.U, window.U[state.number : state.number + 1]))
        curves.observables.append(pressures(model.energies(state))[0].tolist())
        constraint = model.leapfrog.gauss(state)
        if before is None:
            before = constraint
        scale = state.P.abs().max()
        curves.gauss = max(curves.gauss, float((constraint - before).abs().max() / scale))
    return curves


def evolve(model: Evolution, window: Window, steps: int) -> Iterator[FieldState]:
    """States at Δτ, 2 Δτ, … of a window from the beginning of a run, compiled where that is possible.

    A collision starts from its links and E_L at τ = 0+, a box from its links at the first two times.
    """
    state = state_of(model, window) if window.longitudinal is None else model.start(window.U[:1], window.longitudinal[None])
    yield state
    yield from compiled_run(model, state, steps - 1) if can_be_compiled(model) else model.run(state, steps - 1)


@torch.no_grad()
def equivariance(schemes: list[Contender], window: Window, steps: int = 20, seed: int = 1) -> dict[str, float]:
    """max |Ω(evolved) − evolved(Ω)| of the links of each scheme after some steps, Ω random at every site."""
    window = _in_double(window)
    Omega = _random_gauge(schemes, window, seed)
    turned = transform_window(window, Omega)
    found = {}
    for scheme in schemes:
        *_, plain = evolve(scheme.model, window, steps)
        *_, other = evolve(scheme.model, turned, steps)
        found[scheme.name] = float((other.U - transform_links(plain.U, Omega[None])).abs().max())
    return found


@torch.no_grad()
def errors_in_another_gauge(schemes: list[Contender], window: Window, seed: int = 1) -> dict[str, list[float]]:
    """|F − F*|/|F*| of each scheme at Δτ, 2 Δτ, … on the same event in a random gauge."""
    window = _in_double(window)
    turned = transform_window(window, _random_gauge(schemes, window, seed))
    return {scheme.name: _curves(scheme.model, turned).strength for scheme in schemes}


def _random_gauge(schemes: list[Contender], window: Window, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return random_elements(schemes[0].model.config.group, window.U.shape[2:4], generator)


def _in_double(window: Window) -> Window:
    phi, longitudinal = (None if X is None else X.to(torch.complex128) for X in (window.phi, window.longitudinal))
    return replace(window, U=window.U.to(torch.complex128), phi=phi, longitudinal=longitudinal)
