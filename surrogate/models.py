"""L-CNNs built from a plain configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.utils.checkpoint import checkpoint

from surrogate.activations import activation
from surrogate.errors import LayerError
from surrogate.groups import as_group
from surrogate.layers import LCB, LAct, Plaq, PlaqLeaves, Poly, TiedLCB, Trace
from surrogate.layers.tied import labels, leaf_labels
from surrogate.plain_config import PlainConfig


@dataclass(frozen=True)
class LCNNConfig(PlainConfig):
    """An L-CNN: Plaq (and Poly) → (LCB → LAct)* → Trace → 1 × 1 layers → outputs.

    Attributes
    ----------
    group : str
        "U(1)", "SU(2)" or "SU(3)".
    dimensions : int
        D.
    channels : tuple of int
        Channels of W after each LCB.
    kernel_sizes, dilations : tuple of int, or int
        Of each LCB; one number for all.
    orientations, dagger, unit : str
        Of every LCB, see there.
    complex_weights : bool
        Complex weights in every LCB.
    tied : bool
        Weights tied under rotations and reflections: all plaquettes at a corner of each site to begin with, `channels`
        objects for each of the 2 D directions in between, and without direction at the end.
    polyakov : bool
        Polyakov loops among the first objects.
    activation : str or None
        The function of an LAct after each LCB; none by default.
    mix_invariants : bool
        Whether those LAct learn their invariants.
    head : tuple of int
        Widths of the hidden 1 × 1 layers on the traces.
    head_activation : str
        The function between them.
    outputs : int
        Numbers per site.
    pooled : bool
        Mean over the lattice: one invariant per configuration.
    checkpointing : bool
        Recompute the objects of each LCB in the backward pass instead of keeping them: less memory, more time.
    """

    KIND: ClassVar[str] = "an L-CNN"

    group: str = "SU(2)"
    dimensions: int = 2
    channels: tuple[int, ...] = (4, 4)
    kernel_sizes: tuple[int, ...] | int = 2
    dilations: tuple[int, ...] | int = 1
    orientations: str = "both"
    dagger: str = "both"
    unit: str = "both"
    complex_weights: bool = False
    tied: bool = False
    polyakov: bool = False
    activation: str | None = None
    mix_invariants: bool = False
    head: tuple[int, ...] = ()
    head_activation: str = "tanh"
    outputs: int = 1
    pooled: bool = False
    checkpointing: bool = False


class LCNN(nn.Module):
    """A network of links with gauge-invariant outputs.

    Parameters
    ----------
    config : LCNNConfig
        What it is made of; kept as `config`.

    Notes
    -----
    U (batch, D, *lattice, N, N) → (batch, outputs, *lattice) real, or (batch, outputs) if pooled; invariant under
    gauge transformations, equivariant under translations.  Any size of lattice.

    Raises
    ------
    LayerError
        On an impossible configuration, links of another shape, or links that are not in the group.
    """

    def __init__(self, config: LCNNConfig | None = None, **values: Any) -> None:
        super().__init__()
        config = config or LCNNConfig.from_dict(values)
        self.config = config
        #: What `load_model` found beside the weights.
        self.card: dict[str, Any] = {}
        group, D = as_group(config.group), config.dimensions
        if not config.channels:
            raise LayerError("channels = (): an L-CNN has at least one LCB")
        depth = len(config.channels)
        # Loops in SU(2), and what real weights make of them, are real multiples of group elements; their trace is real.
        quaternions = group.N == 2 and not config.complex_weights
        if config.tied and (config.polyakov or config.mix_invariants or config.orientations != "both"):
            raise LayerError(
                'tied = True: not with polyakov, mix_invariants or orientations = "forward"; they single out directions'
            )
        self.plaq: Plaq | PlaqLeaves = PlaqLeaves(group, D) if config.tied else Plaq(group, D)
        self.poly = Poly(group, D, check_group=False) if config.polyakov else None
        n_in = self.plaq.n_out + (self.poly.n_out if self.poly else 0)
        blocks = []
        kernel_sizes = per_layer("kernel_sizes", config.kernel_sizes, depth)
        dilations = per_layer("dilations", config.dilations, depth)
        labels_in = leaf_labels(D)
        kind, weights = (config.dagger, config.unit), (config.complex_weights, quaternions)
        gain = min(0.5, (4 * depth) ** -0.5)
        for number, n_out in enumerate(config.channels):
            kernel_size, dilation = kernel_sizes[number], dilations[number]
            if config.tied:
                labels_out = labels(D, n_out, rank=0 if number == depth - 1 else 1)
                lcb: LCB = TiedLCB(group, D, labels_in, labels_out, kernel_size, dilation, *kind, *weights, gain)
                labels_in, n_out = labels_out, len(labels_out)
            else:
                lcb = LCB(group, D, n_in, n_out, kernel_size, dilation, config.orientations, *kind, *weights, gain)
            act = LAct(group, D, n_out, config.activation, config.mix_invariants) if config.activation else None
            blocks.append(Block(lcb, act))
            n_in = n_out
        self.blocks = nn.ModuleList(blocks)
        self.trace = Trace(group, D, n_in, "real" if quaternions else "both")
        self.head = SiteNetwork(self.trace.n_out, config.head, config.outputs, config.head_activation)

    def objects(self, U: Tensor) -> Tensor:
        """The first objects, (batch, channels, *lattice, N, N): plaquettes and, if asked for, Polyakov loops."""
        W: Tensor = self.plaq(U)
        return W if self.poly is None else torch.cat([W, self.poly(U)], dim=1)

    def forward(self, U: Tensor) -> Tensor:
        """The outputs at each site, or their mean."""
        W = self.objects(U)
        for block in self.blocks:
            if self.config.checkpointing and torch.is_grad_enabled():
                W = checkpoint(block, U, W, use_reentrant=False)
            else:
                W = block(U, W)
        y: Tensor = self.head(self.trace(U, W))
        return y.flatten(2).mean(-1) if self.config.pooled else y

    @torch.no_grad()
    def calibrate(self, U: Tensor) -> None:
        """Scale the weights of each LCB so that W has the mean square tr(W W†)/N = 1 after its block on these links.

        Layer-sequential unit variance (Mishkin and Matas, arXiv:1511.06422).
        """
        W = self.objects(U)
        for block in self.blocks:
            assert isinstance(block, Block)
            block.lcb.weight.div_(rms(block.lcb(U, W)))
            # With an activation W grows as a power between 1 and 2 of the weights.
            for _ in range(0 if block.act is None else 50):
                size = rms(block(U, W))
                if abs(size - 1) < 1e-6:
                    break
                block.lcb.weight.mul_(size**-0.5)
            W = block(U, W)


class Block(nn.Module):
    """An LCB and, if there is one, its LAct."""

    def __init__(self, lcb: LCB, act: LAct | None) -> None:
        super().__init__()
        self.lcb = lcb
        self.act = act

    def forward(self, U: Tensor, W: Tensor) -> Tensor:
        """W after both."""
        W = self.lcb(U, W)
        return W if self.act is None else self.act(U, W)


class SiteNetwork(nn.Module):
    """The same real network at each site, a multilayer perceptron: (batch, n_in, *lattice) → (batch, n_out, *lattice)."""

    def __init__(self, n_in: int, hidden: Sequence[int], n_out: int, function: str) -> None:
        super().__init__()
        widths = [n_in, *hidden, n_out]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.function = function
        self._activation = activation(function)

    def forward(self, x: Tensor) -> Tensor:
        """The outputs at each site."""
        x = x.movedim(1, -1)
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, nn.Linear)
            if number:
                x = self._activation(x)
            x = linear(x, layer.weight.to(x.dtype), layer.bias.to(x.dtype))
        return x.movedim(-1, 1)


def rms(W: Tensor) -> float:
    """The root mean square of tr(W W†)/N over batch, channels and sites."""
    W = W.detach()
    return float(((W.real.square() + W.imag.square()).sum((-2, -1)) / W.shape[-1]).mean().sqrt())


def per_layer(name: str, value: tuple[int, ...] | int, depth: int) -> tuple[int, ...]:
    """One number for each layer.

    Raises
    ------
    LayerError
        If there are not as many as layers.
    """
    if isinstance(value, int):
        return (value,) * depth
    if len(value) != depth:
        raise LayerError(f"{name} = {value}: give one number, or one for each of the {depth} layers")
    return tuple(value)
