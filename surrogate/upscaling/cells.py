"""The fine fields inside each coarse cell, in the frame of the coarse site: what blocking by 2 forgets.

The 2^D fine sites bX + δ, δ ∈ {0,1}^D, are given the frame of X by a maximal tree, the path along the first axis, then the
second, …:

    Ω_δ = product of the links from 2X to 2X + δ along it.

Then every link is 1 (of the tree), a loop at X, or a loop at X times the coarse link:

    inside, δ_i = 0:    Ω_δ U_i Ω†_{δ+i}           = V_{δ,i}(X)
    outwards, δ_i = 1:  Ω_δ U_i Ω†_{δ−i}(X + i)     = V_{δ,i}(X) U^c_i(X)

and all V, momenta and scalars in that frame transform as objects at X.  V is 1 for links of the tree and, since the coarse
link is the product of its halves, for the second halves of coarse links.  So a fine lattice is its blocked one and, per cell
in two dimensions, three loops V; and any V make a fine lattice whose blocked one is the given: block(upscale(x)) = x by
construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import torch
from torch import Tensor

from surrogate.blocking import block_links
from surrogate.evolution.state import FieldState
from surrogate.groups import unit_matrices
from surrogate.lattice import shift

Offset = tuple[int, ...]


@cache
def offsets(dimensions: int) -> list[Offset]:
    """The sites of a cell."""
    return list(product((0, 1), repeat=dimensions))


@cache
def free_links(dimensions: int) -> list[tuple[Offset, int]]:
    """The links (δ, i) of a cell that the blocked lattice does not determine."""
    found = []
    for delta in offsets(dimensions):
        for axis in range(dimensions):
            of_tree = delta[axis] == 0 and not any(delta[axis + 1 :])
            of_coarse_link = delta[axis] == 1 and sum(delta) == 1
            if not (of_tree or of_coarse_link):
                found.append((delta, axis))
    return found


@dataclass(frozen=True)
class CellFields:
    """A fine lattice as its coarse links and what is inside the cells, all in the frames of the coarse sites.

    Attributes
    ----------
    coarse : (batch, D, *lattice_c, N, N) complex
        U^c.
    loops : (batch, links, *lattice_c, N, N) complex
        V of the `free_links`, group elements.
    momenta : (batch, 2^D, D, *lattice_c, N, N) complex or None
        Ω_δ P_i Ω†_δ.
    scalars, scalar_momenta : (batch, 2^D, *lattice_c, N, N) complex or None
        Ω_δ φ Ω†_δ and π.
    """

    coarse: Tensor
    loops: Tensor
    momenta: Tensor | None = None
    scalars: Tensor | None = None
    scalar_momenta: Tensor | None = None


def to_cells(U: Tensor, P: Tensor | None = None, phi: Tensor | None = None, pi: Tensor | None = None) -> CellFields:
    """The cells of a fine lattice, (batch, D, *lattice, N, N) with even sides.

    Raises
    ------
    LayerError
        If a side is odd.
    """
    D = U.shape[1]
    coarse = block_links(U, 2)
    frames = _tree(U)
    loops = []
    for delta, axis in free_links(D):
        link = frames[delta] @ _at(U[:, axis], delta)
        if delta[axis] == 0:
            loops.append(link @ frames[_moved(delta, axis, 1)].mH)
        else:
            beyond = shift(frames[_moved(delta, axis, -1)], axis, 1, D)
            loops.append(link @ beyond.mH @ coarse[:, axis].mH)

    def objects(X: Tensor | None) -> Tensor | None:
        if X is None:
            return None
        return torch.stack([frames[d] @ _at(X, d) @ frames[d].mH for d in offsets(D)], dim=1)

    momenta = None
    if P is not None:
        parts = [torch.stack([frames[d] @ _at(P[:, i], d) @ frames[d].mH for i in range(D)], dim=1) for d in offsets(D)]
        momenta = torch.stack(parts, dim=1)
    return CellFields(coarse, torch.stack(loops, dim=1), momenta, objects(phi), objects(pi))


def to_cell_gauge(state: FieldState) -> FieldState:
    """A fine state in the gauge of upscaled ones, where Ω_δ = 1: they compare link by link and site by site.

    Raises
    ------
    LayerError
        If a side is odd.
    """
    U, P, phi, pi = from_cells(to_cells(state.U, state.P, state.phi, state.pi))
    assert P is not None
    return FieldState(U, P, phi, pi, state.number)


def from_cells(cells: CellFields) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """The fine lattice (U, P, φ, π) in the gauge of the cells, where Ω_δ = 1."""
    coarse, D = cells.coarse, cells.coarse.shape[1]
    one = unit_matrices_like(coarse)
    free = {link: cells.loops[:, n] for n, link in enumerate(free_links(D))}
    links = []
    for axis in range(D):
        parts = {}
        for delta in offsets(D):
            V = free.get((delta, axis), one)
            parts[delta] = V @ coarse[:, axis] if delta[axis] == 1 else V.expand_as(coarse[:, axis])
        links.append(_interleaved(parts, D))

    def objects(X: Tensor | None) -> Tensor | None:
        return None if X is None else _interleaved({d: X[:, n] for n, d in enumerate(offsets(D))}, D)

    P = None
    if cells.momenta is not None:
        momenta = cells.momenta
        P = torch.stack([_interleaved({d: momenta[:, n, i] for n, d in enumerate(offsets(D))}, D) for i in range(D)], dim=1)
    return torch.stack(links, dim=1), P, objects(cells.scalars), objects(cells.scalar_momenta)


def unit_matrices_like(U: Tensor) -> Tensor:
    """The unit matrix (N, N) in the type of U."""
    return unit_matrices({1: "U(1)", 2: "SU(2)", 3: "SU(3)"}[U.shape[-1]], U)


def _tree(U: Tensor) -> dict[Offset, Tensor]:
    """Ω_δ at the coarse sites."""
    D = U.shape[1]
    start = (0,) * D
    first = _at(U[:, 0], start)
    frames = {start: unit_matrices_like(U).expand_as(first)}
    for delta in offsets(D)[1:]:
        last = max(axis for axis in range(D) if delta[axis])
        before = _moved(delta, last, -1)
        frames[delta] = frames[before] @ _at(U[:, last], before)
    return frames


def _moved(delta: Offset, axis: int, step: int) -> Offset:
    return tuple(d + step if k == axis else d for k, d in enumerate(delta))


def _at(X: Tensor, delta: Offset) -> Tensor:
    """X at the sites 2X + δ, (batch, *lattice_c, N, N)."""
    slices = tuple(slice(d, None, 2) for d in delta)
    found: Tensor = X[(slice(None), *slices)]
    return found


def _interleaved(parts: dict[Offset, Tensor], D: int) -> Tensor:
    first = next(iter(parts.values()))
    lattice = [2 * side for side in first.shape[1 : 1 + D]]
    fine = first.new_empty(first.shape[0], *lattice, *first.shape[-2:])
    for delta, part in parts.items():
        fine[(slice(None), *(slice(d, None, 2) for d in delta))] = part
    return fine
