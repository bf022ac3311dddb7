"""Tasks on the workers of a Dask cluster: processes of this machine, or those of a scheduler that runs already.

Queueing, the retry of a task whose worker died, and the dashboard are those of Dask distributed.  It is imported when a cluster
is asked for: a single run does not pay for it.

Whatever ends this process ends the work.  Processes of this machine die with it; a worker elsewhere gives its task up at the
next step (`stop_if_abandoned`), so that nothing is written for nobody.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from secrets import token_hex
from typing import TYPE_CHECKING, Any, TypeVar

from glasma.errors import ConfigError, GlasmaError
from glasma.io.atomic import PARTIAL
from glasma.io.provenance import hash_of_sources, installed, versions
from glasma.progress import Reporter, Silent

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

Result = TypeVar("Result")

#: Seconds in which a scheduler has to answer.
_PATIENCE = 10.0

#: A task that killed as many workers, and one more, is given up.  Schedulers elsewhere have a number of their own.
_RETRIES = 3

_LOCAL = {
    "distributed.scheduler.allowed-failures": _RETRIES,
    # No task waits at a busy worker, so that the death of one costs its own task a retry and no other.
    "distributed.scheduler.worker-saturation": 1.0,
    # Not what the nanny sets: a small limit for trimming makes every large temporary array cost its page faults anew.
    "distributed.nanny.pre-spawn-environ": {},
}

_number: ContextVar[int | None] = ContextVar("number", default=None)


class AbandonedError(GlasmaError):
    """Nobody waits for this task any more."""


class KilledError(GlasmaError):
    """The worker of a task died, and so did every other that tried."""


class Workers:
    """The workers of a cluster, see `workers`."""

    def __init__(self, client: Client, place: _Place, scheduler: str | None) -> None:
        self._client, self._place, self._scheduler = client, place, scheduler

    def run(
        self,
        work: Callable[..., Result],
        tasks: Sequence[tuple[Any, ...]],
        started: Callable[[int], None],
        ended: Callable[[int, Result | KilledError], None],
        name: str = "event",
    ) -> None:
        """Run all tasks, telling of each when it starts, again if its worker died, and when it ends.

        Parameters
        ----------
        work : function of a module
        tasks : the arguments of `work` for each
        started, ended : called in this thread with the number of a task, `ended` with what `work` returned too
        name : str
            What the dashboard calls these tasks.

        Raises
        ------
        GlasmaError
            If `work` raises one, a worker cannot run it, or the scheduler ends; other tasks are then given up.
        """
        found: SimpleQueue[Any] = SimpleQueue()
        topic = f"glasma-{name}-{token_hex(8)}"
        self._client.subscribe_topic(topic, lambda event: found.put(event[1]))
        futures = {
            self._client.submit(_perform, self._place, topic, number, work, task, key=(topic, number), pure=False): number
            for number, task in enumerate(tasks)
        }
        for future in futures:
            future.add_done_callback(found.put)
        waiting = set(futures.values())
        try:
            while futures:
                item = found.get()
                if isinstance(item, int):
                    if item in waiting:
                        started(item)
                else:
                    number = futures.pop(item)
                    waiting.remove(number)
                    ended(number, self._outcome(item))
        finally:
            with suppress(Exception):
                self._client.unsubscribe_topic(topic)
                if futures:
                    self._client.cancel(list(futures), force=True)

    def _outcome(self, future: Future[Any]) -> Any:
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        try:
            return future.result()
        except KilledWorker:
            if self._scheduler is None:
                return KilledError(
                    f"its process was killed {_RETRIES + 1} times, perhaps for lack of memory; go on with fewer at once if so"
                )
            return KilledError(
                "every worker that tried it was killed, perhaps for lack of memory; go on with more memory for each if so"
            )
        except CancelledError:
            raise GlasmaError(
                f"--scheduler {self._scheduler}: it ended, or cancelled the tasks; start it and give the command again"
            ) from None
        except GlasmaError:
            raise
        except Exception as error:
            raise GlasmaError(
                f"a worker of {self._scheduler or 'this machine'} cannot run a task ({type(error).__name__}: {error}); "
                "install the same glasma there"
            ) from None


@contextmanager
def workers(
    directory: Path, jobs: int = 1, scheduler: str | None = None, reporter: Reporter | None = None
) -> Iterator[Workers]:
    """Workers for tasks that write into a directory, each one task at a time.

    Parameters
    ----------
    directory : directory
        Workers of another machine must see it under the same path.
    jobs : int
        Processes of this machine, without `scheduler`.
    scheduler : str, optional
        Address of a scheduler, such as ``tcp://host:8786``: its workers are taken.
    reporter : Reporter, optional
        Told where the dashboard is.

    Raises
    ------
    ConfigError
        If the scheduler does not answer, or has another version of Dask.
    """
    reporter = reporter or Silent()
    directory = directory.absolute()
    sign = directory / f"{PARTIAL}{token_hex(8)}"
    place = _Place(directory, sign, Path.cwd(), _software(), is_here=scheduler is None)
    sign.touch()
    try:
        with _connected(scheduler) if scheduler is not None else _local(jobs) as client:
            if _has_dashboard(client):
                reporter.say(f"dashboard: {client.dashboard_link}")
            if not client.nthreads():
                reporter.say(f"{scheduler} has no worker yet; waiting for one")
            yield Workers(client, place, scheduler)
    finally:
        sign.unlink(missing_ok=True)


def check_choice(option: str, jobs: int | None, scheduler: str | None) -> int:
    """How many processes of this machine: 1 where `option` is not given.

    Raises
    ------
    ConfigError
        If it is less than 1, or given with a scheduler, whose workers say how many tasks run at once; or if the scheduler does
        not answer, before anything is written.
    """
    if jobs is not None and jobs < 1:
        raise ConfigError(f"{option} {jobs}: must be at least 1")
    if jobs is not None and scheduler is not None:
        raise ConfigError(f"{option} {jobs}: the workers of --scheduler say how many run at once; leave out one of the two")
    if scheduler is not None:
        with _connected(scheduler):
            pass
    return jobs or 1


def number_of_process() -> int | None:
    """Which of the processes that `workers` has started on this machine runs this task, from 0; None on any other worker."""
    return _number.get()


def stop_if_abandoned() -> None:
    """Raise AbandonedError on a worker whose task was given up: its client is gone, or the scheduler."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return
    try:
        worker = distributed.get_worker()
    except ValueError:
        return  # not a task
    task = worker.state.tasks.get(worker.get_current_task())
    if task is None or task.state == "cancelled" or worker.status.name in ("closing", "closed", "failed"):
        raise AbandonedError("nobody waits for this task any more")


class WhileWanted(Silent):
    """The reporter of a run on a worker: says nothing, and ends the run when its task was given up."""

    def at(self, step: int, note: str | None = None) -> None:
        """A step is done."""
        stop_if_abandoned()


@dataclass(frozen=True)
class _Place:
    """What every worker must have in common with this process."""

    directory: Path
    sign: Path
    working_directory: Path
    software: dict[str, str | None]
    #: Whether the workers are processes of this machine, which are numbered.
    is_here: bool

    def check(self, worker: Any) -> None:
        who = f"worker {worker.address}"
        if not self.sign.exists():
            raise ConfigError(f"{who}: does not see {self.directory}; give an --out on a file system that all machines share")
        if not self.working_directory.is_dir():
            raise ConfigError(f"{who}: does not see {self.working_directory}; start from a directory that all machines share")
        mine = _software()
        for name in sorted(self.software.keys() | mine.keys()):
            if mine.get(name) != self.software.get(name):
                raise ConfigError(
                    f"{who}: has {name} {mine.get(name)}, and {self.software.get(name)} is here; install the same there and "
                    "start it anew"
                )
        if worker.state.nthreads > 1:
            raise ConfigError(
                f"{who}: would run {worker.state.nthreads} tasks at once in one process; start it with --nthreads 1"
            )


def _perform(place: _Place, topic: str, number: int, work: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
    """One task, on its worker."""
    from distributed import get_worker

    worker = get_worker()
    place.check(worker)
    worker.log_event(topic, number)
    _number.set(int(worker.name) if place.is_here else None)
    with chdir(place.working_directory):
        return work(*arguments)


@cache
def _software() -> dict[str, str | None]:
    """Versions of what the results depend on, and the sources as they were when this process began with them."""
    root = Path(__file__).parents[1]
    sources = [path for package in ("glasma", "surrogate") for path in (root / package).rglob("*.py")]
    return {**versions(), "torch": installed("torch"), "sources of glasma": hash_of_sources(sources)[:12]}


def _quieten() -> None:
    """What Dask logs of lost workers and connections is said in our words, or is no loss."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    from distributed import Client
    from distributed.comm.addressing import get_address_host_port
    from distributed.versions import VersionMismatchWarning

    _quieten()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VersionMismatchWarning)  # each worker is checked with its first task
        try:
            get_address_host_port(address, strict=True)
            client = Client(address, timeout=_PATIENCE, set_as_default=False, name="glasma")
        except (OSError, ValueError, TypeError, TimeoutError) as error:
            detail = str(error).partition("\n")[0] or type(error).__name__
            raise ConfigError(
                f"--scheduler {address}: no scheduler answers there ({detail}); start one with `dask scheduler` and give the "
                "address that it prints, such as tcp://host:8786"
            ) from None
    try:
        _check_scheduler(client, address)
        yield client
    finally:
        with suppress(Exception):
            client.close(timeout=2)


def _check_scheduler(client: Client, address: str) -> None:
    found: Any = client.get_versions(check=False)
    theirs, ours = (found[who].get("packages", {}) for who in ("scheduler", "client"))
    for name in ("python", "distributed"):
        if theirs.get(name) != ours.get(name):
            raise ConfigError(
                f"--scheduler {address}: runs with {name} {theirs.get(name)}, and {ours.get(name)} is here; install the same"
            )


@contextmanager
def _local(jobs: int) -> Iterator[Client]:
    """Processes of this machine, which end with this one."""
    import dask
    from distributed import Client, LocalCluster

    _quieten()
    with tempfile.TemporaryDirectory(prefix="glasma-dask-", ignore_cleanup_errors=True) as scratch, dask.config.set(_LOCAL):
        with _interrupts_held():
            cluster = LocalCluster(
                n_workers=jobs,
                threads_per_worker=1,
                processes=True,
                memory_limit=None,  # what an event needs is known before it runs
                local_directory=scratch,
                silence_logs=logging.CRITICAL + 1,
                dashboard_address="127.0.0.1:0",
            )
            client = Client(cluster, set_as_default=False)
        try:
            yield client
        finally:
            _end(client, cluster)


def _end(client: Client, cluster: LocalCluster) -> None:
    """End all processes at once: what they still do is not wanted, and every file is whole."""
    with _interrupts_held():
        for nanny in cluster.workers.values():
            nanny.auto_restart = False
        with suppress(Exception):
            client.close(timeout=2)
        for nanny in cluster.workers.values():
            if nanny.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(nanny.pid, signal.SIGKILL)
        with suppress(Exception):
            cluster.close(timeout=10)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits, and does not reach processes and threads that are started meanwhile: it is for this thread alone."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _has_dashboard(client: Client) -> bool:
    """Whether the scheduler serves one."""
    return "dashboard" in client.scheduler_info().get("services", {}) and find_spec("bokeh") is not None
