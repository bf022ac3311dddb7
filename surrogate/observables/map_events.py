"""Boost-invariant collisions for the maps: blocked initial fields, and what the fine lattice makes of them.

Two nuclei of the McLerran–Venugopalan model collide on a fine lattice and evolve there.  The coarse lattice gets the initial
fields, blocked (`surrogate.blocking`), and T^{μν} of the fine one at later proper times, as means over its cells.

The cell of a coarse site is the square of b × b fine spacings around it, its edges shared with the neighbours: the weights
along an axis are (½, 1, …, 1, ½)/b, ¼, ½, ¼ for b = 2.  So the mean over the lattice is kept, and rotations and reflections
about a site take cells into cells, which the b × b sites from bX on would not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from glasma.errors import ConfigError
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.light_cone import LightConeFields, light_cone_fields
from glasma.group import group_named
from glasma.lattice.grid import Grid
from glasma.nuclei.mv import color_charges
from glasma.nuclei.poisson import solve_poisson
from glasma.nuclei.profile import GaussianProfile
from glasma.nuclei.wilson_lines import CoherentNucleus
from glasma.observables.stress_energy import TENSOR
from surrogate.blocking import block_links, block_scalar
from surrogate.engine_fields import algebra_from_tensor, algebra_to_tensor, links_from_tensor, links_to_tensor

#: Rows of a map.
OBSERVABLES = ("eps", "P_L", "P_T")


@dataclass(frozen=True)
class Collision2D:
    """What is collided, in units of the fine spacing.

    Attributes
    ----------
    group : str
        "SU(2)" or "SU(3)".
    cells : int
        Fine sites along an axis.
    g2mu : float
        g²μ a.
    infrared, ultraviolet : float
        m/g²μ, and Λ a.
    blocking : int
        b, fine spacings in a coarse one.
    substeps : int
        Δτ = a/substeps.
    """

    group: str = "SU(2)"
    cells: int = 64
    g2mu: float = 0.2
    infrared: float = 0.1
    ultraviolet: float = 1.0
    blocking: int = 2
    substeps: int = 8

    def levels(self, times: Sequence[float]) -> list[int]:
        """The time levels whose momenta, at (n − ½) Δτ, are nearest to given τ/a.

        Raises
        ------
        ConfigError
            If times are not positive and rising, or two of them share a level.
        """
        levels = [max(1, round(time * self.substeps + 0.5)) for time in times]
        if not times or min(times) <= 0 or any(b <= a for a, b in pairwise(levels)):
            raise ConfigError(f"times = {list(times)}: must be positive and rising, more than Δτ = a/{self.substeps} apart")
        return levels

    def coarse_times(self, times: Sequence[float]) -> tuple[float, ...]:
        """τ of those levels in units of the coarse spacing: the times of the maps."""
        return tuple((level - 0.5) / self.substeps / self.blocking for level in self.levels(times))


@dataclass(frozen=True)
class MapEvents:
    """Initial fields on the coarse lattice and maps at later times, in its units.

    Attributes
    ----------
    U : (events, 2, *lattice, N, N) complex128
        Links at τ = 0+.
    E_L : (events, *lattice, N, N) complex128
        g E_L, units a_T⁻².
    maps : (events, times, 3, *lattice) float64
        ε, P_L, P_T, units 1/(g² a_T⁴).
    """

    U: Tensor
    E_L: Tensor
    maps: Tensor

    def __len__(self) -> int:
        return len(self.U)

    def __getitem__(self, events: slice) -> MapEvents:
        return MapEvents(self.U[events], self.E_L[events], self.maps[events])


def initial_fields(collision: Collision2D, seed: int) -> LightConeFields:
    """The fine fields at τ = 0+ of two nuclei, each with its own stream of the seed.

    Raises
    ------
    ConvergenceError
        If a link is not found.
    """
    group, shape = group_named(collision.group), (collision.cells, collision.cells)
    nuclei = []
    for direction, stream in zip((1, -1), np.random.SeedSequence(seed).spawn(2), strict=True):
        rho = color_charges(shape, group.DIMENSION, collision.g2mu, np.random.default_rng(stream))
        phi = solve_poisson(rho, collision.infrared * collision.g2mu, collision.ultraviolet)
        # Only the Wilson line behind the whole nucleus matters; any thickness has it.
        profile = GaussianProfile(width=1.0, cutoff=4.0)
        nuclei.append(CoherentNucleus(np.einsum("a...,aij->...ij", phi, group.GENERATORS), profile, direction, 0.0))
    return light_cone_fields(group, nuclei, shape)


def evolved_maps(collision: Collision2D, links: np.ndarray, longitudinal: np.ndarray, levels: Sequence[int]) -> np.ndarray:
    """ε, P_L, P_T at the sites after evolution to the given time levels, (levels, 3, nx, ny), in units of that lattice.

    Parameters
    ----------
    collision : Collision2D
        Its group and substeps.
    links : (2, link_reals, nx, ny)
    longitudinal : (dim_g, nx, ny)
    levels : sequence of int, rising
    """
    solver = BoostInvariant(Grid((*longitudinal.shape[1:], 1), 1.0, 1.0, collision.substeps), group_named(collision.group))
    fields = solver.start(links, longitudinal)
    maps = []
    rows = {name: row for row, name in enumerate(TENSOR)}
    for level in levels:
        while fields.step < level:
            solver.step(fields)
        T = solver.stress_tensor(fields)[..., 0]
        maps.append(np.stack([T[rows["T00"]], T[rows["Tzz"]], (T[rows["Txx"]] + T[rows["Tyy"]]) / 2]))
    return np.stack(maps)


def cell_means(maps: np.ndarray, blocking: int) -> np.ndarray:
    """Means over the cells around the coarse sites, (..., nx, ny) → (..., nx/b, ny/b)."""
    weights = {shift: 1.0 if 2 * abs(shift) < blocking else 0.5 for shift in range(-(blocking // 2), blocking // 2 + 1)}
    for axis in (-2, -1):
        shifted = [weight * np.roll(maps, -shift, axis) for shift, weight in weights.items()]
        maps = np.sum(shifted, axis=0) / blocking
    return maps[..., ::blocking, ::blocking]


def draw_events(collision: Collision2D, times: Sequence[float], seeds: Sequence[int]) -> MapEvents:
    """One event for each seed.

    Parameters
    ----------
    collision : Collision2D
    times : sequence of float
        τ/a of the maps; the nearest time of the momenta is taken.
    seeds : sequence of int

    Raises
    ------
    ConfigError
        If the times are not rising.
    LayerError
        If the lattice is no multiple of the blocking.
    ConvergenceError
        If an initial link is not found.
    """
    group, b, levels = group_named(collision.group), collision.blocking, collision.levels(times)
    U, E_L, maps = [], [], []
    for seed in seeds:
        fine = initial_fields(collision, seed)
        U.append(block_links(links_to_tensor(fine.links, group), b)[0])
        E_L.append(block_scalar(algebra_to_tensor(fine.longitudinal, group)[None], b, dimension=2)[0])
        # 1/a⁴ in coarse units.
        found = cell_means(evolved_maps(collision, fine.links, fine.longitudinal, levels), b) * b**4
        maps.append(torch.from_numpy(np.ascontiguousarray(found)))
    return MapEvents(torch.stack(U), torch.stack(E_L), torch.stack(maps))


def coarse_solver_maps(collision: Collision2D, times: Sequence[float], events: MapEvents) -> Tensor:
    """What the solver itself makes of the blocked fields on the coarse lattice, at the same τ with the same Δτ."""
    group, b = group_named(collision.group), collision.blocking
    coarse = Collision2D(collision.group, collision.cells // b, substeps=collision.substeps * b)
    maps = [
        evolved_maps(coarse, links_from_tensor(U[None], group), algebra_from_tensor(E_L, group), collision.levels(times))
        for U, E_L in zip(events.U, events.E_L, strict=True)
    ]
    return torch.from_numpy(np.stack(maps))
