"""A data set drawn into a file: each event a piece of its own beside it, the file put together from all of them at the end.

What is drawn does not depend on the number of processes, on interruptions, or on the order in which events end.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from glasma.cluster import KilledError, Workers, check_choice, stop_if_abandoned, workers
from glasma.derived import Derived
from glasma.errors import FileError, GlasmaError
from glasma.io.atomic import make_directory, remove_partial, replacing_hdf5, write_text
from glasma.io.hold import held
from glasma.io.provenance import commit, installed, versions
from glasma.progress import Reporter, Silent
from glasma.schemes import check_gpus, take_gpu
from surrogate.dataset.blocked import write_event
from surrogate.dataset.collision_event import write_collision
from surrogate.dataset.config import DatasetConfig
from surrogate.dataset.dataset_file import FORMAT, event_name, read_content, set_attributes
from surrogate.dataset.fine_events import FRAMES, fine_event
from surrogate.dataset.plan import EventPlan, SplitPlan, make_plan


class DrawingInterrupted(KeyboardInterrupt):
    """Interrupted by the user with `done` of `count` events drawn."""

    def __init__(self, done: int, count: int) -> None:
        super().__init__(done, count)
        self.done, self.count = done, count


def draw_dataset(
    path: str | Path,
    config: DatasetConfig,
    processes: int | None = None,
    overwrite: bool = False,
    progress: Reporter | None = None,
    scheduler: str | None = None,
) -> None:
    """Draw a data set into the file at `path`; what an interrupted call has drawn of the same one is kept.

    Parameters
    ----------
    path : path of the file
        Finished events wait in the directory `<path>.events` until all are there.
    config : DatasetConfig
    processes : int, optional
        Events that run at once on this machine, 1 by default, each on one thread.
    overwrite : bool
        Whether another data set there is replaced.
    progress : Reporter, optional
    scheduler : str, optional
        Address of a Dask scheduler, on whose workers the events run instead.

    Raises
    ------
    ConfigError
        If the data set cannot be drawn.
    FileError
        If there is something else and it is not to be overwritten, or the file cannot be written.
    ConvergenceError
        If the initial condition of an event is not found.
    DrawingInterrupted
        On Ctrl-C; the same call goes on.
    """
    path, progress = Path(path), progress or Silent()
    processes = check_choice("--processes", processes, scheduler)
    plans = make_plan(config)
    _check_gpus(plans, processes, here=scheduler is None)
    if path.is_dir():
        raise FileError(f"{path}: is a directory; choose another --out file")
    if path.exists() and not overwrite:
        _check_same(path, config, read_content(path).config)
        return
    make_directory(path.parent, "another --out file")
    pieces = path.with_name(path.name + ".events")
    make_directory(pieces, "another --out file")
    with held(pieces, what="data set"):
        _prepare(pieces, config, overwrite)
        events = [EventPlan(plan, number) for plan in plans for number in range(plan.split.events)]
        waiting = [event for event in events if not _piece(pieces, event).exists()]
        progress.begin(len(events) - len(waiting), len(events))
        _draw_all(pieces, waiting, len(events), processes, scheduler, progress)
        _gather(path, pieces, config, plans, events)
    shutil.rmtree(pieces, ignore_errors=True)


def _check_gpus(plans: list[SplitPlan], processes: int, here: bool) -> None:
    """Refuse events that the GPUs of this machine have no room for, if it is to draw them there."""
    on_gpu = [Derived(plan.engine_config(0)).device_bytes for plan in plans if plan.source.backend == "cuda"]
    if here and on_gpu:
        check_gpus("--processes", processes, max(on_gpu))


def _piece(pieces: Path, event: EventPlan) -> Path:
    return pieces / f"{event.plan.split.name}-{event_name(event.number)}.h5"


def _prepare(pieces: Path, config: DatasetConfig, overwrite: bool) -> None:
    """Leave in the directory only finished events of the same data set."""
    record = pieces / "dataset.json"
    if record.exists():
        try:
            found = json.loads(record.read_text(encoding="utf-8"))
        except ValueError as error:
            raise FileError(f"{record}: cannot be read ({error}); remove {pieces}") from None
        if found != config.as_dict():
            if not overwrite:
                raise _other(pieces, config.as_dict(), found)
            for left in pieces.glob("*.h5"):
                left.unlink()
    remove_partial(pieces)
    write_text(record, json.dumps(config.as_dict(), indent=2) + "\n")


def _check_same(path: Path, config: DatasetConfig, found: DatasetConfig) -> None:
    if found != config:
        raise _other(path, config.as_dict(), found.as_dict())


def _other(path: Path, wanted: dict[str, Any], found: dict[str, Any]) -> FileError:
    mine, theirs = _flat(wanted), _flat(found)
    differing = next(key for key in sorted(mine.keys() | theirs.keys()) if mine.get(key) != theirs.get(key))
    return FileError(f"{path}: holds another data set ({differing} differs); choose another --out file or --overwrite")


def _flat(values: Any, name: str = "") -> dict[str, Any]:
    """Dotted key → value."""
    if isinstance(values, dict):
        items = [(f"{name}.{key}" if name else key, value) for key, value in values.items()]
    elif isinstance(values, list) and any(isinstance(value, dict) for value in values):
        items = [(f"{name}[{number}]", value) for number, value in enumerate(values)]
    else:
        return {name: values}
    return {key: value for item in items for key, value in _flat(item[1], item[0]).items()}


def _draw_all(
    pieces: Path, waiting: list[EventPlan], count: int, processes: int, scheduler: str | None, progress: Reporter
) -> None:
    done = count - len(waiting)

    def drawn(event: EventPlan) -> None:
        nonlocal done
        done += 1
        progress.at(done, f"{event.path} is drawn")

    try:
        if scheduler is None and (processes == 1 or len(waiting) < 2):
            with _one_thread():
                for event in waiting:
                    draw_event(_piece(pieces, event), event)
                    drawn(event)
        elif waiting:
            with workers(pieces, min(processes, len(waiting)), scheduler, progress) as cluster:
                # The first alone: it puts the kernels on disk that the others would compile at the same time.
                for some in filter(None, (waiting[:1], waiting[1:])):
                    _draw_some(cluster, pieces, some, drawn)
    except KeyboardInterrupt:
        # An event may have come to its end since.
        left = sum(not _piece(pieces, event).exists() for event in waiting)
        raise DrawingInterrupted(count - left, count) from None


def _draw_some(cluster: Workers, pieces: Path, events: list[EventPlan], drawn: Callable[[EventPlan], None]) -> None:
    def ended(number: int, outcome: KilledError | None) -> None:
        if outcome is not None:
            raise GlasmaError(f"{events[number]}: {outcome}")
        drawn(events[number])

    cluster.run(_draw_on_worker, [(_piece(pieces, event).absolute(), event) for event in events], lambda _: None, ended)


def _draw_on_worker(path: Path, event: EventPlan) -> None:
    take_gpu(event.plan.source.backend)
    with _one_thread():
        draw_event(path, event)


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def draw_event(path: Path, event: EventPlan) -> None:
    """Run one event into a file of its own."""
    plan, dtype = event.plan, np.dtype(event.plan.blocks.precision)
    described = plan.source if plan.source.kind == "box" else plan.engine_config(event.seed)
    with replacing_hdf5(path) as file:
        place = file.create_group("event")
        set_attributes(place, seed=event.seed, config=described.model_dump_json(exclude_none=True))
        if plan.source.kind == "collision":
            write_collision(place, event, dtype)
        else:
            try:
                start = fine_event(event)
            except GlasmaError as error:
                raise type(error)(f"{event}: {error}") from None
            write_event(place, start, plan.timing, dtype)
        stop_if_abandoned()


def _gather(path: Path, pieces: Path, config: DatasetConfig, plans: list[SplitPlan], events: list[EventPlan]) -> None:
    """Put the file together from all events."""
    first, blocks = plans[0].source, config.dataset
    with replacing_hdf5(path) as file:
        set_attributes(
            file,
            format=FORMAT,
            config=json.dumps(config.as_dict()),
            group=first.lattice.group,
            frame=FRAMES[first.kind],
            blocking=blocks.blocking,
            substeps=blocks.substeps,
            precision=blocks.precision,
            versions=json.dumps({**versions(), "torch": installed("torch")}),
            commit=commit(),
        )
        for plan in plans:
            set_attributes(
                file.create_group(plan.split.name),
                events=plan.split.events,
                spacing_fm=plan.grid.spacing_fm,
                coarse_spacing_fm=blocks.blocking * plan.grid.spacing_fm,
                fine_substeps=plan.grid.substeps,
                times=plan.timing.steps + 1,
                first=plan.timing.first,
                anisotropy=plan.grid.anisotropy,
            )
        for event in events:
            with h5py.File(_piece(pieces, event), "r") as piece:
                piece.copy("event", file[event.plan.split.name], event_name(event.number))
