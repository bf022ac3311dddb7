"""The random number generators that modules and data sets may draw from."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

State = dict[str, Any]


def seed_everything(seed: int, *numbers: int) -> None:
    """Seed the global generators of Python, NumPy and PyTorch; call it before a model draws its initial weights.

    Parameters
    ----------
    seed : of the training
    numbers : that tell apart what shares the seed, such as processes
    """
    # 32 bits are all that NumPy's and, on the CPU, PyTorch's generators take.
    word = int(np.random.SeedSequence((seed, *numbers)).generate_state(1)[0])
    random.seed(word)
    np.random.seed(word)  # noqa: NPY002 — the global generator is what data sets of others draw from
    torch.manual_seed(word)


def random_state() -> State:
    """The states of the global generators, as plain values and tensors."""
    version, words, gauss = random.getstate()
    numpy: dict[str, Any] = np.random.get_state(legacy=False)  # type: ignore[assignment]  # noqa: NPY002
    kind, words_numpy, place = numpy["bit_generator"], numpy["state"]["key"], numpy["state"]["pos"]
    return {
        "python": [version, list(words), gauss],
        "numpy": [str(kind), words_numpy.tolist(), int(place), int(numpy["has_gauss"]), float(numpy["gauss"])],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,
    }


def set_random_state(state: State) -> None:
    """Put the global generators into a state."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    kind, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), position, has_gauss, cached))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if state["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


@contextmanager
def own_random_state() -> Iterator[None]:
    """Leave the global generators as they were."""
    before = random_state()
    try:
        yield
    finally:
        set_random_state(before)
