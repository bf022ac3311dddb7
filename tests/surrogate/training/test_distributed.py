"""Two processes that share the batches give the training of one, up to the order of sums."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from surrogate.training import read_weights
from surrogate.training.history import load_history
from tests.surrogate.training.tiny_training import mean_square, results, tiny_training

pytestmark = pytest.mark.slow

#: The loss of the process has no random numbers: each process has its own.
SCRIPT = """
import json, sys
from pathlib import Path
from tests.surrogate.training.tiny_training import mean_square, tiny_training
tiny_training(Path(sys.argv[1]), resume=True, loss=mean_square, **json.loads(sys.argv[2]))
"""

SETTINGS: dict[str, Any] = {"precision": "float64", "batch_size": 7, "epochs": 8, "threads": 1}


def torchrun(tmp_path: Path, directory: Path, settings: dict[str, Any], text: str = SCRIPT) -> subprocess.Popen[bytes]:
    script = tmp_path / "script.py"
    script.write_text(text)
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    # A script of torchrun sees its own directory, not the one that the tests run in.
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.Popen([*run, str(script), str(directory), json.dumps(settings)], env=environment)


@pytest.mark.parametrize(
    "settings", [{}, {"optimiser": "sgd", "learning_rate": 0.001, "batch_size": 29}], ids=["adam-lbfgs", "sgd"]
)
def test_two_processes_train_as_one(settings: dict[str, Any], tmp_path: Path):
    """Batches of 7: the shares differ; of 29 and a last one of 1: one process has nothing to do."""
    settings = {**SETTINGS, **settings}
    tiny_training(tmp_path / "one", loss=mean_square, **settings)
    assert torchrun(tmp_path, tmp_path / "two", settings).wait(300) == 0
    one, two = (load_history(tmp_path / name / "history.csv") for name in ("one", "two"))
    assert len(one) == len(two) == 12
    for a, b in zip(one, two, strict=True):
        assert b.train_loss == pytest.approx(a.train_loss, rel=1e-9)
        assert b.validation_loss == pytest.approx(a.validation_loss, rel=1e-9)
        assert b.gradient_norm == pytest.approx(a.gradient_norm, rel=1e-9)
    (first, _), (second, _) = (read_weights(tmp_path / name / "last.safetensors") for name in ("one", "two"))
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, rtol=1e-9, atol=1e-12)
    assert json.loads((tmp_path / "two" / "run.json").read_text())["processes"] == 2


def test_no_thread_of_the_group_outlives_it(tmp_path: Path):
    """A thread that is there when the interpreter ends may abort the process."""
    report = (
        "import atexit\n"
        "def report():\n"
        "    threads = [path.read_text().strip() for path in Path('/proc/self/task').glob('*/comm')]\n"
        "    (Path(sys.argv[1]).parent / f'threads{os.environ[\"RANK\"]}').write_text('\\n'.join(threads))\n"
        "atexit.register(report)\n"
    )
    script = SCRIPT.replace("from tests", f"import os\n{report}from tests", 1)
    assert torchrun(tmp_path, tmp_path / "two", {**SETTINGS, "epochs": 2}, script).wait(300) == 0
    for rank in (0, 1):
        assert "gloo" not in (tmp_path / f"threads{rank}").read_text()


def test_killed_processes_go_on(tmp_path: Path):
    settings = {**SETTINGS, "epochs": 60, "checkpoint_every": 1}
    assert torchrun(tmp_path, tmp_path / "whole", settings).wait(300) == 0
    process = torchrun(tmp_path, tmp_path / "killed", settings)
    while not (tmp_path / "killed" / "checkpoint.pt").exists():
        assert process.poll() is None
        time.sleep(0.002)
    # torchrun ends its processes when it is told to end.
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) != 0
    assert torchrun(tmp_path, tmp_path / "killed", settings).wait(300) == 0
    assert json.loads((tmp_path / "killed" / "run.json").read_text())["resumed"] == 1
    assert results(tmp_path / "killed") == results(tmp_path / "whole")
