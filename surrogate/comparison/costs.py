"""What a run takes: wall time and memory of the solver on the fine lattice and of the coarse schemes, side by side."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from glasma.backend import Workers
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.group import group_named
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields
from surrogate.actions.least_squares import Window
from surrogate.comparison.contenders import Contender
from surrogate.comparison.floor import begun
from surrogate.evolution.compiled import can_be_compiled, compiled_scheme
from surrogate.evolution.leapfrog import FieldState
from surrogate.evolution.own import Evolution
from surrogate.evolution.rollouts import state_of

#: Repetitions; the best counts.
_REPETITIONS = 5


@dataclass(frozen=True)
class Cost:
    """One scheme over the whole time of the dataset.

    Attributes
    ----------
    name : str
    sites : int
    steps : int
    seconds : float
        Wall time of all steps.
    bytes : int
        Of the fields.
    """

    name: str
    sites: int
    steps: int
    seconds: float
    bytes: int


def costs(schemes: list[Contender], window: Window, coarse_time: float, fine_substeps: int, workers: Workers) -> list[Cost]:
    """The costs of the coarse schemes, and of the solver on a lattice b times as fine.

    Parameters
    ----------
    window : Window
        From the beginning of a run.
    coarse_time : float
        τ at the end, units of the coarse a_T.
    fine_substeps : int
        n in Δτ = a_T/n of the fine run.
    """
    config = schemes[0].model.config
    b = config.blocking
    nx, ny = window.U.shape[2:4]
    group, frame = group_named(config.group), config.frame
    nothing = torch.zeros_like(window.U[:1, 0])
    longitudinal = nothing if window.longitudinal is None else window.longitudinal[None]
    coarse = FieldState(window.U[:1], torch.zeros_like(window.U[:1]), nothing, longitudinal)
    # What the fields are does not matter for the time that a step takes.
    U, P, phi, pi = (X.repeat_interleave(b, -4).repeat_interleave(b, -3) for X in (coarse.U, coarse.P, nothing, longitudinal))
    fine = FieldState(U, P, phi, pi)
    found = []

    def solver(name: str, state: FieldState, sides: tuple[int, int], substeps: int, time: float) -> None:
        grid = Grid((*sides, 1), substeps=substeps)
        plain = BoostInvariant(grid, group, workers=workers, expansion=frame)
        found.append(_timed(name, plain, begun(plain, frame, state), round(time * substeps)))

    for substeps in sorted({fine_substeps, 2}, reverse=True):
        solver(f"solver, fine, Δτ = a/{substeps}", fine, (b * nx, b * ny), substeps, b * coarse_time)
    solver("solver, coarse", coarse, (nx, ny), config.substeps, coarse_time)
    for scheme in schemes:
        if can_be_compiled(scheme.model):
            compiled = compiled_scheme(scheme.model, (nx, ny), workers)
            steps = round(coarse_time * config.substeps)
            found.append(_timed(f"{scheme.name}, coarse", compiled, begun(compiled, frame, coarse), steps))
        else:
            steps = round(coarse_time * config.substeps)
            found.append(_timed_in_torch(f"{scheme.name}, coarse, in torch", scheme.model, window, steps))
    return found


@torch.no_grad()
def _timed_in_torch(name: str, model: Evolution, window: Window, steps: int) -> Cost:
    state, count = state_of(model, window), max(2, steps // 8)
    fields = [X for X in (state.U, state.P, state.phi, state.pi) if X is not None]
    best = float("inf")
    for _ in range(2):
        began = time.perf_counter()
        for _ in model.run(state, count):
            pass
        best = min(best, (time.perf_counter() - began) / count)
    return Cost(name, state.U.shape[2:4].numel(), steps, best * steps, sum(X.numel() * X.element_size() for X in fields))


def _timed(name: str, scheme: BoostInvariant, fields: MilneFields, steps: int) -> Cost:
    scheme.step(fields)
    best = float("inf")
    timed = max(4, steps // 8)
    for _ in range(_REPETITIONS):
        began = time.perf_counter()
        for _ in range(timed):
            scheme.step(fields)
        best = min(best, (time.perf_counter() - began) / timed)
    nx, ny, _ = scheme.grid.shape
    return Cost(name, nx * ny, steps, best * steps, fields.nbytes)
