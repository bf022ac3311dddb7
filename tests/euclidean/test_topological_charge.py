"""Topological charge of constant flux on the four-torus, under reflection and gauge transformations, in the continuum limit."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from glasma.euclidean.observables import plaquette
from glasma.euclidean.topological_charge import clover_field_strength, plaquette_field_strength, topological_charge_density
from tests.euclidean.states import flux_links, reflected, rough_links, transformed
from tests.states import dagger, unitary

DEFINITIONS = ("clover", "plaquette")
SITES = (1, 2, 3, 4)


def smooth_links(group, side, rng, strength=0.5):
    """Random low modes of A_μ, the same potential for every number of sites on a box of side 1, seen from the lattice."""
    modes = [(mu, a, mu2, kind) for mu in range(4) for a in range(group.DIMENSION) for mu2 in range(4) for kind in range(2)]
    coefficients = strength * rng.standard_normal(len(modes))
    x = 2 * np.pi * np.indices((side,) * 4) / side
    algebra = np.zeros((4, group.DIMENSION, *(side,) * 4))
    for c, (mu, a, nu, kind) in zip(coefficients, modes, strict=True):
        # at the middle of the link
        phase = x[nu] + (np.pi / side if nu == mu else 0)
        algebra[mu, a] += c * (np.cos(phase) if kind else np.sin(phase)) * 2 * np.pi / side
    return np.stack([unitary(group, A) for A in algebra])[None]


@pytest.mark.parametrize("definition", DEFINITIONS)
@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, -1), (2, 1), (0, 1)])
def test_constant_flux_has_the_charge_of_its_fluxes(group, definition, n, m, rng):
    """F_01 = f diag(1, −1, 0…), F_23 = g diag(1, −1, 0…): q = 2 sin f sin g/(4π²) at every site, and Q → 2 n m."""
    shape = (4, 6, 4, 4)
    U = flux_links(group, shape, n, m)
    f, g = 2 * np.pi * n / 24, 2 * np.pi * m / 16
    expected = np.sin(f) * np.sin(g) / (2 * np.pi**2)
    np.testing.assert_allclose(topological_charge_density(U, definition), expected, atol=1e-15)
    hidden = transformed(U, group, rng)
    np.testing.assert_allclose(topological_charge_density(hidden, definition), expected, atol=1e-14)
    assert np.prod(shape) * expected == pytest.approx(2 * n * m, rel=0.08)


def test_plaquette_of_constant_flux_is_its_cosine(group):
    """The links of the test above are what they are meant to be, at the seams as well."""
    f, g = 2 * np.pi / 24, 2 * np.pi / 16
    one = [1 - 2 / group.COLOURS + 2 / group.COLOURS * np.cos(phase) for phase in (f, g)]
    assert plaquette(flux_links(group, (4, 6, 4, 4), 1, 1))[0] == pytest.approx((4 + sum(one)) / 6, abs=1e-14)


@pytest.mark.parametrize("axis", range(4))
def test_reflection_turns_the_sign(group, axis, rng):
    U = rough_links(group, (2, 4, 3, 4), rng)
    q, mirrored = (topological_charge_density(links) for links in (U, reflected(U, axis)))
    np.testing.assert_allclose(mirrored, -np.roll(np.flip(q, axis + 1), 1, axis + 1), atol=1e-14)
    assert np.abs(q).max() > 1e-3
    np.testing.assert_allclose(reflected(reflected(U, axis), axis), U, atol=0)


@pytest.mark.parametrize("definition", DEFINITIONS)
@pytest.mark.parametrize("pair", list(combinations(range(4), 2)))
def test_exchange_of_two_axes_turns_the_sign(group, definition, pair, rng):
    U = rough_links(group, (2, 4, 3, 4), rng)
    order = list(range(4))
    order[pair[0]], order[pair[1]] = pair[1], pair[0]
    exchanged = np.moveaxis(U[:, order], [2 + axis for axis in order], range(2, 6))
    q = topological_charge_density(U, definition)
    expected = -np.moveaxis(q, [1 + axis for axis in order], SITES)
    np.testing.assert_allclose(topological_charge_density(exchanged, definition), expected, atol=1e-14)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_density_is_gauge_invariant(group, definition, rng):
    U = rough_links(group, (2, 4, 3, 4), rng)
    q = topological_charge_density(U, definition)
    np.testing.assert_allclose(topological_charge_density(transformed(U, group, rng), definition), q, atol=1e-14)


def test_clover_is_the_mean_of_the_four_leaves(group, rng):
    """Each leaf multiplied out by itself."""
    U = rough_links(group, (4, 2, 3, 4), rng)
    for mu, nu in ((0, 1), (3, 1), (2, 3)):
        leaves = 0
        for a, b, s, t in ((mu, nu, 1, 1), (nu, mu, 1, -1), (mu, nu, -1, -1), (nu, mu, -1, 1)):
            leaves = leaves + leaf(U, a, s, b, t)
        skew = (leaves - dagger(leaves)) / 8j
        skew = skew - np.trace(skew, axis1=-2, axis2=-1)[..., None, None] * np.eye(group.COLOURS) / group.COLOURS
        np.testing.assert_allclose(clover_field_strength(U, mu, nu), skew, atol=1e-14)
        np.testing.assert_allclose(clover_field_strength(U, nu, mu), -skew, atol=1e-14)
        F = plaquette_field_strength(U, mu, nu)
        np.testing.assert_allclose(F, dagger(F), atol=1e-15)


def leaf(U, a, s, b, t):
    """The plaquette from x by s a, t b, −s a, −t b."""
    at, product = np.zeros(4, int), np.eye(U.shape[-1])
    for axis, sign in ((a, s), (b, t), (a, -s), (b, -t)):
        at[axis] -= sign < 0
        link = np.roll(U[:, axis], tuple(-at), SITES)
        product = product @ (link if sign > 0 else dagger(link))
        at[axis] += sign > 0
    return product


def test_definitions_agree_in_the_continuum_limit(group):
    """Total charge 0 of a periodic potential; densities approach each other as a."""
    differences = []
    for side in (4, 8):
        rng = np.random.default_rng(3)
        U = smooth_links(group, side, rng, 0.1)
        q = {d: topological_charge_density(U, d) * side**4 for d in DEFINITIONS}
        differences.append(np.abs(q["clover"] - q["plaquette"]).mean() / np.abs(q["clover"]).mean())
    assert abs(q["clover"].mean()) < 0.05 * np.abs(q["clover"]).mean()
    assert differences[1] < 0.65 * differences[0]


@pytest.mark.parametrize(
    ("shape", "definition", "words"),
    [((4, 4), "clover", "needs four dimensions"), ((2, 2, 2, 2), "cloves", "'clover' or 'plaquette'")],
)
def test_what_has_no_charge_is_refused(shape, definition, words, group, rng):
    with pytest.raises(ValueError, match=words):
        topological_charge_density(rough_links(group, shape, rng), definition)
