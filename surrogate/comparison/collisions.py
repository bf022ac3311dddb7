"""Solver and surrogate side by side for collisions in 3+1D, at mid-rapidity: `glasma compare` for such data sets."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glasma.backend import Workers
from glasma.errors import ConfigError
from glasma.evolution.improved_action import LaboratoryAction
from glasma.evolution.improved_leapfrog import ImprovedLeapfrog
from glasma.evolution.leapfrog import Leapfrog
from glasma.group import group_named
from glasma.io.atomic import make_directory, write_text
from glasma.io.provenance import commit, installed, machine, versions
from glasma.lattice.fields import Fields
from glasma.lattice.grid import Grid
from glasma.report.page import embedded, page_from
from glasma.report.style import figure_style
from surrogate.collisions.event import CoarseCollision, coarse_collision, strength_error
from surrogate.collisions.gauge import transform_collision
from surrogate.collisions.nuclei import fine_nuclei
from surrogate.collisions.run import blocked_links, energy_row, run_collision, slab_state
from surrogate.collisions.surrogate import CollisionSurrogate
from surrogate.comparison import figures
from surrogate.comparison.config import Compare, CompareFile
from surrogate.comparison.contenders import FLOOR, SURROGATE, SYMANZIK, WILSON
from surrogate.comparison.costs import Cost
from surrogate.comparison.results import as_plain, summary
from surrogate.comparison.run import Curves, Event, Say
from surrogate.dataset import Dataset
from surrogate.dataset.collision_event import slab_means
from surrogate.evolution.surrogate import pressures
from surrogate.groups import random_elements
from surrogate.lattice import transform_links
from surrogate.model_files import load_model_of


@dataclass(frozen=True)
class CollisionScheme:
    """A coarse scheme.

    Attributes
    ----------
    name : str
    make : callable (Grid, Workers) → Leapfrog
    energies : callable (U, E) → (1, 4)
        Of the slab.
    """

    name: str
    make: Callable[[Grid, Workers], Leapfrog]
    energies: Callable[[Tensor, Tensor], Tensor]


def schemes_of(surrogate: CollisionSurrogate) -> list[CollisionScheme]:
    """Wilson's and Symanzik's actions with plain operators, and the surrogate."""
    group, plain = group_named(surrogate.config.group), CollisionSurrogate(surrogate.config)

    def symanzik(grid: Grid, workers: Workers) -> Leapfrog:
        return ImprovedLeapfrog(grid, group, LaboratoryAction.symanzik(), workers=workers)

    return [
        CollisionScheme(WILSON, lambda grid, workers: Leapfrog(grid, group, workers=workers), plain.energies),
        CollisionScheme(SYMANZIK, symanzik, plain.energies),
        CollisionScheme(SURROGATE, surrogate.scheme, surrogate.energies),
    ]


def compare_collisions(file: CompareFile, directory: Path, say: Say) -> Path:
    """Run all schemes, write `compare.json` and `compare.html`; the path of the page.

    Raises
    ------
    FileError
        If a file is missing or does not fit the others.
    ConfigError
        If the steps or spacings of the dataset are not those of the surrogate.
    """
    wanted = file.compare
    surrogate = load_model_of(wanted.evolution, CollisionSurrogate)
    config = surrogate.config
    dataset = Dataset(wanted.dataset, group=config.group, frame="laboratory", blocking=config.blocking)
    _check(dataset, surrogate, wanted)
    workers, schemes = Workers(wanted.threads or os.cpu_count() or 1), schemes_of(surrogate)
    _warm_up(coarse_collision(dataset, wanted.splits[0], 0), schemes, workers)
    events, costs, views = [], [], []
    for split in wanted.splits:
        for number in range(min(wanted.events or dataset.events(split), dataset.events(split))):
            event, taken, view = run_event(dataset, split, number, schemes, workers)
            last = {name: curves.strength[-1] for name, curves in event.curves.items()}
            say(f"{split} {number}: error at the end " + ", ".join(f"{key} {value:.3f}" for key, value in last.items()))
            events.append(event)
            if len(events) == 1:
                costs, views = taken, [dataset.front_view(split, number), view]
    symmetry = equivariance(coarse_collision(dataset, events[0].split, events[0].number), surrogate, workers)
    spacing = dataset.content.splits[events[0].split].spacing_fm * dataset.blocking
    about = {
        "config": file.as_dict(), "model": surrogate.card, "coefficients": surrogate.pairs.values(),
        "equivariance": symmetry, "machine": machine(), "versions": {**versions(), "torch": installed("torch")},
        "commit": commit(),
    }  # fmt: skip
    make_directory(directory)
    plain = as_plain(events, costs, **about)
    write_text(directory / "compare.json", json.dumps(plain, indent=1) + "\n")
    with figure_style():
        sections = _sections(events, views[0], views[1], spacing)
    page = page_from(
        "collisions.html", "surrogate.comparison", file=file, rows=summary(events), costs=costs, about=about, dataset=dataset,
        spacing=spacing, sections=sections,
        gauss={name: max(e.curves[name].gauss for e in events) for name in events[0].curves},
    )  # fmt: skip
    path = directory / "compare.html"
    write_text(path, page)
    return path


def _check(dataset: Dataset, surrogate: CollisionSurrogate, wanted: Compare) -> None:
    config, name = surrogate.config, wanted.dataset
    for key, value in (("upscaler", wanted.upscaler), ("others", wanted.others)):
        if value:
            raise ConfigError(f"compare.{key} = {value!r}: collisions in 3+1D are compared without; remove it")
    if dataset.content.substeps != config.substeps:
        raise ConfigError(
            f"compare.dataset = {name!r}: its steps are a_z/{dataset.content.substeps}, those of the surrogate "
            f"a_z/{config.substeps}; draw a dataset with dataset.substeps = {config.substeps}"
        )
    if abs(dataset.frame.anisotropy - config.anisotropy) > 1e-9:
        raise ConfigError(
            f"compare.dataset = {name!r}: its a_z/a_T is {dataset.frame.anisotropy:.6g}, that of the surrogate "
            f"{config.anisotropy:.6g}; draw a dataset with that ratio"
        )


def _warm_up(collision: CoarseCollision, schemes: list[CollisionScheme], workers: Workers) -> None:
    """Compile what will be timed."""
    for scheme in schemes:
        solver = scheme.make(collision.grid, workers)
        solver.step(solver.initial_state(collision.nuclei))


@torch.no_grad()
def run_event(
    dataset: Dataset, split: str, number: int, schemes: list[CollisionScheme], workers: Workers
) -> tuple[Event, list[Cost], np.ndarray]:
    """Every scheme on one event, with its costs, and T^00 at z = 0 at the end as the last scheme has it, (nx, ny)."""
    collision, window = coarse_collision(dataset, split, number), dataset.window(split, number)
    truth = pressures(dataset.energies(split, number)).tolist()
    step = collision.grid.a_t
    times = [collision.start + step * n for n in range(collision.first + 1, collision.last + 1)]
    curves: dict[str, Curves] = {}
    costs = []
    view = np.zeros(0)
    for scheme in schemes:
        solver, found = scheme.make(collision.grid, workers), Curves()
        run = _Clock(run_collision(solver, collision.nuclei, collision.last))
        for fields in run:
            row = fields.step - collision.first
            if row > 0:
                state = slab_state(fields, collision.slab.stored)
                error = strength_error(state.U, window.U[row : row + 1], dataset.frame.anisotropy)
                found.strength.append(error)
                found.observables.append(pressures(scheme.energies(state.U, state.E))[0].tolist())
        found.gauss = solver.gauss_residual(fields).max_rel
        view = solver.measure(fields).front_view
        curves[scheme.name] = found
        costs.append(run.cost(f"{scheme.name}, coarse", fields))
    found, cost = _floor(dataset, collision, window.U, workers)
    curves[FLOOR] = found
    return Event(split, number, times, truth, curves), [cost, *costs], view


def _floor(dataset: Dataset, collision: CoarseCollision, U: Tensor, workers: Workers) -> tuple[Curves, Cost]:
    """The fine solver from nuclei that know only what the coarse ones know."""
    b, grid, slab = dataset.blocking, collision.fine, collision.slab
    m = b * grid.substeps // dataset.content.substeps
    nuclei = fine_nuclei(collision.nuclei, b, grid.anisotropy)
    solver, found = Leapfrog(grid, group_named(dataset.group.name), workers=workers), Curves()
    rows = np.zeros((len(U) - 1, 4))
    run = _Clock(run_collision(solver, nuclei, m * collision.last))
    for fields in run:
        row = energy_row(fields.step, collision.first, m)
        if row is not None and row < len(rows):
            rows[row] += slab_means(solver, fields, slab)
        number, between = divmod(fields.step, m)
        if between == 0 and number > collision.first:
            links = blocked_links(fields, slab.stored_fine, b)
            at = number - collision.first
            found.strength.append(strength_error(links, U[at : at + 1], grid.anisotropy))
    found.observables = pressures(torch.from_numpy(b**4 * rows / (2 - m % 2))).tolist()
    found.gauss = solver.gauss_residual(fields).max_rel
    return found, run.cost("solver, fine", fields)


class _Clock:
    """A run, and the wall time that its steps take."""

    def __init__(self, run: Iterator[Fields]) -> None:
        self._run, self.seconds, self.steps = run, 0.0, 0
        next(self._run)

    def __iter__(self) -> Iterator[Fields]:
        while True:
            began = time.perf_counter()
            fields = next(self._run, None)
            if fields is None:
                return
            self.seconds += time.perf_counter() - began
            self.steps += 1
            yield fields

    def cost(self, name: str, fields: Fields) -> Cost:
        """What its steps took, and its fields with their charges."""
        charges = sum(charge.q.nbytes for charge in fields.charges)
        sites = int(np.prod(fields.grid.shape))
        return Cost(name, sites, self.steps, self.seconds, fields.U.nbytes + fields.E.nbytes + charges)


@torch.no_grad()
def equivariance(collision: CoarseCollision, surrogate: CollisionSurrogate, workers: Workers, seed: int = 1) -> float:
    """max |Ω(evolved) − evolved(Ω)| of the links at the end, Ω random at every site where something moves."""
    scheme = surrogate.scheme(collision.grid, workers)
    fields = scheme.initial_state(collision.nuclei)
    turned = scheme.initial_state(collision.nuclei)
    Omega = random_elements(surrogate.config.group, collision.grid.shape, torch.Generator().manual_seed(seed))
    transform_collision(turned, Omega)
    for state in (fields, turned):
        while state.step < collision.last:
            scheme.step(state)
    everywhere = slice(None)
    plain, other = (slab_state(state, everywhere).U for state in (fields, turned))
    difference = (other - transform_links(plain, Omega[None])).abs()
    # The last longitudinal link leads out of the box.
    return float(difference[:, :, :, :, :-1].max())


def _sections(events: list[Event], truth: np.ndarray, view: np.ndarray, spacing_fm: float) -> list[dict[str, Any]]:
    drawn = [
        (
            "Error of the magnetic field against time",
            "The magnetic field of each scheme at mid-rapidity against that of the blocked fine run, all components, in the "
            "same gauge. Grey: the fine solver from nuclei that know only the coarse sites.",
            figures.error_against_time(events, spacing_fm),
        ),
        (
            "Energy density and pressures",
            "Errors at mid-rapidity, means over events. Band: 3 %. Schemes made by hand with plain operators, the surrogate "
            "with its own.",
            figures.observables_against_time(events, spacing_fm),
        ),
        ("One event", f"Event {events[0].number} of {events[0].split}.", figures.evolution(events[0], spacing_fm)),
        (
            "Energy density in the plane z = 0",
            "At the end of the same event: the fine solver, the mean of the fine sites around each coarse one; the coarse "
            "lattice with the plain operator.",
            figures.side_by_side(truth, view, spacing_fm),
        ),
    ]
    return [{"title": title, "text": text, "image": embedded(figure, title)} for title, text, figure in drawn]
