"""What a training was: `history.csv`, one row an epoch, and `timing.csv`, which no two runs have in common."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from glasma.errors import FileError
from glasma.io.atomic import write_text


@dataclass(frozen=True)
class Epoch:
    """One row of `history.csv`.

    Attributes
    ----------
    epoch : counted from 1 through all phases
    optimiser : of the phase
    train_loss : mean over the epoch's batches, before each step; for lbfgs the loss after the step
    validation_loss : at the end of the epoch, None if it was not evaluated
    learning_rate : 0 for lbfgs, which finds its own step
    gradient_norm : mean over the epoch's batches, before clipping; for lbfgs that after the step
    """

    epoch: int
    optimiser: str
    train_loss: float
    validation_loss: float | None
    learning_rate: float
    gradient_norm: float


COLUMNS = tuple(entry.name for entry in fields(Epoch))


@dataclass
class History:
    """The epochs of a training and how it ended.

    Attributes
    ----------
    epochs : rows
    seconds : wall-clock time of each epoch
    status : "running", "finished", "stopped early", "target reached", "pruned"
    best_epoch, best_loss : where the validation loss is smallest; of the training loss if there are no validation data
    """

    epochs: list[Epoch] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    status: str = "running"
    best_epoch: int = 0
    best_loss: float = float("inf")

    def append(self, epoch: Epoch, seconds: float) -> None:
        """Add a row."""
        self.epochs.append(epoch)
        self.seconds.append(seconds)

    def column(self, name: str) -> list[Any]:
        """One column over the epochs."""
        return [getattr(epoch, name) for epoch in self.epochs]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, from which `from_dict` makes it again."""
        return {**asdict(self), "epochs": [list(asdict(epoch).values()) for epoch in self.epochs]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> History:
        """A history from plain values."""
        return cls(**{**data, "epochs": [Epoch(*row) for row in data["epochs"]], "seconds": list(data["seconds"])})


class HistoryFiles:
    """The files of a history: rewritten whole at the start, then appended to.

    Parameters
    ----------
    directory : of the training
    """

    def __init__(self, directory: Path) -> None:
        self.history, self.timing = directory / "history.csv", directory / "timing.csv"

    def start(self, history: History) -> None:
        """Write the rows held, so that rows after a checkpoint are gone."""
        rows = zip(history.epochs, history.seconds, strict=True)
        cells = [(_cells(epoch), _timing(epoch, seconds)) for epoch, seconds in rows]
        write_text(self.history, _text([list(COLUMNS), *(row for row, _ in cells)]))
        write_text(self.timing, _text([["epoch", "seconds"], *(row for _, row in cells)]))

    def append(self, history: History) -> None:
        """Add the last row."""
        epoch, seconds = history.epochs[-1], history.seconds[-1]
        for path, cells in ((self.history, _cells(epoch)), (self.timing, _timing(epoch, seconds))):
            try:
                with path.open("a", newline="", encoding="utf-8") as file:
                    file.write(_text([cells]))
            except OSError as error:
                raise FileError(f"{path}: cannot be written ({error.strerror}); free some space and resume") from None


def _cells(epoch: Epoch) -> list[str]:
    return ["" if value is None else value if isinstance(value, str) else repr(value) for value in asdict(epoch).values()]


def _timing(epoch: Epoch, seconds: float) -> list[str]:
    return [str(epoch.epoch), f"{seconds:.6f}"]


def _text(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def load_history(path: Path) -> list[Epoch]:
    """Read `history.csv`; a last row that a kill cut short is left out.

    Raises
    ------
    FileError
        If the file is missing or not the history of a training.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise FileError(f"{path}: cannot be read; give the directory of a training") from None
    whole, _, _ = text.rpartition("\n")
    lines = list(csv.reader(whole.splitlines()))
    if not lines or tuple(lines[0]) != COLUMNS:
        raise FileError(f"{path}: is not the history of a training; train again")
    return [
        Epoch(int(epoch), optimiser, float(train), float(validation) if validation else None, float(rate), float(norm))
        for epoch, optimiser, train, validation, rate, norm in lines[1:]
    ]
