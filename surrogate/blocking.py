"""Blocking: fields of a fine lattice on one with spacing b, gauge covariant at every order.

A coarse site is the fine site at b X, and takes its gauge transformation with it:

    U^c_{X,i} = U_{bX,i} U_{bX+i,i} … U_{bX+(b−1)i,i},    φ^c_X = b^n φ_{bX}.

Fields are in units of the spacing of their own lattice; n is the dimension of φ.  The links are not averaged with their
neighbours, nor is φ: smearing before blocking (stout, ρ = 1/8, one to four steps) made every coarse scheme worse in the same
test (docs/surrogate.md), because smeared fields are weaker and the non-linear terms do not follow.

The momentum of a coarse link is its time derivative.  From U̇ = i P U follows, for b = 2,

    line:  P^c_{X,i} = b^n (P_{2X,i} + U_{2X,i} P_{2X+i,i} U†_{2X,i}),

and larger b = 2^k repeat it.  What flows through a coarse face is more than its central line, so that the coarse Gauss
constraint is violated.  The flux is the mean of the lines beside it, ¼, ½, ¼ in each direction across, brought to its base.
In the Abelian case the coarse constraint then holds exactly, with ρ^c the mean of ρ with these weights in all directions:
the line of i at X less that at X − i is the sum of the differences P_i(x) − P_i(x − i) at 2X − i, 2X, 2X + i with 1, 2, 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

import torch
from torch import Tensor

from surrogate.errors import LayerError
from surrogate.evolution.frames import Frame
from surrogate.evolution.state import FieldState
from surrogate.lattice import shift, transport

MOMENTA = ("line", "flux")
SCALARS = ("site", "average")


class Dimensions(NamedTuple):
    """n of each field: its value in units of a lattice of b times the spacing is b^n times as large."""

    P: int
    phi: int
    pi: int
    rho: int


#: In the Milne frame P_i = τ ∂_τ A_i knows no unit of time, and A_η is a component along a coordinate without unit.
DIMENSIONS = {"laboratory": Dimensions(1, 1, 2, 3), "static": Dimensions(1, 1, 2, 3), "milne": Dimensions(0, 0, 2, 2)}


def block(state: FieldState, frame: Frame, factor: int = 2, momenta: str = "line", scalars: str = "site") -> FieldState:
    """The state on a lattice of b times the spacing, in its units.

    Parameters
    ----------
    state : FieldState
        Momenta at the time of the links make P^c the time derivative of U^c exactly (`Leapfrog.synchronous`); with those of
        half a step before, the second half of a link is turned by a link half a step too late.
    frame : Frame
        What dimension the fields have.
    factor : int
        b, a power of two.
    momenta : str
        "line" or "flux", as above.
    scalars : str
        "site": φ and π at the coarse sites; "average": with ¼, ½, ¼ in every direction, which damps the waves that a coarse
        lattice takes for longer ones, cos²(k/2) each, and removes those of k = π, which it takes for constants.

    Returns
    -------
    FieldState
        (batch, D, *lattice/b, N, N); block(transformed(x, Ω)) = transformed(block(x), Ω at the coarse sites).  `number` is
        that of the fine state: the time is number · Δt of the fine lattice.

    Raises
    ------
    LayerError
        If a side of the lattice is no multiple of b, or an option is unknown.
    """
    for name, value, known in (("momenta", momenta, MOMENTA), ("scalars", scalars, SCALARS)):
        if value not in known:
            raise LayerError(f"{name} = {value!r}: choose one of {', '.join(repr(word) for word in known)}")
    state.check(state.group, frame)
    halvings = _halvings(state.lattice, factor)
    n = DIMENSIONS[frame.name]
    for _ in range(halvings):
        U, D = state.U, state.dimensions
        P = block_momenta(U, state.P, 2) if momenta == "line" else decimate(fluxes(U, state.P), D, 2)
        phi, pi = (
            None if X is None else decimate(average(U, X[:, None], range(D))[:, 0] if scalars == "average" else X, D, 2) * scale
            for X, scale in ((state.phi, 2**n.phi), (state.pi, 2**n.pi))
        )
        state = FieldState(block_links(U, 2), P * 2**n.P, phi, pi, state.number)
    return state


def block_density(state: FieldState, rho: Tensor, frame: Frame, factor: int = 2) -> Tensor:
    """The charge density on a lattice of b times the spacing: the mean with ¼, ½, ¼ in every direction, times b^n.

    It is the charge of the coarse Gauss constraint that belongs to momenta = "flux".

    Parameters
    ----------
    state : FieldState
        Whose links bring the charges to the coarse sites.
    rho : (batch, *lattice, N, N) complex
        As `FieldState.gauss` gives it.
    frame : Frame
    factor : int
        b, a power of two.

    Returns
    -------
    (batch, *lattice/b, N, N) complex

    Raises
    ------
    LayerError
        If the density does not fit the links, or a side of the lattice is no multiple of b.
    """
    U, D = state.U, state.dimensions
    if rho.shape != U[:, 0].shape or rho.dtype != U.dtype:
        raise LayerError(
            f"rho of shape {tuple(rho.shape)}, {rho.dtype}: needs {tuple(U[:, 0].shape)}, {U.dtype} beside these links"
        )
    for _ in range(_halvings(state.lattice, factor)):
        rho = decimate(average(U, rho[:, None], range(D))[:, 0], D, 2) * 2 ** DIMENSIONS[frame.name].rho
        U = block_links(U, 2)
    return rho


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


def lines(U: Tensor, P: Tensor) -> Tensor:
    """P_{x,i} + U_{x,i} P_{x+i,i} U†_{x,i}, the time derivative of U_{x,i} U_{x+i,i}: (batch, D, *lattice, N, N)."""
    D = U.shape[1]
    return torch.stack([P[:, i] + U[:, i] @ shift(P[:, i], i, 1, D) @ U[:, i].mH for i in range(D)], dim=1)


def fluxes(U: Tensor, P: Tensor) -> Tensor:
    """The means of lines with ¼, ½, ¼ across each: (batch, D, *lattice, N, N)."""
    line, D = lines(U, P), U.shape[1]
    return torch.cat([average(U, line[:, i : i + 1], [j for j in range(D) if j != i]) for i in range(D)], dim=1)


def average(U: Tensor, W: Tensor, axes: Sequence[int]) -> Tensor:
    """Σ_δ w_δ W_{x+δ} brought to x, the weights ¼, ½, ¼ along each axis; the mean over the orders in which paths take axes.

    Parameters
    ----------
    U : (batch, D, *lattice, N, N) complex
    W : (batch, channels, *lattice, N, N) complex
    axes : sequence of int

    Returns
    -------
    (batch, channels, *lattice, N, N) complex
    """
    orders = list(permutations(axes))
    return torch.stack([_averaged(U, W, order) for order in orders]).mean(0)


def _averaged(U: Tensor, W: Tensor, order: Sequence[int]) -> Tensor:
    for axis in order:
        W = W / 2 + (transport(U, W, axis, 1) + transport(U, W, axis, -1)) / 4
    return W


def _halvings(lattice: Sequence[int], factor: int) -> int:
    """k of b = 2^k."""
    if factor < 1 or factor & (factor - 1):
        raise LayerError(f"factor = {factor}: blocking is by a power of two")
    _check(lattice, factor)
    return factor.bit_length() - 1


def _check(lattice: Sequence[int], factor: int) -> None:
    for side in lattice:
        if side % factor:
            raise LayerError(
                f"lattice {'×'.join(map(str, lattice))}: blocking by {factor} needs sides that are multiples of it"
            )
