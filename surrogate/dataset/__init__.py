"""Data sets for surrogates: fine events of the engine, blocked to the times of a coarse leapfrog, in one HDF5 file.

The names below come from their modules when they are first asked for: what a file is can be said without PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surrogate.dataset.config import DatasetConfig, load_dataset_config
    from surrogate.dataset.draw import draw_dataset
    from surrogate.dataset.loader import Dataset
    from surrogate.dataset.samples import WindowSamples

_HOME = {
    **dict.fromkeys(("DatasetConfig", "load_dataset_config"), "config"),
    "draw_dataset": "draw",
    "Dataset": "loader",
    "WindowSamples": "samples",
}

__all__ = ["Dataset", "DatasetConfig", "WindowSamples", "draw_dataset", "load_dataset_config"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
