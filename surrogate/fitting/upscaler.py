"""Training of an upscaler: the linear fit to fine states, and its errors for the card."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from surrogate.actions.field_strength import FieldStrengthAction
from surrogate.blocking import block
from surrogate.dataset import Dataset
from surrogate.evolution.leapfrog import FieldState, Leapfrog
from surrogate.fitting.config import TrainFile
from surrogate.fitting.part_errors import Say
from surrogate.lattice import plaquettes
from surrogate.upscaling import Upscaler, UpscalerConfig


def train_upscaler(file: TrainFile, dataset: Dataset, say: Say) -> tuple[Upscaler, dict[str, Any]]:
    """The fitted upscaler and what the card tells of it.

    Raises
    ------
    GlasmaError
        If the dataset has no fine states, or not those of a blocking by 2.
    """
    upscaler = Upscaler(UpscalerConfig(dataset.group.name, dataset.frame.name, file.upscaler.radius))
    left = upscaler.fit(_fine_states(dataset, file.train.train_split, file.upscaler.coarsening), file.upscaler.ridge)
    say("interpolation: left over " + ", ".join(f"{name} {100 * value:.1f} %" for name, value in left.items()))
    metrics: dict[str, Any] = {"left_over": left, "splits": {}}
    for split in file.train.test_splits:
        found = [magnetic_map_error(upscaler, state) for state in _fine_states(dataset, split, file.upscaler.coarsening)]
        error, mean = (float(torch.tensor(column).mean()) for column in zip(*found, strict=True))
        metrics["splits"][split] = {"magnetic_map": error, "magnetic_mean": mean}
        say(f"{split}: magnetic energy density, map rms/std {error:.3f}, mean {100 * (mean - 1):+.2f} %")
    return upscaler.eval(), metrics


@torch.no_grad()
def magnetic_map_error(upscaler: Upscaler, fine: FieldState) -> tuple[float, float]:
    """Error of the fine map of ½B_L², rms over standard deviation, and the ratio of its means, after blocking and upscaling."""
    truth, found = magnetic_map(fine.U), magnetic_map(upscaler(upscaler.coarse(fine)).U)
    return float((found - truth).square().mean().sqrt() / truth.std()), float(found.mean() / truth.mean())


def magnetic_map(U: Tensor) -> Tensor:
    """½B² = Σ_{i<j} 2 Re tr(1 − U_ij) at each site, (batch, *lattice)."""
    loops = plaquettes(U)
    trace = loops.diagonal(dim1=-2, dim2=-1).sum(-1).real
    return (2 * (loops.shape[-1] - trace)).sum(1)


def _fine_states(dataset: Dataset, split: str, coarsening: int) -> Iterator[FieldState]:
    """All fine states of a split, their momenta at the time of their links, blocked by a factor."""
    for event in range(dataset.events(split)):
        for index in dataset.content.splits[split].fine:
            yield block(synchronous_fine_state(dataset, split, event, index), dataset.frame, coarsening)


def synchronous_fine_state(dataset: Dataset, split: str, event: int, index: int) -> FieldState:
    """A fine state with its momenta at the time of its links, as the upscaler takes and gives it."""
    state = dataset.fine_state(split, event, index)
    if index == 0:
        return state
    wilson = FieldStrengthAction.wilson(dataset.group)
    with torch.no_grad():
        return Leapfrog(wilson, dataset.group, dataset.frame, dataset.fine_step(split)).synchronous(state)
