"""The transverse Poisson equation on the lattice."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.nuclei.poisson import lattice_momentum_squared, solve_poisson

SHAPE = (12, 16)


def laplacian(phi: np.ndarray) -> np.ndarray:
    return sum(np.roll(phi, 1, axis) + np.roll(phi, -1, axis) - 2 * phi for axis in (-2, -1))


@pytest.fixture
def rho(rng) -> np.ndarray:
    return rng.standard_normal((3, *SHAPE))


def test_solution_satisfies_the_lattice_equation(rho):
    phi = solve_poisson(rho, 0.3, np.inf)
    np.testing.assert_allclose(0.3**2 * phi - laplacian(phi), rho, atol=1e-13)


def test_without_regulator_the_total_charge_is_removed(rho):
    phi = solve_poisson(rho, 0.0, np.inf)
    neutral = rho - rho.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(-laplacian(phi), neutral, atol=1e-13)
    np.testing.assert_allclose(phi.mean(axis=(1, 2)), 0, atol=1e-14)


def test_no_momenta_above_the_ultraviolet_cutoff(rho):
    cutoff = 1.2
    phi = solve_poisson(rho, 0.3, cutoff)
    above = lattice_momentum_squared(SHAPE) > cutoff**2
    spectrum, source = np.fft.fft2(phi), np.fft.fft2(rho)
    assert 0 < above.sum() < above.size
    assert np.abs(spectrum[:, above]).max() < 1e-13
    expected = source / (lattice_momentum_squared(SHAPE) + 0.3**2)
    np.testing.assert_allclose(spectrum[:, ~above], expected[:, ~above], atol=1e-12)


def test_momentum_squared_is_that_of_the_lattice_laplacian():
    x, y = np.ogrid[: SHAPE[0], : SHAPE[1]]
    k2 = lattice_momentum_squared(SHAPE)
    for p, q in ((1, 0), (0, 3), (6, 8), (-2, 5)):
        wave = np.exp(2j * np.pi * (p * x / SHAPE[0] + q * y / SHAPE[1]))
        np.testing.assert_allclose(-laplacian(wave), k2[p, q] * wave, atol=1e-13)
