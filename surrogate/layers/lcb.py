"""L-Bilin, and the fused convolution and bilinear layer L-CB (arXiv:2012.12901)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from surrogate.errors import LayerError
from surrogate.groups import Group
from surrogate.lattice import check_objects
from surrogate.layers.base import GaugeLayer, offsets, positive
from surrogate.layers.bilinear import bilinear
from surrogate.layers.representation import representation
from surrogate.layers.sides import Side
from surrogate.layers.transport import transported
from surrogate.layers.weights import as_weight, initialise, weight_parameter

_SIDES = {"none": (False, False), "left": (True, False), "right": (False, True), "both": (True, True)}


def _sides(name: str, value: str) -> tuple[bool, bool]:
    if value not in _SIDES:
        raise LayerError(f'{name} = {value!r}: choose "none", "left", "right" or "both"')
    return _SIDES[value]


class _Bilinear(GaugeLayer):
    """Σ_jk α_ijk A_j B_k with the channels A of the left and B of the right side; its weights."""

    weight: nn.Parameter

    def __init__(
        self,
        group: Group | str,
        dimensions: int,
        n_in: int,
        n_right: int,
        n_out: int,
        dagger: str,
        unit: str,
        complex_weights: bool,
        quaternions: bool,
    ) -> None:
        super().__init__(group, dimensions, n_in, n_out)
        left_dagger, right_dagger = _sides("dagger", dagger)
        left_unit, right_unit = _sides("unit", unit)
        self.left = Side(n_in, left_dagger, left_unit)
        self.right = Side(n_right, right_dagger, right_unit)
        self.complex_weights = complex_weights
        self.real_form = representation(self.group, quaternions, complex_weights)
        self.weight = weight_parameter((n_out, self.left.channels, self.right.channels), complex_weights)

    def _initialise(self, gain: float, identity: bool) -> None:
        channels = self.left.channels * self.right.channels
        initialise(self.weight, self.complex_weights, gain * channels**-0.5)
        if self.left.unit and self.right.unit:
            self.set_weight(slice(None), self.left.unit_index, self.right.unit_index, 0.0)
        if identity:
            for i in range(self.n_out):
                j = i % self.n_in
                if self.left.unit:
                    self.add_weight(i, self.left.unit_index, j, 1.0)
                else:
                    self.add_weight(i, j, self.right.unit_index, 1.0)

    def full_weight(self, dtype: torch.dtype) -> Tensor:
        """α, (n_out, left, right), in the precision of objects of complex type `dtype`."""
        return as_weight(self.weight, self.complex_weights, dtype)

    @torch.no_grad()
    def set_weight(self, i: int | slice, j: int, k: int, value: complex) -> None:
        """Set α_ijk; `left_index`, `right_index` and the sides' `unit_index` say j and k."""
        self._entry(i, j, k).copy_(self._value(value))

    @torch.no_grad()
    def add_weight(self, i: int, j: int, k: int, value: complex) -> None:
        """Add to α_ijk."""
        self._entry(i, j, k).add_(self._value(value))

    def _entry(self, i: int | slice, j: int, k: int) -> Tensor:
        return self.weight[i, j, k]

    def _value(self, value: complex) -> Tensor:
        if self.complex_weights:
            number = complex(value)
            return torch.tensor([number.real, number.imag], dtype=self.weight.dtype)
        return torch.tensor(value, dtype=self.weight.dtype)

    def left_index(self, channel: int, dagger: bool = False) -> int:
        """j of the channel W_channel, or of its dagger."""
        return self.left.index(channel, dagger)

    def extra_repr(self) -> str:
        """The map in → out, and the sizes of the product."""
        kind = "complex" if self.complex_weights else "real"
        return f"{super().extra_repr()}, {kind} weights {self.left.channels} × {self.right.channels}"


class LBilin(_Bilinear):
    """W''_{x,i} = Σ_jk α_ijk W_{x,j} W'_{x,k}, with W†, W'† and the unit matrix among the channels.

    Parameters
    ----------
    group : Group or str
    dimensions : int
        D.
    n_in, n_right, n_out : int
        Channels of W, of W' and of the result.
    dagger, unit : str
        Whether the daggers and the unit matrix are among the channels: "none", "left" (of W), "right" (of W'), "both".
    complex_weights : bool
        α complex instead of real.
    quaternions : bool
        SU(2) in its real form, twice as fast: for W that are real multiples of group elements, as are all loops and what
        real weights make of them.  Anything else in W is dropped.

    Notes
    -----
    W (batch, n_in, *lattice, N, N), W' (batch, n_right, *lattice, N, N) → (batch, n_out, *lattice, N, N); all of them
    transform as W → Ω_x W Ω†_x.

    Raises
    ------
    LayerError
        On impossible options, or fields of another shape.
    """

    def __init__(
        self,
        group: Group | str,
        dimensions: int,
        n_in: int,
        n_right: int,
        n_out: int,
        dagger: str = "both",
        unit: str = "both",
        complex_weights: bool = False,
        quaternions: bool = False,
    ) -> None:
        positive("n_right", n_right)
        super().__init__(group, dimensions, n_in, n_right, n_out, dagger, unit, complex_weights, quaternions)
        self.reset_parameters()

    @property
    def object_channels(self) -> tuple[int, ...]:
        """Channels of W and W'."""
        return (self.n_in, self.right.objects)

    def reset_parameters(self) -> None:
        """Gaussian weights for which W'' is of order one if W and W' are."""
        self._initialise(1.0, identity=False)

    def right_index(self, channel: int, dagger: bool = False) -> int:
        """k of the channel W'_channel, or of its dagger."""
        return self.right.index(channel, dagger)

    def forward(self, U: Tensor, W: Tensor, W_right: Tensor) -> Tensor:
        """The products."""
        self.check(U, W)
        check_objects(W_right, U, self.right.objects)
        weight = self.full_weight(W.dtype)
        with torch.autocast(W.device.type, enabled=False):
            encoded, encoded_right = self.real_form.encode(W), self.real_form.encode(W_right)
            return bilinear(encoded, encoded_right, weight, self.left, self.right, self.real_form)


class LCB(_Bilinear):
    """L-Conv and L-Bilin in one: W''_{x,i} = Σ_jk α_ijk W_{x,j} W'_{x,k}, W' = all transported U_{x,kμ} W_{x+kμ} U†_{x,kμ}.

    W itself is among W' (no step), so with the unit matrix on a side the layer contains the residual W'' = W, and with
    it on both sides a bias.

    Parameters
    ----------
    group : Group or str
    dimensions : int
        D.
    n_in, n_out : int
        Channels of W and W''.
    kernel_size : int
        Sites along an axis in one orientation, x itself included.
    dilation : int
        Links between those sites.
    orientations : str
        "forward", or "both" for transports along −μ too.
    dagger, unit : str
        Whether the daggers and the unit matrix are among the channels: "none", "left" (of W), "right" (of W'), "both".
    complex_weights : bool
        α complex instead of real.
    quaternions : bool
        SU(2) in its real form, twice as fast: for W that are real multiples of group elements, as are all loops and what
        real weights make of them.  Anything else in W is dropped.
    gain : float
        Size of the random weights at the start, see `reset_parameters`.

    Notes
    -----
    W (batch, n_in, *lattice, N, N) → (batch, n_out, *lattice, N, N), W → Ω_x W Ω†_x before and after.  The weight is
    (n_out, left, right), left: W, W†, 1; right: W', W'†, 1, where W' has the channels of one offset together, the
    offsets in the order of `self.offsets`.

    Raises
    ------
    LayerError
        On impossible options, or fields of another shape.
    """

    def __init__(
        self,
        group: Group | str,
        dimensions: int,
        n_in: int,
        n_out: int,
        kernel_size: int = 2,
        dilation: int = 1,
        orientations: str = "both",
        dagger: str = "both",
        unit: str = "both",
        complex_weights: bool = False,
        quaternions: bool = False,
        gain: float = 0.25,
    ) -> None:
        positive("n_in", n_in)
        self.offsets = offsets(dimensions, kernel_size, dilation, orientations)
        n_right = n_in * len(self.offsets)
        super().__init__(group, dimensions, n_in, n_right, n_out, dagger, unit, complex_weights, quaternions)
        self.gain = gain
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """W''_i = W_{i mod n_in} plus random products of mean square gain².

        A product of W's is quadratic, so random weights alone would square the size of W in every layer: it vanishes or
        explodes doubly exponentially with depth.  Around the identity it stays of order one.  Without unit matrix there
        is no identity, and the weights are Gaussian with W'' of the size of W W'.
        """
        identity = self.left.unit or self.right.unit
        self._initialise(self.gain if identity else 1.0, identity)

    def right_index(self, channel: int, axis: int = 0, steps: int = 0, dagger: bool = False) -> int:
        """k of the channel W_channel transported by `steps` links along `axis`, or of its dagger.

        Raises
        ------
        LayerError
            If the kernel has no such displacement.
        """
        displacement = (axis if steps else 0, steps)
        if displacement not in self.offsets:
            raise LayerError(f"axis = {axis}, steps = {steps}: the kernel has the displacements {self.offsets}")
        return self.right.index(self.offsets.index(displacement) * self.n_in + channel, dagger)

    def forward(self, U: Tensor, W: Tensor) -> Tensor:
        """The products."""
        self.check(U, W)
        weight = self.full_weight(W.dtype)
        # Autocast would take the real matrices of links for those of a linear layer.
        with torch.autocast(W.device.type, enabled=False):
            encoded = self.real_form.encode(W)
            T = transported(U, encoded, self.offsets, self.real_form)
            return bilinear(encoded, T, weight, self.left, self.right, self.real_form)

    def extra_repr(self) -> str:
        """The map in → out, the sizes of the product, and the kernel."""
        return f"{super().extra_repr()}, {len(self.offsets)} sites"
