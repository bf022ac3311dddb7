"""Objects of a neighbourhood, all brought to its centre: what a covariant interpolation is linear in."""

from __future__ import annotations

from functools import cache
from itertools import permutations, product

import torch
from torch import Tensor

from surrogate.lattice import transport


@cache
def displacements(dimensions: int, radius: int) -> list[tuple[int, ...]]:
    """All (d_1, …, d_D) with |d_i| ≤ radius, the centre among them."""
    return list(product(range(-radius, radius + 1), repeat=dimensions))


def gathered(U: Tensor, W: Tensor, radius: int) -> Tensor:
    """Objects at all displacements, brought to the site by the mean over the straight-line routes, one axis after the other.

    Parameters
    ----------
    U : (batch, D, *lattice, N, N) complex
    W : (batch, channels, *lattice, N, N) complex
    radius : int

    Returns
    -------
    (batch, displacements × channels, *lattice, N, N) complex
        The channels of one displacement together, in the order of `displacements`.
    """
    D = U.shape[1]
    orders = list(permutations(range(D)))
    sums: dict[tuple[int, ...], Tensor] = {}
    for order in orders:
        for displacement, moved in _along(U, W, order, radius).items():
            sums[displacement] = sums[displacement] + moved if displacement in sums else moved
    return torch.cat([sums[d] / len(orders) for d in displacements(D, radius)], dim=1)


def _along(U: Tensor, W: Tensor, order: tuple[int, ...], radius: int) -> dict[tuple[int, ...], Tensor]:
    """Objects brought along `order[-1]` first and `order[0]` last, which is from the site along `order[0]` first."""
    D = U.shape[1]
    found = {(0,) * D: W}
    for axis in reversed(order):
        grown = {}
        for displacement, moved in found.items():
            grown[displacement] = moved
            for sign in (1, -1):
                T = moved
                for step in range(1, radius + 1):
                    T = transport(U, T, axis, sign)
                    grown[tuple(sign * step if k == axis else d for k, d in enumerate(displacement))] = T
        found = grown
    return found
