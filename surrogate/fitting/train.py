"""`glasma train`: a model from a dataset, in a directory from which an interrupted training goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from glasma.errors import ConfigError
from glasma.io.atomic import make_directory
from surrogate.dataset import Dataset
from surrogate.fitting.collision import train_collision
from surrogate.fitting.config import MODELS, TrainFile
from surrogate.fitting.evolution import train_evolution
from surrogate.fitting.own import train_own
from surrogate.fitting.part_errors import Say
from surrogate.fitting.upscaler import train_upscaler
from surrogate.model_files import save_model
from surrogate.python_path import is_python_path


def train(file: TrainFile, directory: Path, say: Say) -> Path:
    """Train what a file asks for; the path of the model.

    Raises
    ------
    FileError
        If a file cannot be read or written.
    ConfigError
        If the file asks for what is not there.
    """
    wanted = file.train
    if wanted.model not in MODELS and not is_python_path(wanted.model):
        raise ConfigError(
            f"train.model = {wanted.model!r}: must be one of {', '.join(MODELS)}, or a Python path such as package.module:Name"
        )
    dataset = Dataset(wanted.dataset)
    for split in (wanted.train_split, *wanted.test_splits):
        if split not in dataset.splits:
            raise ConfigError(f"split {split!r}: {wanted.dataset} has {', '.join(dataset.splits)}")
    collisions = dataset.frame.name == "laboratory"
    if collisions and wanted.model != "evolution":
        raise ConfigError(
            f"train.model = {wanted.model!r}: the events of {wanted.dataset} are collisions in 3+1D, for which there is only "
            '"evolution"; use that, or a data set in 2+1D'
        )
    make_directory(directory)
    model: Any
    if collisions:
        model, metrics = train_collision(file, dataset, say)
    elif wanted.model == "evolution":
        model, metrics = train_evolution(file, dataset, directory, say)
    elif wanted.model == "upscaler":
        model, metrics = train_upscaler(file, dataset, say)
    else:
        model, metrics = train_own(file, dataset, directory, say)
    path = directory / "model.safetensors"
    about = {"dataset": dataset.content.config.model_dump(mode="json", exclude_none=True), "training": file.as_dict()}
    return save_model(model, path, training_data=about, metrics=metrics)
