"""The baseline of upscaling: what is inside a cell lies on the shortest way between what is known around it.

In the frames of the coarse sites (`surrogate.upscaling.cells`) both halves of a coarse link, √U^c each, are 1 and U^c.  Every
other loop V of a cell is a strip of fine plaquettes between the tree and the link, so it follows from their fluxes f_ij(δ):

    inside:    V_{δ,i} = exp −i Σ_{j>i} f_ij(δ_{<j} without i)
    outwards:  V_{δ,i} = exp −i { Σ_{j<i} [f_ij(δ_{<j}) + f_ij(δ_{<j} + i)] + Σ_{j>i} f_ij(δ_{<j} with i) }

with the sums over the axes j along which δ has a step, δ_{<j} its steps before j, and f_ij = −f_ji.  A coarse plaquette has
the flux F_ij, U^c_ij = exp i F_ij along the shortest geodesic, and its four fine ones an even share of it, or one that follows
its slope,

    even:    f_ij = F_ij/4
    linear:  f_ij = ¼ (F_ij ∓ ¼ D_i F_ij ∓ ¼ D_j F_ij),    D_i the covariant central difference,

− in the half nearer to X.  In two dimensions the product of the four is the coarse plaquette in the even case.  The two
halves of a coarse link share P^c in the same way, ½ (P^c ∓ ¼ D_i P^c).  Whatever is not on a coarse face, link or site is the
mean of its neighbours that are, brought to X.

A wave number k (in units of the coarse lattice) is followed up to errors of order k² by the linear shares, of order k by the
even ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import torch
from torch import Tensor

from surrogate.blocking import DIMENSIONS, SCALARS, block
from surrogate.errors import LayerError
from surrogate.evolution.frames import Frame
from surrogate.evolution.state import FieldState
from surrogate.groups import exponential
from surrogate.lattice import planes, plaquettes, transport
from surrogate.logarithm import logarithm
from surrogate.upscaling.cells import CellFields, Offset, free_links, from_cells, offsets

SHARES = ("even", "linear")


def geodesic(state: FieldState, frame: Frame, share: str = "linear", scalars: str = "site") -> FieldState:
    """The fine state of twice the sites in each direction, in the gauge of the cells and in units of the fine lattice.

    Parameters
    ----------
    state : FieldState
        Coarse.
    frame : Frame
    share : str
        "even" or "linear", as above.
    scalars : str
        How φ and π were blocked, "site" or "average" (`surrogate.blocking.block`).

    Returns
    -------
    FieldState
        block(geodesic(x)) = x, with momenta = "line".  A gauge transformation of x turns all sites of a cell alike.

    Raises
    ------
    LayerError
        For an unknown option, or fields that do not fit the frame.
    """
    state.check(state.group, frame)
    return fine_state(geodesic_cells(state, frame, share, scalars), state, frame, scalars)


def geodesic_cells(state: FieldState, frame: Frame, share: str = "linear", scalars: str = "site") -> CellFields:
    """The same as fields of the cells; for scalars = "average" their averages are not yet exact, see `fine_state`."""
    for name, value, known in (("share", share, SHARES), ("scalars", scalars, SCALARS)):
        if value not in known:
            raise LayerError(f"{name} = {value!r}: choose one of {', '.join(repr(word) for word in known)}")
    n, D, sharpen = DIMENSIONS[frame.name], state.dimensions, scalars == "average"
    loops = exponential(strips(_shares(state, share == "linear"), D), state.group)
    momenta = _momenta(state, share == "linear") / 2**n.P
    phi = None if state.phi is None else _scalars(state.U, state.phi, sharpen) / 2**n.phi
    pi = None if state.pi is None else _scalars(state.U, state.pi, sharpen) / 2**n.pi
    return CellFields(state.U, loops, momenta, phi, pi)


def fine_state(cells: CellFields, state: FieldState, frame: Frame, scalars: str) -> FieldState:
    """The fine state of cells whose links and momenta are blocked to those of `state`; scalars are made so, too.

    What is missing from the average of φ and π at X goes to the fine site 2X, which has the weight 2^{−D} there and is in no
    other average.
    """
    U, P, phi, pi = from_cells(cells)
    assert P is not None
    fine = FieldState(U, P, phi, pi, state.number)
    if scalars == "site" or fine.phi is None or fine.pi is None:
        return fine
    n, D = DIMENSIONS[frame.name], state.dimensions
    blocked = block(fine, frame, scalars=scalars)
    assert state.phi is not None
    assert state.pi is not None
    assert blocked.phi is not None
    assert blocked.pi is not None
    even = (slice(None), *(slice(None, None, 2),) * D)
    phi, pi = fine.phi.clone(), fine.pi.clone()
    phi[even] += (state.phi - blocked.phi) * 2 ** (D - n.phi)
    pi[even] += (state.pi - blocked.pi) * 2 ** (D - n.pi)
    return FieldState(U, P, phi, pi, state.number)


#: f_ij of one plane i < j at each of the 2^D sites of a cell.
Fluxes = dict[tuple[int, int], dict[Offset, Tensor]]


def _shares(state: FieldState, linear: bool) -> Fluxes:
    """f_ij at all sites of a cell, brought to X: (batch, *lattice_c, N, N) each."""
    U, D = state.U, state.dimensions
    F = logarithm(plaquettes(U), state.group)
    found: Fluxes = {}
    for n, plane in enumerate(planes(D)):
        flux = F[:, n : n + 1]
        slopes = {k: _slope(U, flux, k) / 4 for k in plane} if linear else {}
        found[plane] = {}
        for delta in offsets(D):
            part = flux + sum((slope if delta[k] else -slope for k, slope in slopes.items()), torch.zeros_like(flux))
            across = [k for k in range(D) if delta[k] and k not in plane]
            found[plane][delta] = _midway(U, part / 4, across)[:, 0]
    return found


def strips(fluxes: Fluxes, D: int) -> Tensor:
    """The exponents of the loops V of `free_links`: (batch, links, *lattice_c, N, N)."""

    def flux(i: int, j: int, delta: Offset) -> Tensor:
        return fluxes[i, j][delta] if i < j else -fluxes[j, i][delta]

    exponents = []
    for delta, i in free_links(D):
        outwards = delta[i] == 1
        parts = []
        for j in range(D):
            if j == i or not delta[j]:
                continue
            before = tuple(d if k < j and k != i else 0 for k, d in enumerate(delta))
            beyond = tuple(1 if k == i else d for k, d in enumerate(before))
            # Tree and link both take the axes before i first: there the strip is as wide as the cell.
            if outwards and j < i:
                parts += [flux(i, j, before), flux(i, j, beyond)]
            elif outwards:
                parts.append(flux(i, j, beyond))
            elif j > i:
                parts.append(flux(i, j, before))
        exponents.append(-torch.stack(parts).sum(0))
    return torch.stack(exponents, dim=1)


def _momenta(state: FieldState, linear: bool) -> Tensor:
    """(batch, 2^D, D, *lattice_c, N, N) with the sum of the halves of coarse links that of `state`."""
    U, D = state.U, state.dimensions
    columns: list[list[Tensor]] = [[] for _ in offsets(D)]
    for i in range(D):
        P = state.P[:, i : i + 1]
        slope = _slope(U, P, i) / 4 if linear else torch.zeros_like(P)
        halves = (P - slope) / 2, (P + slope) / 2
        for column, delta in zip(columns, offsets(D), strict=True):
            column.append(_midway(U, halves[delta[i]], [k for k in range(D) if delta[k] and k != i])[:, 0])
    return torch.stack([torch.stack(column, dim=1) for column in columns], dim=1)


def _scalars(U: Tensor, X: Tensor, sharpen: bool) -> Tensor:
    """(batch, 2^D, *lattice_c, N, N): the corner, and means of corners."""
    D = U.shape[1]
    X = X[:, None]
    if sharpen:
        # The average of the interpolated field is ¾ of the value and ⅛ of each neighbour along an axis.
        smooth = X
        for axis in range(D):
            smooth = smooth * 3 / 4 + (transport(U, smooth, axis, 1) + transport(U, smooth, axis, -1)) / 8
        X = 2 * X - smooth
    return torch.cat([_midway(U, X, [k for k in range(D) if delta[k]]) for delta in offsets(D)], dim=1)


def _slope(U: Tensor, W: Tensor, axis: int) -> Tensor:
    """D_i W, (W_{X+i} − W_{X−i})/2 brought to X."""
    return (transport(U, W, axis, 1) - transport(U, W, axis, -1)) / 2


def _midway(U: Tensor, W: Tensor, axes: Sequence[int]) -> Tensor:
    """The mean of W at X and one step further along each of the axes; the mean over the orders in which paths take axes."""
    orders = list(permutations(axes))
    total = torch.zeros_like(W)
    for order in orders:
        part = W
        for axis in order:
            part = (part + transport(U, part, axis, 1)) / 2
        total = total + part
    return total / len(orders)
