"""Trace: gauge-invariant numbers at each site."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.errors import LayerError
from surrogate.groups import Group
from surrogate.layers.base import GaugeLayer

_PARTS = ("both", "real", "imaginary")


class Trace(GaugeLayer):
    """w_{x,i} = tr W_{x,i}/N, its real and imaginary part.

    Parameters
    ----------
    group : Group or str
    dimensions : int
        D.
    channels : int
        Channels of W.
    parts : str
        "both", "real" or "imaginary".  In SU(2) the trace of a loop is real.

    Notes
    -----
    W (batch, channels, *lattice, N, N) → (batch, n_out, *lattice) real, all real parts first; gauge invariant.

    Raises
    ------
    LayerError
        On unknown parts, or fields of another shape.
    """

    def __init__(self, group: Group | str, dimensions: int, channels: int, parts: str = "both") -> None:
        if parts not in _PARTS:
            raise LayerError(f'parts = {parts!r}: choose "both", "real" or "imaginary"')
        super().__init__(group, dimensions, channels, channels * (2 if parts == "both" else 1))
        self.parts = parts

    def forward(self, U: Tensor, W: Tensor) -> Tensor:
        """The traces."""
        self.check(U, W)
        trace = W.diagonal(dim1=-2, dim2=-1).sum(-1) / self.group.N
        if self.parts == "both":
            return torch.cat([trace.real, trace.imag], dim=1)
        return trace.real if self.parts == "real" else trace.imag
