"""The section [training] of a TOML file, checked before any work is done.  Every default is stated here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from glasma.errors import ConfigError
from glasma.sections import Section, checked, read_toml


class LBFGSPhase(Section):
    """A second phase: L-BFGS on all training data, from the best weights of the first."""

    epochs: int = Field(default=0, ge=0, description="iterations of L-BFGS; 0 leaves the phase out")
    history: int = Field(default=50, ge=1, description="pairs of steps and gradient changes that are kept")
    evaluations: int = Field(default=20, ge=2, description="passes over the training data in one line search at most")
    batch_size: int = Field(
        default=256, ge=0, description="samples at once, a matter of memory: all of them are summed; 0 takes all"
    )


class TrainingConfig(Section):
    """How a network is trained."""

    epochs: int = Field(default=100, ge=0, description="passes over the training data; iterations for lbfgs")
    batch_size: int = Field(default=32, ge=0, description="samples a step, of all processes together; 0 takes all")
    loss: Literal["mse", "relative"] = Field(
        default="mse", description="mean square, or mean square over the variance of each output, 1 − R²"
    )
    optimiser: Literal["adam", "adamw", "sgd", "lbfgs"] = Field(
        default="adam",
        description="lbfgs takes all data at once and finds its own step; it takes its options from [training.lbfgs]",
    )
    learning_rate: float = Field(default=1e-3, gt=0, description="at the start, after the warm-up")
    weight_decay: float = Field(default=0.0, ge=0, description="L2 term of the gradient; for adamw the decoupled decay")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of sgd; β1 of adam and adamw")
    amsgrad: bool = Field(default=False, description="adam and adamw: divide by the largest second moment so far")
    schedule: Literal["constant", "cosine", "plateau"] = Field(
        default="constant", description="of the learning rate; plateau lowers it when the validation loss stalls"
    )
    warmup_epochs: int = Field(default=0, ge=0, description="the learning rate grows linearly over these epochs")
    final_fraction: float = Field(
        default=0.0, ge=0, le=1, description="cosine ends at, plateau stops at this fraction of the learning rate"
    )
    plateau_factor: float = Field(default=0.5, gt=0, lt=1, description="plateau multiplies the learning rate by it")
    plateau_patience: int = Field(default=10, ge=1, description="plateau waits for so many evaluations without improvement")
    gradient_clip: float | None = Field(default=None, gt=0, description="largest norm of the gradient; default: no limit")
    patience: int | None = Field(
        default=None, ge=1, description="a phase ends after so many evaluations without improvement; default: never"
    )
    min_delta: float = Field(
        default=0.0, ge=0, lt=1, description="improvement that counts for patience and plateau, relative to the best loss"
    )
    target_loss: float | None = Field(default=None, gt=0, description="training ends at this validation loss; default: never")
    lbfgs: LBFGSPhase = Field(default=LBFGSPhase(), description="a second phase, see [training.lbfgs]")
    seed: int = Field(default=1, ge=0, lt=2**32, description="seed of the order of samples and of random layers")
    precision: Literal["float32", "float64"] = Field(
        default="float32", description="of weights and data; complex ones take the complex type of it"
    )
    device: str = Field(default="auto", description='"auto" (CUDA if there is one), "cpu", "cuda" or "cuda:N"')
    data_on_device: bool = Field(default=True, description="keep the data on the device; false copies batch by batch")
    threads: int = Field(default=0, ge=0, description="CPU threads of each process; 0 leaves PyTorch's choice")
    evaluation_every: int = Field(default=1, ge=1, description="epochs between evaluations of the validation data")
    checkpoint_every: int = Field(default=10, ge=1, description="epochs between checkpoints")
    checkpoint_minutes: float = Field(default=10.0, gt=0, description="minutes between checkpoints at most, at ends of epochs")
    checkpoint_batches: int | None = Field(
        default=None, ge=1, description="batches between checkpoints within an epoch; default: none within"
    )
    tensorboard: bool = Field(default=True, description="write TensorBoard logs if the package tensorboard is there")

    @field_validator("device")
    @classmethod
    def _known_device(cls, device: str) -> str:
        kind, colon, index = device.partition(":")
        if device not in ("auto", "cpu", "cuda") and not (kind == "cuda" and colon and index.isdigit()):
            raise ValueError('must be "auto", "cpu", "cuda" or "cuda:N"')
        return device

    def as_dict(self) -> dict[str, Any]:
        """The configuration as plain values, from which it can be made again."""
        return self.model_dump(mode="json", exclude_none=True)


class _File(Section):
    training: TrainingConfig


def training_config(data: dict[str, Any]) -> TrainingConfig:
    """Check the plain values of a section [training].

    Raises
    ------
    ConfigError
        With one line that names the first field at fault, its value and the remedy.
    """
    return checked(_File, {"training": data}).training


def load_training(path: str | Path, overrides: Iterable[str] = ()) -> TrainingConfig:
    """Read the section [training] of a TOML file; other sections are for others.

    Parameters
    ----------
    path : path of the file
    overrides : strings "training.key=value"
        Replace what the file says.

    Raises
    ------
    FileError
        If the file cannot be read.
    ConfigError
        If it is not valid TOML, has no such section or does not fit the schema.
    """
    data = read_toml(path, overrides)
    if "training" not in data:
        raise ConfigError(f"{path}: has no section [training]; add one, it may be empty")
    return training_config(data["training"])
