"""A training that was interrupted goes on from its checkpoint, and leaves the bytes of an undisturbed one."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from glasma.errors import ConfigError, FileError
from surrogate.training.directory import TrainingDirectory
from tests.surrogate.training.tiny_training import RESULTS, noisy, results, tiny_trainer, tiny_training


class Stop(Exception):
    pass


class StoppingLoss:
    """Raises at one call."""

    def __init__(self, call: int) -> None:
        self.calls, self.call = 0, call

    def __call__(self, model: nn.Module, batch: Any) -> Tensor:
        self.calls += 1
        if self.calls == self.call:
            raise Stop
        return noisy(model, batch)


VARIANTS: list[dict[str, Any]] = [
    {},
    {"optimiser": "sgd", "schedule": "cosine", "warmup_epochs": 2, "checkpoint_batches": 1},
    {"optimiser": "adamw", "weight_decay": 0.1, "amsgrad": True, "precision": "float64", "evaluation_every": 2},
    {"optimiser": "lbfgs", "epochs": 8, "lbfgs": {}, "checkpoint_every": 1},
    {"patience": 1, "min_delta": 0.3, "checkpoint_every": 100, "checkpoint_batches": None},
]


@pytest.mark.parametrize("settings", VARIANTS, ids=lambda s: "-".join(map(str, s)) or "default")
def test_stopped_anywhere_gives_the_same_bytes(settings: dict[str, Any], tmp_path: Path):
    counter = StoppingLoss(0)
    whole = tiny_training(tmp_path / "whole", loss=counter, **settings)
    expected = results(tmp_path / "whole")
    if not settings:
        assert len(set(whole.column("learning_rate")[:6])) > 2, "the plateaus of the schedule are met"
    chance = random.Random(3)
    for call in {1, counter.calls, *(chance.randint(2, counter.calls) for _ in range(4))}:
        directory = tmp_path / f"stopped-{call}"
        with pytest.raises(Stop):
            tiny_training(directory, loss=StoppingLoss(call), **settings)
        assert json.loads((directory / "run.json").read_text())["status"] == "interrupted"
        history = tiny_training(directory, resume=True, **settings)
        assert results(directory) == expected, f"stopped at call {call}"
        assert history.epochs == whole.epochs
        assert (history.status, history.best_loss) == (whole.status, whole.best_loss)


def test_the_order_and_the_random_numbers_matter(tmp_path: Path):
    """Else the bytes above would be the same for no merit of the checkpoint."""
    tiny_training(tmp_path / "whole")
    trainer = tiny_trainer(tmp_path / "stopped", loss=StoppingLoss(12))
    with pytest.raises(Stop):
        trainer.fit()
    directory = TrainingDirectory(tmp_path / "stopped")
    content = directory.load_checkpoint()
    assert content["position"]["batch"] == 2, "this checkpoint is one within an epoch"
    content["random"][0]["torch"] = torch.Generator().manual_seed(99).get_state()
    directory.save_checkpoint(content)
    tiny_training(tmp_path / "stopped", resume=True)
    assert results(tmp_path / "stopped") != results(tmp_path / "whole")


def killed_and_resumed(tmp_path: Path, kills: int, seed: int) -> int:
    """How many processes were killed before their end; the results are compared with an undisturbed run's."""
    settings = {"epochs": 50, "lbfgs": {"epochs": 10}, "checkpoint_every": 1, "threads": 1}
    began = time.monotonic()
    tiny_training(tmp_path / "whole", **settings)
    duration = time.monotonic() - began
    chance, directory, hits = random.Random(seed), tmp_path / "killed", 0
    command = [sys.executable, "-m", "tests.surrogate.training.tiny_training", directory, json.dumps(settings)]

    def written() -> int:
        checkpoint = directory / "checkpoint.pt"
        return checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0

    for _ in range(kills):
        before, process = written(), subprocess.Popen(command)
        while process.poll() is None and written() == before:
            time.sleep(0.002)
        try:
            # Some two of the sixty epochs: the training is not at its end before all kills.
            process.wait(chance.uniform(0, duration / 30))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        hits += process.wait() == -signal.SIGKILL
    tiny_training(directory, resume=True, **settings)
    assert results(directory) == results(tmp_path / "whole")
    assert not list(directory.glob(".partial-*"))
    return hits


def test_kill_9(tmp_path: Path):
    assert killed_and_resumed(tmp_path, 1, seed=1) == 1


@pytest.mark.slow
def test_kill_9_many_times(tmp_path: Path):
    assert killed_and_resumed(tmp_path, 12, seed=2) > 5


def test_finished_training_is_not_trained_again(tmp_path: Path):
    first = tiny_training(tmp_path / "run")
    before = results(tmp_path / "run")

    def refuse(model: nn.Module, batch: Any) -> Tensor:
        raise AssertionError("no batch is left to be computed")

    trainer = tiny_trainer(tmp_path / "run", loss=refuse)
    again = trainer.fit(resume=True)
    assert again == first
    assert results(tmp_path / "run") == before


def test_resume_without_a_training_starts_one(tmp_path: Path):
    assert tiny_training(tmp_path / "new", resume=True).status == "finished"


def test_directory_of_another_training_is_refused(tmp_path: Path):
    tiny_training(tmp_path / "run", epochs=1)
    with pytest.raises(FileError, match="holds another training"):
        tiny_training(tmp_path / "run", epochs=1)
    with pytest.raises(ConfigError, match=r"training.epochs = 2: the training in .* has 1; set that"):
        tiny_training(tmp_path / "run", resume=True, epochs=2)
    with pytest.raises(ConfigError, match=r"training.lbfgs.epochs = 7: .* has 4"):
        tiny_training(tmp_path / "run", resume=True, epochs=1, lbfgs={"epochs": 7, "batch_size": 16})
    tiny_training(tmp_path / "run", resume=True, epochs=1, lbfgs={"epochs": 4, "batch_size": 16}, checkpoint_every=5)
    tiny_trainer(tmp_path / "run", epochs=2).fit(overwrite=True)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").touch()
    with pytest.raises(FileError, match="holds no training"):
        tiny_training(foreign, resume=True)


def test_damaged_checkpoint_is_one_line(tmp_path: Path):
    tiny_training(tmp_path / "run", epochs=1)
    checkpoint = tmp_path / "run" / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(FileError, match="is not a whole checkpoint") as error:
        tiny_training(tmp_path / "run", resume=True, epochs=1)
    assert "\n" not in str(error.value)


def test_full_disk_leaves_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tiny_training(tmp_path / "whole")
    save = torch.save
    calls = 0

    def failing(content: Any, path: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        save(content, path)

    monkeypatch.setattr(torch, "save", failing)
    with pytest.raises(FileError, match="disk is full"):
        tiny_training(tmp_path / "run")
    monkeypatch.undo()
    tiny_training(tmp_path / "run", resume=True)
    assert results(tmp_path / "run") == results(tmp_path / "whole")
    assert set(RESULTS) <= {path.name for path in (tmp_path / "run").iterdir()}
