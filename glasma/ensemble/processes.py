"""The processes that events run in: one event after the other in each, and the end of one is not that of others."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from glasma.config import Config, config_from_dict
from glasma.derived import Derived
from glasma.ensemble.event import one_line, run_event
from glasma.errors import GlasmaError
from glasma.io.ensemble_directory import EnsembleDirectory, Event
from glasma.nuclei.preparation import make_nuclei
from glasma.progress import Silent
from glasma.schemes import make_scheme

#: Transverse sites on which kernels are compiled, along x and along y.
_FEW_CELLS = 8


class Processes:
    """Runs events in processes of their own.

    Every process is a pool of one: should it be killed, its pool alone breaks, and it is known whose event it ran.
    """

    def __init__(self, directory: EnsembleDirectory, config: Config, threads: int, jobs: int) -> None:
        self._directory, self._config, self._threads, self._jobs = directory, config, threads, jobs
        self._context = get_context("spawn")
        self._pools: list[ProcessPoolExecutor] = []
        self._idle: list[ProcessPoolExecutor] = []

    def run(self, waiting: list[Event], started: Callable[[Event], bool], ended: Callable[[Event, str | None], None]) -> None:
        """Run all `waiting`, telling of each when it starts and when it ends."""
        queue = deque(waiting)
        running: dict[Future[str | None], tuple[Event, ProcessPoolExecutor]] = {}
        self._lifeline, ours = self._context.Pipe(duplex=False)
        try:
            if queue:
                self._compile()
            while queue or running:
                while queue and len(running) < self._jobs:
                    event = queue.popleft()
                    future, pool = self._submit(event, started(event))
                    running[future] = event, pool
                over, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in over:
                    event, pool = running.pop(future)
                    ended(event, self._outcome(future, pool))
            for pool in self._pools:
                pool.shutdown()
        finally:
            ours.close()  # ends every process that still runs an event
            for pool in self._pools:
                pool.shutdown()
            self._lifeline.close()

    def _compile(self) -> None:
        """Let one process put all kernels on disk, and end.

        Events load them then: several processes that compile the same kernels at once would take as many times as long.
        """
        pool = self._new_pool()
        with suppress(BrokenProcessPool):  # what is wrong is said by the events
            pool.submit(_compile_kernels, self._config.as_dict()).result()
        self._pools.remove(pool)
        pool.shutdown()

    def _new_pool(self) -> ProcessPoolExecutor:
        self._pools.append(ProcessPoolExecutor(1, self._context, initializer=_begin_work, initargs=(self._lifeline,)))
        return self._pools[-1]

    def _submit(self, event: Event, again: bool) -> tuple[Future[str | None], ProcessPoolExecutor]:
        while True:
            pool = self._idle.pop() if self._idle else self._new_pool()
            try:
                return pool.submit(_work, *self._task(event), again), pool
            except BrokenProcessPool:  # killed while it waited
                self._pools.remove(pool)

    def _outcome(self, future: Future[str | None], pool: ProcessPoolExecutor) -> str | None:
        """What kept an event from its end, in one line; its process waits for another event."""
        try:
            error = future.result()
        except BrokenProcessPool:
            self._pools.remove(pool)
            pool.shutdown()
            return "its process was killed, perhaps for lack of memory; resume, with fewer --jobs if so"
        self._idle.append(pool)
        return error

    def _task(self, event: Event) -> tuple[dict[str, Any], str]:
        values = self._config.as_dict()
        values["run"] |= {"seed": event.seed, "threads": self._threads}
        return values, str(self._directory.event(event.number))


def _begin_work(lifeline: Connection) -> None:
    """In a new process: leave Ctrl-C to the parent, and end when it does, so that no event is written by two."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def end_with_parent() -> None:
        with suppress(EOFError, OSError):
            lifeline.recv()
        os._exit(1)  # a run may end at any moment

    threading.Thread(target=end_with_parent, daemon=True).start()


def _compile_kernels(values: dict[str, Any]) -> None:
    """Call every kernel that an event of a configuration needs, on a few transverse sites."""
    if values["nuclei"]["source"] == "mv":
        lattice = config_from_dict(values).lattice
        cells = min(_FEW_CELLS, lattice.transverse_cells)
        length = lattice.transverse_length * cells / lattice.transverse_cells
        values["lattice"] |= {"transverse_cells": cells, "transverse_length": f"{length!r} fm"}
    config = config_from_dict(values)
    with suppress(GlasmaError):  # so few sites may be too few for the physics, which the events have
        derived = Derived(config)
        scheme = make_scheme(config, derived.grid)
        fields = scheme.initial_state(make_nuclei(derived))
        for _ in range(2):
            scheme.measure(fields)
            scheme.gauss_residual(fields)
            scheme.unitarity_violation(fields)
            scheme.energy(fields)
            scheme.stress_tensor(fields)
            scheme.step(fields)


def _work(values: dict[str, Any], path: str, again: bool) -> str | None:
    """Run one event; what kept it from its end, in one line."""
    try:
        run_event(config_from_dict(values), Path(path), again, Silent())
    except Exception as error:
        return one_line(error)
    return None
