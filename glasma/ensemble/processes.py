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
from multiprocessing.synchronize import Event as Flag
from pathlib import Path
from typing import Any

from glasma.config import Config, config_from_dict
from glasma.ensemble.event import one_line, run_event
from glasma.io.ensemble_directory import EnsembleDirectory, Event
from glasma.progress import Silent


class Processes:
    """Runs events in processes of their own.

    Every process is a pool of one: should it be killed, its pool alone breaks, and it is known whose event it ran.
    """

    def __init__(self, directory: EnsembleDirectory, config: Config, threads: int, jobs: int) -> None:
        self._directory, self._config, self._threads, self._jobs = directory, config, threads, jobs
        self._context = get_context("spawn")
        self._compiled = self._context.Event()
        self._pools: list[ProcessPoolExecutor] = []
        self._idle: list[ProcessPoolExecutor] = []

    def run(self, waiting: list[Event], started: Callable[[Event], bool], ended: Callable[[Event, str | None], None]) -> None:
        """Run all `waiting`, telling of each when it starts and when it ends."""
        queue = deque(waiting)
        running: dict[Future[str | None], tuple[Event, ProcessPoolExecutor]] = {}
        self._lifeline, ours = self._context.Pipe(duplex=False)
        try:
            while queue or running:
                # Until the first event has compiled all kernels, and put them on disk for the others, it runs alone.
                while queue and len(running) < (self._jobs if self._compiled.is_set() else 1):
                    event = queue.popleft()
                    future, pool = self._submit(event, started(event))
                    running[future] = event, pool
                over, _ = wait(running, None if self._compiled.is_set() else 0.1, FIRST_COMPLETED)
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

    def _submit(self, event: Event, again: bool) -> tuple[Future[str | None], ProcessPoolExecutor]:
        while True:
            if not self._idle:
                arguments = (self._lifeline, self._compiled)
                self._idle.append(ProcessPoolExecutor(1, self._context, initializer=_begin_work, initargs=arguments))
                self._pools.append(self._idle[-1])
            pool = self._idle.pop()
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


class _Announcing(Silent):
    """Tells when an event has measured, stepped and measured again: then all its kernels are compiled and on disk."""

    compiled: Flag | None = None

    def begin(self, first: int, last: int) -> None:
        """The step at which the event starts or goes on."""
        self._first = first

    def at(self, step: int, note: str | None = None) -> None:
        """Tell at the first measurement after a step."""
        if note is not None and step > self._first and self.compiled is not None and not self.compiled.is_set():
            self.compiled.set()


def _begin_work(lifeline: Connection, compiled: Flag) -> None:
    """In a new process: leave Ctrl-C to the parent, and end when it does, so that no event is written by two."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Announcing.compiled = compiled

    def end_with_parent() -> None:
        with suppress(EOFError, OSError):
            lifeline.recv()
        os._exit(1)  # a run may end at any moment

    threading.Thread(target=end_with_parent, daemon=True).start()


def _work(values: dict[str, Any], path: str, again: bool) -> str | None:
    """Run one event; what kept it from its end, in one line."""
    try:
        run_event(config_from_dict(values), Path(path), again, _Announcing())
    except Exception as error:
        return one_line(error)
    return None
