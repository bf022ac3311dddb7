"""The dipole correlator: against sums over pairs, from Wilson lines and from links, and the saturation scale."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.errors import ConfigError
from glasma.evolution.leapfrog import Leapfrog
from glasma.group import su3
from glasma.lattice.fields import vacuum
from glasma.lattice.gauge import gauge_transform
from glasma.lattice.grid import Grid
from glasma.observables.dipole import Dipole, dipole, dipole_from_links, dipole_map, wilson_line_behind
from tests.states import dagger, nucleus, random_omega, relative_difference


def test_correlator_is_the_mean_over_all_pairs(group, rng):
    V = random_omega(group, (4, 6), rng)
    C = dipole_map(V)
    for displacement in ((0, 0), (1, 0), (2, 5), (3, 3)):
        shifted = np.roll(V, tuple(-r for r in displacement), axis=(0, 1))
        expected = np.trace(dagger(V) @ shifted, axis1=-2, axis2=-1).real.mean() / group.COLOURS
        assert C[displacement] == pytest.approx(expected, abs=1e-14)
    assert C[0, 0] == pytest.approx(1, abs=1e-14)


def test_a_global_rotation_on_either_side_changes_nothing(group, rng):
    V = random_omega(group, (5, 5), rng)
    left, right = random_omega(group, (), rng), random_omega(group, (), rng)
    np.testing.assert_allclose(dipole_map(left @ V @ right), dipole_map(V), atol=1e-14)


def test_bins_hold_every_displacement_up_to_half_the_box_once(group, rng):
    V = random_omega(group, (8, 8), rng)
    C, found = dipole_map(V), dipole(V)
    distance = np.hypot(*np.meshgrid(*2 * [np.array([0, 1, 2, 3, 4, 3, 2, 1])], indexing="ij"))
    second = (distance >= 0.5) & (distance < 1.5)
    assert found.r[1] == pytest.approx(distance[second].mean())
    assert found.C[1] == pytest.approx(C[second].mean())
    assert (found.r[0], found.r[-1]) == (0, pytest.approx(4, abs=0.5))


def test_gaussian_correlator_gives_back_its_saturation_scale():
    """C = exp(−Q_s² r²/4); linear interpolation of ln C in r leaves an error of second order in the bin."""
    errors = []
    for width in (1.0, 0.5):
        r = np.arange(0, 20, width)
        errors.append(abs(Dipole(r, np.exp(-(0.23**2) * r**2 / 4)).saturation_scale / 0.23 - 1))
    assert errors[0] < 4e-3
    assert errors[1] < 1e-3


def test_saturation_scale_when_the_next_value_is_negative():
    assert Dipole(np.array([0.0, 1, 2]), np.array([1.0, 0.9, -0.1])).saturation_scale == pytest.approx(
        2**0.5 / (1 + (0.9 - np.exp(-0.5)))
    )


def test_unknown_saturation_scale_is_one_line():
    with pytest.raises(ConfigError, match=r"C\(r\) does not fall to exp\(-1/2\) up to r = 4 a_T .*enlarge") as refused:
        _ = Dipole(np.array([0.0, 2, 4]), np.array([1.0, 0.9, 0.8])).saturation_scale
    assert "\n" not in str(refused.value)


def test_weak_colour_field_gives_the_correlator_of_its_potential(group):
    """1 − C(r) = [⟨φ^a φ^a⟩(0) − ⟨φ^a φ^a⟩(r)]/(2 N_c) to lowest order."""
    grid = Grid((16, 16, 8))
    weak = nucleus(grid, group, 1, g2mu=1e-4)
    phi = 2 * np.einsum("aij,xyji->axy", group.GENERATORS, weak.potential).real
    correlator = np.fft.ifft2((np.abs(np.fft.fft2(phi)) ** 2).sum(axis=0)).real / 256
    expected = (correlator[0, 0] - correlator) / (2 * group.COLOURS)
    np.testing.assert_allclose(1 - dipole_map(wilson_line_behind(weak)), expected, atol=1e-4 * expected.max())


@pytest.fixture(params=[1, -1])
def flying(request, group, grid):
    """A nucleus that has flown for a while, and planes behind and ahead of it."""
    single = nucleus(grid, group, request.param, g2mu=2.0)
    scheme = Leapfrog(grid, group)
    fields = scheme.initial_state([single])
    start = round(grid.middle - 10 * request.param)
    return scheme, fields, single, start - 14 * request.param, start + 14 * request.param


def test_links_give_the_correlator_of_the_wilson_lines(flying):
    _, fields, single, behind, ahead = flying
    C = dipole_map(wilson_line_behind(single))
    found = dipole_from_links(fields, behind, ahead)
    largest = len(found.r) - 1
    np.testing.assert_allclose(found.C, (C[: largest + 1, 0] + C[0, : largest + 1]) / 2, atol=1e-13)
    assert found.C.min() < 0.9


def test_correlator_of_the_links_is_gauge_invariant_in_flight(flying, rng):
    scheme, fields, _, behind, ahead = flying
    for _ in range(6):
        scheme.step(fields)
    transformed = gauge_transform(fields, random_omega(fields.group, fields.grid.shape, rng))
    found, expected = (dipole_from_links(state, behind, ahead) for state in (transformed, fields))
    assert relative_difference(found.C, expected.C) < 1e-13


def test_planes_outside_the_lattice_are_refused(grid):
    with pytest.raises(ValueError, match="two different planes of 0 to 63"):
        dipole_from_links(vacuum(grid, su3), 5, 64)
