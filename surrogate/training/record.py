"""What a training leaves while it goes on: rows of the history, weights, checkpoints, `run.json`, progress."""

from __future__ import annotations

import math
from typing import Any

from glasma.io import provenance
from glasma.progress import Reporter
from surrogate.training.config import TrainingConfig
from surrogate.training.directory import TrainingDirectory
from surrogate.training.history import Epoch, History, HistoryFiles
from surrogate.training.tensorboard import TensorBoard
from surrogate.training.weights import Weights, save_weights


class Record:
    """The files of a training and what its user sees; in all processes but the first it does nothing.

    Parameters
    ----------
    directory : for the files
    config : of the training
    about : entries of `run.json` that do not change
    reporter : of the progress
    writes : whether this is the first process
    """

    def __init__(
        self, directory: TrainingDirectory, config: TrainingConfig, about: dict[str, Any], reporter: Reporter, writes: bool
    ) -> None:
        self._directory, self._config, self._about = directory, config, about
        self._reporter, self._writes, self._files = reporter, writes, HistoryFiles(directory.path)
        self._board = TensorBoard(directory.tensorboard, False, 0)

    def begin(self, history: History, resumed: int, epochs: int) -> None:
        """A training starts or goes on; it has so many epochs at most."""
        self._resumed = resumed
        if self._writes:
            self.run(history)
            self._files.start(history)
            self._board = TensorBoard(
                self._directory.tensorboard, self._config.tensorboard and history.status == "running", len(history.epochs)
            )
            self._reporter.begin(len(history.epochs), epochs)

    def epoch(self, history: History) -> None:
        """An epoch was added."""
        if self._writes:
            self._files.append(history)
            self._board.append(history.epochs[-1])
            self._reporter.at(len(history.epochs), _note(history.epochs[-1]))

    def checkpoint(self, history: History, last: Weights, best: Weights | None, state: dict[str, Any]) -> None:
        """Replace the weights and the checkpoint."""
        if self._writes:
            self.weights(history, last, best)
            content = {"config": self._config.as_dict(), "history": history.as_dict(), "resumed": self._resumed}
            self._directory.save_checkpoint({**content, "weights": last, "best": best, **state})

    def weights(self, history: History, last: Weights | None, best: Weights | None) -> None:
        """Replace the files of the last and of the best weights; one that is None stays as it is."""
        if self._writes and last is not None:
            save_weights(self._directory.last, last, {"epoch": len(history.epochs)})
        if self._writes and best is not None:
            save_weights(self._directory.best, best, {"epoch": history.best_epoch, "loss": history.best_loss})

    def diverged(self, content: dict[str, Any]) -> None:
        """A batch was not finite: set it aside."""
        if self._writes:
            self._directory.save_diverged(content)

    def end(self, history: History) -> None:
        """The training came to its end."""
        if self._writes:
            self.run(history)
            best = f"best loss {history.best_loss:.3e} in epoch {history.best_epoch}" if history.best_epoch else "untrained"
            self._reporter.say(f"{history.status} after {len(history.epochs)} epochs; {best}")

    def close(self) -> None:
        """Write what is held."""
        self._board.close()

    def run(self, history: History) -> None:
        """Replace `run.json`."""
        if not self._writes:
            return
        versions = {**provenance.versions(), **{name: provenance.installed(name) for name in ("torch", "safetensors")}}
        self._directory.write_run(
            {
                "status": history.status,
                "config": {"training": self._config.as_dict()},
                "seed": self._config.seed,
                "versions": versions,
                "commit": provenance.commit(),
                "machine": provenance.machine(),
                **self._about,
                "epochs": len(history.epochs),
                "best_epoch": history.best_epoch,
                "best_loss": history.best_loss if history.best_epoch else None,
                "seconds": round(math.fsum(history.seconds), 3),
                "resumed": self._resumed,
            }
        )


def _note(row: Epoch) -> str:
    validation = "" if row.validation_loss is None else f"  validation {row.validation_loss:.3e}"
    return f"loss {row.train_loss:.3e}{validation}"
