"""Exact properties of energies and T^{μν} of boost-invariant fields."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.evolution.boost_invariant import BoostInvariant
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields, gauge_transform
from glasma.observables.stress_energy import TENSOR
from tests.states import colliding_nuclei, random_omega, relative_difference, unitary

T = {name: component for component, name in enumerate(TENSOR)}
GRID = Grid((5, 6, 1), substeps=8)


def rough(group, step: int = 9) -> MilneFields:
    """Everything drawn independently at every site."""
    rng = np.random.default_rng(3)
    shape = 1, *GRID.shape[:2]
    links = np.stack([group.link_from_matrix(random_omega(group, shape, rng)) for _ in range(2)])
    A, E = (rng.standard_normal((count, group.DIMENSION, *shape)) for count in (1, 3))
    return MilneFields(GRID, group, links, A, E, step)


def test_tensor_is_traceless_and_bounds_the_momentum(group):
    sites = BoostInvariant(GRID, group).stress_tensor(rough(group))
    assert sites.shape == (10, 5, 6, 1)
    density = sites[T["T00"]]
    assert np.abs(density - sites[T["Txx"]] - sites[T["Tyy"]] - sites[T["Tzz"]]).max() < 1e-14 * density.max()
    momentum = np.sqrt(sum(sites[T[name]] ** 2 for name in ("T0x", "T0y", "T0z")))
    assert density.min() > 0
    assert np.all(momentum <= density * (1 + 1e-14))


def test_every_component_is_gauge_invariant(group, rng):
    scheme, fields = BoostInvariant(GRID, group), rough(group)
    transformed = gauge_transform(fields, random_omega(group, GRID.shape[:2], rng))
    sites, expected_sites = scheme.stress_tensor(transformed), scheme.stress_tensor(fields)
    for component in range(len(TENSOR)):
        assert relative_difference(sites[component], expected_sites[component]) < 1e-12
    found, expected = scheme.measure(transformed), scheme.measure(fields)
    assert relative_difference(found.components, expected.components) < 1e-13
    assert relative_difference(found.front_view, expected.front_view) < 1e-6


def test_measurement_is_the_mean_of_the_sites(group):
    scheme, fields = BoostInvariant(GRID, group), rough(group)
    measured, sites = scheme.measure(fields), scheme.stress_tensor(fields)
    np.testing.assert_allclose(measured.tensor, sites.mean(axis=(1, 2)), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(measured.front_view, sites[0, ..., 0], rtol=1e-6)
    np.testing.assert_allclose(measured.side_view[:, 0], sites[0, :, 3, 0], rtol=1e-6)
    np.testing.assert_array_equal(scheme.stress_tensor(fields, 2, 4), sites[:, 2:4])
    volume = GRID.shape[0] * GRID.shape[1]
    assert scheme.energy(fields) == pytest.approx(fields.tau_of_momenta * measured.components.sum() * volume, rel=1e-13)


def test_uniform_fields_give_the_continuum_tensor(group):
    """Weak ∂_0 A and ∇ × A of one colour at η = 0: T^0i = (E × B)_i and the stresses of electrodynamics.

    A = ½ B_z (−y, x) in the plane and A_z = B_x y − B_y x; the covariant A_i are minus those of the vector potential.
    """
    E, B = 1e-4 * np.array([1.0, -0.6, 0.35]), 1e-4 * np.array([0.45, 0.8, -1.2])
    step = 20
    middle = (step - 0.5) * GRID.a_t
    x, y = np.meshgrid(np.arange(5) - 2.0, np.arange(6) - 2.0, indexing="ij")
    half = GRID.a_t / 2
    phases = np.zeros((2, group.DIMENSION, 5, 6))
    phases[0, 1], phases[1, 1] = -0.5 * B[2] * y + half * E[0], 0.5 * B[2] * x + half * E[1]
    links = np.stack([group.link_from_matrix(unitary(group, phase))[:, None] for phase in phases])
    A = np.zeros((1, group.DIMENSION, 1, 5, 6))
    A[0, 1] = middle * (B[0] * y - B[1] * x) + half * middle * E[2]
    P = np.zeros((3, group.DIMENSION, 1, 5, 6))
    P[:, 1] = (E * [middle, middle, 1])[:, None, None, None]
    fields = MilneFields(GRID, group, links, A, P, step)
    found = BoostInvariant(GRID, group).stress_tensor(fields)[:, 2, 2, 0]
    B = -B
    density = 0.5 * (E @ E + B @ B)
    stress = density * np.eye(3) - np.outer(E, E) - np.outer(B, B)
    expected = [density, *np.cross(E, B), *np.diag(stress), stress[0, 1], stress[0, 2], stress[1, 2]]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7 * density)


def test_tensor_of_smooth_fields_agrees_with_the_energy_of_links_and_plaquettes(group):
    grid = Grid((32, 32, 1), substeps=8)
    scheme = BoostInvariant(grid, group)
    fields = scheme.initial_state(colliding_nuclei(grid, group, g2mu=0.2, ultraviolet=0.5))
    for _ in range(40):
        scheme.step(fields)
    measured = scheme.measure(fields)
    e_l, e_t, b_l, b_t = measured.components[:, 0]
    assert 0.8 < measured.tensor[T["T00"], 0] / (e_l + e_t + b_l + b_t) < 1.0
    assert measured.tensor[T["Tzz"], 0] == pytest.approx(e_t + b_t - e_l - b_l, abs=0.1 * measured.tensor[T["T00"], 0])
