"""The semi-implicit scheme is the variational integrator of its discrete Lagrangian, solved to the tolerance asked for."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.backend import Workers
from glasma.errors import ConvergenceError
from glasma.evolution.semi_implicit import SemiImplicit
from glasma.evolution.semi_implicit_kernels import semi_implicit_kernels, workspace
from glasma.lattice.gauge import gauge_transform
from glasma.lattice.grid import Grid
from tests.states import (
    colliding_nuclei,
    dagger,
    drift_links,
    random_omega,
    relative_difference,
    rough_fields,
    smooth_fields,
    unitary,
)

TOLERANCE = 1e-12


def shifted(links: np.ndarray, i: int) -> np.ndarray:
    """At x the link of x + i."""
    return np.roll(links, -1, axis=i)


def real_trace(a: np.ndarray, b: np.ndarray) -> float:
    """Σ Re tr a b†"""
    return float(np.einsum("...ij,...ij->...", a, b.conj()).real.sum())


def potential(now: list[np.ndarray], then: list[np.ndarray], a_z: float) -> float:
    """g² V_d of links of two time slices as matrices, periodic in all directions, from its definition."""

    def diagonal(U: list[np.ndarray]) -> np.ndarray:
        return U[0] @ shifted(U[1], 0) - U[1] @ shifted(U[0], 1)

    def other_diagonal(U: list[np.ndarray]) -> np.ndarray:
        return dagger(U[0]) @ U[1] - shifted(U[1], 0) @ dagger(shifted(U[0], 1))

    def mixed(i: int, transverse: list[np.ndarray], along: list[np.ndarray]) -> np.ndarray:
        return along[2] @ shifted(transverse[i], 2) - transverse[i] @ shifted(along[2], i)

    total = sum(real_trace(path(now), path(then)) / 2 for path in (diagonal, other_diagonal))
    for i in (0, 1):
        for one, two in ((now, then), (then, now)):
            total += real_trace(mixed(i, one, one), mixed(i, one, two)) / (2 * a_z**2)
    return total


def test_momentum_is_the_derivative_of_the_discrete_lagrangian(group):
    """p⁻ = [U_{t+1} U_t†]_ah/a_t + a_t a_i² ∂V_d by central differences, for links of every direction and both ends."""
    grid = Grid((4, 5, 12), anisotropy=0.4, substeps=1)
    U, V = (rough_fields(grid, group, seed).U for seed in (1, 2))
    momentum = np.zeros((3, group.DIMENSION, *grid.shape))
    lines, z0, z1 = workspace(group, grid.shape[1], momentum.dtype), 3, 9
    arguments = momentum, np.zeros_like(momentum), 0.0, U, V, lines, grid.a_t, grid.a_z**-2
    semi_implicit_kernels(group).residual(0, grid.shape[0], z0, z1, *arguments)

    now, then = ([group.link_to_matrix(links[i]) for i in range(3)] for links in (U, V))
    sites = [(0, 0, 0, z0), (0, 3, 4, z1 - 1), (1, 1, 0, 5), (1, 0, 4, z0), (2, 2, 2, z0 - 1), (2, 3, 4, z1 - 1)]
    for i, *site in sites:
        x = tuple(site)
        step = then[i][x] @ dagger(now[i][x])
        for colour in range(group.DIMENSION):
            algebra, energies = np.zeros(group.DIMENSION), []
            for shift in (1e-4, -1e-4):
                algebra[colour] = shift
                moved = [links.copy() for links in now]
                moved[i][x] = unitary(group, algebra) @ now[i][x]
                energies.append(potential(moved, then, grid.a_z))
            derivative = (energies[0] - energies[1]) / 2e-4
            kinetic = 2 * np.einsum("ij,ji->", group.GENERATORS[colour], step).imag / grid.a_t
            expected = kinetic + grid.a_t * grid.spacings[i] ** 2 * derivative
            assert -momentum[(i, colour, *x)] == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("substeps", [1, 2])
def test_modified_gauss_constraint_holds_through_a_collision(group, substeps):
    """To the tolerance of the iteration, with a_t = a_z and smaller."""
    grid = Grid((5, 6, 48), anisotropy=0.25, substeps=substeps)
    scheme = SemiImplicit(grid, group, only_active=False, tolerance=TOLERANCE)
    fields = scheme.initial_state(colliding_nuclei(grid, group, g2mu=1.0, cutoff=3.0))
    assert scheme.gauss_residual(fields).max_rel < 1e-14
    for _ in range(16 * substeps):
        scheme.step(fields)
        assert scheme.gauss_residual(fields).max_rel < TOLERANCE
        assert scheme.iterations < 15
    right, left = fields.charges
    assert right.first_cell(0) >= left.first_cell(0)


def test_collision_in_single_precision(group):
    grid = Grid((5, 6, 48), anisotropy=0.25, substeps=1)
    scheme = SemiImplicit(grid, group, np.float32, tolerance=1e-5)
    fields = scheme.initial_state(colliding_nuclei(grid, group, g2mu=1.0, cutoff=3.0))
    for _ in range(16):
        scheme.step(fields)
    assert fields.E.dtype == np.float32
    assert scheme.gauss_residual(fields).max_rel < 1e-4


def test_evolution_runs_backwards(group):
    """From U(t) and the links before them, with E reversed, the steps lead back to the start."""
    grid = Grid((4, 6, 24), anisotropy=0.5, substeps=1)
    scheme, fields = SemiImplicit(grid, group, tolerance=1e-14), smooth_fields(grid, group, strength=0.5)
    start = fields.copy()
    for _ in range(10):
        scheme.step(fields)
    moved = relative_difference(fields.U, start.U)
    drift_links(fields, -grid.a_t)
    fields.E *= -1
    for _ in range(10):
        scheme.step(fields)
    drift_links(fields, -grid.a_t)
    fields.E *= -1
    assert moved > 0.1
    assert relative_difference(fields.U, start.U) < 1e-11
    assert relative_difference(fields.E, start.E) < 1e-11


def test_evolution_and_gauge_transformation_commute(group, rng):
    """Through the overlap, with charges."""
    grid = Grid((5, 6, 48), anisotropy=0.25, substeps=1)
    scheme = SemiImplicit(grid, group, tolerance=1e-13)
    fields = scheme.initial_state(colliding_nuclei(grid, group, g2mu=1.0, cutoff=3.0))
    omega = random_omega(group, grid.shape, rng)
    transformed = gauge_transform(fields, omega)
    for _ in range(12):
        scheme.step(fields)
        scheme.step(transformed)
    expected = gauge_transform(fields, omega)
    assert relative_difference(transformed.U, expected.U) < 1e-11
    assert relative_difference(transformed.E, expected.E) < 1e-11
    assert transformed.work == pytest.approx(fields.work, rel=1e-10)
    assert scheme.gauss_residual(transformed).max_rel < 1e-12


def test_threads_do_not_change_a_bit(group):
    grid = Grid((5, 4, 48), anisotropy=0.25, substeps=1)
    results = []
    for threads in (1, 2):
        scheme = SemiImplicit(grid, group, workers=Workers(threads))
        fields = scheme.initial_state(colliding_nuclei(grid, group, cutoff=3.0))
        for _ in range(8):
            scheme.step(fields)
        results.append((fields, scheme.gauss_residual(fields).max_rel, scheme.iterations))
    (one, *numbers), (two, *others) = results
    np.testing.assert_array_equal(one.U, two.U)
    np.testing.assert_array_equal(one.E, two.E)
    assert numbers == others


def test_active_region_gives_the_fields_of_the_whole_box(group):
    grid = Grid((4, 4, 130), anisotropy=0.25, substeps=1)
    active, whole = (SemiImplicit(grid, group, only_active=flag, tolerance=1e-13) for flag in (True, False))
    fields = active.initial_state(colliding_nuclei(grid, group))
    reference = fields.copy()
    for _ in range(24):
        active.step(fields)
        whole.step(reference)
    assert sum(z1 - z0 for z0, z1 in active.region(fields)) < 110
    assert relative_difference(fields.E, reference.E) < 1e-11


def test_step_that_is_not_solved_stops_with_one_line(group):
    grid = Grid((4, 4, 48), anisotropy=0.25, substeps=1)
    scheme = SemiImplicit(grid, group, max_iterations=3)
    fields = scheme.initial_state(colliding_nuclei(grid, group, cutoff=3.0))
    with pytest.raises(ConvergenceError, match=r"evolution.max_iterations = 3: step 1 is not solved, after 3 .*= 1e-10; raise"):
        scheme.step(fields)


@pytest.mark.parametrize("side", [1, -1], ids=["right-mover", "left-mover"])
def test_coarse_nucleus_flies_without_any_change(side):
    """σ = 2 a_z, a_t = a_z: the shifted nucleus is an exact solution of the discrete equations."""
    from glasma.group import su2
    from glasma.observables.measure import measure
    from tests.states import nucleus

    grid = Grid((6, 6, 110), anisotropy=0.25, substeps=1)
    scheme = SemiImplicit(grid, su2, tolerance=1e-10)
    fields = scheme.initial_state([nucleus(grid, su2, side, cutoff=6.0, centre=-35.0 * side)])
    start = fields.E.copy()

    def energies() -> np.ndarray:
        return measure(fields, scheme.workers, scheme.region(fields)).components.sum(axis=1)

    before = energies()
    for _ in range(70):
        scheme.step(fields)
    after = energies()
    assert abs((after[1] + after[3]) / (before[1] + before[3]) - 1) < 1e-8
    assert after[0] < 1e-16 * after[1]
    assert scheme.gauss_residual(fields).max_rel < 1e-10
    assert relative_difference(fields.E[:2], np.roll(start[:2], 70 * side, axis=-1)) < 1e-9
