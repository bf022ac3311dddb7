"""The tests that launch kernels, on a machine without a GPU: each file in a process in which Numba simulates one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cuda.conftest import LAUNCHING


def simulated(file: str, which: str) -> None:
    path = Path(__file__).with_name(file)
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "-m", which, str(path)]
    result = subprocess.run(command, env=environment, cwd=path.parents[2], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]


#: Runs of many processes each.
_LONG = ["test_ranks.py"]


@pytest.mark.parametrize(
    "file", [pytest.param(file, marks=[pytest.mark.slow] * (file in _LONG)) for file in [*LAUNCHING, "test_transfers.py"]]
)
def test_kernels_on_the_simulator(file: str) -> None:
    simulated(file, "not slow")


@pytest.mark.slow
@pytest.mark.parametrize("file", ["test_runs.py", "test_ranks.py"])
def test_long_runs_on_the_simulator(file: str) -> None:
    simulated(file, "slow")
