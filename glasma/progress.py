"""Progress of a run: a bar with the remaining time on a terminal, plain lines in a log."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Reporter(Protocol):
    """What a run tells while it goes on."""

    def __enter__(self) -> Reporter: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def say(self, text: str) -> None:
        """One line."""

    def begin(self, first: int, last: int) -> None:
        """The steps that are to be made."""

    def at(self, step: int, note: str | None = None) -> None:
        """A step is done; `note` says what a measurement saw."""


class Silent:
    """Says nothing."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, text: str) -> None:
        """Nothing."""

    def begin(self, first: int, last: int) -> None:
        """Nothing."""

    def at(self, step: int, note: str | None = None) -> None:
        """Nothing."""


class Lines(Silent):
    """Plain lines, at most one every few seconds, with the estimated time that remains."""

    def __init__(self, every_s: float = 5.0, unit: str = "step") -> None:
        self._console, self._every, self._unit = Console(highlight=False, soft_wrap=True), every_s, unit

    def __enter__(self) -> Lines:
        return self

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, markup=False)

    def begin(self, first: int, last: int) -> None:
        """Start the clock."""
        self._first, self._last, self._start = first, last, time.monotonic()
        self._printed = self._start

    def at(self, step: int, note: str | None = None) -> None:
        """Print the step now and then."""
        now = time.monotonic()
        if note is None or (now - self._printed < self._every and step != self._last):
            return
        self._printed = now
        left = (now - self._start) / max(1, step - self._first) * (self._last - step)
        self.say(f"{self._unit} {step}/{self._last}  {note}  {left:.0f} s left")


class Bar(Silent):
    """A bar on a terminal."""

    def __init__(self, task: str = "evolving") -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._progress, self._name = Progress(*columns), task

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def begin(self, first: int, last: int) -> None:
        """Show the bar."""
        self._task = self._progress.add_task(self._name, total=last, completed=first)

    def at(self, step: int, note: str | None = None) -> None:
        """Move the bar."""
        if note:
            self._progress.update(self._task, completed=step, description=note)
        else:
            self._progress.update(self._task, completed=step)


def reporter(quiet: bool = False, task: str = "evolving", unit: str = "step") -> Reporter:
    """The reporter that suits where the output goes; `task` and `unit` say what is done and counted."""
    if quiet:
        return Silent()
    return Bar(task) if Console().is_terminal else Lines(unit=unit)
