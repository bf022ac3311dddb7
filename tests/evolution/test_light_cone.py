"""Fields at τ = 0+: the conditions that define them, their limits, and the 3+1D collision of thin nuclei."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.errors import ConvergenceError
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.initial_state import pure_gauge
from glasma.evolution.leapfrog import Leapfrog
from glasma.evolution.light_cone import TOLERANCE, light_cone_fields, solve_links
from glasma.group import su2
from glasma.lattice.grid import Grid
from tests.states import (
    antihermitian_part,
    colliding_nuclei,
    dagger,
    nucleus,
    random_omega,
    relative_difference,
    to_components,
    to_matrix,
)

GRID = Grid((8, 6, 1), substeps=8)


def gauges(group, **options):
    """U^A and U^B of both directions, and the nuclei."""
    right, left = colliding_nuclei(GRID, group, **options)
    lines = right.wilson_line(-1e3, 0.0), left.wilson_line(1e3, 0.0)
    return [[pure_gauge(V, i) for i in (0, 1)] for V in lines], [right, left]


def found_links(group, fields):
    return [group.link_to_matrix(link) for link in fields.links]


@pytest.mark.parametrize("g2mu", [0.3, 1.0])
def test_links_satisfy_the_trace_condition_and_lie_in_the_group(group, g2mu):
    (A, B), nuclei = gauges(group, g2mu=g2mu)
    fields = light_cone_fields(group, nuclei, GRID.shape[:2])
    assert fields.residual < TOLERANCE
    for a, b, u in zip(A, B, found_links(group, fields), strict=True):
        assert np.abs(antihermitian_part(group, (a + b) @ (np.eye(group.COLOURS) + dagger(u)))).max() < TOLERANCE
        assert np.abs(u @ dagger(u) - np.eye(group.COLOURS)).max() < 1e-13
        assert np.abs(np.linalg.det(u) - 1).max() < 1e-13


def test_su2_links_have_the_closed_form():
    (A, B), nuclei = gauges(su2, g2mu=1.0)
    fields = light_cone_fields(su2, nuclei, GRID.shape[:2])
    assert fields.iterations == 0
    for a, b, u in zip(A, B, found_links(su2, fields), strict=True):
        np.testing.assert_allclose(u, (a + b) @ np.linalg.inv(dagger(a) + dagger(b)), atol=1e-13)


def test_gauss_law_on_both_branches_of_the_light_cone_gives_the_same_longitudinal_field():
    """E_L = Σ_i div [U U^B† − U^A]_ah = Σ_i div [U^B − U U^A†]_ah, exact for SU(2)."""
    (A, B), nuclei = gauges(su2, g2mu=1.0)
    fields = light_cone_fields(su2, nuclei, GRID.shape[:2])
    branches = []
    for own, other, sign in ((A, B, 1), (B, A, -1)):
        total = np.zeros_like(fields.longitudinal)
        for i, u in enumerate(found_links(su2, fields)):
            total += antihermitian_part(su2, u @ dagger(other[i]) - own[i])
            total -= np.roll(antihermitian_part(su2, dagger(other[i]) @ u - own[i]), 1, axis=1 + i)
        branches.append(sign * total)
    assert np.abs(fields.longitudinal).max() > 0.1
    np.testing.assert_allclose(branches[0], branches[1], atol=1e-13)
    np.testing.assert_allclose(fields.longitudinal, branches[0], atol=1e-13)


def test_one_nucleus_alone_leaves_its_pure_gauge_and_no_field(group):
    (A, _), nuclei = gauges(group)
    empty = nucleus(GRID, group, -1, g2mu=0.0)
    fields = light_cone_fields(group, [nuclei[0], empty], GRID.shape[:2])
    np.testing.assert_allclose(found_links(group, fields), A, atol=1e-13)
    assert np.abs(fields.longitudinal).max() < 1e-13


def test_weak_fields_add_and_give_their_commutator(group):
    """A_i = A^A_i + A^B_i and E_L = Σ_i A^A_i × A^B_i, each up to the next order in the strength."""
    errors = []
    for g2mu in (2e-3, 1e-3):
        (A, B), nuclei = gauges(group, g2mu=g2mu)
        fields = light_cone_fields(group, nuclei, GRID.shape[:2])
        expected = 0
        for i, u in enumerate(found_links(group, fields)):
            a, b = (to_matrix(group, antihermitian_part(group, link[i])) for link in (A, B))
            assert relative_difference(antihermitian_part(group, u), to_components(group, a + b)) < 10 * g2mu
            commutator = to_components(group, -1j * (a @ b - b @ a))
            expected = expected + 0.5 * (commutator + np.roll(commutator, 1, axis=1 + i))
        errors.append(relative_difference(fields.longitudinal, expected))
    assert errors[1] < 0.1
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.3)


def test_a_global_rotation_of_colour_rotates_the_fields(group, rng):
    (A, B), _ = gauges(group, g2mu=1.0)
    omega = random_omega(group, (1, 1), rng)
    u, _, _ = solve_links(group, A[0], B[0])
    rotated, _, _ = solve_links(group, omega @ A[0] @ dagger(omega), omega @ B[0] @ dagger(omega))
    np.testing.assert_allclose(rotated, omega @ u @ dagger(omega), atol=1e-11)


def test_opposite_links_are_refused_by_name():
    a = np.broadcast_to(np.eye(2, dtype=complex), (3, 4, 2, 2)).copy()
    b = a.copy()
    b[1, 2] = -np.eye(2)
    with pytest.raises(ConvergenceError, match=r"link U_y at site \(1, 2\).*smaller g²μ"):
        solve_links(su2, a, b, "y")


def test_other_nuclei_are_refused(group):
    right, left = colliding_nuclei(GRID, group)
    for nuclei in ([right], [right, right], [right, left, left]):
        with pytest.raises(ValueError, match="one along"):
            light_cone_fields(group, nuclei, (8, 6))
    with pytest.raises(ValueError, match="transverse lattice"):
        light_cone_fields(group, [right, left], (8, 8))


def test_thin_nuclei_in_three_dimensions_give_the_same_fields(group):
    """E_z and the links at z = 0 of a 3+1D collision, shortly after it, against the boost-invariant ones at the same τ.

    The nuclei are a quarter of a_T thick, and the trace condition holds up to the order of the lattice spacing.
    """
    options = {"g2mu": 0.3, "infrared": 0.4, "ultraviolet": 1.6}
    grid = Grid((8, 8, 75), anisotropy=1 / 32, substeps=2)
    nuclei = colliding_nuclei(grid, group, width=1.0, cutoff=4.0, **options)
    leapfrog = Leapfrog(grid, group)
    fields = leapfrog.initial_state(nuclei)
    steps = 2 * (6 + 16)
    while fields.step < steps:
        leapfrog.step(fields)
    tau = steps * grid.a_t - 6 * grid.a_z

    milne_grid = Grid((8, 8, 1), substeps=32)
    scheme = BoostInvariant(milne_grid, group)
    milne = scheme.initial_state(nuclei)
    while milne.tau < tau:
        scheme.step(milne)
    middle = grid.shape[2] // 2
    electric = fields.E[2, :, :, :, middle] / grid.a_z
    assert relative_difference(electric, milne.E[2, :, 0]) < 0.1
    for i in (0, 1):
        ours, theirs = group.link_to_matrix(milne.U[i, :, 0]), group.link_to_matrix(fields.U[i, :, :, :, middle])
        assert np.abs(ours - theirs).max() < 0.1 * np.abs(ours - np.eye(group.COLOURS)).max()
