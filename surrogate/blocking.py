"""Blocking: fields of a fine lattice on one with spacing b, gauge covariant at every order.

A coarse site is the fine site at b X, and takes its gauge transformation with it:

    U^c_{X,i} = U_{bX,i} U_{bX+i,i} … U_{bX+(b−1)i,i},    φ^c_X = b^n φ_{bX}.

Fields are in units of the spacing of their own lattice; n is the dimension of φ.  The links are not averaged with their
neighbours, nor is φ: smearing before blocking (stout, ρ = 1/8, one to four steps) made every coarse scheme worse in the same
test (docs/surrogate.md), because smeared fields are weaker and the non-linear terms do not follow.
"""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.errors import LayerError


def block_links(U: Tensor, factor: int = 2) -> Tensor:
    """The products of `factor` links along each axis.

    Parameters
    ----------
    U : (batch, D, *lattice, N, N) complex
    factor : int
        b.

    Returns
    -------
    (batch, D, *lattice/b, N, N) complex

    Raises
    ------
    LayerError
        If a side of the lattice is no multiple of b.
    """
    D = U.shape[1]
    _check(U.shape[2:-2], factor)
    coarse = []
    for axis in range(D):
        link = U[:, axis]
        line = link
        for step in range(1, factor):
            line = line @ torch.roll(link, -step, axis - D - 2)
        coarse.append(decimate(line, D, factor))
    return torch.stack(coarse, dim=1)


def block_scalar(phi: Tensor, factor: int = 2, dimension: int = 0) -> Tensor:
    """b^n φ at the coarse sites: A_η has dimension 0, its momentum P_η = E_L dimension 2.

    Parameters
    ----------
    phi : (batch, *lattice, N, N) complex
    factor : int
        b.
    dimension : int
        n.

    Returns
    -------
    (batch, *lattice/b, N, N) complex
    """
    D = phi.ndim - 3
    _check(phi.shape[1:-2], factor)
    return decimate(phi, D, factor) * factor**dimension


def block_momenta(U: Tensor, P: Tensor, factor: int = 2) -> Tensor:
    """P_x + U P_{x+i} U† + … along each link: what the momenta of the coarse links are if those are their time derivative.

    Parameters
    ----------
    U, P : (batch, D, *lattice, N, N) complex
        P Hermitian; U̇ = i P U up to a common factor.
    factor : int
        b.

    Returns
    -------
    (batch, D, *lattice/b, N, N) complex
        In the time units of the fine lattice.
    """
    D = U.shape[1]
    _check(U.shape[2:-2], factor)
    coarse = []
    for axis in range(D):
        link, moved = U[:, axis], P[:, axis]
        total = moved
        for _ in range(1, factor):
            moved = link @ torch.roll(moved, -1, axis - D - 2) @ link.mH
            total = total + moved
        coarse.append(decimate(total, D, factor))
    return torch.stack(coarse, dim=1)


def decimate(field: Tensor, dimensions: int, factor: int) -> Tensor:
    """Every b-th site of (..., *lattice, N, N)."""
    for axis in range(dimensions):
        field = field[(..., slice(None, None, factor)) + (slice(None),) * (axis + 2)]
    return field.contiguous()


def _check(lattice: torch.Size, factor: int) -> None:
    for side in lattice:
        if side % factor:
            raise LayerError(
                f"lattice {'×'.join(map(str, lattice))}: blocking by {factor} needs sides that are multiples of it"
            )
