"""Steps of several ranks, each with its GPU: those of one GPU to the bit, and those of the CPU to rounding."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from glasma.cuda.messages import SWITCH
from glasma.domain.ranks import Ranks
from tests.cuda.on_ranks import CASES, LONG_CASES, evolved
from tests.many_ranks import ROOT, launcher

pytestmark = pytest.mark.skipif(not (find_spec("mpi4py") and launcher()), reason="mpi4py or mpirun is not installed")


def on_ranks(out: Path, cases: list[str], ranks: int, aware: str = "0") -> dict[str, np.ndarray]:
    environment = {**os.environ, SWITCH: aware, "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [launcher(), "-n", str(ranks), sys.executable, "-m", "tests.cuda.on_ranks", str(out), *cases]
    result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=550, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    return dict(np.load(out))


def assert_same(found: dict[str, np.ndarray], name: str) -> None:
    case = (CASES | LONG_CASES)[name]
    one, host = evolved(case, Ranks()), evolved(case, Ranks(), on_gpu=False)
    for key, expected in one.items():
        # The simulator sums as the CPU does; a GPU may take a sum over fewer planes in another order.
        assert np.array_equal(found[f"{name}/{key}"], expected), (name, key)
        atol = 1e-12 * max(1.0, float(np.abs(host[key]).max(initial=0.0)))
        if key != "seen":
            np.testing.assert_allclose(expected, host[key], rtol=0, atol=atol, err_msg=f"{name} {key}")
    # views are in single precision
    np.testing.assert_allclose(one["seen"], host["seen"], rtol=1e-6, atol=1e-12)
    assert one["small"].max() < (1e-12 if case.scheme != "semi_implicit" else 1e-10)
    assert np.abs(host["E"]).max() > 0.01


def test_steps_of_ranks_are_those_of_one_gpu_and_of_the_cpu(tmp_path: Path) -> None:
    found = on_ranks(tmp_path / "found.npz", list(CASES), ranks=2)
    for name in CASES:
        assert_same(found, name)


def test_messages_from_the_memory_of_the_gpu_are_the_same(tmp_path: Path) -> None:
    cases = ["boost_invariant"]
    one, other = (on_ranks(tmp_path / f"{aware}.npz", cases, ranks=2, aware=aware) for aware in ("0", "1"))
    for key, expected in one.items():
        assert np.array_equal(other[key], expected), key


@pytest.mark.slow
@pytest.mark.parametrize("name", list(LONG_CASES))
def test_collisions_on_ranks_are_those_of_one_gpu_and_of_the_cpu(tmp_path: Path, name: str) -> None:
    assert_same(on_ranks(tmp_path / "found.npz", [name], ranks=2), name)
