"""Gauss–Newton steps on functions whose minimum is known."""

from __future__ import annotations

import numpy as np
import pytest

from surrogate.evolution.gauss_newton import gauss_newton


def test_one_step_solves_a_linear_problem() -> None:
    """Up to the damping of 1e-3 of the diagonal."""
    rng = np.random.default_rng(1)
    J, wanted = rng.standard_normal((20, 4)), rng.standard_normal(4)
    at, history = gauss_newton(lambda c: J @ (c - wanted), np.zeros(4), 4)
    assert at == pytest.approx(wanted, abs=1e-6)
    assert len(history) == 5
    assert history[1] < 1e-2 * history[0]
    assert history[-1] < 1e-7 * history[0]


def test_places_without_a_residual_are_not_entered() -> None:
    """The minimum lies beyond a wall at 1: it ends before it, lower than it began."""

    def residual(c: np.ndarray) -> np.ndarray | None:
        return None if c[0] > 1 else np.array([c[0] - 2, 0.1 * c[0]])

    at, history = gauss_newton(residual, np.array([0.5]), 20)
    assert 0.5 < at[0] <= 1
    assert history == sorted(history, reverse=True)


def test_it_ends_where_nothing_falls() -> None:
    at, history = gauss_newton(lambda c: np.array([c[0] ** 2 + 1]), np.array([0.0]), 5)
    assert at[0] == 0
    assert len(history) == 1
