"""The directory of an ensemble: which file is where, and what is known of each event."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from glasma.config import Config, config_from_dict
from glasma.errors import FileError
from glasma.io.atomic import PARTIAL, make_directory, refuse_foreign, remove_partial
from glasma.io.record import read_record, write_record

STATUSES = ("finished", "running", "waiting", "failed")

_FORMAT = "glasma ensemble 1"
_CONTENT = ("config", "seed", "jobs", "versions", "commit", "machine", "events")


@dataclass
class Event:
    """What is known of one event.

    Attributes
    ----------
    number, seed : int
    status : one of `STATUSES`
    error : str or None
        One line that says why it failed.
    """

    number: int
    seed: int
    status: str = "waiting"
    error: str | None = None

    def __str__(self) -> str:
        return f"event {self.number} (seed {self.seed})"


class EnsembleDirectory:
    """Paths of an ensemble's files.

    Parameters
    ----------
    path : directory
        `create` takes one for an ensemble, `open` one that holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record = path / "ensemble.json"
        self.averages = path / "ensemble.csv"
        self.profiles = path / "ensemble.h5"
        self.report = path / "ensemble.html"
        self.events = path / "events"

    def event(self, number: int) -> Path:
        """The directory of the run of one event."""
        return self.events / f"{number:04d}"

    @classmethod
    def create(cls, path: Path, overwrite: bool) -> EnsembleDirectory:
        """A directory for an ensemble, which the caller has made and holds.

        One that holds an ensemble stays as it is, unless `overwrite` is set.

        Raises
        ------
        FileError
            If it holds something else.
        """
        directory = cls(path)
        if directory.record.exists():
            if overwrite:
                directory._remove_results()
        else:
            refuse_foreign(path, "not an ensemble of glasma")
        make_directory(directory.events)
        return directory

    @classmethod
    def open(cls, path: Path) -> EnsembleDirectory:
        """A directory that holds an ensemble, finished or not.

        Raises
        ------
        FileError
            If it does not.
        """
        directory = cls(path)
        if not directory.record.exists():
            raise FileError(f"{path}: holds no ensemble (ensemble.json is missing); give the --out directory of an ensemble")
        directory.read()
        return directory

    @staticmethod
    def is_ensemble(path: Path) -> bool:
        """Whether a directory holds an ensemble."""
        return (path / "ensemble.json").exists()

    def read(self) -> dict[str, Any]:
        """The content of `ensemble.json`."""
        return read_record(self.record, _FORMAT, "restore it or give --overwrite", _CONTENT)

    def write(self, data: dict[str, Any], events: list[Event]) -> None:
        """Replace `ensemble.json`."""
        write_record(self.record, _FORMAT, data | {"events": [asdict(event) for event in events]})

    def config(self) -> Config:
        """The configuration of the ensemble; each event has its own seed."""
        return config_from_dict(self.read()["config"])

    def read_events(self) -> list[Event]:
        """All events, in order of their numbers."""
        try:
            return [Event(**entry) for entry in self.read()["events"]]
        except TypeError:
            raise FileError(f"{self.record}: its events cannot be read; restore it or give --overwrite") from None

    def clean(self) -> None:
        """Remove half-written files of the ensemble; those of an event go when it is resumed."""
        for file in self.path.glob(f"{PARTIAL}*"):
            file.unlink(missing_ok=True)

    def _remove_results(self) -> None:
        # ensemble.json goes last: without it the directory would no longer be known as an ensemble.
        remove_partial(self.path)
        if self.events.exists():
            for event in self.events.glob("[0-9]*"):
                shutil.rmtree(event, ignore_errors=True)
        for file in (self.averages, self.profiles, self.report, self.record):
            file.unlink(missing_ok=True)
