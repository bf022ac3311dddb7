"""Training of a user's own evolution: through rollouts, then the energy operators and the errors for the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from surrogate.dataset import Dataset
from surrogate.evolution.own import OwnConfig, OwnEvolution
from surrogate.fitting.config import TrainFile
from surrogate.fitting.evolution import energies_and_errors, train_on_rollouts
from surrogate.fitting.part_errors import Say
from surrogate.training.batches import cast


def own_evolution(path: str, arguments: dict[str, Any], dataset: Dataset, seed: int = 1) -> OwnEvolution:
    """The model of a Python path for the lattice and the times of a dataset, its weights those of a seed.

    Raises
    ------
    ConfigError
        If the path gives no module.
    LayerError
        If its `forward` fits no protocol.
    """
    substeps = dataset.content.substeps
    return OwnEvolution(OwnConfig(path, arguments, dataset.group.name, dataset.frame.name, dataset.blocking, substeps, seed))


def train_own(file: TrainFile, dataset: Dataset, directory: Path, say: Say) -> tuple[OwnEvolution, dict[str, Any]]:
    """The trained model and what the card tells of it.

    Raises
    ------
    GlasmaError
        If there is no such model, it gives something else than it has to, or the training breaks off.
    """
    model = own_evolution(file.train.model, file.own, dataset, file.training.seed)
    count = sum(parameter.numel() for parameter in model.module.parameters() if parameter.requires_grad)
    say(f"{file.train.model}: a {'potential' if model.is_potential else 'stepper'} with {count} parameters")
    if count:
        train_on_rollouts(model, file, dataset, directory, say)
    # Its fields in the comparison are of double precision, whatever it was trained in, and on the CPU.
    model._apply(lambda tensor: cast(tensor, torch.device("cpu"), torch.float64))
    metrics = energies_and_errors(model, file, dataset, say)
    return model.eval(), {"parameters": count, **metrics}
