"""Search for hyper-parameters with Optuna: many trainings, bad ones cut short, all of it resumable.

[search]
trials = 40

[search.space]
training.learning_rate = { low = 1e-4, high = 1e-1, log = true }
model.channels = { choices = [4, 8, 16] }
model.layers = { low = 1, high = 4 }
"""

from __future__ import annotations

import copy
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from glasma.errors import ConfigError, FileError, GlasmaError, UnstableRunError
from glasma.io import provenance
from glasma.io.atomic import write_text
from glasma.progress import Reporter, Silent
from glasma.progress import reporter as suitable_reporter
from glasma.sections import Section, checked
from surrogate.training.trainer import Trainer

#: Makes the training of a configuration (all sections, plain values) in a directory.
MakeTrainer = Callable[[dict[str, Any], Path], Trainer]

#: The user attribute of a trial, and of one that is queued again after a kill, that names its directory.
_DIRECTORY = "directory"


class Search(Section):
    """How hyper-parameters are searched."""

    trials: int = Field(default=50, ge=1, description="trainings, those that are cut short included")
    seed: int = Field(default=1, ge=0, lt=2**32, description="seed of the choices")
    sampler: Literal["tpe", "random"] = Field(default="tpe", description="how values are chosen")
    pruner: Literal["median", "hyperband", "none"] = Field(
        default="median", description="cuts trainings short by their validation loss; median: worse than half of the others"
    )
    startup_trials: int = Field(default=5, ge=1, description="trainings that come to their end before others are cut short")
    warmup_epochs: int = Field(default=5, ge=0, description="median: epochs in which no training is cut short")


class Range(Section):
    """The values of one hyper-parameter: from `low` to `high`, or one of `choices`."""

    low: int | float | None = Field(default=None, description="smallest value")
    high: int | float | None = Field(default=None, description="largest value; integers, if both ends are")
    log: bool = Field(default=False, description="evenly in the logarithm")
    choices: list[bool | int | float | str] | None = Field(default=None, min_length=1, description="the values themselves")

    @model_validator(mode="after")
    def _complete(self) -> Range:
        if (self.choices is None) == (self.low is None and self.high is None):
            raise ValueError("needs low and high, or choices")
        if self.choices is None:
            if self.low is None or self.high is None or self.low > self.high:
                raise ValueError("needs low ≤ high")
            if self.log and self.low <= 0:
                raise ValueError("needs low > 0 for log = true")
        return self

    def suggested(self, trial: Any, name: str) -> Any:
        """The value that an Optuna trial takes."""
        if self.choices is not None:
            return trial.suggest_categorical(name, self.choices)
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)


Space = dict[str, Range]


@dataclass(frozen=True)
class Found:
    """The best training of a search.

    Attributes
    ----------
    loss : its smallest validation loss
    values : the hyper-parameters that were searched, by dotted key
    config : the whole configuration
    directory : of the training
    """

    loss: float
    values: dict[str, Any]
    config: dict[str, Any]
    directory: Path


def search_config(data: dict[str, Any]) -> tuple[Search, Space]:
    """Check the plain values of a section [search].

    Raises
    ------
    ConfigError
        With one line that names the first field at fault, its value and the remedy.
    """
    data = dict(data)
    entries = data.pop("space", {})
    config = checked(_File, {"search": data}).search
    if not isinstance(entries, dict) or not entries:
        raise ConfigError("search.space: names no hyper-parameter; add one, training.learning_rate = { low = …, high = … }")
    space = {}
    for name, values in _ranges(entries, ""):
        try:
            space[name] = checked(Range, values)
        except ConfigError as error:
            line = str(error).removeprefix("the configuration")
            raise ConfigError(f"search.space.{name}{line if line.startswith(' = ') else '.' + line}") from None
    return config, space


class _File(Section):
    search: Search


def _ranges(entries: dict[str, Any], above: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, value in entries.items():
        if not isinstance(value, dict):
            raise ConfigError(f"search.space.{above}{key} = {value!r}: must be {{ low = …, high = … }} or {{ choices = […] }}")
        if value.keys() & Range.model_fields.keys():
            yield above + key, value
        else:
            yield from _ranges(value, f"{above}{key}.")


def search(
    make: MakeTrainer,
    base: dict[str, Any],
    config: Search,
    space: Space,
    directory: str | Path,
    reporter: Reporter | None = None,
) -> Found:
    """Train with many values of hyper-parameters, and go on where an earlier search in the directory ended.

    A training that was interrupted goes on from its checkpoint.  One that diverges counts as cut short.

    Parameters
    ----------
    make : (configuration, directory) -> Trainer
    base : all sections of the configuration, plain values; those in `space` are replaced
    config, space : from `search_config`
    directory : gets `study.db` (SQLite, of Optuna), `search.json` and a directory for each trial
    reporter : of the progress; default: a bar on a terminal, lines elsewhere

    Raises
    ------
    GlasmaError
        If Optuna is missing, another process searches in the directory, no training came to an end, or a configuration is
        wrong.
    """
    try:
        import optuna
    except ImportError:
        raise GlasmaError("optuna is not installed; the search needs it: pip install 'glasma[tune]'") from None
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise GlasmaError("a search trains one model at a time in one process; start it without torchrun")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = Path(directory)
    with _alone(path), reporter or suitable_reporter(task="searching", unit="trial") as progress:
        study = optuna.create_study(
            storage=f"sqlite:///{path.resolve() / 'study.db'}",
            study_name="search",
            load_if_exists=True,
            pruner=_pruner(optuna, config),
        )
        _same_search(study, base, space, path)
        # The number of trials is added, so that a resumed search does not repeat the choices of the first.
        seed = config.seed + len(study.trials)
        study.sampler = (
            optuna.samplers.TPESampler(seed=seed) if config.sampler == "tpe" else optuna.samplers.RandomSampler(seed)
        )
        _queue_interrupted(optuna, study)

        def objective(trial: Any) -> float:
            # The directory of an interrupted trial is in the attributes of the one that takes its place.
            name = trial.user_attrs.get(_DIRECTORY, f"trial-{trial.number:04d}")
            trial.set_user_attr(_DIRECTORY, name)
            values = {key: entry.suggested(trial, key) for key, entry in space.items()}
            return _trained(optuna, make(_with(base, values), path / name), trial)

        progress.begin(_ended(optuna, study), config.trials)
        while _ended(optuna, study) < config.trials:
            study.optimize(objective, n_trials=1)
            progress.at(_ended(optuna, study), _note(optuna, study))
        return _found(optuna, study, base, path)


def _trained(optuna: Any, trainer: Trainer, trial: Any) -> float:
    reported = 0

    def observe(epoch: int, loss: float) -> bool:
        nonlocal reported
        for row in trainer.history.epochs[reported:]:
            if row.validation_loss is not None:
                trial.report(row.validation_loss, row.epoch)
        reported = len(trainer.history.epochs) + 1
        trial.report(loss, epoch)
        return bool(trial.should_prune())

    trainer.observer, trainer.reporter = observe, Silent()
    try:
        history = trainer.fit(resume=True)
    except UnstableRunError as error:
        trial.set_user_attr("diverged", str(error))
        raise optuna.TrialPruned(str(error)) from None
    if history.status == "pruned":
        raise optuna.TrialPruned
    return history.best_loss


def _with(base: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """A configuration with some values replaced, by dotted key."""
    config = copy.deepcopy(base)
    for key, value in values.items():
        *above, last = key.split(".")
        section = config
        for part in above:
            section = section.setdefault(part, {})
            if not isinstance(section, dict):
                raise ConfigError(f"search.space.{key}: {part} is a value and not a section of the configuration")
        section[last] = value
    return config


def _pruner(optuna: Any, config: Search) -> Any:
    if config.pruner == "none":
        return optuna.pruners.NopPruner()
    if config.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner()
    return optuna.pruners.MedianPruner(config.startup_trials, config.warmup_epochs)


def _same_search(study: Any, base: dict[str, Any], space: Space, path: Path) -> None:
    now = {"base": base, "space": {name: entry.model_dump(exclude_none=True) for name, entry in space.items()}}
    now = json.loads(json.dumps(now))
    before = study.user_attrs.get("search")
    if before is None:
        study.set_user_attr("search", now)
    elif before != now:
        different = "search.space" if before["space"] != now["space"] else "the configuration"
        raise ConfigError(f"{path}: holds a search with another content of {different}; choose another directory")


def _queue_interrupted(optuna: Any, study: Any) -> None:
    """Trials that were left running by a process that is gone come first; their trainings go on."""
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(trial.params, user_attrs={_DIRECTORY: trial.user_attrs[_DIRECTORY]})
    for trial in study.get_trials(states=(optuna.trial.TrialState.FAIL,)):
        # A trial that ended with an exception, such as that of Ctrl-C, is like one that was killed; it is queued once.
        if trial.params and not any(
            other.number > trial.number and other.user_attrs.get(_DIRECTORY) == trial.user_attrs[_DIRECTORY]
            for other in study.trials
        ):
            study.enqueue_trial(trial.params, user_attrs={_DIRECTORY: trial.user_attrs[_DIRECTORY]})


def _ended(optuna: Any, study: Any) -> int:
    states = optuna.trial.TrialState
    return len(study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED)))


def _complete(optuna: Any, study: Any) -> list[Any]:
    trials = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    return sorted(trials, key=lambda trial: (trial.value, trial.number))


def _note(optuna: Any, study: Any) -> str:
    trials = _complete(optuna, study)
    return f"best loss {trials[0].value:.3e}" if trials else "none at its end yet"


def _found(optuna: Any, study: Any, base: dict[str, Any], path: Path) -> Found:
    trials = _complete(optuna, study)
    if not trials:
        raise GlasmaError(f"{path}: all {_ended(optuna, study)} trainings diverged or were cut short; change search.space")
    best = trials[0]
    name = best.user_attrs[_DIRECTORY]
    found = Found(best.value, dict(best.params), _with(base, best.params), path / name)
    content = {
        "format": "glasma search 1",
        "best": {"directory": name, "loss": found.loss, "values": found.values, "config": found.config},
        "trials": [
            {"directory": trial.user_attrs[_DIRECTORY], "state": trial.state.name.lower(), "loss": trial.value, **trial.params}
            for trial in study.get_trials(deepcopy=False)
            if trial.state.is_finished() and trial.state.name != "FAIL"
        ],
        "versions": {**provenance.versions(), **{name: provenance.installed(name) for name in ("torch", "optuna")}},
        "commit": provenance.commit(),
    }
    write_text(path / "search.json", json.dumps(content, indent=2) + "\n")
    return found


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the directory, so that trials which are left running are known to be of a process that is gone."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        file = (path / "lock").open("w")
    except OSError as error:
        raise FileError(f"{path}: cannot be used ({error.strerror}); choose another directory") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FileError(f"{path}: another process searches here; wait for it or choose another directory") from None
        yield
