"""The terms of the improved actions with complex matrices, on periodic lattices of two or three axes: slow, and plain."""

from __future__ import annotations

from itertools import combinations, product
from types import ModuleType

import numpy as np

from glasma.lattice.storage import field_array
from tests.states import antihermitian_part, dagger, to_matrix, unitary


def shift(X: np.ndarray, axis: int, steps: int = 1) -> np.ndarray:
    """X at x + steps · axis."""
    return np.roll(X, -steps, axis)


class Terms:
    """Every term of V_B and V_φ with coefficient 1, summed over the lattice.

    Parameters
    ----------
    U : list of (*lattice, N_c, N_c)
    phi : (dim_g, *lattice), optional
    spacings : tuple of float
    """

    def __init__(self, group: ModuleType, U: list[np.ndarray], phi: np.ndarray | None, spacings: tuple[float, ...]) -> None:
        self.group, self.U, self.values = group, U, dict[str, float]()
        D = len(U)
        for i, j in combinations(range(D), 2):
            self._plane(i, j, (spacings[i] * spacings[j]) ** -2)
        if phi is not None:
            self._scalar(to_matrix(group, phi))

    def _add(self, name: str, value: float) -> None:
        self.values[name] = self.values.get(name, 0.0) + float(value)

    def ahead(self, X: np.ndarray, k: int, steps: int = 1) -> np.ndarray:
        for _ in range(steps):
            X = self.U[k] @ shift(X, k) @ dagger(self.U[k])
        return X

    def behind(self, X: np.ndarray, k: int) -> np.ndarray:
        return shift(dagger(self.U[k]) @ X @ self.U[k], k, -1)

    @staticmethod
    def dot(A: np.ndarray, B: np.ndarray) -> float:
        """Σ A·B = Σ 2 tr AB of Hermitian matrices."""
        return 2 * float(np.einsum("...ij,...ji->...", A, B).real.sum())

    def action(self, loop: np.ndarray) -> np.ndarray:
        """2 Re tr(1 − loop)"""
        return 2 * (self.group.COLOURS - np.trace(loop, axis1=-2, axis2=-1).real)

    def _plane(self, i: int, j: int, weight: float) -> None:
        U, D = self.U, len(self.U)
        of = "" if D == 2 else (".z" if 2 in (i, j) else ".xy")

        def towards(k: int) -> str:
            return "" if D == 2 else ("z" if k == 2 else "t")

        P = U[i] @ shift(U[j], i) @ dagger(shift(U[i], j)) @ dagger(U[j])
        s = self.action(P)
        F = to_matrix(self.group, antihermitian_part(self.group, P))
        left = self.behind(F, i)
        # by the signs along i and along j
        leaf = {(1, 1): F, (-1, 1): left, (1, -1): self.behind(F, j), (-1, -1): self.behind(left, j)}
        self._add(f"plaquette{of}", weight * s.sum())
        self._add(f"square{of}", weight * (s**2).sum())
        self._add(f"cube{of}", weight * (s**3).sum())
        self._add(f"diagonal{of}", weight * (self.dot(F, leaf[-1, -1]) + self.dot(leaf[1, -1], leaf[-1, 1])))
        across = s * shift(shift(s, i), j) + shift(s, i) * shift(s, j)
        self._add(f"action_diagonal{of}", weight * across.sum())
        for k, other in ((i, j), (j, i)):
            name = of + towards(k)
            self._add(f"adjacent{name}", weight * self.dot(F, self.ahead(F, k)))
            self._add(f"action_adjacent{name}", weight * (s * shift(s, k)).sum())
            long = U[k] @ shift(U[k], k)
            loop = long @ shift(U[other], k, 2) @ dagger(shift(long, other)) @ dagger(U[other])
            self._add(f"rectangle{name}", weight * self.action(loop).sum())
            for n, row in product((2, 3, 4), (1, -1)):
                near, far = ((-1, row), (1, row)) if k == i else ((row, -1), (row, 1))
                self._add(f"straight{n}{name}", weight / 2 * self.dot(leaf[near], self.ahead(leaf[far], k, n - 1)))
        for k in set(range(D)) - {i, j}:
            for n, X in product((1, 2, 3, 4), leaf.values()):
                self._add(f"across{n}{of}{towards(k)}", weight / 4 * self.dot(X, self.ahead(X, k, n)))
        self._leaves = leaf

    def _scalar(self, phi: np.ndarray) -> None:
        for k, n in product((0, 1), (1, 2, 3, 4)):
            X = self.ahead(phi, k, n) - phi
            self._add(f"gradient{n}", self.dot(X, X) / 2)
        ahead = [self.ahead(phi, k) for k in (0, 1)]
        routes = [
            self.ahead(ahead[1], 0),
            self.ahead(ahead[0], 1),
            self.ahead(self.behind(phi, 1), 0),
            self.behind(ahead[0], 1),
        ]
        for X in routes:
            self._add("gradient_diagonal", self.dot(X - phi, X - phi) / 4)
        for F in self._leaves.values():
            C = -1j * (F @ phi - phi @ F)
            self._add("commutator", self.dot(C, C) / 8)


def random_links(group: ModuleType, directions: int, shape: tuple[int, ...], seed: int, strength: float = 0.7) -> np.ndarray:
    """Links drawn independently at every site."""
    rng = np.random.default_rng(seed)
    U = field_array((directions, group.LINK_REALS, *shape), np.float64)
    for i in range(directions):
        U[i] = group.link_from_matrix(unitary(group, strength * rng.standard_normal((group.DIMENSION, *shape))))
    return U


def moved(group: ModuleType, U: np.ndarray, change: np.ndarray, step: float) -> np.ndarray:
    """exp(i step change) U"""
    new = field_array(U.shape, U.dtype)
    for i in range(len(U)):
        new[i] = group.link_from_matrix(unitary(group, step * change[i]) @ group.link_to_matrix(U[i]))
    return new
