"""The group functions against complex matrices."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from glasma.group import GROUPS, group_named
from tests.states import antihermitian_part, dagger, to_components, to_matrix

ROUNDING = 2e-14

examples = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def draw_algebra(group, data, largest=3.0):
    """Algebra components with norm up to `largest`."""
    component = st.floats(-1, 1, allow_subnormal=False)
    f = np.array(data.draw(st.lists(component, min_size=group.DIMENSION, max_size=group.DIMENSION)))
    size = data.draw(st.floats(0, largest, allow_subnormal=False))
    return size * f / max(1e-3, np.linalg.norm(f))


def draw_matrix(group, data):
    """A group element as a complex matrix."""
    return scipy.linalg.expm(1j * to_matrix(group, draw_algebra(group, data)))


def as_link(group, matrix):
    return tuple(float(c) for c in group.link_from_matrix(matrix))


def as_matrix(group, link):
    return group.link_to_matrix(np.array(link))


def as_algebra(f):
    return tuple(float(c) for c in f)


def test_generators_are_hermitian_traceless_and_normalised_to_one_half(group):
    t = group.GENERATORS
    np.testing.assert_array_equal(t, dagger(t))
    assert np.abs(np.einsum("aii->a", t)).max() < 1e-15
    np.testing.assert_allclose(np.einsum("aij,bji->ab", t, t), np.eye(group.DIMENSION) / 2, atol=1e-15)


def test_identity_components_are_the_unit_matrix(group):
    np.testing.assert_array_equal(as_matrix(group, group.IDENTITY), np.eye(group.COLOURS))


def test_group_is_found_by_its_name(group):
    assert group_named(group.NAME) is group
    assert GROUPS[group.NAME] is group


@examples
@given(st.data())
def test_link_components_and_matrix_are_the_same_element(group, data: DataObject):
    u = draw_matrix(group, data)
    link = group.link_from_matrix(u)
    assert link.shape == (group.LINK_REALS,)
    np.testing.assert_allclose(group.link_to_matrix(link), u, atol=ROUNDING)
    np.testing.assert_allclose(group.link_from_matrix(group.link_to_matrix(link)), link, atol=ROUNDING)


@examples
@given(st.data())
def test_product_and_dagger(group, data: DataObject):
    u, v = draw_matrix(group, data), draw_matrix(group, data)
    np.testing.assert_allclose(as_matrix(group, group.mul(as_link(group, u), as_link(group, v))), u @ v, atol=ROUNDING)
    np.testing.assert_allclose(as_matrix(group, group.dagger(as_link(group, u))), dagger(u), atol=ROUNDING)


@examples
@given(st.data())
def test_exponential_is_the_matrix_exponential_and_a_group_element(group, data: DataObject):
    """|s f| up to 3, with the length shared between s and f."""
    f = draw_algebra(group, data)
    share = data.draw(st.sampled_from([1.0, -1.0, 0.25, -4.0]))
    u = as_matrix(group, group.exp(share, as_algebra(f / share)))
    np.testing.assert_allclose(u, scipy.linalg.expm(1j * to_matrix(group, f)), atol=ROUNDING)
    np.testing.assert_allclose(u @ dagger(u), np.eye(group.COLOURS), atol=ROUNDING)
    assert abs(np.linalg.det(u) - 1) < ROUNDING


@examples
@given(st.data())
def test_rotations_are_the_adjoint_representation(group, data: DataObject):
    u, f = draw_matrix(group, data), draw_algebra(group, data)
    x = to_matrix(group, f)
    np.testing.assert_allclose(
        group.rotate(as_link(group, u), as_algebra(f)), to_components(group, u @ x @ dagger(u)), atol=ROUNDING
    )
    np.testing.assert_allclose(
        group.rotate_back(as_link(group, u), as_algebra(f)), to_components(group, dagger(u) @ x @ u), atol=ROUNDING
    )


@examples
@given(st.data())
def test_antihermitian_part_of_differences_and_of_products(group, data: DataObject):
    u, v = draw_matrix(group, data), draw_matrix(group, data)
    a, b = as_link(group, u), as_link(group, v)
    difference = group.subtract(a, b)
    np.testing.assert_allclose(as_matrix(group, difference), u - v, atol=ROUNDING)
    np.testing.assert_allclose(group.antihermitian(difference), antihermitian_part(group, u - v), atol=ROUNDING)
    np.testing.assert_allclose(group.antihermitian_mul_dagger(a, b), antihermitian_part(group, u @ dagger(v)), atol=ROUNDING)


@examples
@given(st.data())
def test_antihermitian_part_inverts_the_exponential_for_weak_fields(group, data: DataObject):
    f = draw_algebra(group, data, largest=1e-4)
    np.testing.assert_allclose(group.antihermitian(group.exp(1.0, as_algebra(f))), f, atol=1e-12)


@examples
@given(st.data())
def test_norms_and_linear_combinations(group, data: DataObject):
    u, v = draw_matrix(group, data), draw_matrix(group, data)
    f, g = draw_algebra(group, data), draw_algebra(group, data)
    difference = group.subtract(as_link(group, u), as_link(group, v))
    assert group.norm2(difference) == pytest.approx(np.sum(np.abs(u - v) ** 2), abs=ROUNDING)
    assert group.dot(as_algebra(f), as_algebra(g)) == pytest.approx(f @ g, abs=ROUNDING)
    np.testing.assert_allclose(group.add_scaled(as_algebra(f), -0.7, as_algebra(g)), f - 0.7 * g, atol=ROUNDING)


@examples
@given(st.data())
def test_gradients_are_those_of_matrices(group, data: DataObject):
    """[a (h + iw)]_ah and [(h + iw) a]_ah."""
    a, w, h = draw_matrix(group, data), draw_algebra(group, data), data.draw(st.floats(-2, 2))
    factor = h * np.eye(group.COLOURS) + 1j * to_matrix(group, w)
    for gradient, product in ((group.left_gradient, a @ factor), (group.right_gradient, factor @ a)):
        found = gradient(as_link(group, a), h, as_algebra(w))
        np.testing.assert_allclose(found, antihermitian_part(group, product), atol=ROUNDING)
    np.testing.assert_allclose(group.scaled(h, as_algebra(w)), h * w, atol=ROUNDING)
    distance = np.sum(np.abs(a - np.eye(group.COLOURS)) ** 2)
    assert group.distance2(as_link(group, a)) == pytest.approx(distance, abs=ROUNDING)


@examples
@given(st.data())
def test_unitarise_returns_the_nearest_unitary_matrix(group, data: DataObject):
    """One Newton step squares the defect; the limit is the unitary factor of the polar decomposition."""
    u = draw_matrix(group, data)
    link = (1 + 1e-6) * np.array(as_link(group, u)) + 1e-7 * np.cos(np.arange(group.LINK_REALS))
    nearest, _ = scipy.linalg.polar(group.link_to_matrix(link))
    cured = group.unitarise(as_algebra(link))
    assert group.unitarity_defect(as_algebra(link)) > 1e-7
    assert group.unitarity_defect(cured) < 1e-11
    np.testing.assert_allclose(as_matrix(group, cured), nearest, atol=1e-11)


@examples
@given(st.data())
def test_unitarity_defect_is_the_distance_from_unitarity(group, data: DataObject):
    """The Frobenius norm of U†U − 1, in SU(2) without the factor √2 of its two equal entries."""
    u = draw_matrix(group, data)
    scale = 1 + data.draw(st.floats(-0.1, 0.1))
    expected = np.linalg.norm(scale**2 * dagger(u) @ u - np.eye(group.COLOURS))
    normalisation = np.sqrt(2) if group.COLOURS == 2 else 1
    defect = group.unitarity_defect(as_link(group, scale * u))
    assert defect * normalisation == pytest.approx(expected, abs=1e-13)


@examples
@given(data=st.data())
def test_cross_product_is_the_commutator(group, data):
    f, g = draw_algebra(group, data), draw_algebra(group, data)
    F, G = to_matrix(group, f), to_matrix(group, g)
    expected = to_components(group, -1j * (F @ G - G @ F))
    np.testing.assert_allclose(group.cross(as_algebra(f), as_algebra(g)), expected, atol=ROUNDING * 10)


@examples
@given(st.data())
def test_two_rows_hold_the_whole_link(data: DataObject):
    whole, two_rows = group_named("SU(3)"), group_named("SU(3)", "two_rows")
    u = draw_matrix(whole, data)
    link = two_rows.link_from_matrix(u)
    assert link.shape == (two_rows.LINK_REALS,) == (12,)
    np.testing.assert_array_equal(two_rows.link_to_matrix(link)[:2], u[:2])
    np.testing.assert_allclose(two_rows.link_to_matrix(link), u, atol=ROUNDING)

    U = np.zeros((1, 12, 1, 1, 1))
    two_rows.store(U, 0, 0, 0, 0, as_link(whole, u))
    np.testing.assert_array_equal(U.reshape(12), link)
    np.testing.assert_allclose(as_matrix(whole, two_rows.load(U, 0, 0, 0, 0)), u, atol=ROUNDING)


def test_two_rows_have_every_function_of_the_group():
    whole, two_rows = group_named("SU(3)"), group_named("SU(3)", "two_rows")
    public = {name for name in vars(whole) if not name.startswith("_")} - {"annotations", "factorial"}
    assert public <= set(vars(two_rows))
    with pytest.raises(KeyError):
        group_named("SU(2)", "two_rows")
