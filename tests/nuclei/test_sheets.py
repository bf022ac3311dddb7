"""Wilson lines of several colour sheets."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import scipy.linalg
from scipy.optimize import brentq

from glasma.evolution.initial_state import initial_state
from glasma.lattice.grid import Grid
from glasma.nuclei.mv import color_charges
from glasma.nuclei.poisson import lattice_momentum_squared, solve_poisson
from glasma.nuclei.profile import GaussianProfile
from glasma.nuclei.sheets import SheetNucleus
from glasma.nuclei.wilson_lines import CoherentNucleus
from tests.states import dagger, to_matrix

SHAPE, COUNT, WIDTH, CENTRE = (4, 5), 4, 0.5, 0.3


def potentials(group, count: int, seed: int = 5, strength: float = 0.5) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [to_matrix(group, strength * rng.standard_normal((group.DIMENSION, *SHAPE))) for _ in range(count)]


@pytest.fixture(params=[1, -1], ids=["right-mover", "left-mover"])
def source(group, request) -> SheetNucleus:
    return SheetNucleus(potentials(group, COUNT), GaussianProfile(WIDTH, 4.0), request.param, CENTRE)


def at_depth(source, depth: float) -> np.ndarray:
    return source.wilson_line(source.centre - source.direction * depth, 0.0)


def test_one_sheet_is_the_coherent_nucleus_bit_for_bit(group):
    [potential] = potentials(group, 1)
    profile = GaussianProfile(WIDTH, 4.0)
    for direction in (1, -1):
        sheet = SheetNucleus([potential], profile, direction, CENTRE)
        coherent = CoherentNucleus(potential, profile, direction, CENTRE)
        assert sheet.extent == coherent.extent
        for z in np.linspace(-3, 3, 25):
            np.testing.assert_array_equal(sheet.wilson_line(z, 0.1), coherent.wilson_line(z, 0.1))


def test_full_wilson_line_is_the_ordered_product_with_the_front_on_the_left(source):
    V = at_depth(source, 9.0)
    for x, y in ((0, 0), (3, 4)):
        expected = np.eye(V.shape[-1])
        for potential in source.potentials:
            expected = expected @ scipy.linalg.expm(-1j * potential[x, y])
        np.testing.assert_allclose(V[x, y], expected, atol=1e-13)
        backwards = np.eye(V.shape[-1])
        for potential in source.potentials[::-1]:
            backwards = backwards @ scipy.linalg.expm(-1j * potential[x, y])
        assert np.abs(V[x, y] - backwards).max() > 0.05


def test_wilson_line_inside_is_the_path_ordered_exponential(source):
    """∂V = −i V gφ_k N_s f with the profile f and the sheet k at each depth, integrated in small steps to 0.8."""
    touching = [brentq(lambda d, k=k: COUNT * source.profile.behind(d) - k, -1.9, 1.9, xtol=1e-15) for k in (1, 2, 3)]
    edges = np.unique(np.clip([*np.linspace(-source.profile.half_length, 0.8, 41), *touching], None, 0.8))
    for x, y in ((1, 2),):
        V = np.eye(source.potentials[0].shape[-1])
        for front, back in pairwise(edges):
            charge = source.profile.behind(back) - source.profile.behind(front)
            sheet = int(COUNT * source.profile.behind((front + back) / 2))
            V = V @ scipy.linalg.expm(-1j * COUNT * charge * source.potentials[sheet][x, y])
        np.testing.assert_allclose(at_depth(source, 0.8)[x, y], V, atol=1e-13)


def test_wilson_line_is_unitary_continuous_and_one_ahead(source):
    depths = np.linspace(-2.5, 2.5, 301)
    lines = np.stack([at_depth(source, depth) for depth in depths])
    identity = np.broadcast_to(np.eye(lines.shape[-1]), lines.shape)
    np.testing.assert_allclose(lines @ dagger(lines), identity, atol=1e-14)
    np.testing.assert_allclose(np.linalg.det(lines), 1, atol=1e-14)
    np.testing.assert_allclose(lines[depths <= -2], identity[depths <= -2], atol=1e-14)
    np.testing.assert_array_equal(lines[depths >= 2], np.broadcast_to(lines[-1], lines[depths >= 2].shape))
    largest = max(np.abs(np.linalg.eigvalsh(p)).max() for p in source.potentials)
    per_step = COUNT * largest * np.diff([source.profile.behind(d) for d in depths]).max()
    assert np.abs(np.diff(lines, axis=0)).max() < 1.01 * per_step


def test_moves_with_the_speed_of_light_and_left_is_right_in_the_mirror(group):
    sheets, profile = potentials(group, COUNT), GaussianProfile(WIDTH, 4.0)
    right, left = SheetNucleus(sheets, profile, 1, CENTRE), SheetNucleus(sheets, profile, -1, -CENTRE)
    assert left.extent == (-right.extent[1], -right.extent[0])
    for z in np.linspace(-2, 2, 11):
        np.testing.assert_array_equal(left.wilson_line(-z, 0.7), right.wilson_line(z, 0.7))
        np.testing.assert_allclose(right.wilson_line(z, 0.7), right.wilson_line(z - 0.7, 0.0), atol=1e-14)


@pytest.mark.parametrize("direction", [1, -1])
def test_charges_are_those_of_the_covariant_gauge_turned_by_the_wilson_line(group, direction):
    """In temporal gauge ρ' = V ρ V† with V at the depth of ρ: this fixes the order of the product.

    V†ρ'V must be the charge of the sheet at that depth alone.  It does so up to the charge of a time step.
    """
    differences = []
    for substeps in (2, 8):
        grid = Grid((*SHAPE, 96), anisotropy=0.125, substeps=substeps)
        rng = np.random.default_rng(2)
        rho = 0.8 * rng.standard_normal((COUNT, group.DIMENSION, *SHAPE))
        rho -= rho.mean(axis=(2, 3), keepdims=True)
        sheets = [to_matrix(group, solve_poisson(sheet, 0.0, np.inf)) for sheet in rho]
        source = SheetNucleus(sheets, GaussianProfile(8 * grid.a_z, 4.0), direction, 0.0)
        charges = initial_state(grid, group, [source]).charges[0]
        density = charges.q.sum(axis=0)
        worst = 0.0
        for plane in range(charges.cells):
            z = (charges.first + plane - grid.middle) * grid.a_z
            passed = [source.profile.behind(t - direction * z) for t in (0.0, grid.a_t)]
            first, last = (min(int(COUNT * part), COUNT - 1) for part in passed)
            if first != last or passed[0] == passed[1]:
                continue
            V = source.wilson_line(z, grid.a_t / 2)
            found = dagger(V) @ to_matrix(group, density[..., plane]) @ V
            # gE = ∂_t gA and U_i = V_x V†_{x+i} give the divergence of the electric field the sign of −ρ.
            expected = -COUNT * (passed[1] - passed[0]) / grid.a_t * to_matrix(group, rho[first])
            worst = max(worst, np.abs(found - expected).max())
        differences.append(worst / (COUNT * np.abs(rho).max()))
    assert differences[0] < 0.03
    assert differences[1] < 0.3 * differences[0]


def test_dipole_of_many_sheets(group):
    """⟨tr V_x V†_y⟩/N_c → exp(−C_F Γ), Γ = (g²μ)² ∫d²k/(2π)² (1 − cos k(x − y))/(k² + m²)², up to O(1/N_s).

    (Kovchegov, PRD 54 (1996) 5463.)
    """
    shape, g2mu, mass, count = (32, 32), 2.0, 0.5, 50
    rng = np.random.default_rng(8)
    profile = GaussianProfile(WIDTH, 4.0)
    distances, samples = np.array([1, 2, 4]), []
    for _ in range(6):
        sheets = [
            to_matrix(group, solve_poisson(color_charges(shape, group.DIMENSION, g2mu / np.sqrt(count), rng), mass, np.inf))
            for _ in range(count)
        ]
        V = SheetNucleus(sheets, profile, 1, 0.0).wilson_line(-9.0, 0.0)
        turned = [np.einsum("xyij,xyij->xy", V, np.roll(V, -r, axis=0).conj()).real for r in distances]
        samples.append(np.mean(turned, axis=(1, 2)) / group.COLOURS)
    k = 2 * np.pi * np.fft.fftfreq(shape[0])
    spectrum = g2mu**2 / (lattice_momentum_squared(shape) + mass**2) ** 2
    gamma = np.array([np.mean(spectrum * (1 - np.cos(k * r))[:, None]) for r in distances])
    expected = np.exp(-(group.COLOURS**2 - 1) / (2 * group.COLOURS) * gamma)
    error = np.std(samples, axis=0) / np.sqrt(len(samples) - 1)
    assert expected[0] > 0.6
    assert expected[-1] < 0.5
    assert np.all(np.abs(np.mean(samples, axis=0) - expected) < 4 * error)
    assert np.all(error < 0.03)
