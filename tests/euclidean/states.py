"""Configurations with known properties, and what acts on configurations."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from tests.states import dagger, random_omega


def rough_links(group: ModuleType, shape: tuple[int, ...], rng: np.random.Generator, configurations: int = 2) -> np.ndarray:
    """Independent group elements on all links, (configurations, D, *lattice, N, N)."""
    return random_omega(group, (configurations, len(shape), *shape), rng)


def transformed(U: np.ndarray, group: ModuleType, rng: np.random.Generator) -> np.ndarray:
    """U_{x,μ} → Ω_x U_{x,μ} Ω†_{x+μ} with arbitrary Ω."""
    omega = random_omega(group, (len(U), *U.shape[2:-2]), rng)
    new = [omega @ U[:, mu] @ dagger(np.roll(omega, -1, mu + 1)) for mu in range(U.shape[1])]
    return np.stack(new, 1)


def reflected(U: np.ndarray, axis: int) -> np.ndarray:
    """The configuration seen in a mirror: x → −x along one axis, whose links then run backwards."""

    def mirror(field: np.ndarray) -> np.ndarray:
        return np.roll(np.flip(field, axis + 1), 1, axis + 1)

    links = [mirror(U[:, mu]) for mu in range(U.shape[1])]
    # U'_{x,axis} joins x to x + 1, which are −x and −x − 1: the link from −x − 1, backwards
    links[axis] = dagger(mirror(np.roll(U[:, axis], 1, axis + 1)))
    return np.stack(links, 1)


def flux_links(group: ModuleType, shape: tuple[int, int, int, int], n: int, m: int) -> np.ndarray:
    """One configuration with n units of flux of diag(1, −1, 0…) through the plane (0, 1) and m through (2, 3): Q = 2 n m."""
    phases = np.zeros((4, *shape))
    x = np.indices(shape)
    for (a, b), units in (((0, 1), n), ((2, 3), m)):
        f = 2 * np.pi * units / (shape[a] * shape[b])
        phases[b] = f * x[a]
        phases[a] = np.where(x[a] == shape[a] - 1, -f * shape[a] * x[b], 0)
    charges = np.zeros(group.COLOURS)
    charges[:2] = 1, -1
    diagonal = np.exp(1j * phases[..., None] * charges)
    return (diagonal[..., None] * np.eye(group.COLOURS))[None]
