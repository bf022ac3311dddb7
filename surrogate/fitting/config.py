"""What `glasma train` reads: one TOML file, checked before any work is done.  Every default is stated here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field

from glasma.sections import Section, checked, read_toml
from surrogate.training.config import TrainingConfig


class Train(Section):
    """What is trained, and on what."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="names the output directory")
    model: str = Field(
        default="evolution",
        description='"evolution", "upscaler", or the Python path of a model of one\'s own (docs/surrogate.md)',
    )
    dataset: str = Field(
        min_length=1, description="the HDF5 file that `glasma dataset` wrote; relative to the working directory"
    )
    train_split: str = Field(default="train", description="the split that it learns from")
    validation_split: str = Field(default="validation", description="the split that stops the training")
    test_splits: list[str] = Field(default_factory=lambda: ["test"], description="the splits whose errors the model card tells")


class Evolution(Section):
    """The action of an evolution surrogate and its linear fit."""

    terms: list[str] | None = Field(default=None, description="terms of the field strength action; default: all up to `reach`")
    reach: int = Field(default=4, ge=1, le=4, description="largest distance of two field strengths")
    network: dict[str, Any] | None = Field(default=None, description="an L-CNN in addition: keys of LCNNConfig")
    beginning: bool = Field(
        default=True, description="fit coefficients of their own for the first half step from τ = 0+; a box has none"
    )
    ridge: float = Field(default=1e-11, ge=0, description="of the least squares, relative to the mean square of each term")
    every: int = Field(default=4, ge=1, description="of the times of a run, each so-many-th is fitted")
    energy_ridge: float = Field(default=1e-5, gt=0, description="of the energy operators, towards the plain ones")


class Rollouts(Section):
    """Training through the evolution, after the linear fit: by Gauss–Newton, or by [training] if there is an L-CNN."""

    lengths: list[int] = Field(
        default_factory=lambda: [8, 16, 32],
        description="steps of the rollouts, one phase each; whole collisions in 3+1D, whatever they are; [] leaves it at the "
        "linear fit",
    )
    windows: int = Field(
        default=12,
        ge=1,
        description="windows of the training split, drawn with training.seed; of collisions in 3+1D the first events",
    )
    iterations: int = Field(default=4, ge=1, description="Gauss–Newton steps of a phase, for actions of field strengths alone")
    validation_windows: int = Field(default=8, ge=1, description="windows of the validation split")
    checkpointing: bool = Field(default=True, description="recompute each step in the backward pass: less memory, more time")


class UpscalerFit(Section):
    """The interpolation of an upscaler."""

    radius: int = Field(default=2, ge=0, le=4, description="coarse sites in each direction that a cell looks at")
    ridge: float = Field(default=1e-8, ge=0, description="of the least squares, relative to the mean square of each channel")
    coarsening: int = Field(
        default=1, ge=1, le=8, description="the fine states are blocked by this first: 1, 2, … b/2 for the steps of a cascade"
    )


class TrainFile(Section):
    """A complete training."""

    train: Train
    evolution: Evolution = Evolution()
    rollouts: Rollouts = Rollouts()
    upscaler: UpscalerFit = UpscalerFit()
    own: dict[str, Any] = Field(default_factory=dict, description="keywords of the class or function that train.model names")
    training: TrainingConfig = TrainingConfig()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, from which it can be made again."""
        return self.model_dump(mode="json", exclude_none=True)


#: What `train.model` may name besides a user's own.
MODELS = ("evolution", "upscaler")


def load_train_file(path: str | Path, overrides: Iterable[str] = ()) -> TrainFile:
    """Read and check a TOML file.

    Raises
    ------
    FileError
        If the file cannot be read.
    ConfigError
        If it is not valid TOML or does not fit the schema.
    """
    return checked(TrainFile, read_toml(path, overrides))
