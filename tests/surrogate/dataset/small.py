"""Small data sets for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from surrogate.dataset.config import DatasetConfig, dataset_config
from surrogate.dataset.draw import draw_dataset
from surrogate.dataset.loader import Dataset


def values(**blocks: Any) -> dict[str, Any]:
    """Collisions on 16², blocked to 8²: a_T = 0.1 fm, four fine steps in a_T, Δτ_c = a_T/2 is two of them."""
    return {
        "dataset": {"name": "small", "end": "0.3 fm", **blocks},
        "source": {
            "lattice": {"transverse_cells": 16, "transverse_length": "1.6 fm"},
            "nuclei": {"g2mu": "4 fm^-1", "infrared_regulator": "0.5 fm^-1", "ultraviolet_cutoff": "10 fm^-1"},
            "evolution": {"substeps": 4},
        },
        "split": [{"name": "train", "events": 2, "seed": 1}, {"name": "test", "events": 1, "seed": 2}],
    }


def box_values(**blocks: Any) -> dict[str, Any]:
    """Random fields on 16², blocked to 8²."""
    data = values(**blocks)
    del data["source"]["nuclei"]
    return {**data, "source": {**data["source"], "kind": "box", "fields": {"correlation_length": 2.0, "amplitude": 0.3}}}


def small(**blocks: Any) -> DatasetConfig:
    return dataset_config(values(**blocks))


def drawn(directory: Path, data: dict[str, Any], name: str = "small.h5") -> Dataset:
    draw_dataset(directory / name, dataset_config(data))
    return Dataset(directory / name)


def toml(data: dict[str, Any]) -> str:
    """Plain values as TOML."""

    def text(value: Any) -> str:
        return "[" + ", ".join(map(text, value)) + "]" if isinstance(value, list) else repr(value)

    lines = ["[dataset]", *(f"{key} = {text(value)}" for key, value in data["dataset"].items()), "[source]"]
    lines += [f"{key} = {text(value)}" for key, value in data["source"].items() if not isinstance(value, dict)]
    for name, section in data["source"].items():
        if isinstance(section, dict):
            lines += [f"[source.{name}]", *(f"{key} = {text(value)}" for key, value in section.items())]
    for split in data["split"]:
        lines += ["[[split]]", *(f"{key} = {text(value)}" for key, value in split.items())]
    return "\n".join(lines) + "\n"


def blocked_by_hand(links: np.ndarray, factor: int) -> np.ndarray:
    """Products of matrices (2, nx, ny, N, N) along each axis."""
    coarse = []
    for axis, link in enumerate(links):
        line = np.broadcast_to(np.eye(link.shape[-1]), link.shape)
        for step in range(factor):
            line = line @ np.roll(link, -step, axis)
        coarse.append(line[::factor, ::factor])
    return np.stack(coarse)
