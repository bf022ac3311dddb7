"""Errors of means over Markov chains, whose successive states are not independent."""

from __future__ import annotations

import numpy as np

#: The sum over the autocorrelation stops at this many times its value so far.
_WINDOW = 6


def autocorrelation_time(series: np.ndarray) -> float:
    """Integrated autocorrelation time τ = ½ + Σ_{t≥1} ρ(t), in steps of the series; ½ for independent states.

    The sum ends at the first t ≥ 6 τ (N. Madras, A. Sokal, J. Stat. Phys. 50 (1988) 109, appendix C).

    Parameters
    ----------
    series : (steps,) or (steps, chains) real
        Chains are of the same process; ρ is their mean.
    """
    values = series.reshape(len(series), -1)
    deviation = values - values.mean()
    steps = len(values)
    spectrum = np.fft.rfft(deviation, 2 * steps, axis=0)
    covariance = np.fft.irfft((np.abs(spectrum) ** 2).mean(axis=1))[:steps] / np.arange(steps, 0, -1)
    if covariance[0] <= 0:
        return 0.5
    tau = 0.5
    for t in range(1, steps):
        tau += covariance[t] / covariance[0]
        if t >= _WINDOW * tau:
            break
    return max(float(tau), 0.5)


def mean_and_error(series: np.ndarray) -> tuple[float, float]:
    """Mean over steps and chains, and its standard error √(2 τ s²/number); arguments as for `autocorrelation_time`."""
    tau = autocorrelation_time(series)
    return float(series.mean()), float(np.sqrt(2 * tau * series.var() / series.size))
