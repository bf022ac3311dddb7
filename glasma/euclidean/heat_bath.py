"""Markov chains of Euclidean lattice gauge theory: heat bath with over-relaxation.

The links are distributed with the density exp(−S) of the Wilson action (K. Wilson, PRD 10 (1974) 2445)

    S = β Σ_p (1 − Re tr U_p/N),

that is exp(β/N Re tr(U_{x,μ} A)) for one link and the sum A of its staples.  A sweep visits all links: first a heat bath, which
draws each anew given its neighbours, in SU(3) by the three SU(2) subgroups in turn; then reflections at the staples, which move
far at constant action and so shorten the autocorrelation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType

import numpy as np

from glasma.backend import Workers
from glasma.errors import ConfigError
from glasma.euclidean.heat_bath_kernels import heat_bath_kernels, packed_links
from glasma.euclidean.lattice import CheckerboardLattice
from glasma.euclidean.random_numbers import streams

#: Heat baths at β = 0 that make a hot start; in SU(2) one is exact, in SU(3) products of subgroups approach the Haar measure.
_HOT_PASSES = 8
STARTS = ("hot", "cold")


class HeatBath:
    """Independent Markov chains of one lattice, advanced side by side.

    What a chain draws is a function of the seed, the number of the chain, of the sweep and of the link: links are the same bit
    for bit for any number of threads.

    Parameters
    ----------
    group : module
        The gauge group, ``glasma.group.su2`` or ``su3``.
    shape : tuple of int
        Two to four even sides, periodic.
    beta : float
        Coupling β ≥ 0 of the action above.
    seed : int
        0 ≤ seed < 2⁶⁴.
    overrelaxation : int
        Sweeps of reflections after each heat bath.
    chains : int
        How many chains.
    start : "hot" or "cold"
        Links independent of each other, or all 1.
    workers : Workers, optional
        Threads; one by default.

    Attributes
    ----------
    sweeps : int
        Sweeps made since the start.

    Raises
    ------
    ConfigError
        With one line that names the argument.
    """

    def __init__(
        self,
        group: ModuleType,
        shape: tuple[int, ...],
        beta: float,
        seed: int,
        overrelaxation: int = 1,
        chains: int = 1,
        start: str = "hot",
        workers: Workers | None = None,
    ) -> None:
        if not (math.isfinite(beta) and beta >= 0):
            raise ConfigError(f"beta = {beta}: must be finite and not negative")
        if not 0 <= seed < 2**64:
            raise ConfigError(f"seed = {seed}: must be from 0 to 2^64 − 1")
        if overrelaxation < 0:
            raise ConfigError(f"overrelaxation = {overrelaxation}: must not be negative")
        if chains < 1:
            raise ConfigError(f"chains = {chains}: at least one is needed")
        if start not in STARTS:
            raise ConfigError(f"start = {start!r}: must be 'hot' or 'cold'")
        self.group, self.beta, self.seed = group, float(beta), seed
        self.overrelaxation, self.chains, self.start = overrelaxation, chains, start
        self.lattice = CheckerboardLattice(tuple(shape))
        self.workers = workers or Workers()
        self.sweeps = 0
        self._serial = Workers()
        self._U = self.lattice.unit_links(group, chains)
        blocks, lanes = self._U.shape[2], self._U.shape[4]
        self._kernels = heat_bath_kernels(group, lanes)
        self._chain_keys = streams(streams(seed, 0), np.arange(blocks * lanes).reshape(blocks, lanes))
        if start == "hot":
            self._advance(_HOT_PASSES, first=0, beta=0.0, overrelaxation=0)

    @property
    def links(self) -> np.ndarray:
        """A copy of the links, complex (chains, D, *lattice, N, N): U_{x,μ} → Ω_x U_{x,μ} Ω†_{x+μ}."""
        return self.lattice.to_matrices(self._U, self.group, self.chains)

    def go_on(self, links: np.ndarray, sweeps: int) -> None:
        """Take the state of chains that stood at `links`, as the property of this name gives them, after so many sweeps."""
        expected = (self.chains, self.lattice.dimension, *self.lattice.shape, self.group.COLOURS, self.group.COLOURS)
        if links.shape != expected:
            raise ValueError(f"links of shape {links.shape}: need {expected}")
        if not np.isfinite(links).all():
            raise ValueError("links: not all are finite numbers")
        self._U = self.lattice.from_matrices(links, self.group)
        self.sweeps = sweeps

    def sweep(self, count: int = 1) -> None:
        """Make `count` sweeps, each a heat bath and `overrelaxation` sweeps of reflections."""
        self._advance(count, first=_HOT_PASSES + self.sweeps, beta=self.beta, overrelaxation=self.overrelaxation)
        self.sweeps += count

    def overrelax(self) -> None:
        """Make one sweep of reflections, which leaves the action as it is."""
        self._over_blocks(self._reflect)

    def plaquettes(self) -> np.ndarray:
        """⟨Re tr U_p/N⟩ over the lattice for each chain, (chains,)."""
        blocks, lanes = self._chain_keys.shape
        sums = np.empty((blocks, lanes))
        self.workers.over_planes(blocks, lambda b0, b1: self._kernels.plaquettes(b0, b1, self._U, sums, self.lattice.forward))
        planes = self.lattice.dimension * (self.lattice.dimension - 1) // 2
        return 1 - sums.ravel()[: self.chains] / (planes * self.lattice.sites)

    def _advance(self, count: int, first: int, beta: float, overrelaxation: int) -> None:
        """Sweeps whose random numbers are those of numbers first, first + 1, …"""
        strength = 2 * beta / self.group.COLOURS

        lattice, kernels = self.lattice, self._kernels

        def task(b0: int, b1: int, workers: Workers) -> None:
            for number in range(first, first + count):
                keys = streams(self._chain_keys, number)

                def heat(s0: int, s1: int, d: int, A: np.ndarray, keys: np.ndarray = keys) -> None:
                    kernels.heat_bath(s0, s1, b0, b1, d, self._U, A, lattice.forward, lattice.backward, strength, keys)

                self._visit(workers, heat)
                for _ in range(overrelaxation):
                    self._reflect(b0, b1, workers)

        self._over_blocks(task)

    def _reflect(self, b0: int, b1: int, workers: Workers) -> None:
        lattice, kernels = self.lattice, self._kernels

        def reflect(s0: int, s1: int, d: int, A: np.ndarray) -> None:
            kernels.overrelaxation(s0, s1, b0, b1, d, self._U, A, lattice.forward, lattice.backward)

        self._visit(workers, reflect)

    def _over_blocks(self, task: Callable[[int, int, Workers], None]) -> None:
        """Run ``task(b0, b1, workers)``: threads take blocks of chains if there are enough, else sites of one parity."""
        blocks = self._U.shape[2]
        if blocks >= self.workers.threads:
            self.workers.over_planes(blocks, lambda b0, b1: task(b0, b1, self._serial))
        else:
            task(0, blocks, self.workers)

    def _visit(self, workers: Workers, update: Callable[[int, int, int, np.ndarray], None]) -> None:
        """Run ``update(s0, s1, d, workspace)`` on all links, one direction and parity after the other."""
        half = self.lattice.sites // 2
        for d in range(self.lattice.dimension):
            for parity in (0, 1):

                def part(s0: int, s1: int, d: int = d, start: int = parity * half) -> None:
                    update(start + s0, start + s1, d, packed_links(self.group, self._U.shape[4], 1, 1, 1))

                workers.over_planes(half, part)
