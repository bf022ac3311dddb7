"""The directory of a run: which file is where, and whether it may be used."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from glasma.config import Config, config_from_dict
from glasma.errors import FileError
from glasma.io.atomic import refuse_foreign, remove_partial
from glasma.io.checkpoint import remove_stale_parts
from glasma.io.parts import remove_parts
from glasma.io.record import read_record, write_record

_FORMAT = "glasma run 1"
_CONTENT = ("status", "config", "seed", "versions", "commit", "machine", "seconds", "site_updates", "resumed")


class RunDirectory:
    """Paths of one run's files.

    Parameters
    ----------
    path : directory
        `create` takes one for a new run, `open` one that holds a run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = path / "run.json"
        self.history = path / "history.csv"
        self.profiles = path / "profiles.h5"
        self.snapshots = path / "snapshots.h5"
        self.checkpoint = path / "checkpoint.h5"
        self.report = path / "report.html"
        self.animation = path / "collision.webp"

    @classmethod
    def create(cls, path: Path, overwrite: bool) -> RunDirectory:
        """A directory for a new run, which the caller has made and holds; what is left of an earlier one goes.

        Raises
        ------
        FileError
            If it holds another run and `overwrite` is not set, or foreign files.
        """
        directory = cls(path)
        if directory.run.exists():
            if not overwrite:
                raise FileError(
                    f"{path}: holds the results of another run; give --overwrite, another --out, or `glasma resume {path}`"
                )
            directory._remove_results()
        else:
            refuse_foreign(path, "not a run of glasma")
        remove_partial(path)
        return directory

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """A directory that holds a run, finished or not.

        Raises
        ------
        FileError
            If it does not.
        """
        directory = cls(path)
        if not path.is_dir():
            raise FileError(f"{path}: is not a directory; give the --out directory of a run")
        if not directory.run.exists():
            raise FileError(f"{path}: holds no run (run.json is missing); give the --out directory of a run")
        directory.read_run()
        return directory

    def read_run(self) -> dict[str, Any]:
        """The content of `run.json`."""
        return read_record(self.run, _FORMAT, "restore it or run again", _CONTENT)

    def write_run(self, data: dict[str, Any]) -> None:
        """Replace `run.json`."""
        write_record(self.run, _FORMAT, data)

    def config(self) -> Config:
        """The configuration of the run."""
        return config_from_dict(self.read_run()["config"])

    def clean(self) -> None:
        """Remove half-written files."""
        remove_partial(self.path)
        if self.checkpoint.exists():
            remove_stale_parts(self.checkpoint)

    def _remove_results(self) -> None:
        # run.json goes last: without it the directory would no longer be known as a run.
        remove_partial(self.path)
        remove_parts(self.checkpoint)
        shutil.rmtree(self.path / "snapshots", ignore_errors=True)
        for file in (self.history, self.profiles, self.snapshots, self.checkpoint, self.report, self.animation, self.run):
            file.unlink(missing_ok=True)
