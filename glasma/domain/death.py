"""What is said when a rank dies: one line, by whoever is left.

A launcher of MPI kills the other ranks with SIGKILL when one is killed, and no handler of theirs runs.  So the first rank
starts a small process in a session of its own, tells it what to say, and tells it when the run is done; when the pipe to it
breaks before, it says it.  Other launchers let the others wait; then a neighbour of the dead rank says it and ends all
(`glasma.domain.lifeline`).  A rank that meets an error says so itself and ends all others.  Who creates a file in the run's
directory first is the one that speaks.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NoReturn

from glasma.domain.lifeline import Lifeline
from glasma.domain.ranks import Ranks
from glasma.io.atomic import PARTIAL

#: Ranks that meet the same error leave it to the first one for this long.
_PATIENCE = 1.0

_KILLED = "a rank was killed and the run stopped"

_NONE, _SOME = "no checkpoint was written yet", "a checkpoint is whole"

#: A launcher that ends its processes reads no more of what they say: give it the time before.
_HEARD = 0.5

_WATCHER = """\
import os, sys
said = ""
for line in sys.stdin:
    said = line.strip()
marker, checkpoint, none, some = sys.argv[1:]
if said:
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except OSError:
        sys.exit()
    # The first checkpoint may be there before the watcher was told of it.
    print(said.replace(none, some) if os.path.exists(checkpoint) else said, file=sys.stderr, flush=True)
"""


class DeathWatch:
    """Sees to it that the death of a run on many ranks is told once.

    Parameters
    ----------
    directory : Path
        Of the run.
    checkpoint : Path
        Where its checkpoint is, once there is one.
    ranks : Ranks
    step : int, optional
        Of the last checkpoint, if there is one.
    """

    def __init__(self, directory: Path, checkpoint: Path, ranks: Ranks, step: int | None = None) -> None:
        self.directory, self.ranks = directory, ranks
        self._marker = directory / f"{PARTIAL}stopped"
        self._watcher: subprocess.Popen[str] | None = None
        if ranks.is_first:
            self._marker.unlink(missing_ok=True)
            command = [sys.executable, "-S", "-E", "-c", _WATCHER, str(self._marker), str(checkpoint), _NONE, _SOME]
            self._watcher = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True, text=True
            )
        self.checkpoint(step)
        global _watch
        _watch = self

        self._lifeline = Lifeline(ranks, self._other_died)

    def _other_died(self) -> None:
        end_all(self.ranks, _KILLED, 1)

    def checkpoint(self, step: int | None) -> None:
        """The last whole checkpoint is now that of a step."""
        whole = _NONE if step is None else f"the checkpoint of step {step} is whole"
        along_z = f" --ranks-along-z {self.ranks.along_z}" if self.ranks.along_z > 1 else ""
        self.remedy = f"{whole}; go on with `mpirun -n {self.ranks.size} glasma resume {self.directory}{along_z}`"
        self._tell(f"glasma: {_KILLED}; {self.remedy}")

    def by_signal(self) -> AbstractContextManager[None]:
        """As `ended_by_signal`."""
        return self._lifeline.by_signal()

    def finished(self) -> None:
        """Nothing is left to be told."""
        self._lifeline.close()
        self._tell("")
        if self._watcher is not None:
            assert self._watcher.stdin is not None
            self._watcher.stdin.close()
            self._watcher.wait()
        global _watch
        _watch = None

    def _tell(self, line: str) -> None:
        if self._watcher is not None and self._watcher.stdin is not None:
            try:
                self._watcher.stdin.write(line + "\n")
                self._watcher.stdin.flush()
            except OSError:
                self._watcher = None  # it was killed; the run goes on without

    def may_speak(self) -> bool:
        """Whether this is the first process to say that the run has died."""
        try:
            os.close(os.open(self._marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        except OSError:
            return self.ranks.is_first
        return True


#: Of the run that goes on.
_watch: DeathWatch | None = None


def ended_by_signal() -> AbstractContextManager[None]:
    """While no other thread can run, let the death of another rank end this one by a signal, if the run is watched."""
    return nullcontext() if _watch is None else _watch.by_signal()


def end_all(ranks: Ranks, message: str, status: int) -> NoReturn:
    """Say why this rank cannot go on, unless another has spoken, and end all of them."""
    if not ranks.is_first:
        # What all ranks met is told by the first.
        time.sleep(_PATIENCE)
    if _watch is None or _watch.may_speak():
        told = message
        if _watch is not None and "heckpoint" not in message:
            told = f"{message.partition('; go on with')[0]}; {_watch.remedy}"
        print(f"glasma: {' '.join(told.split())}", file=sys.stderr, flush=True)
        time.sleep(_HEARD)
    else:
        time.sleep(_PATIENCE)  # the one that has spoken ends all
    ranks.abort(status)
