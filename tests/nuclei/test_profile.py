"""The longitudinal profile."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from glasma.nuclei.profile import GaussianProfile


@pytest.mark.parametrize("cutoff", [3.0, 6.0])
def test_charge_passed_rises_from_zero_to_one(cutoff):
    profile = GaussianProfile(0.4, cutoff)
    depth = np.linspace(-1.1, 1.1, 400) * profile.half_length
    passed = np.array([profile.behind(d) for d in depth])
    assert profile.half_length == pytest.approx(0.4 * cutoff)
    assert np.all(np.diff(passed) >= 0)
    assert np.all(passed[depth <= -profile.half_length] == 0)
    assert np.all(passed[depth >= profile.half_length] == 1)
    assert profile.behind(0.0) == pytest.approx(0.5)
    np.testing.assert_allclose(passed + passed[::-1], 1, atol=1e-14)


def test_profile_is_the_gaussian_distribution_cut_and_normalised():
    profile = GaussianProfile(0.4, 4.0)
    depth = np.linspace(-1.5, 1.5, 31)
    missing = norm.cdf(-4.0)
    expected = (norm.cdf(depth / 0.4) - missing) / (1 - 2 * missing)
    np.testing.assert_allclose([profile.behind(d) for d in depth], expected, atol=1e-14)
