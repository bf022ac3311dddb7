"""Configurations of the two-dimensional lattice and their Wilson loops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from glasma.backend import Workers
from glasma.euclidean import HeatBath, wilson_loops
from glasma.group import group_named
from surrogate.studies.loop_networks import Size

#: Sweeps of heat bath and over-relaxation from a hot start; in two dimensions the plaquettes decorrelate within a few.
THERMALISATION = 100


@dataclass(frozen=True)
class LoopData:
    """Links (configurations, 2, n, n, N, N), and the loops of each size at every site (configurations, n, n)."""

    links: Tensor
    loops: dict[Size, Tensor]


def draw_loops(
    group: str, side: int, betas: tuple[float, ...], count: int, sizes: list[Size], seed: int, workers: Workers | None = None
) -> LoopData:
    """`count` independent configurations of side² sites for each β, and their loops W^(m×n).

    Every configuration is the end of a chain of its own; the seed of the chains of one β is [seed, side, its index].
    """
    links = []
    for number, beta in enumerate(betas):
        chain_seed = int(np.random.SeedSequence([seed, side, number]).generate_state(1, np.uint64)[0])
        chains = HeatBath(group_named(group), (side, side), beta, chain_seed, chains=count, workers=workers)
        chains.sweep(THERMALISATION)
        links.append(chains.links)
    U = np.concatenate(links)
    loops = {size: torch.from_numpy(wilson_loops(U, size=size, workers=workers)) for size in sizes}
    return LoopData(torch.from_numpy(U), loops)
