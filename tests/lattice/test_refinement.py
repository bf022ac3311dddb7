"""Charges of cells spread over sub-particles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from glasma.lattice.refinement import refine_along_z


def in_order_of_z(fine: np.ndarray) -> np.ndarray:
    """(parts, cells) → sub-cells along z."""
    return fine.T.ravel()


@settings(deadline=None, max_examples=50)
@given(arrays(float, (2, 12), elements=st.floats(-1, 1)), st.integers(1, 6))
def test_refinement_keeps_the_charge_of_every_cell(density, parts):
    fine = refine_along_z(density, parts)
    assert fine.shape == (parts, 2, 12)
    np.testing.assert_allclose(fine.sum(axis=0), density, atol=1e-13)


@pytest.mark.parametrize("parts", [2, 3, 8])
@pytest.mark.parametrize("degree", [0, 1, 2, 3, 4])
def test_refinement_is_exact_for_polynomials_away_from_the_ends(parts, degree):
    """The influence of the ends decays by 0.43 a cell, the largest root of the quintic spline."""
    cells, middle = 120, slice(50, 70)
    running = np.polynomial.Polynomial([0.0] + [1.0 / (k + 1) for k in range(degree + 1)])
    coarse_edges = np.linspace(-1, 1, cells + 1)
    fine_edges = np.linspace(-1, 1, cells * parts + 1)
    fine = refine_along_z(np.diff(running(coarse_edges)), parts)
    exact = np.diff(running(fine_edges)).reshape(cells, parts).T
    np.testing.assert_allclose(fine[:, middle], exact[:, middle], rtol=1e-10)


@pytest.mark.parametrize("parts", [2, 4])
def test_refinement_of_a_gaussian_is_the_gaussian(parts):
    """Smooth across the borders of the cells: the step there is that of the profile, not of the cells."""
    cells, width = 30, 2.0
    coarse = np.diff(norm.cdf((np.arange(cells + 1) - cells / 2) / width))
    fine_edges = np.linspace(-cells / 2, cells / 2, cells * parts + 1)
    exact = np.diff(norm.cdf(fine_edges / width))
    fine = in_order_of_z(refine_along_z(coarse, parts))
    assert np.abs(fine - exact).max() < 2e-3 * exact.max()
    assert np.abs(np.diff(fine)).max() < 1.01 * np.abs(np.diff(exact)).max()
    # Cut into equal parts it would jump from cell to cell.
    assert np.abs(np.repeat(coarse / parts, parts) - exact).max() > 0.05 * exact.max()
