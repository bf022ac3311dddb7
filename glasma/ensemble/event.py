"""One event of an ensemble: begun, resumed, or begun anew if what an earlier attempt left is damaged."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from glasma import runner
from glasma.cluster import WhileWanted
from glasma.config import Config, config_from_dict
from glasma.derived import Derived
from glasma.errors import FileError, GlasmaError
from glasma.io.checkpoint import altered
from glasma.io.history import History, load_history, load_profiles
from glasma.io.hold import held
from glasma.io.run_directory import RunDirectory
from glasma.progress import Reporter
from glasma.schemes import take_gpu


def work_on_event(values: dict[str, Any], path: str, again: bool) -> str | None:
    """Run one event on a worker; what kept it from its end, in one line.

    Parameters
    ----------
    values : the plain configuration, with the seed of the event
    path, again : as for `run_event`
    """
    try:
        config = config_from_dict(values)
        take_gpu(config.run.backend)
        run_event(config, Path(path), again, WhileWanted())
    except Exception as error:
        return one_line(error)
    return None


def run_event(config: Config, path: Path, again: bool, reporter: Reporter) -> None:
    """Bring the run of one event to its end.

    Parameters
    ----------
    config : Config
        With the seed of the event.
    path : directory
    again : bool
        Whether an earlier attempt failed: then damaged files are removed and the event begins anew.
    reporter : Reporter

    Raises
    ------
    GlasmaError
        As `glasma.runner.run` and `resume`; FileError if the directory holds another run.
    """
    path.mkdir(parents=True, exist_ok=True)
    with held(path, wait=True):  # a process whose parent was killed may still be about to end
        directory = RunDirectory(path)
        if again and is_damaged(directory, config):
            for left in path.iterdir():
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        if directory.run.exists():
            _check_same(directory, config)
            runner.resume(path, reporter, is_held=True)
        else:
            runner.run(config, path, reporter=reporter, event=True, is_held=True)


def load_event(path: Path, config: Config) -> History:
    """The history of a finished event.

    Raises
    ------
    FileError
        If it is not that of a whole run of the configuration.
    """
    derived = Derived(config)
    expected = sorted({*range(derived.first_step, derived.last_step + 1, derived.measure_every), derived.last_step})
    history = load_history(path / "history.csv")
    if [int(row["step"]) for row in history.rows] != expected:
        raise FileError(f"{history.path}: does not hold the measurements of a whole run; resume to run the event again")
    return history


def is_damaged(directory: RunDirectory, config: Config) -> bool:
    """Whether files of an event cannot be gone on with."""
    if not directory.run.exists():
        return True
    try:
        if directory.read_run()["status"] == "finished":
            load_event(directory.path, config)
            load_profiles(directory.profiles)
        elif directory.checkpoint.exists():
            load_history(directory.history)
            load_profiles(directory.profiles)
            return bool(altered(directory.checkpoint))
    except FileError:
        return True
    return False


def one_line(error: Exception) -> str:
    """What to say of an error."""
    if isinstance(error, GlasmaError):
        text = str(error)
    elif isinstance(error, MemoryError):
        text = "out of memory; use fewer --jobs"
    else:
        text = f"{type(error).__name__}: {error}"
    return " ".join(text.split())


def _check_same(directory: RunDirectory, config: Config) -> None:
    found = directory.config().as_dict()
    found["run"]["threads"] = config.run.threads
    if found != config.as_dict():
        raise FileError(f"{directory.path}: holds another run than this event; move it away and resume the ensemble")
