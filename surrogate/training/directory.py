"""The directory of a training: which file is where, and whether it may be used."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import torch

from glasma.errors import FileError
from glasma.io.atomic import make_directory, refuse_foreign, remove_partial, replacing
from glasma.io.record import read_record, write_record

_FORMAT = "glasma training 1"
_CHECKPOINT_FORMAT = "glasma training checkpoint 1"
_DIVERGED_FORMAT = "glasma diverged batch 1"


class TrainingDirectory:
    """Paths of one training's files.

    Parameters
    ----------
    path : directory
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = path / "run.json"
        self.history = path / "history.csv"
        self.timing = path / "timing.csv"
        self.best = path / "best.safetensors"
        self.last = path / "last.safetensors"
        self.checkpoint = path / "checkpoint.pt"
        self.diverged = path / "diverged.pt"
        self.tensorboard = path / "tensorboard"

    def prepare(self, resume: bool, overwrite: bool) -> dict[str, Any] | None:
        """Make the directory or take it over; the checkpoint from which to go on, or None for a new training.

        Raises
        ------
        FileError
            If it holds a training and neither `resume` nor `overwrite` is set, holds foreign files, or cannot be written.
        """
        checkpoint = None
        if self.run.exists():
            self.read_run()
            if resume:
                checkpoint = self.load_checkpoint() if self.checkpoint.exists() else None
            elif overwrite:
                self._remove_results()
            else:
                raise FileError(f"{self.path}: holds another training; resume or overwrite it, or choose another directory")
        else:
            refuse_foreign(self.path, "holds no training (no run.json)", "another directory")
        make_directory(self.path, "another directory")
        remove_partial(self.path)
        return checkpoint

    def read_run(self) -> dict[str, Any]:
        """The content of `run.json`.

        Raises
        ------
        FileError
            If it is not there or something else.
        """
        return read_record(self.run, _FORMAT, "give the directory of a training")

    def write_run(self, data: dict[str, Any]) -> None:
        """Replace `run.json`."""
        write_record(self.run, _FORMAT, data)

    def save_checkpoint(self, content: dict[str, Any]) -> None:
        """Replace the checkpoint: tensors and plain values."""
        with replacing(self.checkpoint) as aside:
            torch.save({"format": _CHECKPOINT_FORMAT, **content}, aside)

    def load_checkpoint(self) -> dict[str, Any]:
        """The content of the checkpoint, on the CPU.

        Raises
        ------
        FileError
            If it is damaged or something else.
        """
        try:
            content = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
            detail = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise FileError(f"{self.checkpoint}: is not a whole checkpoint ({detail}); overwrite the training") from None
        if not isinstance(content, dict) or content.get("format") != _CHECKPOINT_FORMAT:
            raise FileError(f"{self.checkpoint}: is not the checkpoint of a training; overwrite the training")
        return content

    def save_diverged(self, content: dict[str, Any]) -> None:
        """Replace the file of the batch that was not finite."""
        with replacing(self.diverged) as aside:
            torch.save({"format": _DIVERGED_FORMAT, **content}, aside)

    def _remove_results(self) -> None:
        # run.json goes last: without it the directory would no longer be known as a training.
        shutil.rmtree(self.tensorboard, ignore_errors=True)
        for file in (self.history, self.timing, self.best, self.last, self.checkpoint, self.diverged, self.run):
            file.unlink(missing_ok=True)
