"""Without a GPU: one line that says what to do, before any work."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from glasma.cuda.device import array_module
from glasma.errors import ConfigError
from tests.cuda.conftest import HAS_GPU
from tests.many_ranks import launch, launcher
from tests.tiny_run import assert_refused, glasma, write_tiny

pytestmark = pytest.mark.skipif(HAS_GPU, reason="there is a GPU")


def test_run_names_the_remedy(tmp_path: Path) -> None:
    outcome = glasma("run", write_tiny(tmp_path), "--backend", "cuda", "--out", tmp_path / "out")
    assert_refused(outcome, 'run.backend = "cuda"', 'run.backend = "cpu"')
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not (find_spec("mpi4py") and launcher()), reason="mpi4py or mpirun is not installed")
def test_ranks_say_it_once(tmp_path: Path) -> None:
    outcome = launch(2, "run", write_tiny(tmp_path), "--backend", "cuda", "--out", tmp_path / "out")
    assert outcome.status != 0
    assert len(outcome.lines) == 1, outcome
    assert 'run.backend = "cuda"' in outcome.lines[0]
    assert not (tmp_path / "out").exists()


def test_key_of_the_configuration_is_the_same_as_the_option(tmp_path: Path) -> None:
    outcome = glasma("run", write_tiny(tmp_path), "--set", "run.backend=cuda", "--out", tmp_path / "out")
    assert_refused(outcome, 'run.backend = "cuda"')


def test_dry_run_needs_no_gpu(tmp_path: Path) -> None:
    outcome = glasma("run", write_tiny(tmp_path), "--backend", "cuda", "--dry-run")
    assert outcome.status == 0, outcome.err
    assert "the GPU is not timed" in outcome.out


def test_unknown_backend_is_refused(tmp_path: Path) -> None:
    assert_refused(glasma("run", write_tiny(tmp_path), "--set", "run.backend=opencl"), "run.backend", "opencl")


def test_missing_package_is_named() -> None:
    with pytest.raises(ConfigError, match=r"pip install|nvidia-smi"):
        array_module()
