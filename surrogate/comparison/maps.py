"""Maps on the fine lattice: the surrogate's state upscaled, beside the fine state of the same time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from glasma.backend import Workers
from glasma.group import group_named
from glasma.lattice.gauss_projection import project
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields
from surrogate.actions.field_strength import FieldStrengthAction
from surrogate.comparison.floor import AnyUpscaler
from surrogate.comparison.run import evolve
from surrogate.dataset import Dataset
from surrogate.engine_fields import empty_milne_fields, state_to_engine
from surrogate.evolution.frames import Frame
from surrogate.evolution.leapfrog import FieldState, Leapfrog
from surrogate.evolution.surrogate import EvolutionSurrogate
from surrogate.fitting.upscaler import magnetic_map


@dataclass(frozen=True)
class Maps:
    """½B_L² at the sites of the fine lattice.

    Attributes
    ----------
    time : float
        τ, units of the fine a_T.
    truth, surrogate : (nx, ny)
    error : float
        rms of the difference over the standard deviation.
    mean : float
        Ratio of the means.
    gauss_before, gauss_after : float
        Violation of the fine Gauss constraint, relative to its largest term, as upscaled and after its projection.
    iterations : int
        Of the projection.
    """

    time: float
    truth: np.ndarray
    surrogate: np.ndarray
    error: float
    mean: float
    gauss_before: float
    gauss_after: float
    iterations: int


@torch.no_grad()
def fine_maps(
    dataset: Dataset, split: str, event: int, model: EvolutionSurrogate, upscaler: AnyUpscaler, workers: Workers
) -> Maps:
    """The last fine state of an event, and what the surrogate makes of its blocked initial state."""
    content = dataset.content.splits[split]
    steps = content.fine[-1]
    truth = dataset.fine_state(split, event, steps)
    window = dataset.window(split, event)
    *_, last = evolve(model, window, steps)
    fine = upscaler(model.leapfrog.synchronous(last))
    fields = continued(fine, truth.number, content.fine_substeps, model.config.frame)
    done = project(fields, workers)
    real, found = magnetic_map(truth.U)[0].numpy(), magnetic_map(fine.U)[0].numpy()
    error = float(np.sqrt(np.mean((found - real) ** 2)) / real.std())
    return Maps(
        truth.number / content.fine_substeps, real, found, error, float(found.mean() / real.mean()),
        done.residual_before, done.residual_after, done.iterations,
    )  # fmt: skip


def continued(fine: FieldState, number: int, substeps: int, frame: str = "milne") -> MilneFields:
    """Fields of the engine from an upscaled state, with which the fine run goes on; Gauss is not restored yet.

    Parameters
    ----------
    fine : FieldState
        Its momenta at the time of its links.
    number : int
        The time level of the fine run.
    substeps : int
        n in Δτ = a_T/n of it.
    frame : "milne" or "static"
    """
    nx, ny = fine.U.shape[2:4]
    name = {2: "SU(2)", 3: "SU(3)"}[fine.U.shape[-1]]
    group = group_named(name)
    grid = Grid((nx, ny, 1), substeps=substeps)
    wilson = FieldStrengthAction.wilson(name)
    staggered = Leapfrog(wilson, wilson.group, Frame(frame), 1 / substeps).staggered(
        FieldState(fine.U, fine.P, fine.phi, fine.pi, number)
    )
    fields = empty_milne_fields(grid, group, frame)
    state_to_engine(staggered, fields)
    return fields
