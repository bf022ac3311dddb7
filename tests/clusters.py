"""A Dask scheduler and workers as processes of their own, as on a cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


@contextmanager
def scheduler(directory: Path, workers: int = 1, threads: int = 1) -> Iterator[str]:
    """The address of a scheduler with workers that started elsewhere, all with a working directory of their own."""
    file = directory / "scheduler.json"
    options = ("--no-dashboard", "--protocol", "tcp")
    processes = [_start(directory, "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file), *options)]
    try:
        while not (file.exists() and file.stat().st_size):
            assert processes[0].poll() is None
            time.sleep(0.01)
        address = json.loads(file.read_text())["address"]
        many = ("--nworkers", str(workers), "--nthreads", str(threads))
        processes.append(_start(directory, "worker", address, *many, *options, "--local-directory", str(directory)))
        yield address
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _start(directory: Path, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with (directory / f"{arguments[0]}.log").open("wb") as log:
        command = [sys.executable, "-m", "dask", *arguments]
        return subprocess.Popen(command, cwd=directory, env=environment, stdout=log, stderr=log)


def kill_holder(path: Path, parent: int) -> None:
    """Kill the process that holds a directory, as a worker does that of its event."""
    for process in psutil.Process(parent).children(recursive=True):
        try:
            if any(Path(os.readlink(link)) == path for link in Path(f"/proc/{process.pid}/fd").iterdir()):
                process.send_signal(signal.SIGKILL)
                return
        except (OSError, psutil.NoSuchProcess):
            continue
    raise AssertionError(f"no process holds {path}")
