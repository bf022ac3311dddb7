"""Exact properties of the energy-momentum tensor."""

from __future__ import annotations

import numpy as np

from glasma.lattice.fields import Fields, vacuum
from glasma.lattice.gauge import gauge_transform
from glasma.lattice.grid import Grid
from glasma.observables.measure import measure
from glasma.observables.stress_energy import TENSOR, stress_tensor
from tests.states import random_omega, relative_difference, rough_fields, smooth_fields, unitary

T = {name: component for component, name in enumerate(TENSOR)}
GRID = Grid((5, 4, 20), anisotropy=0.5, substeps=2)


def tensor(fields: Fields, workers) -> np.ndarray:
    return stress_tensor(fields, workers, [fields.grid.interior])


def test_tensor_is_traceless_at_every_site(group, workers):
    sites = tensor(rough_fields(GRID, group), workers)
    trace = sites[T["T00"]] - sites[T["Txx"]] - sites[T["Tyy"]] - sites[T["Tzz"]]
    assert np.abs(trace).max() < 1e-14 * sites[T["T00"]].max()


def test_energy_density_is_positive_and_bounds_the_momentum_density(group, workers):
    sites = tensor(rough_fields(GRID, group), workers)
    momentum = np.sqrt(sum(sites[T[name]] ** 2 for name in ("T0x", "T0y", "T0z")))
    inside = sites[..., 3:-3]
    assert inside[T["T00"]].min() > 0
    assert np.all(momentum <= sites[T["T00"]] * (1 + 1e-14))


def test_every_component_is_gauge_invariant(group, workers, rng):
    fields = rough_fields(GRID, group)
    transformed = gauge_transform(fields, random_omega(group, GRID.shape, rng))
    sites, expected_sites = tensor(transformed, workers), tensor(fields, workers)
    for component in range(len(TENSOR)):
        scale = np.abs(expected_sites[component]).max()
        assert np.abs(sites[component] - expected_sites[component]).max() < 1e-13 * scale
    found, expected = (measure(state, workers, [GRID.interior]) for state in (transformed, fields))
    for name in ("components", "tensor", "side_view", "front_view"):
        tolerance = 1e-6 if "view" in name else 1e-13
        assert relative_difference(getattr(found, name), getattr(expected, name)) < tolerance


def constant_fields(group, electric: np.ndarray, magnetic: np.ndarray) -> Fields:
    """Weak uniform ∂_0 A and ∇ × A of one colour in the middle of the box: A = ½ B × r + E t, half a step ahead of E."""
    fields = vacuum(GRID, group)
    a = GRID.spacings
    r = np.stack(np.meshgrid(*(np.arange(n) * s for n, s in zip(GRID.shape, a, strict=True)), indexing="ij"))
    r -= r[:, 2, 2, 10][:, None, None, None]
    for i in range(3):
        middle = r.copy()
        middle[i] += a[i] / 2
        potential = 0.5 * np.cross(magnetic, middle, axisb=0, axisc=0)[i] + 0.5 * GRID.a_t * electric[i]
        phases = np.zeros((group.DIMENSION, *GRID.shape))
        phases[1] = a[i] * potential
        fields.U[i] = group.link_from_matrix(unitary(group, phases))
        fields.E[i, 1] = a[i] * electric[i]
    return fields


def test_uniform_fields_give_the_continuum_tensor(group, workers):
    """T^0i = (E × B)_i and the stresses of electrodynamics.

    U = exp(i g a_i A_i) and E_i = ∂_0 A_i have the covariant components A_i, which are minus those of the vector potential: so
    E is that of electrodynamics, and B = −∇ × (A_x, A_y, A_z).
    """
    E, B = 1e-4 * np.array([1.0, -0.6, 0.35]), 1e-4 * np.array([0.45, 0.8, -1.2])
    sites = tensor(constant_fields(group, E, B), workers)[:, 2, 2, 10]
    B = -B
    density = 0.5 * (E @ E + B @ B)
    stress = density * np.eye(3) - np.outer(E, E) - np.outer(B, B)
    expected = [density, *np.cross(E, B), *np.diag(stress), stress[0, 1], stress[0, 2], stress[1, 2]]
    np.testing.assert_allclose(sites, expected, rtol=1e-6, atol=1e-7 * density)


def test_tensor_of_smooth_fields_agrees_with_the_energy_of_links_and_plaquettes(group, workers):
    """Two discretisations of one density: they differ by the averaging over neighbours only."""
    measured = measure(smooth_fields(Grid((16, 16, 40), anisotropy=0.5), group, strength=0.2), workers, [(3, 37)])
    assert 0.8 < measured.tensor[T["T00"]].sum() / measured.components.sum() < 1.0
