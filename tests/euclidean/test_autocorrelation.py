"""Autocorrelation time and error of a process where both are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from glasma.euclidean.autocorrelation import autocorrelation_time, mean_and_error


def autoregressive(a: float, steps: int, chains: int, rng: np.random.Generator) -> np.ndarray:
    """x_{t+1} = a x_t + noise: ρ(t) = a^t, τ = ½ (1 + a)/(1 − a)."""
    return lfilter([1], [1, -a], rng.standard_normal((steps + 200, chains)), axis=0)[200:]


@pytest.mark.parametrize("a", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("chains", [1, 16])
def test_time_of_an_autoregressive_process(a, chains, rng):
    series = autoregressive(a, 64000 // chains, chains, rng)
    expected = 0.5 * (1 + a) / (1 - a)
    assert autocorrelation_time(series) == pytest.approx(expected, rel=0.12)


def test_error_is_the_spread_of_means(rng):
    runs = [autoregressive(0.8, 500, 2, rng) for _ in range(400)]
    means, errors = np.array([mean_and_error(run) for run in runs]).T
    assert errors.mean() == pytest.approx(means.std(), rel=0.12)


def test_constant_series_has_no_error():
    assert mean_and_error(np.ones(50)) == (1, 0)
    assert autocorrelation_time(np.array([1.0, 2.0])) >= 0.5
