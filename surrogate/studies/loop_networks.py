"""The networks of the Wilson-loop study: an L-CNN that is supervised in every layer, and a plain convolutional network."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from surrogate.activations import activation
from surrogate.layers import LCB, Plaq, Trace

#: m × n links along the two axes.
Size = tuple[int, int]


@dataclass(frozen=True)
class Stage:
    """One L-CB layer, and the loop that its traces are trained to give.

    Attributes
    ----------
    loop : (m, n)
    kernel_size, dilation : of the layer: it transports over `dilation` links, or not at all for a kernel of one site
    """

    loop: Size
    kernel_size: int = 2
    dilation: int = 1


#: Loops that double: a layer joins two neighbouring loops of the layer before, so that m × n links need log2(m n) layers.
STAGES: dict[Size, tuple[Stage, ...]] = {
    (1, 1): (Stage((1, 1), kernel_size=1),),
    (1, 2): (Stage((1, 2)),),
    (2, 2): (Stage((1, 2)), Stage((2, 2))),
    (4, 4): (Stage((1, 2)), Stage((2, 2)), Stage((2, 4), dilation=2), Stage((4, 4), dilation=2)),
}


class LoopNetwork(nn.Module):
    """Plaq → L-CB → L-CB → …, and after each L-CB a linear function of the traces that predicts a loop of its size.

    A network of depth four trained on W^{(4×4)} alone stalls near 1 − R² = 1: its gradient is a product of four factors that
    are all far from useful.  A loop of each layer as a target of its own (deep supervision, Lee et al., arXiv:1409.5185) turns
    it into four regressions, each quadratic in what the layer before has found.

    Parameters
    ----------
    group : "U(1)", "SU(2)" or "SU(3)"
    stages : of the target
    channels : of W after each layer

    Notes
    -----
    U (batch, 2, nx, ny, N, N) → (batch, nx, ny) real, gauge invariant.
    """

    def __init__(self, group: str, stages: tuple[Stage, ...], channels: int) -> None:
        super().__init__()
        # The links come from the heat bath; each pass would check again that they are in the group.
        self.plaq = Plaq(group, 2, check_group=False)
        layers = []
        n_in = self.plaq.n_out
        for stage in stages:
            layers.append(LCB(group, 2, n_in, channels, stage.kernel_size, stage.dilation, orientations="forward"))
            n_in = channels
        self.layers, self.trace = nn.ModuleList(layers), Trace(group, 2, channels, "real")
        self.heads = nn.ModuleList(nn.Linear(channels, 1) for _ in stages)

    def predictions(self, U: Tensor, depth: int | None = None) -> list[Tensor]:
        """The loop of each of the first `depth` layers, (batch, nx, ny) each."""
        W = self.plaq(U)
        found = []
        for layer, head in list(zip(self.layers, self.heads, strict=True))[:depth]:
            W = layer(U, W)
            found.append(head(self.trace(U, W).movedim(1, -1))[..., 0])
        return found

    def forward(self, U: Tensor) -> Tensor:
        """The loop of the last layer."""
        return self.predictions(U)[-1]


class PlainNetwork(nn.Module):
    """Convolutions on the real and imaginary parts of all matrix elements of the links: translations are its only symmetry.

    Parameters
    ----------
    colours : N
    width, depth : channels and number of the 3 × 3 convolutions, periodic; a 1 × 1 convolution follows
    function : activation between them

    Notes
    -----
    U (batch, 2, nx, ny, N, N) → (batch, nx, ny) real.
    """

    def __init__(self, colours: int, width: int, depth: int, function: str = "relu") -> None:
        super().__init__()
        channels = [4 * colours**2, *[width] * depth]
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, padding_mode="circular") for a, b in pairwise(channels))
        self.head = nn.Conv2d(width, 1, 1)
        self._activation = activation(function)

    def forward(self, U: Tensor) -> Tensor:
        """The loop."""
        reals = torch.view_as_real(U.movedim((4, 5), (2, 3)))
        x = reals.movedim(-1, 4).flatten(1, 4)
        for convolution in self.convolutions:
            x = self._activation(convolution(x))
        y: Tensor = self.head(x)
        return y[:, 0]
