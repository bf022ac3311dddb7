"""L-CB as it is written in the paper, on complex matrices: the measure of the fast layers, and far slower."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.lattice import transport
from surrogate.layers.sides import Side


def plain_transport(U: Tensor, W: Tensor, displacements: list[tuple[int, int]]) -> Tensor:
    """All displaced objects as channels, those of one displacement together; a longer way starts from a shorter one.

    Returns
    -------
    (batch, displacements × channels, *lattice, N, N) complex
    """
    found: dict[tuple[int, int], Tensor] = {(0, 0): W}
    for axis, steps in displacements:
        if steps == 0:
            continue
        sign = 1 if steps > 0 else -1
        before = max((k * sign for a, k in found if a == axis and 0 < k * sign < abs(steps)), default=0)
        start = found[axis, sign * before] if before else W
        found[axis, steps] = transport(U, start, axis, steps - sign * before)
    return torch.cat([found[displacement] for displacement in displacements], dim=1)


def plain_bilinear(W: Tensor, T: Tensor, weight: Tensor, left: Side, right: Side) -> Tensor:
    """The same of complex objects (batch, channels, *lattice, N, N), by two einsums: the measure of `bilinear`."""
    A, B = left.extend(W), right.extend(T)
    weighed = torch.einsum("ijk,bk...->bij...", weight.to(W.dtype), B)
    return torch.einsum("bj...ac,bij...cd->bi...ad", A, weighed)
