"""Periodic lattices in torch: shifts, parallel transport, loops, gauge transformations, and checks of shapes.

Links U are (batch, D, *lattice, N, N), objects W (batch, channels, *lattice, N, N), gauge transformations Ω
(batch, *lattice, N, N).  U_{x,μ} joins x to x+μ.
"""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor

from surrogate.errors import LayerError
from surrogate.groups import Group, as_group, real_dtype, unitarity_violation

#: Largest max |U†U − 1| of links that are taken as such, in units of machine epsilon.
UNITARITY_TOLERANCE = 1e4


def lattice_dim(axis: int, dimensions: int) -> int:
    """The tensor axis of lattice axis `axis`, counted from the end: matrices have the last two."""
    return axis - dimensions - 2


def shift(field: Tensor, axis: int, steps: int, dimensions: int) -> Tensor:
    """The field at x + steps·axis, (..., *lattice, N, N), periodic."""
    return torch.roll(field, -steps, lattice_dim(axis, dimensions))


def transport(U: Tensor, W: Tensor, axis: int, steps: int) -> Tensor:
    """Objects brought to x along a straight line: U_{x,kμ} W_{x+kμ} U†_{x,kμ}.

    Parameters
    ----------
    U : (batch, D, *lattice, N, N) complex
    W : (batch, channels, *lattice, N, N) complex
    axis : int
        μ.
    steps : int
        k, of either sign; 0 gives W.

    Returns
    -------
    (batch, channels, *lattice, N, N) complex
        Transforms as W does.
    """
    dimensions = U.shape[1]
    link = U[:, axis : axis + 1]
    for _ in range(abs(steps)):
        ahead = steps > 0
        W = link @ shift(W, axis, 1, dimensions) @ link.mH if ahead else shift(link.mH @ W @ link, axis, -1, dimensions)
    return W


def planes(dimensions: int) -> list[tuple[int, int]]:
    """The pairs μ < ν of lattice axes in lexicographic order."""
    return list(combinations(range(dimensions), 2))


def plaquettes(U: Tensor) -> Tensor:
    """U_{x,μν} = U_{x,μ} U_{x+μ,ν} U†_{x+ν,μ} U†_{x,ν} for μ < ν.

    Returns
    -------
    (batch, D (D − 1)/2, *lattice, N, N) complex
    """
    D = U.shape[1]
    return torch.stack(
        [(U[:, i] @ shift(U[:, j], i, 1, D)) @ (U[:, j] @ shift(U[:, i], j, 1, D)).mH for i, j in planes(D)],
        dim=1,
    )


def polyakov_loops(U: Tensor) -> Tensor:
    """The product of all links of the closed straight line from x along μ, around the periodic lattice.

    Returns
    -------
    (batch, D, *lattice, N, N) complex
    """
    D = U.shape[1]
    loops = []
    for axis in range(D):
        link, length = U[:, axis], U.shape[2 + axis]
        # Powers of two of the line: L_{2n}(x) = L_n(x) L_n(x + n).
        done, product = 0, None
        line, size = link, 1
        while True:
            if length & size:
                product = line if product is None else product @ shift(line, axis, done, D)
                done += size
            if done == length:
                break
            line = line @ shift(line, axis, size, D)
            size *= 2
        assert product is not None
        loops.append(product)
    return torch.stack(loops, dim=1)


def transform_links(U: Tensor, Omega: Tensor) -> Tensor:
    """U_{x,μ} → Ω_x U_{x,μ} Ω†_{x+μ}."""
    D = U.shape[1]
    return torch.stack([Omega @ U[:, i] @ shift(Omega, i, 1, D).mH for i in range(D)], dim=1)


def transform_objects(W: Tensor, Omega: Tensor) -> Tensor:
    """W_x → Ω_x W_x Ω†_x, the same for each channel."""
    return Omega.unsqueeze(1) @ W @ Omega.mH.unsqueeze(1)


def check_links(U: Tensor, group: Group | str, dimensions: int) -> None:
    """Refuse what is not (batch, D, *lattice, N, N) complex.

    Raises
    ------
    LayerError
    """
    group = as_group(group)
    real_dtype(U.dtype)
    if U.ndim != dimensions + 4 or U.shape[1] != dimensions or U.shape[-2:] != (group.N, group.N):
        lattice = ", ".join(["L"] * dimensions)
        raise LayerError(
            f"links of shape {tuple(U.shape)}: {group} in D = {dimensions} needs "
            f"(batch, {dimensions}, {lattice}, {group.N}, {group.N})"
        )


def check_objects(W: Tensor, U: Tensor, channels: int) -> None:
    """Refuse objects that do not lie on the lattice of the links or have another number of channels.

    Raises
    ------
    LayerError
    """
    expected = (U.shape[0], channels, *U.shape[2:])
    if tuple(W.shape) != expected:
        raise LayerError(
            f"objects W of shape {tuple(W.shape)}: this layer needs {expected} beside links of shape {tuple(U.shape)}"
        )
    if W.dtype != U.dtype:
        raise LayerError(f"objects W are {W.dtype} and links U are {U.dtype}: convert one of them with .to()")


def check_unitary(U: Tensor, group: Group | str) -> None:
    """Refuse links that are not in the group.

    Raises
    ------
    LayerError
        If max |U†U − 1| or |det U − 1| is above UNITARITY_TOLERANCE times machine epsilon, or not a number.
    """
    violation = unitarity_violation(U.detach(), group)
    tolerance = UNITARITY_TOLERANCE * torch.finfo(U.dtype).eps
    if not violation <= tolerance:
        raise LayerError(
            f"links are not in {as_group(group)}: |U†U − 1| or |det U − 1| is {violation:.1e}, above {tolerance:.1e}; "
            "check the order of axes, or project them to the group"
        )
