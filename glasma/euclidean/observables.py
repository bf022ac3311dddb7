"""Loops of Euclidean configurations: rectangles W^(m×n), the plaquette, Polyakov loops.

Links are complex, (configurations, D, *lattice, N, N), periodic in all directions; U_{x,μ} → Ω_x U_{x,μ} Ω†_{x+μ}.
"""

from __future__ import annotations

from itertools import combinations
from types import ModuleType

import numpy as np

from glasma.backend import Workers
from glasma.group import GROUPS
from glasma.lattice.storage import copy_field
from glasma.observables.wilson_loops import loop_kernels


def shifted(field: np.ndarray, axis: int, steps: int = 1) -> np.ndarray:
    """The field at x + steps·axis, for one of shape (configurations, *lattice, N, N), periodic."""
    return np.roll(field, -steps, axis + 1)


def wilson_loops(
    U: np.ndarray, plane: tuple[int, int] = (0, 1), size: tuple[int, int] = (1, 1), workers: Workers | None = None
) -> np.ndarray:
    """W^(m×n)_x = Re tr(m links along i, n along j, and back)/N at every site; gauge invariant.

    Parameters
    ----------
    U : (configurations, D, *lattice, N, N) complex
        Links of SU(2) or SU(3).
    plane : (i, j)
        Two different lattice axes.
    size : (m, n)
        Links along i and along j, at least one; more than the side of the lattice wind around it.
    workers : Workers, optional
        Threads; one by default.

    Returns
    -------
    (configurations, *lattice) real

    Raises
    ------
    ValueError
        If the shape is not that of links, or there is no such loop.
    """
    group = group_of(U)
    (i, j), (m, n) = plane, size
    dimension = U.shape[1]
    if i == j or not {i, j} <= set(range(dimension)):
        raise ValueError(f"plane = {plane}: needs two different axes out of 0 to {dimension - 1}")
    if m < 1 or n < 1:
        raise ValueError(f"size = {size}: needs at least one link on each side")
    # A plane knows nothing of the others: all of them and all configurations take the place of x in the engine's kernel.
    pair = np.moveaxis(U[:, [i, j]], (i + 2, j + 2), (-4, -3))
    others = pair.shape[2:-4]
    pair = np.moveaxis(pair, 1, 0).reshape(2, -1, *pair.shape[-4:])
    reals = np.moveaxis(group.link_from_matrix(pair), 0, 1)
    links = copy_field(reals)
    out = np.empty(links.shape[2:], links.dtype)
    rectangles, c = loop_kernels(group).rectangles, links.dtype.type(0.5 / group.COLOURS)
    (workers or Workers()).over_planes(len(out), lambda x0, x1: rectangles(out, x0, x1, links, 0, 1, m, 1, 2, n, c))
    return np.moveaxis(out.reshape(len(U), *others, *out.shape[1:]), (-2, -1), (i + 1, j + 1))


def plaquette(U: np.ndarray, workers: Workers | None = None) -> np.ndarray:
    """⟨Re tr U_p/N⟩ over all sites and planes for each configuration, (configurations,); arguments as for `wilson_loops`."""
    planes = list(combinations(range(dimension_of(U)), 2))
    axes = tuple(range(1, U.shape[1] + 1))
    return np.mean([wilson_loops(U, plane, workers=workers).mean(axes, dtype=np.float64) for plane in planes], axis=0)


def polyakov_loops(U: np.ndarray, axis: int) -> np.ndarray:
    """tr(the product of all links along one axis)/N; gauge invariant.

    Parameters
    ----------
    U : (configurations, D, *lattice, N, N) complex
    axis : int
        The lattice axis around which the loops close.

    Returns
    -------
    (configurations, *lattice without this axis) complex

    Raises
    ------
    ValueError
        If the shape is not that of links, or there is no such axis.
    """
    dimension = dimension_of(U)
    if not 0 <= axis < dimension:
        raise ValueError(f"axis = {axis}: needs one out of 0 to {dimension - 1}")
    links = np.moveaxis(U[:, axis], axis + 1, 0)
    product = links[0]
    for link in links[1:]:
        product = product @ link
    return np.trace(product, axis1=-2, axis2=-1) / U.shape[-1]


def dimension_of(U: np.ndarray) -> int:
    """D of links (configurations, D, *lattice, N, N).

    Raises
    ------
    ValueError
        If the shape is not that of links.
    """
    if U.ndim < 6 or U.shape[1] != U.ndim - 4 or U.shape[-1] != U.shape[-2]:
        raise ValueError(f"links of shape {U.shape}: need (configurations, D, *lattice, N, N) with D ≥ 2 lattice axes")
    return U.shape[1]


def group_of(U: np.ndarray) -> ModuleType:
    """The group module of links (configurations, D, *lattice, N, N).

    Raises
    ------
    ValueError
        If the shape is not that of links of a group that glasma has.
    """
    dimension_of(U)
    for group in GROUPS.values():
        if U.shape[-1] == group.COLOURS:
            return group
    raise ValueError(f"links of shape {U.shape}: N = {U.shape[-1]} is not of {' or '.join(GROUPS)}")
