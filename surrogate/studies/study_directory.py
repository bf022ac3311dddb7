"""The directory of a study: one study each, whose trainings are gone on with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from glasma.errors import FileError
from glasma.io.atomic import make_directory, write_text
from glasma.sections import Section


def take_directory(directory: Path, study: Section, overwrite: bool, trainings: str) -> None:
    """Make the directory, or take over one that holds the same study.

    Parameters
    ----------
    directory : path
    study : its configuration, kept as `study.json`
    overwrite : remove the trainings of an earlier study
    trainings : pattern of their directories

    Raises
    ------
    FileError
        If the directory holds another study, or cannot be written.
    """
    record, wanted = directory / "study.json", study.model_dump(mode="json")
    if overwrite and record.exists():
        for training in directory.glob(trainings):
            shutil.rmtree(training)
    elif record.exists() and json.loads(record.read_text(encoding="utf-8")) != wanted:
        raise FileError(f"{directory}: holds another study; add --overwrite or choose another --out directory")
    make_directory(directory)
    write_text(record, json.dumps(wanted, indent=1) + "\n")
