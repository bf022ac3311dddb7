"""An identity that holds for every group, dimension, volume and coupling, if and only if links have the right density.

The integral of a derivative over the group vanishes, so that with S = −β/N Re tr X + …, X the link times its staples,

    0 = ⟨Σ_a ∂^a∂^a S − (∂^a S)²⟩,    Σ_a (β/N Im tr t^a X)² = β/N C_F Re tr X  on average,  C_F = (N² − 1)/2N.
"""

from __future__ import annotations

import numpy as np
import pytest

from glasma.euclidean.autocorrelation import mean_and_error
from glasma.euclidean.heat_bath import HeatBath
from glasma.group import su2, su3
from tests.states import antihermitian_part, dagger


def links_with_staples(U: np.ndarray, mu: int) -> np.ndarray:
    """X_{x,μ}: the sum of the 2(D − 1) plaquettes with this link, each beginning with it."""

    def at(field: np.ndarray, axis: int, step: int) -> np.ndarray:
        return np.roll(field, -step, axis + 1)

    X = 0
    for nu in set(range(U.shape[1])) - {mu}:
        u, v = U[:, mu], U[:, nu]
        X = X + u @ at(v, mu, 1) @ dagger(at(u, nu, 1)) @ dagger(v)
        below = at(v, nu, -1)
        X = X + u @ dagger(at(below, mu, 1)) @ dagger(at(u, nu, -1)) @ below
    return X


@pytest.mark.parametrize("overrelaxation", [0, 1])
@pytest.mark.parametrize(
    ("group", "shape", "beta"),
    [
        (su2, (4, 4), 1.0),
        (su2, (4, 4, 2), 4.0),
        (su2, (4, 2, 2, 4), 2.3),
        (su3, (4, 4), 8.0),
        (su3, (4, 4, 2), 3.0),
        (su3, (2, 2, 4, 2), 6.0),
    ],
)
def test_links_have_the_density_of_the_action(group, shape, beta, overrelaxation):
    n = group.COLOURS
    chains = HeatBath(group, shape, beta, 31, overrelaxation, chains=32)
    chains.sweep(40)
    squares, traces = [], []
    for _ in range(30):
        chains.sweep(2)
        U = chains.links
        X = [links_with_staples(U, mu) for mu in range(len(shape))]
        sites = tuple(range(2, 2 + len(shape)))
        force = beta / n * np.array([antihermitian_part(group, x) for x in X]) / 2
        squares.append((force**2).sum(1).mean(axis=(0, *sites)))
        traces.append(np.mean([np.trace(x, axis1=-2, axis2=-1).real for x in X], axis=(0, *sites)))
    curvature = beta / n * (n * n - 1) / (2 * n) * np.array(traces)
    mean, error = mean_and_error(np.array(squares) - curvature)
    assert abs(mean) < 3.5 * error
    assert error < 0.02 * curvature.mean()
