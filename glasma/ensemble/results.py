"""What an ensemble comes to: `ensemble.csv`, `ensemble.h5` and the page, from the files of its finished events."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np

from glasma.config import Config
from glasma.ensemble.event import load_event
from glasma.errors import FileError
from glasma.io.atomic import replacing
from glasma.io.ensemble_directory import EnsembleDirectory, Event
from glasma.io.history import History, load_profiles
from glasma.io.hold import held
from glasma.observables.ensemble_average import average_histories, average_profiles
from glasma.report.ensemble import write_ensemble_report


def write_results(directory: EnsembleDirectory, config: Config, record: dict[str, Any], events: list[Event]) -> None:
    """Average the finished events and draw the page; an event whose files are damaged becomes a failed one."""
    histories: dict[int, History] = {}
    for event in events:
        if event.status == "finished":
            path = directory.event(event.number)
            try:
                histories[event.number] = load_event(path, config)
                load_profiles(path / "profiles.h5")
            except FileError as error:
                histories.pop(event.number, None)
                event.status, event.error = "failed", str(error)
    directory.write(record, events)
    columns, profiles = None, None
    if histories:
        columns = average_histories(list(histories.values()))
        _write_csv(directory, columns)
        paths = [directory.event(number) / "profiles.h5" for number in histories]
        profiles = average_profiles(paths, directory.profiles)
        profiles.save()
    write_ensemble_report(directory, events, columns, histories, profiles)


def renew_results(directory: EnsembleDirectory) -> None:
    """Average and draw anew what is finished so far."""
    with held(directory.path):
        record = {name: value for name, value in directory.read().items() if name not in ("format", "events")}
        write_results(directory, directory.config(), record, directory.read_events())


def _write_csv(directory: EnsembleDirectory, columns: dict[str, np.ndarray]) -> None:
    whole = ("step", "events", "iterations")
    with replacing(directory.averages) as aside, aside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            cells = zip(columns, row, strict=True)
            writer.writerow([str(int(value)) if name in whole else repr(float(value)) for name, value in cells])
