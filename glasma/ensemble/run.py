"""Many events of one configuration, each an ordinary run on a worker of its own, and their averages.

Event k has the seed `event_seed(run.seed, k)`, whatever the number of events, so that `glasma run CONFIG --set run.seed=SEED`
is the same event, bit for bit.  The events do not know of each other: results do not depend on how many run at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from glasma.cluster import KilledError, Workers, check_choice, workers
from glasma.config import Config
from glasma.derived import Derived
from glasma.ensemble.event import work_on_event
from glasma.ensemble.kernels import compile_kernels, kind_of_kernels
from glasma.ensemble.results import write_results
from glasma.errors import ConfigError, FileError
from glasma.io.atomic import make_directory
from glasma.io.ensemble_directory import EnsembleDirectory, Event
from glasma.io.hold import held
from glasma.io.provenance import commit, machine, versions
from glasma.progress import Reporter, Silent
from glasma.sanity import check_physics
from glasma.schemes import check_gpus


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
    jobs: int | None = None,
    overwrite: bool = False,
    reporter: Reporter | None = None,
    scheduler: str | None = None,
) -> EnsembleDirectory:
    """Run events 0 … `events` − 1 of a configuration; in a directory that holds some of them, only what is missing.

    Parameters
    ----------
    config : Config
        Its `run.seed` is that of the ensemble.
    path : directory
    events : int
    jobs : int, optional
        Events that run at once on this machine, 1 by default, each in its own process with `run.threads` threads, by default
        the cores that are its share.
    overwrite : bool
        Whether an earlier ensemble there is replaced.
    reporter : Reporter, optional
    scheduler : str, optional
        Address of a Dask scheduler, on whose workers the events run instead, by default on one thread each.

    Returns
    -------
    EnsembleDirectory
        Events that failed are among its `read_events`, and have not kept others from running.

    Raises
    ------
    GlasmaError
        ConfigError or FileError if nothing can be run.
    """
    [directory] = run_ensembles([(config, Path(path))], Path(path), events, jobs, overwrite, reporter, scheduler)
    return directory


def run_ensembles(
    wanted: Sequence[tuple[Config, Path]],
    root: Path,
    events: int,
    jobs: int | None = None,
    overwrite: bool = False,
    reporter: Reporter | None = None,
    scheduler: str | None = None,
) -> list[EnsembleDirectory]:
    """Run several ensembles with the same workers, each as `run_ensemble` would.

    Parameters
    ----------
    wanted : (configuration, directory) of each
    root : directory that all are in
    events : int
        Of each.
    jobs, overwrite, reporter, scheduler : as for `run_ensemble`
    """
    at_once = min(check_choice("--jobs", jobs, scheduler), len(wanted) * events)
    gpus = _check([config for config, _ in wanted], events, at_once, here=scheduler is None)
    reporter = reporter or Silent()
    with ExitStack() as holds:
        ensembles = []
        for config, path in wanted:
            make_directory(path)
            holds.enter_context(held(path))
            directory = EnsembleDirectory.create(path, overwrite)
            known: list[Event] = []
            if directory.record.exists():
                known = directory.read_events()
                _check_same(directory, config, events, len(known))
            known += [Event(number, event_seed(config.run.seed, number)) for number in range(len(known), events)]
            record = {
                "config": config.as_dict(),
                "seed": config.run.seed,
                "jobs": at_once,
                "versions": versions(),
                "commit": commit(),
                "machine": machine(),
            }
            ensembles.append(_Ensemble(directory, config, record, known))
        _run_all(ensembles, root, at_once, scheduler, reporter, gpus)
    return [ensemble.directory for ensemble in ensembles]


def resume_ensemble(
    path: str | Path, reporter: Reporter | None = None, jobs: int | None = None, scheduler: str | None = None
) -> EnsembleDirectory:
    """Go on with an ensemble: finished events are kept, interrupted ones resumed, failed ones tried again.

    Parameters
    ----------
    path : directory
    reporter : Reporter, optional
    jobs : int, optional
        By default as many as before.
    scheduler : str, optional
    """
    directory = EnsembleDirectory.open(Path(path))
    record = directory.read()
    if scheduler is None and jobs is None:
        jobs = int(record["jobs"])
    return run_ensemble(directory.config(), path, len(record["events"]), jobs, reporter=reporter, scheduler=scheduler)


def _check(configs: Sequence[Config], events: int, at_once: int, here: bool) -> int:
    """Refuse what cannot be run; how many GPUs of this machine the events take in turn."""
    if events < 1:
        raise ConfigError(f"--events {events}: must be at least 1")
    needed = max(_memory_of_event(config, events, here) for config in configs)
    available = psutil.virtual_memory().available
    if here and at_once * needed > available:
        raise ConfigError(
            f"--jobs {at_once}: {at_once} events at once need {at_once * needed / 2**30:.3g} GiB of memory and "
            f"{available / 2**30:.3g} GiB are free; use at most --jobs {available // needed}"
        )
    on_gpu = [Derived(config).device_bytes for config in configs if config.run.backend == "cuda"]
    return check_gpus("--jobs", at_once, max(on_gpu)) if here and on_gpu else 0


def _memory_of_event(config: Config, events: int, here: bool) -> int:
    derived = check_physics(config, with_memory=here)
    if config.nuclei.source == "file" and events > 1:
        raise ConfigError(
            f'--events {events}: nuclei.source = "file" has no randomness, all events would be the same; use --events 1'
        )
    return derived.memory_bytes


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


@dataclass
class _Ensemble:
    """One ensemble while its events run."""

    directory: EnsembleDirectory
    config: Config
    record: dict[str, Any]
    events: list[Event]
    waiting: list[Event] = field(init=False)

    def begin(self) -> None:
        """Write down what is to be run."""
        self.waiting = [event for event in self.events if event.status != "finished"]
        self.directory.clean()
        self.write()

    def write(self) -> None:
        """Write down what is known of the events."""
        self.directory.write(self.record, self.events)

    def values(self, threads: int) -> dict[str, Any]:
        """The plain configuration of its events, without their seeds."""
        values = self.config.as_dict()
        values["run"]["threads"] = threads
        return values

    def task(self, event: Event, threads: int) -> tuple[dict[str, Any], str, bool]:
        """What a worker needs to know of an event."""
        values = self.values(threads)
        values["run"]["seed"] = event.seed
        return values, str(self.directory.event(event.number).absolute()), event.status == "failed"


def _run_all(ensembles: list[_Ensemble], root: Path, jobs: int, scheduler: str | None, reporter: Reporter, gpus: int) -> None:
    """Run what is not finished; as soon as an ensemble is, write its averages and its page."""
    for ensemble in ensembles:
        ensemble.begin()
    waiting = [(ensemble, event) for ensemble in ensembles for event in ensemble.waiting]
    left = {id(ensemble): len(ensemble.waiting) for ensemble in ensembles}
    count, done, began = sum(len(ensemble.events) for ensemble in ensembles), 0, time.monotonic()

    def name(ensemble: _Ensemble, event: Event) -> str:
        return f"{event}" if len(ensembles) == 1 else f"{ensemble.directory.path.name}, {event}"

    def finish(ensemble: _Ensemble) -> None:
        reporter.say("averaging and drawing the report")
        write_results(ensemble.directory, ensemble.config, ensemble.record, ensemble.events)

    def started(number: int) -> None:
        ensemble, event = waiting[number]
        if event.status == "running":
            reporter.say(f"{name(ensemble, event)}: its worker died; it goes on with another")
        event.status, event.error = "running", None
        ensemble.write()

    def ended(number: int, outcome: str | KilledError | None) -> None:
        nonlocal done
        ensemble, event = waiting[number]
        error = str(outcome) if outcome else None
        event.status, event.error = ("failed", error) if error else ("finished", None)
        ensemble.write()
        done += 1
        seconds = (time.monotonic() - began) / done * (len(waiting) - done)
        state = f"{count - len(waiting) + done}/{count}, {seconds:.0f} s left"
        reporter.say(f"{name(ensemble, event)}: {error or 'finished'}; {state}")
        left[id(ensemble)] -= 1
        if left[id(ensemble)] == 0:
            finish(ensemble)

    for ensemble in ensembles:
        if not ensemble.waiting:
            finish(ensemble)
    if not waiting:
        return
    where = f"{min(jobs, len(waiting))} at once" if scheduler is None else f"on the workers of {scheduler}"
    if gpus:
        where += f" on {min(jobs, len(waiting), gpus)} of {gpus} GPUs"
    reporter.say(f"{len(waiting)} of {count} events to run, {where}")
    threads = (max(1, (os.cpu_count() or 1) // jobs)) if scheduler is None else 1
    with workers(root, min(jobs, len(waiting)), scheduler, reporter) as cluster:
        _compile(cluster, [ensemble for ensemble in ensembles if ensemble.waiting])
        tasks = [ensemble.task(event, ensemble.config.run.threads or threads) for ensemble, event in waiting]
        cluster.run(work_on_event, tasks, started, ended)


def _compile(cluster: Workers, ensembles: list[_Ensemble]) -> None:
    """Let one worker put all kernels on the disk; what goes wrong is said by the events."""
    kinds = {kind_of_kernels(ensemble.config): ensemble for ensemble in ensembles}
    for ensemble in kinds.values():
        values = ensemble.values(ensemble.config.run.threads or 1)
        cluster.run(compile_kernels, [(values,)], lambda _: None, lambda *_: None, name="compile")
