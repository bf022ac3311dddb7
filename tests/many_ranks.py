"""Runs of `glasma` under mpirun, for the tests of many ranks and the script that kills them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import psutil

from glasma.io.openpmd import Snapshots
from glasma.io.parts import OF_PARTS
from glasma.io.together import SWITCH

ROOT = Path(__file__).parents[1]

#: The pictures take longer than all the rest.
WITHOUT_REPORT = [
    "-c",
    "import glasma.runner as r; r.write_report = lambda directory, checks=None: None; from glasma.cli import main; main()",
]
#: The last rank raises at a step.
STOPPING = """\
from glasma.cli import main
from glasma.collision import Collision
from glasma.domain.ranks import world

def step(self, before=Collision.step):
    if self.fields.step == {step} and world().rank == world().size - 1:
        raise RuntimeError(f"rank {{world().rank}} stops here")
    before(self)

Collision.step = step
main()
"""


def launcher() -> str | None:
    """mpirun of the environment that runs the tests."""
    beside = Path(sys.executable).parent / "mpirun"
    return str(beside) if beside.exists() else shutil.which("mpirun")


def start(
    ranks: int,
    *arguments: object,
    program: list[str] = WITHOUT_REPORT,
    stop_at: int | None = None,
    hidden: bool = False,
    together: bool = False,
) -> subprocess.Popen[str]:
    """`mpirun -n RANKS glasma ARGUMENTS`, or without mpirun for one; the last rank raises at step `stop_at`.

    `hidden` ranks are children of shells that outlive them, so that the launcher does not see one end.  They write one file
    `together`, or a part each, whatever h5py can.
    """
    if stop_at is not None:
        program = ["-c", STOPPING.format(step=stop_at)]
    mpirun = [str(launcher()), "-n", str(ranks)] if ranks > 1 else []
    if hidden:
        mpirun += ["sh", "-c", '"$0" "$@"; sleep 100']
    command = [*mpirun, sys.executable, *program, *map(str, arguments)]
    environment = {**os.environ, "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", SWITCH: str(int(together))}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT)


@dataclass(frozen=True)
class Outcome:
    """What a command left."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What glasma itself has said of an error."""
        return [line for line in self.err.splitlines() if line.startswith("glasma: ")]


def ended(process: subprocess.Popen[str], timeout: float = 240) -> Outcome:
    """Wait for a command; one that hangs is killed and raises."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.communicate(timeout=30)
        raise
    return Outcome(process.returncode, out, err)


def launch(ranks: int, *arguments: object, together: bool = False) -> Outcome:
    """Run a command to its end."""
    return ended(start(ranks, *arguments, together=together))


def rank_process(mpirun: subprocess.Popen[str], rank: int) -> psutil.Process | None:
    """The process of a rank, if it is there."""
    try:
        for process in psutil.Process(mpirun.pid).children(recursive=True):
            command, environment = process.cmdline(), process.environ()
            number = environment.get("PMI_RANK", environment.get("OMPI_COMM_WORLD_RANK"))
            if number == str(rank) and command[:1] != ["sh"] and "glasma" in " ".join(command):
                return process
    except psutil.NoSuchProcess:
        pass
    return None


def kill_rank(mpirun: subprocess.Popen[str], rank: int) -> bool:
    """SIGKILL to one rank; False if it is gone."""
    process = rank_process(mpirun, rank)
    try:
        if process is not None:
            process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return False
    return process is not None


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a file is there or the process has ended."""
    while not path.exists() and process.poll() is None:
        time.sleep(0.001)


def content(directory: Path) -> dict[str, bytes]:
    """All results of a run, however its files are put together."""
    found = {"history": (directory / "history.csv").read_bytes()}
    with h5py.File(directory / "profiles.h5") as file:
        file.visititems(lambda name, item: found.update({f"profiles {name}": np.asarray(item).tobytes()}))
    with h5py.File(directory / "checkpoint.h5") as file:

        def take(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset):
                found[f"checkpoint {name}"] = np.asarray(item).tobytes()
            for key, value in item.attrs.items():
                if key not in OF_PARTS:
                    found[f"checkpoint {name}@{key}"] = np.asarray(value).tobytes()

        take("", file)
        file.visititems(take)
    with Snapshots(directory / "snapshots.h5") as snapshots:
        for step in snapshots.steps:
            for name in snapshots.meshes(step):
                altered: list[str] = []
                found[f"snapshot {step} {name}"] = snapshots.mesh(step, name, altered).tobytes()
                assert not altered, altered
    return found


def differences(one: Path, other: Path) -> list[str]:
    """Names of what two finished runs do not share to the bit."""
    a, b = content(one), content(other)
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))
