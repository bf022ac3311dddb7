"""Steps of several ranks, each with its GPU: those of one GPU to the bit, and those of the CPU to rounding."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from glasma.cuda.messages import SWITCH
from glasma.domain.ranks import Ranks
from tests.cuda.on_ranks import CASES, LONG_CASES, evolved
from tests.cuda.test_files import LABORATORY, boost_invariant
from tests.many_ranks import ROOT, content, differences, ended, launch, launcher, start
from tests.tiny_run import glasma, write_tiny

pytestmark = pytest.mark.skipif(not (find_spec("mpi4py") and launcher()), reason="mpi4py or mpirun is not installed")


def on_ranks(
    out: Path, cases: list[str], ranks: int, along_z: int = 1, aware: str = "0", memory: str = "plain"
) -> dict[str, np.ndarray]:
    environment = {**os.environ, SWITCH: aware, "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    program = ["-m", "mpi4py", "-m", "tests.cuda.on_ranks"]  # an error on one rank ends all
    command = [launcher(), "-n", str(ranks), sys.executable, *program, str(out), str(along_z), memory, *cases]
    result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=550, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    return dict(np.load(out))


def assert_same(found: dict[str, np.ndarray], name: str) -> None:
    case = (CASES | LONG_CASES)[name]
    one, host = evolved(case, Ranks()), evolved(case, Ranks(), on_gpu=False)
    for key, expected in one.items():
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


@pytest.mark.parametrize(
    ("in_x", "along_z", "cases"),
    [
        (1, 2, ["leapfrog two rows"]),
        (2, 2, ["semi_implicit"]),
        pytest.param(1, 4, ["leapfrog", "leapfrog SU(3)", "semi_implicit"], marks=pytest.mark.slow),
    ],
)
def test_steps_of_ranks_along_z_are_those_of_one_gpu_and_of_the_cpu(
    tmp_path: Path, in_x: int, along_z: int, cases: list[str]
) -> None:
    found = on_ranks(tmp_path / "found.npz", cases, in_x * along_z, along_z)
    for name in cases:
        assert_same(found, name)


@pytest.mark.parametrize("aware", ["0", "1"])
def test_only_planes_and_sums_leave_the_gpus_of_ranks_along_z(tmp_path: Path, aware: str) -> None:
    """On arrays as strict as CuPy's, with messages by way of the host and from the memory of the GPU."""
    found = on_ranks(tmp_path / "found.npz", ["leapfrog"], 4, 2, aware, "strict")
    assert_same(found, "leapfrog")
    _, _, nx, _, cells = found["leapfrog/q0"].swapaxes(0, 2).swapaxes(0, 1).shape
    for largest, copied, sent in found["leapfrog/traffic"]:
        assert largest <= 8 * nx // 2 * cells  # the work on the charges, for the columns of each own plane in x
        assert copied == (sent if aware == "0" else 0)
        assert sent > 0


def test_messages_from_the_memory_of_the_gpu_are_the_same(tmp_path: Path) -> None:
    cases = ["boost_invariant"]
    one, other = (on_ranks(tmp_path / f"{aware}.npz", cases, ranks=2, aware=aware) for aware in ("0", "1"))
    for key, expected in one.items():
        assert np.array_equal(other[key], expected), key


@pytest.mark.slow
@pytest.mark.parametrize("name", list(LONG_CASES))
def test_collisions_on_ranks_are_those_of_one_gpu_and_of_the_cpu(tmp_path: Path, name: str) -> None:
    assert_same(on_ranks(tmp_path / "found.npz", [name], ranks=2), name)


def arrays(directory: Path) -> dict[str, np.ndarray]:
    """Fields and history of a finished run; what is left out is in single precision."""
    fields = {
        name: np.frombuffer(data)
        for name, data in content(directory).items()
        if name.startswith(("checkpoint", "snapshot")) and "@" not in name and not name.endswith(" T")
    }
    return {**fields, "history": np.loadtxt(directory / "history.csv", delimiter=",", skiprows=1)}


def assert_same_files(found: Path, expected: Path) -> None:
    one, other = arrays(found), arrays(expected)
    assert one.keys() == other.keys()
    for name, values in other.items():
        atol = 1e-12 * max(1.0, float(np.abs(values).max(initial=0.0)))
        np.testing.assert_allclose(one[name], values, rtol=0, atol=atol, err_msg=name)


def test_files_of_ranks_with_gpus_are_those_of_the_cpu_and_go_on_there(tmp_path: Path) -> None:
    """Two ranks with GPUs, of which one raises on the way; one process goes on with its GPU, and one on the CPU."""
    path, stopped, whole = boost_invariant(tmp_path), tmp_path / "stopped", tmp_path / "whole"
    outcome = ended(start(2, "run", path, "--backend", "cuda", "--quiet", "--out", stopped, stop_at=4))
    assert outcome.status != 0
    assert "rank 1 stops here" in outcome.lines[0]
    assert (stopped / "checkpoint.h5").exists()
    record = json.loads((stopped / "run.json").read_text())
    assert record["ranks"] == len(record["gpus"]) == 2
    assert "simulated" in record["gpus"][0]
    on_cpu = shutil.copytree(stopped, tmp_path / "on_cpu")

    assert launch(2, "run", path, "--backend", "cuda", "--quiet", "--out", whole).status == 0
    assert launch(1, "resume", stopped, "--quiet").status == 0
    assert not differences(stopped, whole)
    assert json.loads((whole / "run.json").read_text())["status"] == "finished"
    assert glasma("check", whole).status == 0

    assert launch(1, "run", path, "--quiet", "--out", tmp_path / "cpu").status == 0
    assert_same_files(whole, tmp_path / "cpu")
    assert launch(2, "resume", on_cpu, "--backend", "cpu", "--quiet").status == 0
    assert "gpus" not in json.loads((on_cpu / "run.json").read_text())
    assert_same_files(on_cpu, tmp_path / "cpu")


@pytest.mark.slow
@pytest.mark.parametrize(("ranks", "along_z"), [(2, 1), (4, 2)])
def test_files_of_a_run_in_the_laboratory_are_those_of_the_cpu(tmp_path: Path, ranks: int, along_z: int) -> None:
    path = write_tiny(tmp_path, **LABORATORY | {"end_time": '"0.02 fm"', "snapshots": '["0 fm"]'})
    for name, words in (("gpus", (ranks, "cuda", along_z)), ("cpu", (1, "cpu", 1))):
        number, backend, parts = words
        options = ["--backend", backend, "--quiet", "--ranks-along-z", parts, "--out", tmp_path / name]
        outcome = launch(number, "run", path, *options)
        assert outcome.status == 0, outcome.err
    assert_same_files(tmp_path / "gpus", tmp_path / "cpu")
    assert all(check["passed"] for check in json.loads(glasma("check", tmp_path / "gpus", "--json").out))


@pytest.mark.slow
def test_ranks_along_z_with_gpus_stop_and_go_on_as_one_gpu_and_on_cpus(tmp_path: Path) -> None:
    path = write_tiny(tmp_path, **LABORATORY | {"end_time": '"0.02 fm"'})
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    words = ["run", path, "--backend", "cuda", "--quiet", "--set", "output.checkpoint_interval=0.005 fm"]
    outcome = ended(start(2, *words, "--ranks-along-z", 2, "--out", stopped, stop_at=3))
    assert outcome.status != 0
    assert f"glasma resume {stopped} --ranks-along-z 2" in outcome.lines[0]
    on_cpus = shutil.copytree(stopped, tmp_path / "on_cpus")
    assert launch(1, *words, "--out", whole).status == 0
    assert launch(1, "resume", stopped, "--quiet").status == 0
    assert not differences(stopped, whole)
    assert launch(2, "resume", on_cpus, "--backend", "cpu", "--quiet", "--ranks-along-z", 2).status == 0
    assert_same_files(on_cpus, whole)
