"""The floor: what no coarse scheme can know, since blocking has forgotten it.

The blocked initial state is upscaled, evolved by the fine solver and blocked again.  Its error is that of the best guess of
the fine fields, with exact dynamics; coarse schemes have only the same coarse fields to start from.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from glasma.backend import Workers
from glasma.errors import ConfigError, FileError
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.group import group_named
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields
from surrogate.actions.least_squares import Window
from surrogate.blocking import block_links
from surrogate.dataset import Dataset
from surrogate.engine_fields import algebra_from_tensor, links_from_tensor, links_to_tensor
from surrogate.evolution.leapfrog import FieldState
from surrogate.model_files import load_model
from surrogate.upscaling import Cascade, NetworkUpscaler, Upscaler


def load_upscaler(paths: str | list[str], dataset: Dataset) -> Cascade:
    """The upscalers of some model files, one after the other, for the states of a dataset.

    Raises
    ------
    FileError
        If a file is missing, damaged or holds no upscaler.
    ConfigError
        If one is for other fields than the dataset's, or together they do not undo its blocking.
    """
    upscalers = []
    for path in [paths] if isinstance(paths, str) else paths:
        model = load_model(path)
        if not isinstance(model, Upscaler | NetworkUpscaler):
            kind = type(model).__name__
            raise FileError(
                f"compare.upscaler: {path} holds a model of the kind {kind}, which upscales nothing; give another file"
            )
        wanted = {"group": dataset.group.name, "frame": dataset.frame.name, "scalars": "site"}
        for key, value in wanted.items():
            if (own := getattr(model.config, key, value)) != value:
                raise ConfigError(
                    f"compare.upscaler: {path} is for {key} = {own}, {dataset.path} has {value}; give another file"
                )
        upscalers.append(model)
    if 2 ** len(upscalers) != dataset.blocking:
        raise ConfigError(
            f"compare.upscaler = {paths!r}: refines by {2 ** len(upscalers)}, {dataset.path} is blocked by "
            f"{dataset.blocking}; give one upscaler for each factor 2, that of the coarsest lattice first"
        )
    return Cascade(upscalers)


@torch.no_grad()
def upscaled_run(
    upscaler: Cascade, window: Window, steps: int, substeps: int, fine_substeps: int, workers: Workers
) -> Iterator[Tensor]:
    """Blocked links at Δτ, 2 Δτ, … of the fine run from an upscaled initial state.

    Parameters
    ----------
    upscaler : Cascade
    window : Window
        From the beginning of a run; a box is at rest there.
    steps : int
        Coarse ones.
    substeps, fine_substeps : int
        n in Δτ = a_T/n of the coarse and of the fine lattice.
    workers : Workers

    Yields
    ------
    (1, 2, *lattice, N, N) complex
    """
    U, frame = window.U[:1], upscaler.config.frame
    nothing = torch.zeros_like(U[:, 0])
    longitudinal = nothing if window.longitudinal is None else window.longitudinal[None]
    fine = upscaler(FieldState(U, torch.zeros_like(U), nothing, longitudinal))
    group = group_named(upscaler.config.group)
    nx, ny = fine.U.shape[2:4]
    scheme = BoostInvariant(Grid((nx, ny, 1), substeps=fine_substeps), group, workers=workers, expansion=frame)
    fields = begun(scheme, frame, fine)
    # b a_T/n of the fine lattice is a coarse step.
    within = upscaler.factor * fine_substeps // substeps
    for step in range(1, steps + 1):
        while fields.step < step * within:
            scheme.step(fields)
        yield block_links(links_to_tensor(fields.U[:, :, 0], group), upscaler.factor)


def begun(scheme: BoostInvariant, frame: str, state: FieldState) -> MilneFields:
    """The fields of the engine after the first half step from a state at the beginning, of which only π moves."""
    assert state.pi is not None
    group = scheme.group
    links, longitudinal = links_from_tensor(state.U, group), algebra_from_tensor(state.pi[0], group)
    if frame == "milne":
        return scheme.start(links, longitudinal)
    momenta = np.zeros((3, *longitudinal.shape))
    momenta[2] = longitudinal
    return scheme.start_static(links, np.zeros_like(longitudinal), momenta)
