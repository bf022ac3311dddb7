"""A small dataset and models trained on it, for the tests of what comes after."""

from __future__ import annotations

from pathlib import Path

from glasma.sections import checked
from surrogate.dataset import draw_dataset
from surrogate.dataset.config import dataset_config
from surrogate.fitting.config import TrainFile
from surrogate.fitting.train import train

#: 32² sites blocked to 16², smooth enough that the surrogate wins clearly.
DATASET = {
    "dataset": {"name": "small", "substeps": 4, "end": "0.8 fm", "fine_times": ["0.4 fm", "0.8 fm"]},
    "source": {
        "kind": "boost_invariant",
        "lattice": {"group": "SU(2)", "transverse_cells": 32, "transverse_length": "3.2 fm"},
        "nuclei": {"g2mu": "2 fm^-1", "infrared_regulator": "0.4 fm^-1", "ultraviolet_cutoff": "10 fm^-1"},
        "evolution": {"substeps": 8},
    },
    "split": [
        {"name": "train", "events": 3, "seed": 1},
        {"name": "validation", "events": 1, "seed": 2},
        {"name": "test", "events": 1, "seed": 3},
    ],
}


def small_dataset(path: Path) -> Path:
    """Draw the dataset."""
    draw_dataset(path, dataset_config(DATASET))
    return path


def train_file(dataset: Path, **sections: dict[str, object]) -> TrainFile:
    """A training on it."""
    given = {"name": "small", "dataset": str(dataset), **sections.pop("train", {})}
    return checked(TrainFile, {"train": given, **sections})


def trained(dataset: Path, directory: Path, **sections: dict[str, object]) -> Path:
    """The model file of a training."""
    return train(train_file(dataset, **sections), directory, lambda text: None)
