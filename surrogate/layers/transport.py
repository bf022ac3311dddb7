"""Parallel transport of encoded objects: one matrix per link and direction, shared by all channels and steps."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.layers.representation import Representation


def transported(U: Tensor, W: Tensor, displacements: list[tuple[int, int]], real_form: Representation) -> Tensor:
    """U_{x,kμ} W_{x+kμ} U†_{x,kμ} for all displacements (μ, k), as channels, those of one displacement together.

    Parameters
    ----------
    U : (batch, D, *lattice, N, N) complex
    W : (batch, *lattice, components, channels) real
        As the representation encodes them.
    displacements : list of (int, int)

    Returns
    -------
    (batch, *lattice, components, displacements × channels) real
    """
    found: dict[tuple[int, int], Tensor] = {(0, 0): W}
    for axis in sorted({axis for axis, steps in displacements if steps}):
        adjoint = real_form.adjoint(U[:, axis])
        for sign in (1, -1):
            T = W
            for step in range(1, 1 + max((sign * steps for a, steps in displacements if a == axis), default=0)):
                # Backward with U†, whose adjoint is the transposed one.
                T = adjoint @ torch.roll(T, -1, 1 + axis) if sign > 0 else torch.roll(adjoint.mT @ T, 1, 1 + axis)
                found[axis, sign * step] = T
    parts = [found[displacement] for displacement in displacements]
    return torch.cat(parts, dim=-1) if len(parts) > 1 else parts[0]
