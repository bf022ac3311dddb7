"""Colour charges of the McLerran–Venugopalan model."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.nuclei.mv import color_charges

SHAPE, G2MU = (48, 64), 0.7


@pytest.fixture
def sheets(group) -> np.ndarray:
    """(sheets, dim_g, nx, ny)"""
    rng = np.random.default_rng(3)
    return np.stack([color_charges(SHAPE, group.DIMENSION, G2MU, rng) for _ in range(20)])


def test_variance_of_every_colour_is_g2mu_squared(sheets):
    """Five standard errors of the variance of a Gaussian, √(2/N)."""
    samples = sheets.shape[0] * SHAPE[0] * SHAPE[1]
    variance = np.mean(sheets**2, axis=(0, 2, 3)) / G2MU**2
    np.testing.assert_allclose(variance, 1, atol=5 * np.sqrt(2 / samples))
    assert abs(np.mean(sheets)) < 5 * G2MU / np.sqrt(sheets.size)


def test_colours_and_sites_are_independent(sheets):
    samples = sheets.shape[0] * SHAPE[0] * SHAPE[1]
    flat = np.moveaxis(sheets, 1, 0).reshape(sheets.shape[1], -1) / G2MU
    correlation = flat @ flat.T / samples - np.diag(np.mean(flat**2, axis=1))
    assert np.abs(correlation).max() < 5 / np.sqrt(samples)
    for shift in ((1, 0), (0, 1), (3, 2)):
        neighbours = np.mean(sheets * np.roll(sheets, shift, axis=(2, 3))) / G2MU**2
        assert abs(neighbours) < 5 / np.sqrt(sheets.size)


def test_same_seed_same_charges(group):
    first, second = (color_charges(SHAPE, group.DIMENSION, G2MU, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
