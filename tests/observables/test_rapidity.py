"""Profiles against rapidity: analytic expanding matter, order of the interpolation, what is left out, and the fit."""

from __future__ import annotations

from collections.abc import Callable
from math import acosh, log
from pathlib import Path

import numpy as np
import pytest

from glasma.io.history import Profiles
from glasma.observables.rapidity import MARGIN, gaussian_fit, landau_width, rapidity_profile, reach
from glasma.observables.stress_energy import TENSOR

SIGMA = 0.02
LENGTH = 1.5


def free_streaming(tau: np.ndarray, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ε and P_L of boost-invariant matter, any smooth functions of τ."""
    eps = 2.0 / (tau + 0.1)
    return eps, 0.3 * eps * np.exp(-2 * tau)


def gaussian_matter(tau: np.ndarray, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ε a Gaussian of width 1.3 around 0.2, and no longitudinal pressure."""
    return np.exp(-((eta - 0.2) ** 2) / (2 * 1.3**2)) / tau, 0 * tau


def expanding(
    matter: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]], spacing: float = 0.01, end: float = 1.0
) -> Profiles:
    """Measurements of matter with the Bjorken flow u = (cosh η, 0, 0, sinh η) in the light cone, none outside."""
    profiles = Profiles(Path(), np.arange(-end, end + spacing / 2, spacing), LENGTH)
    profiles.times = list(np.arange(-3 * spacing, end + spacing / 2, spacing))
    for t in profiles.times:
        inside = t > np.abs(profiles.z) + 1e-9
        z = profiles.z[inside]
        tau, eta = np.sqrt(t**2 - z**2), np.arctanh(z / t)
        eps, pressure = matter(tau, eta)
        tensor = np.zeros((len(TENSOR), len(profiles.z)))
        cosh, sinh = np.cosh(eta), np.sinh(eta)
        tensor[TENSOR.index("T00"), inside] = (eps + pressure) * cosh**2 - pressure
        tensor[TENSOR.index("T0z"), inside] = (eps + pressure) * cosh * sinh
        tensor[TENSOR.index("Tzz"), inside] = (eps + pressure) * sinh**2 + pressure
        tensor[TENSOR.index("Txx"), inside] = 0.4 * (eps - pressure)
        tensor[TENSOR.index("Tyy"), inside] = 0.6 * (eps - pressure)
        profiles.tensor.append(tensor)
    return profiles


def test_boost_invariant_matter_has_a_flat_profile_and_bjorken_flow():
    tau = 0.4
    found = rapidity_profile(expanding(free_streaming), tau, SIGMA)
    held = np.isfinite(found.energy_density)
    assert held.sum() > 100
    eps, pressure = free_streaming(np.array(tau), np.array(0))
    np.testing.assert_allclose(found.energy_density[held], eps, rtol=1e-3)
    np.testing.assert_allclose(found.flow_rapidity[held], found.eta[held], atol=1e-3)
    np.testing.assert_allclose(found.transverse_energy[held], tau * LENGTH**2 * (eps - pressure), rtol=1e-3)


def test_interpolation_is_of_fourth_order():
    eta = np.linspace(-0.7, 0.7, 57)
    errors = []
    for spacing in (0.02, 0.01, 0.005):
        found = rapidity_profile(expanding(free_streaming, spacing), 0.45, SIGMA, eta).energy_density
        errors.append(float(np.abs(found - free_streaming(np.array(0.45), np.array(0))[0]).max()))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all((orders > 3.5) & (orders < 4.6)), (errors, orders)


def test_points_on_the_measurements_are_not_changed():
    profiles = expanding(free_streaming)
    found = rapidity_profile(profiles, profiles.times[50], SIGMA, np.array([0.0]))
    expected = profiles.tensor[50][TENSOR.index("T00"), 100]
    assert found.energy_density[0] == pytest.approx(expected, rel=1e-12)


def test_measurements_may_be_irregular():
    """The last one comes at the end time, whenever that is."""
    profiles = expanding(free_streaming, 0.005)
    for k in (150, 120, 77, 76):
        del profiles.times[k], profiles.tensor[k]
    found = rapidity_profile(profiles, 0.45, SIGMA, np.linspace(-0.7, 0.7, 57)).energy_density
    np.testing.assert_allclose(found, free_streaming(np.array(0.45), np.array(0))[0], rtol=1e-5)


def test_profile_ends_at_the_nuclei_and_at_the_last_measurement():
    profiles = expanding(free_streaming)
    for tau in (0.15, 0.3, 0.7):
        expected = min(log(tau / (MARGIN * SIGMA)), acosh(1.0 / tau))
        assert reach(profiles, tau, SIGMA) == pytest.approx(expected, abs=0.05)
        profile = rapidity_profile(profiles, tau, SIGMA)
        assert np.isnan(profile.energy_density[np.abs(profile.eta) > expected]).all()
    assert reach(profiles, 1.2, SIGMA) == 0
    assert reach(profiles, 0.05, SIGMA) == 0


def test_point_feels_nothing_further_away_than_two_measurements_and_two_planes():
    profiles = expanding(free_streaming)
    eta = 0.523
    t, z = 0.4 * np.cosh(eta), 0.4 * np.sinh(eta)
    clean = rapidity_profile(profiles, 0.4, SIGMA, np.array([eta])).energy_density
    for time, tensor in zip(profiles.times, profiles.tensor, strict=True):
        tensor[:, np.abs(profiles.z - z) > 0.02] = np.nan
        if abs(time - t) > 0.02:
            tensor[:] = np.nan
    np.testing.assert_array_equal(rapidity_profile(profiles, 0.4, SIGMA, np.array([eta])).energy_density, clean)


def test_what_is_in_the_nuclei_does_not_leak_into_the_profile():
    profiles = expanding(free_streaming)
    clean = rapidity_profile(profiles, 0.25, SIGMA)
    for t, tensor in zip(profiles.times, profiles.tensor, strict=True):
        tensor[:, t - np.abs(profiles.z) < 0.9 * SIGMA] = 1e30
    np.testing.assert_array_equal(rapidity_profile(profiles, 0.25, SIGMA).energy_density, clean.energy_density)


def test_too_few_measurements_give_no_profile():
    profiles = expanding(free_streaming)
    del profiles.times[3:], profiles.tensor[3:]
    assert np.isnan(rapidity_profile(profiles, 0.4, SIGMA).energy_density).all()


def test_width_of_a_gaussian_profile_is_recovered():
    found = rapidity_profile(expanding(gaussian_matter, 0.005), 0.35, SIGMA)
    fit = gaussian_fit(found.eta, found.energy_density)
    assert fit is not None
    assert fit.width == pytest.approx(1.3, rel=1e-3)
    assert fit.centre == pytest.approx(0.2, abs=1e-3)
    assert fit.amplitude == pytest.approx(1 / 0.35, rel=1e-3)
    assert fit.window[1] == pytest.approx(-fit.window[0], abs=0.03)
    assert fit.width_error < 1e-3


def test_error_of_the_width_is_that_of_the_scatter(rng):
    """The pull (found − true)/error of many noisy profiles has variance 1."""
    eta = np.linspace(-1.5, 1.5, 61)
    pulls = []
    for _ in range(300):
        fit = gaussian_fit(eta, 5 * np.exp(-(eta**2) / (2 * 1.1**2)) + 0.05 * rng.standard_normal(61))
        assert fit is not None
        pulls.append((fit.width - 1.1) / fit.width_error)
    assert np.std(pulls) == pytest.approx(1, abs=0.15)
    assert np.mean(pulls) == pytest.approx(0, abs=0.25)


@pytest.mark.parametrize("values", [lambda x: 1 + x**2, np.ones_like, np.zeros_like, lambda x: np.where(x > 0.9, 1.0, np.nan)])
def test_profiles_that_fix_no_width_have_no_fit(values):
    eta = np.linspace(-1, 1, 41)
    assert gaussian_fit(eta, values(eta)) is None


def test_landau_width_of_rhic_energies():
    """σ_η² = ln(√s_NN/2 m_N): 2.16 at 200 GeV, 2.06 at 130 GeV."""
    assert [round(landau_width(root_s / (2 * 0.938)), 2) for root_s in (200, 130)] == [2.16, 2.06]
