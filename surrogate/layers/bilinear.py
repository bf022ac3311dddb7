"""The bilinear contraction Σ_jk α_ijk A_j B_k of matrix-valued channels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from surrogate.errors import LayerError
from surrogate.layers.contraction import contract


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


def bilinear(W: Tensor, W_right: Tensor, weight: Tensor, left: Side, right: Side) -> Tensor:
    """Σ_jk α_ijk A_j B_k, A and B the channels of the two sides.

    Parameters
    ----------
    W : (batch, left.objects, *lattice, N, N) complex
    W_right : (batch, right.objects, *lattice, N, N) complex
    weight : (n_out, left.channels, right.channels) real or complex

    Returns
    -------
    (batch, n_out, *lattice, N, N) complex
    """
    batch, _, *lattice, N, _ = W.shape
    A = left.extend(W.flatten(2, -3))
    B = right.extend(W_right.flatten(2, -3))
    # Multiplication by A of the real and of the imaginary part of B: (part, (batch, site), (row, part), (row, j)).
    lefts = torch.view_as_real(torch.stack([A, 1j * A])).permute(0, 1, 3, 4, 6, 5, 2)
    lefts = lefts.reshape(2, -1, 2 * N, N * left.channels)
    # B with its parts and columns apart: ((part, column), (batch, site), row, k).
    parts = torch.view_as_real(B).permute(5, 4, 0, 2, 3, 1)
    if weight.is_complex():
        # X = α B: both parts of B contribute to each part of X.
        rows = torch.cat([parts[0], parts[1]], dim=-1).flatten(1, 2).contiguous()
        turned = torch.stack([weight.real, weight.imag, -weight.imag, weight.real]).permute(0, 3, 2, 1)
        mats = torch.stack([torch.cat([turned[0], turned[2]]), torch.cat([turned[1], turned[3]])])
        plan = [number for part in range(2) for column in range(N) for number in (column, part, part, column)]
    else:
        rows = parts.flatten(2, 3).flatten(0, 1).contiguous()
        mats = weight.permute(2, 1, 0).unsqueeze(0).contiguous()
        plan = [number for part in range(2) for column in range(N) for number in (part * N + column, 0, part, column)]
    Y = contract(rows, mats, lefts.contiguous(), plan)
    # ((column), (batch, site), (row, part), i)
    Y = Y.view(N, batch, -1, N, 2, Y.shape[-1]).permute(1, 5, 2, 3, 0, 4).contiguous()
    return torch.view_as_complex(Y).view(batch, -1, *lattice, N, N)


def plain_bilinear(W: Tensor, W_right: Tensor, weight: Tensor, left: Side, right: Side) -> Tensor:
    """The same by two einsums: what `bilinear` is tested against and compared with."""
    A, B = left.extend(W), right.extend(W_right)
    weighed = torch.einsum("ijk,bk...->bij...", weight.to(W.dtype), B)
    return torch.einsum("bj...ac,bij...cd->bi...ad", A, weighed)
