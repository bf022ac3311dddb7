"""What the boost-invariant leapfrog conserves, and what it does not depend on."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from glasma.backend import Workers
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.light_cone import light_cone_fields
from glasma.group import su2, su3
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields, gauge_transform
from tests.states import (
    antihermitian_part,
    colliding_nuclei,
    dagger,
    embedded_su2_nuclei,
    random_omega,
    relative_difference,
    unitary,
)

SHAPE = (6, 9, 1)
STEPS = 60


def collision(group, substeps: int = 8, dtype=np.float64, workers: Workers | None = None, shape=SHAPE, g2mu: float = 1.0):
    """A scheme, and the fields of two nuclei at the first step."""
    grid = Grid(shape, substeps=substeps)
    scheme = BoostInvariant(grid, group, dtype, workers)
    return scheme, scheme.initial_state(colliding_nuclei(grid, group, g2mu=g2mu))


def pressure_over_energy(scheme: BoostInvariant, fields: MilneFields) -> float:
    e_l, e_t, b_l, b_t = scheme.measure(fields).components[:, 0]
    return (e_t + b_t - e_l - b_l) / (e_t + b_t + e_l + b_l)


def test_gauss_constraint_holds_at_every_step(group, dtype):
    scheme, fields = collision(group, dtype=dtype)
    for _ in range(200):
        residual = scheme.gauss_residual(fields)
        assert residual.max_rel < (1e-12 if dtype == np.float64 else 1e-4)
        assert 0 < residual.rms_rel <= residual.max_rel
        scheme.step(fields)
    assert scheme.unitarity_violation(fields) < 60 * np.finfo(dtype).eps


def test_gauss_constraint_sees_a_wrong_momentum(group):
    scheme, fields = collision(group)
    for _ in range(STEPS):
        scheme.step(fields)
    fields.E[2, 0, 0, 2, 3] *= 1.01
    assert scheme.gauss_residual(fields).max_rel > 1e-5


def test_energy_and_work_of_the_expansion_cancel_at_second_order(group):
    """There is no energy at τ = 0: dE/dη + ∫ P_L dτ vanishes at all times."""
    sums = []
    for substeps in (16, 32, 64):
        scheme, fields = collision(group, substeps, g2mu=0.7)
        for _ in range(4 * substeps):
            scheme.step(fields)
        sums.append((scheme.energy(fields) + fields.work) / scheme.energy(fields))
    orders = [np.log2(abs(coarse / fine)) for coarse, fine in pairwise(sums)]
    assert abs(sums[-1]) < 1e-4
    assert orders == pytest.approx([2, 2], abs=0.15)


def test_longitudinal_pressure_starts_at_minus_the_energy_density(group):
    """Only E_L and B_L are there at τ = 0; P_L/ε + 1 is even in τ."""
    excess = [1 + pressure_over_energy(*collision(group, substeps)) for substeps in (8, 16, 32)]
    assert [coarse / fine for coarse, fine in pairwise(excess)] == pytest.approx([4, 4], rel=0.05)


def test_time_reversal_returns_the_light_cone(group):
    """A grid with Δτ < 0 runs back: from P(τ + ½) and (U, A)(τ) to τ = 0, where A_η = 0."""
    scheme, fields = collision(group)
    start = fields.copy()
    for _ in range(STEPS):
        scheme.step(fields)
    backward_grid = Grid(SHAPE, substeps=-8)
    backward = BoostInvariant(backward_grid, group)
    reversed_ = MilneFields(backward_grid, group, fields.U.copy(), fields.A.copy(), fields.E.copy(), -STEPS, fields.work)
    drift(reversed_, -scheme.grid.a_t, fields.tau_of_momenta)
    for _ in range(STEPS):
        backward.step(reversed_)
    assert reversed_.step == 0
    assert relative_difference(fields.E, start.E) > 0.5
    assert relative_difference(reversed_.E, start.E) < 1e-11
    assert np.abs(reversed_.A).max() < 1e-11 * np.abs(fields.A).max()
    drift(start, -scheme.grid.a_t, start.tau_of_momenta)
    assert relative_difference(reversed_.U, start.U) < 1e-11
    assert reversed_.work == pytest.approx(start.work, rel=1e-10)


def drift(fields: MilneFields, time: float, tau: float) -> None:
    """U ← exp(i time P/τ) U and A ← A + time τ P_η."""
    for i in (0, 1):
        step = unitary(fields.group, time / tau * fields.E[i, :, 0])
        fields.U[i, :, 0] = fields.group.link_from_matrix(step @ fields.group.link_to_matrix(fields.U[i, :, 0]))
    fields.A += time * tau * fields.E[2]


def test_evolution_and_gauge_transformation_commute(group, rng):
    scheme, fields = collision(group)
    omega = random_omega(group, SHAPE[:2], rng)
    transformed = gauge_transform(fields, omega)
    for _ in range(STEPS):
        scheme.step(fields)
        scheme.step(transformed)
    expected = gauge_transform(fields, omega)
    assert relative_difference(transformed.U, fields.U) > 0.5
    for name in ("U", "A", "E"):
        assert relative_difference(getattr(transformed, name), getattr(expected, name)) < 2e-12
    assert transformed.work == pytest.approx(fields.work, rel=1e-12)
    assert scheme.energy(transformed) == pytest.approx(scheme.energy(fields), rel=1e-12)


def test_results_do_not_depend_on_the_number_of_threads(group):
    results = []
    for threads in (1, 2, 4, SHAPE[0]):
        scheme, fields = collision(group, workers=Workers(threads))
        for _ in range(10):
            scheme.step(fields)
        measured = scheme.measure(fields)
        gauss = scheme.gauss_residual(fields)
        results.append(
            (fields.U, fields.A, fields.E, fields.work, scheme.energy(fields), measured.tensor, gauss.max_rel, gauss.rms_rel)
        )
    for other in results[1:]:
        for found, expected in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("ny", [2, 3, 127, 128, 129])
def test_lattices_of_any_length_along_y_agree_with_the_transposed_ones(group, ny):
    """The tiles along y: exchanging x and y, which turns P_η around, changes nothing else."""
    scheme, fields = collision(group, shape=(4, ny, 1))
    swapped_scheme = BoostInvariant(Grid((ny, 4, 1), substeps=8), group)
    swapped = swapped_scheme.start(
        np.swapaxes(links_at_zero(fields)[::-1], -1, -2), np.swapaxes(collision_longitudinal(group, (4, ny, 1)), -1, -2)
    )
    for _ in range(10):
        scheme.step(fields)
        swapped_scheme.step(swapped)
    assert relative_difference(np.swapaxes(swapped.E, -1, -2)[[1, 0, 2]], fields.E) < 1e-12
    assert relative_difference(np.swapaxes(swapped.U, -1, -2)[::-1], fields.U) < 1e-12
    assert swapped.work == pytest.approx(fields.work, rel=1e-12)


def collision_longitudinal(group, shape) -> np.ndarray:
    nuclei = colliding_nuclei(Grid(shape, substeps=8), group, g2mu=1.0)
    return light_cone_fields(group, nuclei, shape[:2]).longitudinal


def links_at_zero(fields: MilneFields) -> np.ndarray:
    start = fields.copy()
    drift(start, -fields.grid.a_t, fields.tau_of_momenta)
    return start.U[:, :, 0]


def test_su2_embedded_in_su3_is_the_same_run():
    grid = Grid(SHAPE, substeps=8)
    states = []
    for group in (su2, su3):
        scheme = BoostInvariant(grid, group)
        fields = scheme.initial_state(embedded_su2_nuclei(grid, group))
        for _ in range(STEPS):
            scheme.step(fields)
        states.append(fields)
    small, large = states
    assert relative_difference(large.E[:, :3], small.E) < 1e-12
    assert np.abs(large.E[:, 3:]).max() < 1e-13 * np.abs(small.E).max()
    assert relative_difference(large.A[:, :3], small.A) < 1e-12
    blocks = su3.link_to_matrix(np.moveaxis(large.U[:, :, 0], 1, 0))[..., :2, :2]
    np.testing.assert_allclose(blocks, su2.link_to_matrix(np.moveaxis(small.U[:, :, 0], 1, 0)), atol=1e-12)
    assert large.work == pytest.approx(small.work, rel=1e-12)


@pytest.mark.parametrize("grid", [Grid((4, 4, 2)), Grid((4, 4, 1), anisotropy=0.5), Grid((4, 4, 1), substeps=1)])
def test_grids_that_do_not_fit_are_refused(group, grid):
    with pytest.raises(ValueError, match=r"boost-invariant grid|substeps"):
        BoostInvariant(grid, group)


def test_start_leaves_its_arguments_alone(group):
    scheme, fields = collision(group)
    cone = light_cone_fields(group, colliding_nuclei(fields.grid, group), SHAPE[:2])
    links, longitudinal = np.array(cone.links, order="C"), np.array(cone.longitudinal, order="C")
    state = scheme.start(links, longitudinal)
    scheme.step(state)
    np.testing.assert_array_equal(links, cone.links)
    np.testing.assert_array_equal(longitudinal, cone.longitudinal)


def test_first_half_step_against_matrices(group):
    """P_i(Δτ/2) = −(Δτ²/8) Σ_j [U_{x,ij} + U_{x,i−j}]_ah, from plaquettes of complex matrices."""
    scheme, fields = collision(group)
    u = [group.link_to_matrix(link) for link in links_at_zero(fields)]
    for i, j in ((0, 1), (1, 0)):
        ahead = u[i] @ np.roll(u[j], -1, axis=i) @ dagger(np.roll(u[i], -1, axis=j)) @ dagger(u[j])
        below = np.roll(u[j], 1, axis=j)
        behind = u[i] @ dagger(np.roll(below, -1, axis=i)) @ dagger(np.roll(u[i], 1, axis=j)) @ below
        force = antihermitian_part(group, ahead + behind)
        np.testing.assert_allclose(fields.E[i, :, 0], -(scheme.grid.a_t**2) / 8 * force, atol=1e-13)
