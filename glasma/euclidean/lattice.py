"""A periodic lattice in an order that puts even sites first, its neighbours, and the two forms of its links."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from glasma.backend import index
from glasma.errors import ConfigError
from glasma.euclidean.heat_bath_kernels import packed_links

#: Chains of a block that are updated side by side; of a few chains each is a block.
LANES = 8


class CheckerboardLattice:
    """The sites of a periodic lattice of even sides, even ones first.

    Parameters
    ----------
    shape : tuple of int
        Sites along each axis, two to four of them.

    Attributes
    ----------
    forward, backward : (D, sites) unsigned
        The neighbour of each site in each direction.

    Raises
    ------
    ConfigError
        Unless there are two to four sides, all even.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        if not 2 <= len(shape) <= 4:
            raise ConfigError(f"shape = {_times(shape)}: needs two, three or four sides")
        if any(side < 2 or side % 2 for side in shape):
            raise ConfigError(f"shape = {_times(shape)}: every side must be even and positive, for updates in a checkerboard")
        self.shape = shape
        parity = np.indices(shape).sum(axis=0).ravel() % 2
        #: lexicographic number of the n-th site
        self._lexicographic = np.argsort(parity, kind="stable")
        rank = np.argsort(self._lexicographic).reshape(shape)

        def neighbours(step: int) -> np.ndarray:
            return np.stack([np.roll(rank, -step, axis).ravel()[self._lexicographic] for axis in range(self.dimension)])

        self.forward = neighbours(1).astype(index)
        self.backward = neighbours(-1).astype(index)

    @property
    def dimension(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def sites(self) -> int:
        """The number of sites."""
        return self._lexicographic.size

    def unit_links(self, group: ModuleType, chains: int) -> np.ndarray:
        """Links of the kernels, (D, reals, blocks, sites, lanes), all 1; the last lanes may be idle."""
        lanes = LANES if chains >= LANES // 2 else 1
        U = packed_links(group, lanes, self.dimension, -(-chains // lanes), self.sites)
        U[:] = np.array(group.IDENTITY)[:, None, None, None]
        return U

    def to_matrices(self, U: np.ndarray, group: ModuleType, chains: int) -> np.ndarray:
        """Complex links (chains, D, *lattice, N, N) of those of the kernels."""
        flat = np.moveaxis(U, (2, 4), (0, 1)).reshape(-1, *U.shape[:2], self.sites)[:chains]
        lexicographic = np.empty_like(flat)
        lexicographic[..., self._lexicographic] = flat
        matrices = group.link_to_matrix(np.moveaxis(lexicographic, 2, 0))
        return matrices.reshape(chains, self.dimension, *self.shape, group.COLOURS, group.COLOURS)

    def from_matrices(self, matrices: np.ndarray, group: ModuleType) -> np.ndarray:
        """Links of the kernels from complex ones (chains, D, *lattice, N, N); idle lanes hold the unit."""
        chains = len(matrices)
        U = self.unit_links(group, chains)
        n = group.COLOURS
        flat = group.link_from_matrix(matrices.reshape(chains, self.dimension, self.sites, n, n))[..., self._lexicographic]
        lanes = U.shape[4]
        for chain in range(chains):
            U[:, :, chain // lanes, :, chain % lanes] = np.moveaxis(flat[:, chain], 0, 1)
        return U


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
