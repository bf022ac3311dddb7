"""The channels of the two sides of a product: objects, their daggers, the unit matrix."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from surrogate.errors import LayerError


@dataclass(frozen=True)
class Side:
    """The channels on one side of the product: objects, their daggers, the unit matrix, in this order.

    Attributes
    ----------
    objects : int
        Channels of W.
    dagger, unit : bool
        Whether their daggers and the unit matrix follow.
    """

    objects: int
    dagger: bool
    unit: bool

    @property
    def channels(self) -> int:
        """How many they are."""
        return self.objects * (1 + self.dagger) + self.unit

    @property
    def unit_index(self) -> int:
        """Where the unit matrix stands.

        Raises
        ------
        LayerError
            If it is not among the channels.
        """
        if not self.unit:
            raise LayerError('this side has no unit matrix: give the layer unit = "both"')
        return self.channels - 1

    def index(self, channel: int, dagger: bool = False) -> int:
        """Where a channel of W, or its dagger, stands.

        Raises
        ------
        LayerError
            If there is no such channel.
        """
        if not 0 <= channel < self.objects:
            raise LayerError(f"channel = {channel}: this side has channels 0 to {self.objects - 1}")
        if dagger and not self.dagger:
            raise LayerError('this side has no daggers: give the layer dagger = "both"')
        return channel + self.objects * dagger

    def extend(self, W: Tensor) -> Tensor:
        """(batch, objects, *lattice, N, N) → (batch, channels, *lattice, N, N), all channels in memory."""
        parts = [W]
        if self.dagger:
            parts.append(W.mH)
        if self.unit:
            unit = torch.eye(W.shape[-1], dtype=W.dtype, device=W.device)
            parts.append(unit.expand_as(W[:, :1]))
        return torch.cat(parts, dim=1)
