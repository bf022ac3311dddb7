"""L-Act: the gauge-equivariant activation (arXiv:2012.12901)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from surrogate.activations import activation
from surrogate.groups import Group
from surrogate.layers.base import GaugeLayer


def invariants(W: Tensor) -> Tensor:
    """Re tr W/N, Im tr W/N and tr(W W†)/N of each channel: (batch, 3 channels, *lattice) real."""
    N = W.shape[-1]
    trace = W.diagonal(dim1=-2, dim2=-1).sum(-1) / N
    square = (W.real.square() + W.imag.square()).sum((-2, -1)) / N
    return torch.cat([trace.real, trace.imag, square], dim=1)


class LAct(GaugeLayer):
    """W_{x,i} → g(s_{x,i}) W_{x,i}, with invariants s of the objects at x.

    Parameters
    ----------
    group : Group or str
    dimensions : int
        D.
    channels : int
    function : str
        g, by its name: relu, leaky_relu, gelu, silu, tanh, sigmoid or identity.
    mix : bool
        s_i = Re tr W_i/N if false; if true, a learned linear function (with bias) of Re tr W_j/N, Im tr W_j/N and
        tr(W_j W_j†)/N of all channels j, which starts as 1 (for which g(s) is of order one).

    Notes
    -----
    W (batch, channels, *lattice, N, N) → the same, W → Ω_x W Ω†_x before and after.

    Raises
    ------
    LayerError
        On an unknown function, or fields of another shape.
    """

    def __init__(self, group: Group | str, dimensions: int, channels: int, function: str = "relu", mix: bool = False) -> None:
        super().__init__(group, dimensions, channels, channels)
        self.function = function
        self._activation = activation(function)
        self.mix = nn.Linear(3 * channels, channels) if mix else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The learned invariants start as 1 plus a little of all."""
        if self.mix is not None:
            with torch.no_grad():
                self.mix.weight.normal_(0.0, 0.1 * self.mix.in_features**-0.5)
                self.mix.bias.fill_(1.0)

    def forward(self, U: Tensor, W: Tensor) -> Tensor:
        """The activated objects."""
        self.check(U, W)
        if self.mix is None:
            scalars = W.diagonal(dim1=-2, dim2=-1).sum(-1).real / self.group.N
        else:
            features = invariants(W).movedim(1, -1)
            weight, bias = self.mix.weight.to(features.dtype), self.mix.bias.to(features.dtype)
            scalars = linear(features, weight, bias).movedim(-1, 1).to(features.dtype)
        return self._activation(scalars)[..., None, None] * W

    def extra_repr(self) -> str:
        """The map in → out, and the function."""
        return f"{super().extra_repr()}, {self.function}"
