"""Gauss–Newton steps for a few coefficients, with differences for derivatives.

Minimised is |r(c)|² by (JᵀJ + λ diag JᵀJ) δc = −Jᵀ r, with λ as in Levenberg and Marquardt.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: Relative change of a coefficient (of its size, or of 0.1 if it is smaller) for the differences.
_DIFFERENCE = 1e-4

#: Damping at the start, and the factors by which it falls and grows.
_DAMPING, _FALL, _GROW = 1e-3, 0.2, 8.0


def gauss_newton(
    residual: Callable[[np.ndarray], np.ndarray | None],
    start: np.ndarray,
    iterations: int,
    say: Callable[[str], None] = lambda text: None,
) -> tuple[np.ndarray, list[float]]:
    """Improve coefficients.

    Parameters
    ----------
    residual : callable
        r of coefficients; None where there is none, which is no place to go.  There is one at the start.
    start : (coefficients,)
    iterations : int
        Steps at most; it ends earlier when |r| no longer falls.
    say : told of each step

    Returns
    -------
    coefficients, list of float
        |r| at the start, and after each step.
    """
    at, here, damping = start.copy(), residual(start), _DAMPING
    assert here is not None
    history = [float(np.linalg.norm(here))]
    for step in range(1, iterations + 1):
        columns = []
        for n in range(len(at)):
            moved = at.copy()
            size = _DIFFERENCE * max(abs(at[n]), 0.1)
            moved[n] += size
            other = residual(moved)
            columns.append(np.zeros_like(here) if other is None else (other - here) / size)
        J = np.stack(columns, axis=1)
        normal, slope, before = J.T @ J, J.T @ here, here
        scale = np.diag(normal) + 1e-12 * np.diag(normal).max()
        for _ in range(6):
            candidate = at - np.linalg.solve(normal + damping * np.diag(scale), slope)
            found = residual(candidate)
            if found is not None and found @ found < here @ here:
                at, here, damping = candidate, found, damping * _FALL
                break
            damping *= _GROW
        if here is before:
            break
        history.append(float(np.linalg.norm(here)))
        say(f"step {step}: error {history[-1]:.4f}")
        if 1 - (here @ here) / (before @ before) < 1e-3:
            break
    return at, history
