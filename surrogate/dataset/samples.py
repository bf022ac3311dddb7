"""Windows of a split as samples for training: one event's at a time from the file, in any gauge.

`WindowSamples` is a map-style data set of PyTorch; a `DataLoader` with ``batch_size=None`` or ``collate_fn=list`` takes it, in
worker processes too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from surrogate.actions.least_squares import Window
from surrogate.dataset.loader import Dataset
from surrogate.errors import LayerError
from surrogate.groups import random_elements
from surrogate.lattice import transform_links
from surrogate.training.batches import order_of


def transform_window(window: Window, Omega: Tensor) -> Window:
    """U → Ω_x U Ω†_{x+i}, φ → Ω φ Ω† and likewise for the longitudinal field, with the same Ω at all times.

    Parameters
    ----------
    window : Window
    Omega : (*lattice, N, N) complex
    """
    Omega = Omega.to(window.U.dtype)

    def rotated(X: Tensor | None) -> Tensor | None:
        return None if X is None else Omega @ X @ Omega.mH

    U = transform_links(window.U, Omega.expand(len(window.U), *Omega.shape))
    return replace(window, U=U, phi=rotated(window.phi), longitudinal=rotated(window.longitudinal))


class WindowSamples(TorchDataset[Window]):
    """All windows of a length in a split, each read from the file when it is asked for.

    Parameters
    ----------
    dataset : Dataset
    split : str
    length : int
        Times in a window.
    stride : int, optional
        Steps from the first time of a window to that of the next; by default `length` − 1, windows that share one time.
    gauge_seed : int, optional
        If given, every window comes in a random gauge, which follows from this seed, the epoch and the number of the sample.
    dtype : complex64 or complex128, optional

    Attributes
    ----------
    places : list of (event, first)
        Of the samples.
    epoch : int
        Set it, so that gauges are new ones in each epoch; to be set before the workers of a DataLoader start.

    Raises
    ------
    LayerError
        If a split has no such window.
    """

    def __init__(
        self,
        dataset: Dataset,
        split: str,
        length: int,
        stride: int | None = None,
        gauge_seed: int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        times = dataset.times(split)
        if not 2 <= length <= times:
            raise LayerError(f"length = {length}: windows of the split {split!r} have from 2 to {times} times")
        stride = length - 1 if stride is None else stride
        if stride < 1:
            raise LayerError(f"stride = {stride}: must be at least 1")
        self.dataset, self.split, self.length, self.gauge_seed, self.dtype = dataset, split, length, gauge_seed, dtype
        self.places = [
            (event, first) for event in range(dataset.events(split)) for first in range(0, times - length + 1, stride)
        ]
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> Window:
        event, first = self.places[number]
        window = self.dataset.window(self.split, event, first, self.length, self.dtype)
        if self.gauge_seed is None:
            return window
        words = np.random.SeedSequence((self.gauge_seed, self.epoch, number % len(self))).generate_state(1)
        Omega = random_elements(self.dataset.group, window.U.shape[2:-2], torch.Generator().manual_seed(int(words[0])))
        return transform_window(window, Omega)

    def shuffled(self, seed: int, epoch: int = 0) -> Iterator[Window]:
        """Every window once, in an order that is a function of seed and epoch; sets `epoch`."""
        self.epoch = epoch
        for number in order_of(len(self), seed, epoch).tolist():
            yield self[number]
