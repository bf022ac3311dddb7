"""Lattice states for the tests, and matrix formulas that are independent of the compiled kernels."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from glasma.group import su2
from glasma.lattice.fields import Fields, vacuum
from glasma.lattice.grid import Grid
from glasma.nuclei.mv import color_charges
from glasma.nuclei.poisson import solve_poisson
from glasma.nuclei.profile import GaussianProfile
from glasma.nuclei.wilson_lines import CoherentNucleus


def to_matrix(group: ModuleType, algebra: np.ndarray) -> np.ndarray:
    """X = X^a t^a: hermitian matrices (..., N_c, N_c) of components (dim_g, ...)."""
    return np.einsum("a...,aij->...ij", algebra, group.GENERATORS)


def to_components(group: ModuleType, matrix: np.ndarray) -> np.ndarray:
    """X^a = 2 tr(t^a X) of hermitian matrices."""
    return 2 * np.einsum("aij,...ji->a...", group.GENERATORS, matrix).real


def dagger(matrix: np.ndarray) -> np.ndarray:
    return np.conj(np.swapaxes(matrix, -1, -2))


def unitary(group: ModuleType, algebra: np.ndarray) -> np.ndarray:
    """exp(i X^a t^a) from the spectrum of X."""
    values, vectors = np.linalg.eigh(to_matrix(group, algebra))
    return (vectors * np.exp(1j * values)[..., None, :]) @ dagger(vectors)


def antihermitian_part(group: ModuleType, matrix: np.ndarray) -> np.ndarray:
    """Components Im tr(2 t^a M) of [M]_ah."""
    return 2 * np.einsum("aij,...ji->a...", group.GENERATORS, matrix).imag


def random_omega(group: ModuleType, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """An arbitrary group element at every site."""
    return unitary(group, 2 * rng.standard_normal((group.DIMENSION, *shape)))


def random_algebra(grid: Grid, group: ModuleType, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Smooth random components (3, dim_g, nx, ny, nz): the lowest modes, zero in the frozen ends."""
    nx, ny, nz = grid.shape

    def periodic(n: int) -> np.ndarray:
        phase = 2 * np.pi * np.arange(n) / n
        return np.stack([np.ones(n), np.cos(phase), np.sin(phase)])

    first, last = grid.interior
    along = np.pi * np.clip((np.arange(nz) - first + 1) / (last - first + 1), 0, 1)
    standing = np.sin(np.arange(1, 5)[:, None] * along)
    coefficients = strength * rng.standard_normal((3, group.DIMENSION, 3, 3, 4)) / 6
    return np.einsum("iakln,kx,ly,nz->iaxyz", coefficients, periodic(nx), periodic(ny), standing)


def smooth_fields(grid: Grid, group: ModuleType, seed: int = 1, strength: float = 0.8) -> Fields:
    """Random smooth links and electric fields without charges.

    At the time of E the state is the same for every time step: the links stored are half a step ahead.
    """
    rng = np.random.default_rng(seed)
    fields = vacuum(grid, group)
    potential = random_algebra(grid, group, rng, strength)
    fields.E[:] = random_algebra(grid, group, rng, strength)
    for i in range(3):
        fields.U[i] = group.link_from_matrix(unitary(group, potential[i]))
    drift_links(fields, grid.a_t / 2)
    return fields


def rough_fields(grid: Grid, group: ModuleType, seed: int = 1) -> Fields:
    """Links and electric fields drawn independently at every site, the frozen ends too."""
    rng = np.random.default_rng(seed)
    fields = vacuum(grid, group)
    fields.E[:] = rng.standard_normal(fields.E.shape)
    for i in range(3):
        fields.U[i] = group.link_from_matrix(random_omega(group, grid.shape, rng))
    return fields


def drift_links(fields: Fields, time: float) -> None:
    """U_i ← exp(i time g a_i E_i) U_i at every site."""
    group = fields.group
    for i in range(3):
        step = unitary(group, time * fields.E[i])
        fields.U[i] = group.link_from_matrix(step @ group.link_to_matrix(fields.U[i]))


def nucleus(
    grid: Grid,
    group: ModuleType,
    direction: int,
    seed: int = 1,
    *,
    g2mu: float = 0.5,
    infrared: float = 0.4,
    ultraviolet: float = 2.0,
    width: float = 2.0,
    cutoff: float = 4.0,
    centre: float | None = None,
    charges_of: ModuleType | None = None,
) -> CoherentNucleus:
    """A McLerran–Venugopalan nucleus; σ = `width` and `centre` count in longitudinal cells.

    Without `centre` it starts just where the nucleus from the other side does not reach.  `charges_of` is the group whose
    first generators carry the colour, by default all of them.
    """
    rng = np.random.default_rng([seed, direction + 1])
    coloured = (charges_of or group).DIMENSION
    phi = np.zeros((group.DIMENSION, *grid.shape[:2]))
    phi[:coloured] = solve_poisson(color_charges(grid.shape[:2], coloured, g2mu, rng), infrared, ultraviolet)
    profile = GaussianProfile(width * grid.a_z, cutoff)
    if centre is None:
        centre = -direction * (width * cutoff + 2)
    return CoherentNucleus(to_matrix(group, phi), profile, direction, centre * grid.a_z)


def colliding_nuclei(grid: Grid, group: ModuleType, seed: int = 1, **options: float) -> list[CoherentNucleus]:
    """A right-mover and a left-mover."""
    return [nucleus(grid, group, direction, seed, **options) for direction in (1, -1)]


def embedded_su2_nuclei(grid: Grid, group: ModuleType, seed: int = 1) -> list[CoherentNucleus]:
    """Nuclei whose colour lies in the first SU(2) of the group."""
    return [nucleus(grid, group, direction, seed, charges_of=su2) for direction in (1, -1)]


def relative_difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest deviation, relative to the largest value expected."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())
