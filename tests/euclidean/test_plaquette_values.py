"""Plaquettes against exact values in two dimensions, the strong-coupling expansion, and the literature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import iv

from glasma.euclidean.autocorrelation import mean_and_error
from glasma.euclidean.heat_bath import HeatBath
from glasma.euclidean.observables import wilson_loops
from glasma.group import su2, su3
from tests.euclidean.exact import su2_loop, su3_plaquette


def measured(chains: HeatBath, thermalisation: int, sweeps: int, every: int = 1) -> tuple[float, float]:
    """Mean plaquette and its standard error with autocorrelations."""
    chains.sweep(thermalisation)
    series = np.empty((sweeps // every, chains.chains))
    for row in series:
        chains.sweep(every)
        row[:] = chains.plaquettes()
    return mean_and_error(series)


def assert_within(mean: float, error: float, expected: float, largest_error: float) -> None:
    """Three standard errors, which must be small enough to mean something."""
    assert error < largest_error
    assert abs(mean - expected) < 3 * error, f"{mean:.6f} ± {error:.6f}, expected {expected:.6f}"


def test_exact_formulas_agree_with_each_other():
    for beta in (0.5, 2.0, 8.0):
        assert su2_loop(beta, 10**4, 1) == pytest.approx(iv(2, beta) / iv(1, beta), rel=1e-9)
        h = 1e-5
        log_z = [np.log((iv(np.arange(1, 30), b) / b) ** 16 @ np.ones(29)) for b in (beta + h, beta - h)]
        assert su2_loop(beta, 16, 1) == pytest.approx((log_z[0] - log_z[1]) / (2 * h * 16), rel=1e-6)
    # strong coupling, one plaquette: β/18 + β²/216 + …
    assert su3_plaquette(0.02, 1000) == pytest.approx(0.02 / 18 + 0.02**2 / 216, rel=1e-3)
    # weak coupling, (N² − 1)/2 degrees of freedom a plaquette over β
    assert su3_plaquette(60.0, 64) == pytest.approx(1 - 4 / 60, abs=2e-3)


@pytest.mark.parametrize("overrelaxation", [0, 2])
@pytest.mark.parametrize("beta", [0.5, 2.0, 8.0])
def test_su2_in_two_dimensions_is_exact(beta, overrelaxation):
    chains = HeatBath(su2, (4, 4), beta, 11, overrelaxation, chains=128)
    assert_within(*measured(chains, 30, 150), su2_loop(beta, 16, 1), 1.2e-3)


@pytest.mark.parametrize("beta", [2.0, 6.0, 12.0])
def test_su3_in_two_dimensions_is_exact(beta):
    chains = HeatBath(su3, (4, 4), beta, 12, chains=64)
    assert_within(*measured(chains, 30, 100), su3_plaquette(beta, 16), 1.5e-3)


def test_loops_of_two_dimensions_are_exact():
    """On 4 × 4 plaquettes, where a large loop feels the torus."""
    chains = HeatBath(su2, (4, 4), 3.0, 13, chains=1024)
    chains.sweep(40)
    loops: dict[tuple[int, int], list[np.ndarray]] = {(1, 1): [], (1, 2): [], (2, 2): [], (2, 3): []}
    for _ in range(10):
        chains.sweep(4)
        for size, values in loops.items():
            values.append(wilson_loops(chains.links, (0, 1), size).mean(axis=(1, 2)))
    for (m, n), values in loops.items():
        assert_within(*mean_and_error(np.array(values)), su2_loop(3.0, 16, m * n), 3e-3)


@pytest.mark.parametrize("shape", [(4, 4, 4), (4, 4, 4, 4)])
def test_su2_at_strong_coupling(shape):
    """u + 2(D − 2) u⁵ with u = I₂(β)/I₁(β): the plaquette alone, and as a face of the 2(D − 2) cubes that it borders."""
    u = iv(2, 0.8) / iv(1, 0.8)
    cubes = 2 * (len(shape) - 2) * u**5
    mean, error = measured(HeatBath(su2, shape, 0.8, 14, chains=32), 20, 1600 if len(shape) == 3 else 120)
    assert_within(mean, error, u + cubes, 0.4 * cubes)


@pytest.mark.parametrize(("group", "beta"), [(su2, 2.3), (su3, 5.0)])
def test_hot_and_cold_start_agree(group, beta):
    hot, cold = (
        measured(HeatBath(group, (4, 4, 4, 4), beta, 15 + n, chains=8, start=start), 60, 60)
        for n, start in enumerate(("hot", "cold"))
    )
    assert abs(hot[0] - cold[0]) < 3 * np.hypot(hot[1], cold[1])
    assert max(hot[1], cold[1]) < 3e-3


@pytest.mark.slow
def test_su3_at_beta_6_is_the_value_of_the_literature():
    """0.5937 of large lattices, on 12⁴."""
    chains = HeatBath(su3, (12, 12, 12, 12), 6.0, 16, overrelaxation=2, chains=8)
    assert_within(*measured(chains, 60, 70), 0.5937, 1.5e-4)


@pytest.mark.slow
def test_su3_at_beta_6_on_8_to_the_4():
    """The small volume, 0.75 fm, lifts the plaquette by 6e-4 above 0.5937, whatever the start."""
    hot, cold = (
        measured(HeatBath(su3, (8, 8, 8, 8), 6.0, 17, overrelaxation=2, chains=8, start=start), 80, 60)
        for start in ("hot", "cold")
    )
    assert abs(hot[0] - cold[0]) < 3 * np.hypot(hot[1], cold[1])
    for mean, error in (hot, cold):
        assert error < 2.5e-4
        assert abs(mean - 0.5943) < 3 * np.hypot(error, 1.1e-4)
