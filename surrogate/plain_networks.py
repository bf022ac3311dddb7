"""Networks without gauge symmetry, the rivals of L-CNNs: they see the numbers in the fields."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from surrogate.errors import LayerError


class UNet(nn.Module):
    """A U-Net of one level: 3 × 3 convolutions at full and at half resolution, joined again; translations are its symmetry.

    Parameters
    ----------
    entries, outputs : int
        Channels that it sees and gives.
    width, deep : int
        Channels at full and at half resolution.
    """

    def __init__(self, entries: int, outputs: int, width: int, deep: int) -> None:
        super().__init__()
        self.down = _convolutions(entries, width, width)
        self.bottom = _convolutions(width, deep, deep)
        self.up = _convolutions(width + deep, width, width)
        self.head = nn.Conv2d(width, outputs, 1)

    def maps(self, x: Tensor) -> Tensor:
        """(batch, entries, nx, ny) → (batch, outputs, nx, ny).

        Raises
        ------
        LayerError
            On a lattice with an odd side.
        """
        if x.shape[2] % 2 or x.shape[3] % 2:
            raise LayerError(f"lattice {x.shape[2]}×{x.shape[3]}: half the resolution needs even sides")
        x = self.down(x)
        below = self.bottom(nn.functional.avg_pool2d(x, 2))
        x = self.up(torch.cat([x, nn.functional.interpolate(below, scale_factor=2.0)], dim=1))
        return self.head(x)


def _convolutions(*channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in pairwise(channels):
        layers += [nn.Conv2d(a, b, 3, padding=1, padding_mode="circular"), nn.GELU()]
    return nn.Sequential(*layers)
