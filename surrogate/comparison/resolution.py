"""Resolution gain: how much finer a Wilson lattice has to be for the error of the surrogate, and what that takes.

The blocked truth has b times the spacing of the fine run.  Wilson's action is run on lattices r times as fine as the coarse
one, r | b, r < b, each from the truth's own fields at τ = 0+, blocked by b/r only; its links are blocked to the coarse lattice
and compared there as all others are.  Against the truth, whose own error counts as zero, an error of second order is

    error(r) = C x(r),   x = r⁻² − b⁻²,

and log error is interpolated linearly in log x between the lattices that were run: where the order is another, the measured
points count.  The gain G is the least r whose error is that of the surrogate; beyond the finest lattice the slope of the last
two is continued, and the result says so.

The memory of the fields per area grows by G², the wall time of the solver as measured on these lattices: whole runs of compiled
schemes from τ = 0+, one thread, one beside the other.  The solver takes each of `SUBSTEPS`, and counts with the one that needs
least time for that error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import gcd
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glasma.backend import Workers
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.group import group_named
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields
from surrogate.blocking import block_links, block_scalar
from surrogate.comparison.floor import begun
from surrogate.comparison.run import Say, evolve
from surrogate.dataset import Dataset
from surrogate.engine_fields import links_to_tensor
from surrogate.evolution.compiled import can_be_compiled, compiled_scheme
from surrogate.evolution.leapfrog import FieldState
from surrogate.evolution.rollouts import strength_error
from surrogate.evolution.surrogate import EvolutionSurrogate

#: n in Δτ = a_T/n of the solver, on each of its lattices; 2 is the least that is stable.
SUBSTEPS = 2, 4

#: Whole runs of each scheme, in turns; the best of each counts.
_REPETITIONS = 7

#: Parts of the run at which gains are told.
_PARTS = 0.25, 0.5, 0.75, 1.0


@dataclass(frozen=True)
class SchemeRun:
    """One scheme on one lattice.

    Attributes
    ----------
    refinement : int
        r, in units of the coarse lattice; 1 for the surrogate.
    substeps : int
        n in Δτ = a_T/n of that lattice.
    sites, steps : int
    seconds : float
        Wall time of a whole run of one event, one thread.
    field_bytes, workspace_bytes : int
        Of the fields, and of what the scheme needs beside them.
    errors : list of float
        |F − F*|/|F*| on the coarse lattice at the times of the study, root mean square over events.
    """

    refinement: int
    substeps: int
    sites: int
    steps: int
    seconds: float
    field_bytes: int
    workspace_bytes: int
    errors: list[float]


@dataclass(frozen=True)
class Gain:
    """The surrogate beside Wilson's action at one time.

    Attributes
    ----------
    time : float
        Units of the coarse a_T.
    error : float
        Of the surrogate.
    resolution : float
        G
    events : (float, float)
        Least and largest G of single events.
    memory : float
        G², fields per area.
    speed : float
        Wall time of Wilson's action on a lattice finer by G over that of the surrogate.
    extrapolated : bool
        Whether no lattice that was run was as good (or none as bad) as the surrogate.
    """

    time: float
    error: float
    resolution: float
    events: tuple[float, float]
    memory: float
    speed: float
    extrapolated: bool


@dataclass(frozen=True)
class SplitResolution:
    """The study of one split.

    Attributes
    ----------
    split : str
    events : int
    blocking : int
        b
    times : list of float
        Units of the coarse a_T.
    surrogate : SchemeRun
    wilson : list of SchemeRun
        All refinements with each of `SUBSTEPS`.
    substeps : int
        Of the solver at its best, with which the gains are.
    order : float
        p in error ∝ (r⁻² − b⁻²)^(p/2), between its two finest lattices at the end.
    curve : list of Gain
        At all times.
    """

    split: str
    events: int
    blocking: int
    times: list[float]
    surrogate: SchemeRun
    wilson: list[SchemeRun]
    substeps: int
    order: float
    curve: list[Gain]

    @property
    def best(self) -> list[SchemeRun]:
        """Wilson's action with the best time step, from the coarsest lattice to the finest."""
        return [run for run in self.wilson if run.substeps == self.substeps]

    @property
    def at(self) -> list[Gain]:
        """The gains at a few times."""
        count = len(self.curve)
        return [self.curve[max(0, round(part * count) - 1)] for part in _PARTS]


def refinements(blocking: int) -> list[int]:
    """Lattices between the coarse one and the truth: the divisors r < b."""
    return [r for r in range(1, blocking) if blocking % r == 0]


def missing(dataset: Dataset, splits: Sequence[str]) -> str | None:
    """What a data set lacks for the study, in one line; None if it is all there."""
    if len(refinements(dataset.blocking)) < 2:
        return (
            f"blocking = {dataset.blocking}: there is no lattice between the coarse one and the truth; draw a data set with "
            "dataset.blocking = 4 or 8"
        )
    for split in splits:
        if 0 not in dataset.content.splits[split].fine:
            return f'split "{split}": has no fine states at τ = 0; draw the data set with "0 fm" among dataset.fine_times'
    return None


def refinement_of(error: float, refined: Sequence[float], errors: Sequence[float], limit: float = np.inf) -> tuple[float, bool]:
    """The least refinement at which an error is reached, and whether it is extrapolated.

    Parameters
    ----------
    error : float
    refined : sequence of float
        r of the lattices that were run, ascending, at least two.
    errors : sequence of float
        Theirs.
    limit : float
        b, the lattice whose error is zero.

    Returns
    -------
    (float, bool)
    """
    x = np.log(np.asarray(refined, float) ** -2 - limit**-2.0)
    y = np.log(np.asarray(errors, float))
    at = np.log(error)
    reached = np.flatnonzero(y <= at)
    last = int(reached[0]) if len(reached) else len(y)
    extrapolated = last in (0, len(y)) and not (last == 0 and y[0] == at)
    high = min(max(last, 1), len(y) - 1)
    slope = (y[high - 1] - y[high]) / (x[high - 1] - x[high])
    # Errors that do not fall tell nothing of finer lattices: second order then.
    there = x[high] + (at - y[high]) / (slope if slope > 0 else 1.0)
    return float((np.exp(there) + limit**-2.0) ** -0.5), extrapolated


def time_at(refinement: float, refined: Sequence[float], seconds: Sequence[float]) -> float:
    """Wall time on a lattice finer by a factor, its log interpolated; beyond those that were run as between the last two."""
    x, y = np.log(np.asarray(refined, float)), np.log(np.asarray(seconds, float))
    at = np.log(refinement)
    high = int(np.clip(np.searchsorted(x, at), 1, len(x) - 1))
    slope = (y[high] - y[high - 1]) / (x[high] - x[high - 1])
    return float(np.exp(y[high] + slope * (at - x[high])))


def initial_fields(dataset: Dataset, split: str, event: int, refinement: int) -> FieldState:
    """Links and π of the truth at τ = 0+ on the lattice finer by r than the coarse one: blocked by b/r.

    Raises
    ------
    LayerError
        If the data set has no fine state of that time.
    """
    fine = dataset.fine_state(split, event, 0)
    factor = dataset.blocking // refinement
    pi = torch.zeros_like(fine.U[:, 0]) if fine.pi is None else fine.pi
    U, pi = block_links(fine.U, factor), block_scalar(pi, factor, dimension=2)
    return FieldState(U, torch.zeros_like(U), torch.zeros_like(pi), pi)


def wilson_scheme(dataset: Dataset, lattice: tuple[int, int], substeps: int, workers: Workers) -> BoostInvariant:
    """The solver with Δτ = a_T/n on a lattice."""
    grid = Grid((*lattice, 1), substeps=substeps)
    return BoostInvariant(grid, group_named(dataset.content.group), workers=workers, expansion=dataset.content.frame)


def wilson_run(
    dataset: Dataset, start: FieldState, refinement: int, substeps: int, times: Sequence[float], workers: Workers
) -> Iterator[Tensor]:
    """Links of Wilson's action on a finer lattice at some times, blocked to the coarse one.

    Parameters
    ----------
    start : FieldState
        `initial_fields` with the same refinement.
    refinement : int
        r
    substeps : int
        n in Δτ = a_T/n of that lattice.
    times : sequence of float
        Ascending multiples of 1/(r n), units of the coarse a_T.

    Yields
    ------
    (1, 2, *lattice, N, N) complex
    """
    nx, ny = start.U.shape[2:4]
    scheme = wilson_scheme(dataset, (nx, ny), substeps, workers)
    fields = begun(scheme, dataset.content.frame, start)
    for moment in times:
        while fields.step < round(moment * refinement * substeps):
            scheme.step(fields)
        yield block_links(links_to_tensor(fields.U[:, :, 0], scheme.group), refinement)


@torch.no_grad()
def study_resolution(
    dataset: Dataset, splits: Sequence[str], limit: int, surrogate: EvolutionSurrogate, workers: Workers, say: Say
) -> list[SplitResolution]:
    """The study of some splits, of which `missing` has nothing to say.

    Parameters
    ----------
    limit : int
        Events of each split at most; 0 takes all.
    workers : Workers
        For the errors; wall times are those of one thread.
    """
    found = []
    for split in splits:
        events = min(limit or dataset.events(split), dataset.events(split))
        one = _of_split(dataset, split, events, surrogate, workers)
        last = one.curve[-1]
        say(
            f"{split}: resolution gain {last.resolution:.2f} at the end, memory {last.memory:.1f}, speed {last.speed:.1f}"
            + (" (extrapolated)" if last.extrapolated else "")
        )
        found.append(one)
    return found


def _of_split(dataset: Dataset, split: str, events: int, surrogate: EvolutionSurrogate, workers: Workers) -> SplitResolution:
    n, steps, levels = surrogate.config.substeps, dataset.times(split) - 1, refinements(dataset.blocking)
    # Times at which all of the runs have fields.
    every = n // gcd(n, *SUBSTEPS)
    numbers = list(range(every, steps + 1, every))
    times = [number / n for number in numbers]
    ladder = [(r, substeps) for substeps in SUBSTEPS for r in levels]
    mine, theirs = np.empty((events, len(times))), np.empty((events, len(ladder), len(times)))
    for event in range(events):
        window = dataset.window(split, event)
        truths = {number: window.U[number : number + 1] for number in numbers}
        mine[event] = [
            strength_error(surrogate, state.U, truths[state.number])
            for state in evolve(surrogate, window, numbers[-1])
            if state.number in truths
        ]
        starts = {r: initial_fields(dataset, split, event, r) for r in levels}
        for at, (r, substeps) in enumerate(ladder):
            runs = wilson_run(dataset, starts[r], r, substeps, times, workers)
            theirs[event, at] = [strength_error(surrogate, U, truths[number]) for number, U in zip(numbers, runs, strict=True)]
    coarse, wilson = _timed(dataset, starts, surrogate, times[-1], ladder)
    of_surrogate = SchemeRun(1, n, **coarse, errors=_rms(mine))
    of_wilson = [
        SchemeRun(r, substeps, **costs, errors=_rms(theirs[:, at]))
        for at, ((r, substeps), costs) in enumerate(zip(ladder, wilson, strict=True))
    ]
    curves = {}
    for substeps in SUBSTEPS:
        used = [at for at, entry in enumerate(ladder) if entry[1] == substeps]
        same = [of_wilson[at] for at in used]
        curves[substeps] = _curve(dataset.blocking, times, of_surrogate, same, mine, theirs[:, used])
    # The solver at its best: the time step with which it takes least time for this error.
    best = min(SUBSTEPS, key=lambda substeps: curves[substeps][-1].speed)
    order = _order(dataset.blocking, [run for run in of_wilson if run.substeps == best])
    return SplitResolution(split, events, dataset.blocking, times, of_surrogate, of_wilson, best, order, curves[best])


def _curve(
    blocking: int,
    times: list[float],
    surrogate: SchemeRun,
    wilson: list[SchemeRun],
    mine: np.ndarray,
    theirs: np.ndarray,
) -> list[Gain]:
    """Gains at all times; errors of single events are (events, times) and (events, lattices, times)."""
    levels, found = [run.refinement for run in wilson], []
    for at, moment in enumerate(times):
        error = surrogate.errors[at]
        gain, extrapolated = refinement_of(error, levels, [run.errors[at] for run in wilson], blocking)
        single = [
            refinement_of(one, levels, others, blocking)[0] for one, others in zip(mine[:, at], theirs[..., at], strict=True)
        ]
        speed = time_at(gain, levels, [run.seconds for run in wilson]) / surrogate.seconds
        found.append(Gain(moment, error, gain, (min(single), max(single)), gain**2, speed, extrapolated))
    return found


def _order(blocking: int, wilson: list[SchemeRun]) -> float:
    """Twice the slope of log error against log x between the two finest lattices, at the end."""
    (x, error), (y, other) = ((run.refinement**-2 - blocking**-2, run.errors[-1]) for run in wilson[-2:])
    return float(2 * np.log(error / other) / np.log(x / y))


def _rms(errors: np.ndarray) -> list[float]:
    """Over events, the first axis."""
    return np.sqrt(np.mean(np.square(errors), axis=0)).tolist()


def _timed(
    dataset: Dataset, starts: dict[int, FieldState], surrogate: EvolutionSurrogate, end: float, ladder: list[tuple[int, int]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Wall time and memory of whole runs: of the surrogate, and of each (r, n) of the ladder."""
    one, frame = Workers(1), dataset.content.frame
    nx, ny = starts[1].U.shape[2:4]
    steps = round(end * surrogate.config.substeps)
    runs: list[Callable[[], tuple[float, dict[str, int]]]] = []
    if can_be_compiled(surrogate):
        runs.append(partial(_run, compiled_scheme(surrogate, (nx, ny), one), frame, starts[1], steps))
    else:
        runs.append(partial(_run_in_torch, surrogate, starts[1], steps))
    for r, substeps in ladder:
        plain = wilson_scheme(dataset, (r * nx, r * ny), substeps, one)
        runs.append(partial(_run, plain, frame, starts[r], round(end * r * substeps)))
    for run in runs:
        run()
    best: list[dict[str, Any]] = [{"seconds": np.inf} for _ in runs]
    for _ in range(_REPETITIONS):
        for number, run in enumerate(runs):
            seconds, sizes = run()
            best[number] = {**sizes, "seconds": min(seconds, best[number]["seconds"])}
    return best[0], best[1:]


def _run(scheme: BoostInvariant, frame: str, start: FieldState, steps: int) -> tuple[float, dict[str, int]]:
    fields: MilneFields = begun(scheme, frame, start)
    began = time.perf_counter()
    for _ in range(steps - 1):
        scheme.step(fields)
    seconds = (time.perf_counter() - began) * steps / (steps - 1)
    nx, ny, _ = scheme.grid.shape
    return seconds, {
        "sites": nx * ny, "steps": steps, "field_bytes": fields.nbytes, "workspace_bytes": scheme.workspace_bytes,
    }  # fmt: skip


def _run_in_torch(surrogate: EvolutionSurrogate, start: FieldState, steps: int) -> tuple[float, dict[str, int]]:
    """The same of a surrogate with an L-CNN; what its layers need on the way is not counted."""
    nx, ny = start.U.shape[2:4]
    state = replace(start, number=1)
    size = sum(X.numel() * X.element_size() for X in (state.U, state.P, state.phi, state.pi) if X is not None)
    began = time.perf_counter()
    timed = min(8, steps)
    for _ in surrogate.run(state, timed):
        pass
    seconds = (time.perf_counter() - began) * steps / timed
    return seconds, {"sites": nx * ny, "steps": steps, "field_bytes": size, "workspace_bytes": 0}


def as_plain(found: Sequence[SplitResolution]) -> list[dict[str, Any]]:
    """The study for `compare.json`."""
    return [{**asdict(one), "at": [asdict(gain) for gain in one.at]} for one in found]
