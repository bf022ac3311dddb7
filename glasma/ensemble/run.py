"""Many events of one configuration, each an ordinary run in a process of its own, and their averages.

Event k has the seed `event_seed(run.seed, k)`, whatever the number of events, so that `glasma run CONFIG --set run.seed=SEED`
is the same event, bit for bit.  The events do not know of each other: results do not depend on how many run at once.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from glasma.config import Config
from glasma.ensemble.processes import Processes
from glasma.ensemble.results import write_results
from glasma.errors import ConfigError, FileError
from glasma.io.ensemble_directory import EnsembleDirectory, Event, held
from glasma.io.provenance import commit, machine, versions
from glasma.progress import Reporter, Silent
from glasma.sanity import check_physics


def event_seed(seed: int, number: int) -> int:
    """`run.seed` of an event: 63 bits of NumPy's `SeedSequence(seed, spawn_key=(number,))`.

    Independent of the number of events, and of the seeds of all other events as far as a hash can make them.
    """
    [word] = np.random.SeedSequence(seed, spawn_key=(number,)).generate_state(1, np.uint64)
    return int(word) >> 1


def run_ensemble(
    config: Config,
    path: str | Path,
    events: int,
    jobs: int = 1,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> EnsembleDirectory:
    """Run events 0 … `events` − 1 of a configuration; in a directory that holds some of them, only what is missing.

    Parameters
    ----------
    config : Config
        Its `run.seed` is that of the ensemble.
    path : directory
    events : int
    jobs : int
        Events that run at once, each in its own process with `run.threads` threads, by default the cores that are its share.
    overwrite : bool
        Whether an earlier ensemble there is replaced.
    reporter : Reporter, optional

    Returns
    -------
    EnsembleDirectory
        Events that failed are among its `read_events`, and have not kept others from running.

    Raises
    ------
    GlasmaError
        ConfigError or FileError if nothing can be run.
    """
    _check(config, events, jobs)
    directory = EnsembleDirectory.create(Path(path), overwrite)
    with held(directory.path):
        known: list[Event] = []
        if directory.record.exists():
            known = directory.read_events()
            _check_same(directory, config, events, len(known))
        known += [Event(number, event_seed(config.run.seed, number)) for number in range(len(known), events)]
        record = {
            "config": config.as_dict(),
            "seed": config.run.seed,
            "jobs": min(jobs, events),
            "versions": versions(),
            "commit": commit(),
            "machine": machine(),
        }
        _run_all(directory, config, record, known, reporter or Silent())
    return directory


def resume_ensemble(path: str | Path, reporter: Reporter | None = None) -> EnsembleDirectory:
    """Go on with an ensemble: finished events are kept, interrupted ones resumed, failed ones tried again."""
    directory = EnsembleDirectory.open(Path(path))
    record = directory.read()
    return run_ensemble(directory.config(), path, len(record["events"]), int(record["jobs"]), reporter=reporter)


def _check(config: Config, events: int, jobs: int) -> None:
    """Refuse what cannot be run."""
    if events < 1:
        raise ConfigError(f"--events {events}: must be at least 1")
    if jobs < 1:
        raise ConfigError(f"--jobs {jobs}: must be at least 1")
    derived = check_physics(config)
    if config.nuclei.source == "file" and events > 1:
        raise ConfigError(
            f'--events {events}: nuclei.source = "file" has no randomness, all events would be the same; use --events 1'
        )
    at_once, available = min(jobs, events), psutil.virtual_memory().available
    if at_once * derived.memory_bytes > available:
        raise ConfigError(
            f"--jobs {jobs}: {at_once} events at once need {at_once * derived.memory_bytes / 2**30:.3g} GiB of memory and "
            f"{available / 2**30:.3g} GiB are free; use at most --jobs {available // derived.memory_bytes}"
        )


def _check_same(directory: EnsembleDirectory, config: Config, events: int, held_already: int) -> None:
    """Refuse to mix two ensembles; threads do not change results."""
    wanted, found = _plain(config), _plain(directory.config())
    if wanted != found:
        differing = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
        raise FileError(
            f"{directory.path}: holds an ensemble of another configuration ({differing[0]} differs); give --overwrite, another "
            f"--out, or `glasma resume {directory.path}`"
        )
    if events < held_already:
        raise FileError(
            f"{directory.path}: holds {held_already} events, more than --events {events}; give --events {held_already}, "
            "--overwrite, or another --out"
        )


def _plain(config: Config) -> dict[str, Any]:
    """Key → value of all that results depend on."""
    sections = config.as_dict().items()
    plain = {f"{section}.{key}": value for section, keys in sections for key, value in keys.items()}
    del plain["run.threads"]
    return plain


def _run_all(
    directory: EnsembleDirectory, config: Config, record: dict[str, Any], events: list[Event], reporter: Reporter
) -> None:
    """Run what is not finished, then write the averages and the page."""
    directory.clean()
    directory.write(record, events)
    waiting = [event for event in events if event.status != "finished"]
    done, began = len(events) - len(waiting), time.monotonic()
    if waiting:
        reporter.say(f"{len(waiting)} of {len(events)} events to run, {min(record['jobs'], len(waiting))} at once")

    def started(event: Event) -> bool:
        """Whether it failed before, so that damaged files make it begin anew."""
        again, event.status, event.error = event.status == "failed", "running", None
        directory.write(record, events)
        return again

    def ended(event: Event, error: str | None) -> None:
        nonlocal done
        event.status, event.error = ("failed", error) if error else ("finished", None)
        directory.write(record, events)
        done += 1
        left = (time.monotonic() - began) / (done - len(events) + len(waiting)) * (len(events) - done)
        reporter.say(f"{event}: {error or 'finished'}; {done}/{len(events)}, {left:.0f} s left")

    threads = config.run.threads or max(1, (os.cpu_count() or 1) // record["jobs"])
    Processes(directory, config, threads, record["jobs"]).run(waiting, started, ended)
    reporter.say("averaging and drawing the report")
    write_results(directory, config, record, events)
