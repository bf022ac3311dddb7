"""Wilson lines of a nucleus with a correlation length along the beam."""

from __future__ import annotations

from functools import cache
from types import ModuleType

import numpy as np
import pytest
import scipy.linalg

from glasma.evolution.initial_state import initial_state
from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.grid import Grid
from glasma.nuclei.incoherent import IncoherentNucleus
from glasma.nuclei.profile import GaussianProfile
from glasma.nuclei.wilson_lines import CoherentNucleus
from tests.conftest import SEPARATED
from tests.states import dagger, relative_difference, to_matrix

GRID = Grid((4, 5, 48), anisotropy=0.25, substeps=2)
PROFILE = GaussianProfile(0.6, 4.0)


def independent_sheets(group: ModuleType, shape: tuple[int, int], strength: float, seed: int = 3):
    """Gaussian gφ_m, white in the plane."""

    @cache
    def sheet(m: int) -> np.ndarray:
        return strength * np.random.default_rng([seed, m % 2**32]).standard_normal((group.DIMENSION, *shape))

    return sheet


def nucleus(
    group: ModuleType,
    direction: int = 1,
    *,
    xi: float = 0.6,
    grid: Grid = GRID,
    centre: float = 0.03,
    strength: float = 0.8,
    profile: GaussianProfile = PROFILE,
    seed: int = 3,
) -> IncoherentNucleus:
    """`centre` is that of a right-mover; the left-mover is its mirror image."""
    sheets = independent_sheets(group, grid.shape[:2], strength, seed)
    site = direction * (grid.middle % 1) * grid.a_z
    return IncoherentNucleus(group, sheets, xi, profile, direction, direction * centre, grid.a_t, site)


@pytest.fixture(params=[1, -1], ids=["right-mover", "left-mover"])
def source(group, request) -> IncoherentNucleus:
    return nucleus(group, request.param)


@pytest.mark.parametrize("xi", [0.5, 1.1, 40.0])
def test_charges_of_the_slices_have_the_correlation_of_the_model(group, xi):
    """⟨ρ_i ρ_j⟩ ∝ ∫_i √f ∫_j √f exp(−(x_i − x_j)²/2ξ²) exactly, for the independent sheets are white; ∫∫ is that of one."""
    source = nucleus(group, xi=xi)
    covariance = source.weights @ source.weights.T
    edges = np.linspace(source.edges[:-1], source.edges[1:], 41)
    inside = np.mean(np.exp(-(edges**2) / (4 * PROFILE.width**2)), axis=0)
    middles = (source.edges[1:] + source.edges[:-1]) / 2
    expected = np.outer(inside, inside) * np.exp(-((middles[:, None] - middles) ** 2) / (2 * xi**2))
    expected /= expected.sum()
    np.testing.assert_allclose(covariance, expected, atol=3e-3 * expected.max())
    correlation = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    np.testing.assert_allclose(correlation, np.exp(-((middles[:, None] - middles) ** 2) / (2 * xi**2)), atol=1e-14)
    assert covariance.sum() == pytest.approx(1, abs=1e-14)


def test_statistics_of_drawn_charges(group):
    """Five standard errors, over many nuclei: correlation along x^-, independence of sites and colours, total charge."""
    samples, correlations, total, cross = 0, 0, 0, 0
    shape = (4, 4)
    grid = Grid((*shape, 48), anisotropy=0.25, substeps=2)
    for seed in range(60):
        source = nucleus(group, xi=0.5, grid=grid, strength=1.0, seed=seed)
        slices = np.stack([source.potential(j) for j in range(len(source.edges) - 1)])
        flat = slices.reshape(len(slices), -1)
        samples += flat.shape[1]
        correlations = correlations + flat @ flat.T
        total += np.sum(flat.sum(axis=0) ** 2)
        cross = cross + flat @ np.roll(flat, 1, axis=1).T
    expected = source.weights @ source.weights.T
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert np.abs((correlations / samples - expected) / scale).max() < 5 * np.sqrt(2 / samples)
    assert np.abs(cross / samples / scale).max() < 5 / np.sqrt(samples)
    assert total / samples == pytest.approx(1, abs=5 * np.sqrt(2 / samples))


@pytest.mark.parametrize("direction", [1, -1])
def test_infinite_correlation_length_is_the_coherent_nucleus_of_root_f(group, direction):
    """To rounding at the ends of slices, with the centre of the nucleus on a site."""
    source = nucleus(group, direction, xi=1e9, centre=GRID.a_z / 2)
    assert source.edges[-1] == pytest.approx(PROFILE.half_length - GRID.a_t / 5, abs=GRID.a_t)
    count = len(source.edges) - 1
    potential = to_matrix(group, sum(source.potential(j) for j in range(count)))
    half = float(source.edges[-1])
    root = GaussianProfile(np.sqrt(2) * PROFILE.width, half / (np.sqrt(2) * PROFILE.width))
    coherent = CoherentNucleus(potential, root, direction, source.centre)
    for depth in source.edges:
        z = source.centre - direction * depth
        np.testing.assert_allclose(source.wilson_line(z, 0.0), coherent.wilson_line(z, 0.0), atol=1e-13)
    assert np.abs(coherent.wilson_line(-9.0 * direction, 0.0) - np.eye(group.COLOURS)).max() > 0.1


def test_coherent_limit_is_approached_with_the_second_order(group):
    """The correlation between the ends is 1 − O((σ/ξ)²)."""
    departures = []
    for xi in (30.0, 60.0):
        covariance = (weights := nucleus(group, xi=xi).weights) @ weights.T
        departures.append(1 - covariance[10, 30] / np.sqrt(covariance[10, 10] * covariance[30, 30]))
    assert departures[0] / departures[1] == pytest.approx(4, abs=0.02)


def test_wilson_line_is_the_ordered_product_with_the_front_on_the_left(source):
    """At an end of a slice, in the middle of one, and behind the nucleus."""
    count = len(source.edges) - 1
    for whole, part in ((0, 0.0), (7, 0.0), (20, 0.4), (count, 0.0)):
        depth = source.edges[0] + (whole + part) * source.thickness
        V = source.wilson_line(source.centre - source.direction * depth, 0.0)
        for x, y in ((0, 0), (3, 4)):
            expected = np.eye(V.shape[-1])
            for number in range(whole):
                expected = expected @ scipy.linalg.expm(-1j * to_matrix(source.group, source.potential(number)[:, x, y]))
            if part:
                expected = expected @ scipy.linalg.expm(-1j * part * to_matrix(source.group, source.potential(whole)[:, x, y]))
            np.testing.assert_allclose(V[x, y], expected, atol=1e-13)


def test_wilson_line_is_a_group_element_one_ahead_and_static_behind(source):
    start, end = source.extent
    assert source.centre - PROFILE.half_length <= start < end <= source.centre + PROFILE.half_length
    for z in np.linspace(start - 1, end + 1, 50):
        V = source.wilson_line(z, 0.0)
        identity = np.broadcast_to(np.eye(V.shape[-1]), V.shape)
        np.testing.assert_allclose(V @ dagger(V), identity, atol=3e-14)
        np.testing.assert_allclose(np.linalg.det(V), 1, atol=3e-14)
        ahead, behind = (z >= end, z <= start) if source.direction > 0 else (z <= start, z >= end)
        if ahead:
            np.testing.assert_array_equal(V, identity)
        if behind:
            np.testing.assert_array_equal(V, source.wilson_line(-50.0 * source.direction, 0.0))
            assert np.abs(V - identity).max() > 0.1


def test_large_potentials_stay_in_the_group(group):
    """The exponential of the group functions holds for |X| ≤ 3 only."""
    source = nucleus(group, strength=60.0, xi=1e3)
    assert max(np.sqrt(np.sum(source.potential(j) ** 2, axis=0)).max() for j in range(len(source.edges) - 1)) > 6
    V = source.wilson_line(-9.0, 0.0)
    np.testing.assert_allclose(V @ dagger(V), np.broadcast_to(np.eye(group.COLOURS), V.shape), atol=1e-12)


@pytest.mark.parametrize("substeps", [1, 2, 3])
@pytest.mark.parametrize("direction", [1, -1])
def test_moves_over_the_lattice_bit_for_bit(group, direction, substeps):
    """By a cell in n steps, at every step; and in between with the speed of light."""
    grid = Grid((3, 4, 47), anisotropy=0.3, substeps=substeps)
    source = nucleus(group, direction, grid=grid, centre=0.037)
    sites = (np.arange(12, 36, 5) - grid.middle) * grid.a_z
    for z in sites:
        moved = source.wilson_line(z + direction * grid.a_z, substeps * grid.a_t)
        np.testing.assert_array_equal(moved, source.wilson_line(z, 0.0))
        later = source.wilson_line(z + direction * grid.a_z, (substeps + 1) * grid.a_t)
        np.testing.assert_array_equal(later, source.wilson_line(z, grid.a_t))
        between = source.wilson_line(z + 0.217 * direction, 0.217)
        np.testing.assert_allclose(between, source.wilson_line(z, 0.0), atol=1e-14)


def test_left_mover_is_the_mirror_image_bit_for_bit(group):
    right, left = nucleus(group, 1), nucleus(group, -1)
    assert left.extent == (-right.extent[1], -right.extent[0])
    for z in np.linspace(-3, 3, 13):
        np.testing.assert_array_equal(left.wilson_line(-z, 0.2), right.wilson_line(z, 0.2))


def test_wilson_lines_do_not_depend_on_the_order_in_which_they_are_asked_for(group):
    places = np.linspace(-2.6, 2.6, 37)
    upwards, downwards, mixed = nucleus(group), nucleus(group), nucleus(group)
    expected = {z: upwards.wilson_line(z, 0.0) for z in places}
    found = {z: downwards.wilson_line(z, 0.0) for z in places[::-1]}
    shuffled = np.random.default_rng(1).permutation(places)
    again = {z: mixed.wilson_line(z, 0.0) for z in [*shuffled, *shuffled]}
    for z in places:
        np.testing.assert_array_equal(found[z], expected[z])
        np.testing.assert_array_equal(again[z], expected[z])


def test_finer_slices_resolve_the_same_nucleus(group):
    """The random field is a function of x^-: the full Wilson line converges with the second order in the slice."""
    full = []
    for substeps in (2, 4, 8):
        grid = Grid((4, 5, 48), anisotropy=0.25, substeps=substeps)
        profile = GaussianProfile(0.375, 6.0)
        full.append(nucleus(group, grid=grid, centre=GRID.a_z / 2, profile=profile).wilson_line(-9.0, 0.0))
    coarse, fine = (np.abs(full[i] - full[i + 1]).max() for i in (0, 1))
    assert coarse < 0.05
    assert coarse / fine == pytest.approx(4, rel=0.15)


def test_slices_are_a_whole_fraction_of_the_time_step_and_a_quarter_of_the_correlation_length(group):
    assert nucleus(group, xi=0.6).thickness == GRID.a_t
    assert nucleus(group, xi=0.3).thickness == GRID.a_t / 2
    assert nucleus(group, xi=1e12).thickness == GRID.a_t


@pytest.mark.parametrize("direction", [1, -1])
def test_charges_are_those_of_the_covariant_gauge_turned_by_the_wilson_line(group, direction):
    """ρ' = V ρ V† with V at the depth of ρ fixes the order of the product; up to the charge of half a slice."""
    differences = []
    for substeps in (2, 8):
        grid = Grid((4, 5, 64), anisotropy=0.25, substeps=substeps)
        source = nucleus(group, direction, grid=grid, strength=0.2)
        charges = initial_state(grid, group, [source]).charges[0]
        density, found, expected = charges.q.sum(axis=0), [], []
        for plane in range(2, charges.cells - 2):
            z = (charges.first + plane - grid.middle) * grid.a_z
            number = round((-direction * (z - source.centre) - source.edges[0]) / source.thickness)
            if not 0 <= number < len(source.edges) - 1:
                continue
            phi = source.potential(number)
            rho = 4 * phi - sum(np.roll(phi, shift, axis) for shift in (1, -1) for axis in (1, 2))
            V = source.wilson_line(z, grid.a_t / 2)
            found.append(dagger(V) @ to_matrix(group, density[..., plane]) @ V)
            expected.append(-to_matrix(group, rho) / source.thickness)
        differences.append(relative_difference(np.stack(found), np.stack(expected)))
    assert len(found) > 15
    assert differences[0] < 0.04
    assert differences[1] < 0.3 * differences[0]


def test_gauss_constraint_holds_through_a_collision(group):
    """Of nuclei whose colour is not the same at every depth; it is that of the scheme, whatever the nuclei."""
    grid = Grid((6, 8, 64), anisotropy=0.25, substeps=2)
    profile = GaussianProfile(2 * grid.a_z, 4.0)
    nuclei = [
        nucleus(group, direction, xi=2 * grid.a_z, grid=grid, centre=-10 * grid.a_z, profile=profile, seed=direction + 1)
        for direction in (1, -1)
    ]
    scheme = Leapfrog(grid, group, only_active=False)
    fields = scheme.initial_state(nuclei)
    scale = scheme.gauss_residual(fields).scale
    for _ in range(SEPARATED + 1):
        assert scheme.gauss_residual(fields).max_rel <= 1e-12
        scheme.step(fields)
    right, left = fields.charges
    assert right.first_cell(0) >= left.first_cell(0) + left.cells
    assert scale > 1
