"""The improved actions: their terms against matrices, their forces against differences, and what they are for weak fields."""

from __future__ import annotations

from dataclasses import fields as fields_of

import numpy as np
import pytest

from glasma.backend import Workers
from glasma.errors import ConfigError
from glasma.evolution.improved_action import LaboratoryAction, TransverseAction, largest_frequency
from glasma.evolution.improved_force import ImprovedForce
from glasma.group import dagger, su2, su3
from glasma.lattice.grid import FROZEN_CELLS
from glasma.lattice.storage import field_array
from tests.improved_terms import Terms, moved, random_links
from tests.states import random_omega, relative_difference, to_components, to_matrix, unitary

TRANSVERSE = [entry.name for entry in fields_of(TransverseAction)]
LABORATORY = list(LaboratoryAction.names())
PLANE, BOX, A_Z = (1, 5, 9), (4, 3, 15), 0.6

#: All terms at once.
EVERYTHING = TransverseAction(*(0.1 + 0.07 * n for n in range(len(TRANSVERSE))))


class Plane:
    """Random links and scalar of the transverse plane, and what an action gives there."""

    def __init__(self, group, action: TransverseAction, shape=PLANE, seed: int = 3, workers: Workers | None = None) -> None:
        rng = np.random.default_rng(seed)
        self.group, self.shape = group, shape
        self.U = random_links(group, 2, shape, seed)
        self.A = field_array((1, group.DIMENSION, *shape), np.float64)
        self.A[:] = rng.standard_normal(self.A.shape)
        terms = action.planes, group, shape, np.dtype(float), workers or Workers(), action.gradients
        self._force = ImprovedForce(*terms, action.gradient_diagonal, action.commutator)

    def potential(self, U: np.ndarray | None = None, A: np.ndarray | None = None) -> float:
        E = field_array((3, self.group.DIMENSION, *self.shape), np.float64)
        kick = self._force.kick(
            self.U if U is None else U, self.A if A is None else A, E, np.zeros((2, self.shape[2])), 1.0, 1.0
        )
        assert not E[:2].any()
        return sum(kick)

    def force(self) -> np.ndarray:
        E = field_array((3, self.group.DIMENSION, *self.shape), np.float64)
        self._force.kick(self.U, self.A, E, np.ones((2, self.shape[2])), 1.0, 1.0)
        return E


class Box:
    """Random links in three dimensions; with `ends` the box ends at z = 0 and nz, and only the inner links move."""

    def __init__(self, group, action: LaboratoryAction, ends: bool, seed: int = 3) -> None:
        self.group, self.U = group, random_links(group, 3, BOX, seed)
        self._force = ImprovedForce(action.planes((1.0, 1.0, A_Z)), group, BOX, np.dtype(float), Workers())
        self._interval = (0, BOX[2]) if ends else None
        self.scale = np.ones((3, BOX[2]))
        if ends:
            self.scale[:, :FROZEN_CELLS] = self.scale[:, -FROZEN_CELLS:] = 0
            self.scale[2, FROZEN_CELLS - 1] = 1

    def potential(self, U: np.ndarray | None = None) -> float:
        E = field_array((3, self.group.DIMENSION, *BOX), np.float64)
        return self._force.kick(self.U if U is None else U, None, E, 0 * self.scale, 1.0, interval=self._interval)[0]

    def force(self) -> np.ndarray:
        E = field_array((3, self.group.DIMENSION, *BOX), np.float64)
        self._force.kick(self.U, None, E, self.scale, 1.0, interval=self._interval)
        return E


def assert_force_is_minus_the_derivative(potential_at, work: float) -> None:
    """Central differences of fourth order along one direction; `work` is the force along it."""
    h = 1e-3
    one, two = (potential_at(n * h) - potential_at(-n * h) for n in (1, 2))
    assert -(8 * one - two) / (12 * h) == pytest.approx(work, rel=1e-7)


@pytest.mark.parametrize("name", TRANSVERSE)
def test_each_term_of_the_plane_is_that_of_matrices(group, name):
    plane = Plane(group, TransverseAction.from_dict({name: 1.0}))
    links = [group.link_to_matrix(link[:, 0]) for link in plane.U]
    expected = Terms(group, links, plane.A[0][:, 0], (1.0, 1.0)).values[name]
    assert plane.potential() == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("name", TRANSVERSE)
def test_forces_of_each_term_of_the_plane_are_minus_its_derivative(group, name, rng):
    plane = Plane(group, TransverseAction.from_dict({name: 1.0}))
    along_U = rng.standard_normal((2, group.DIMENSION, *PLANE))
    along_A = field_array(plane.A.shape, np.float64)
    along_A[:] = rng.standard_normal(along_A.shape)
    work = np.sum(plane.force() * np.concatenate([along_U, along_A]))

    def potential_at(t: float) -> float:
        A = field_array(plane.A.shape, np.float64)
        A[:] = plane.A + t * along_A
        return plane.potential(moved(group, plane.U, along_U, t), A)

    assert_force_is_minus_the_derivative(potential_at, work)


def test_each_term_in_three_dimensions_is_that_of_matrices(group):
    """On a periodic box, for all terms: the lattice is short enough for pairs to reach around it."""
    U = random_links(group, 3, BOX, 3)
    expected = Terms(group, [group.link_to_matrix(link) for link in U], None, (1.0, 1.0, A_Z)).values
    for name in LABORATORY:
        assert Box(group, LaboratoryAction({name: 1.0}), ends=False).potential() == pytest.approx(expected[name], rel=1e-11), (
            name
        )


@pytest.mark.parametrize("ends", [False, True], ids=["periodic", "ends"])
def test_forces_of_each_term_in_three_dimensions_are_minus_its_derivative(group, ends, rng):
    for name in LABORATORY:
        box = Box(group, LaboratoryAction({name: 1.0}), ends)
        along = rng.standard_normal((3, group.DIMENSION, *BOX)) * box.scale[:, None, None, None]
        force = box.force()
        assert not np.any(force * (box.scale[:, None, None, None] == 0))
        assert_force_is_minus_the_derivative(
            lambda t: box.potential(moved(group, box.U, along, t)),
            np.sum(force * along),
        )


@pytest.mark.parametrize("shape", [(1, 2, 2), (1, 3, 17), (1, 37, 8), (1, 70, 65)])
def test_lattices_of_any_size_agree_with_the_transposed_ones(shape):
    """The blocks and tiles of both axes: exchanging x and y changes the sign of F only."""
    plane = Plane(su2, EVERYTHING, shape)
    swapped = Plane(su2, EVERYTHING, (1, shape[2], shape[1]))
    swapped.U[:], swapped.A[:] = np.swapaxes(plane.U[::-1], -1, -2), np.swapaxes(plane.A, -1, -2)
    assert relative_difference(np.swapaxes(swapped.force()[[1, 0, 2]], -1, -2), plane.force()) < 1e-12
    assert swapped.potential() == pytest.approx(plane.potential(), rel=1e-12)


def test_forces_turn_with_the_gauge(group, rng):
    plane = Plane(group, EVERYTHING)
    omega = random_omega(group, PLANE, rng)
    turned = Plane(group, EVERYTHING)
    inverse = dagger(omega)
    for i, axis in ((0, 1), (1, 2)):
        turned.U[i] = group.link_from_matrix(omega @ group.link_to_matrix(plane.U[i]) @ np.roll(inverse, -1, axis))

    def rotated(f: np.ndarray) -> np.ndarray:
        return to_components(group, omega @ to_matrix(group, f) @ inverse)

    turned.A[0] = rotated(plane.A[0])
    expected = np.stack([rotated(f) for f in plane.force()])
    assert relative_difference(plane.force(), expected) > 0.1
    assert relative_difference(turned.force(), expected) < 1e-11
    assert turned.potential() == pytest.approx(plane.potential(), rel=1e-12)


def test_forces_do_not_depend_on_the_number_of_threads(group):
    one = Plane(group, EVERYTHING)
    for threads in (2, 5):
        many = Plane(group, EVERYTHING, workers=Workers(threads))
        np.testing.assert_array_equal(many.force(), one.force())
        assert many.potential() == one.potential()


def test_su2_embedded_in_su3_has_the_same_forces():
    """The rectangle too, which SU(2) makes of other terms and SU(3) of the products of plaquettes."""
    small, large = Plane(su2, EVERYTHING), Plane(su3, EVERYTHING)
    matrices = np.zeros((2, *PLANE, 3, 3), complex)
    matrices[..., 2, 2] = 1
    matrices[..., :2, :2] = su2.link_to_matrix(np.moveaxis(small.U, 1, 0))
    large.U[:] = np.moveaxis(su3.link_from_matrix(matrices), 0, 1)
    large.A[:] = 0
    large.A[:, :3] = small.A
    assert relative_difference(large.force()[:, :3], small.force()) < 1e-12
    assert np.abs(large.force()[:, 3:]).max() < 1e-12
    assert large.potential() == pytest.approx(small.potential(), rel=1e-12)


def weak_wave(group, action: TransverseAction, periods: int) -> tuple[float, float]:
    """V of a weak wave of one colour in links and scalar, over that of the continuum, and k²."""
    n, size = 24, 1e-4
    k = 2 * np.pi * periods / n
    wave = np.zeros((1, n, 4)) + np.cos(k * np.arange(n))[:, None]
    plane = Plane(group, action, (1, n, 4))
    phases = np.zeros((2, group.DIMENSION, 1, n, 4))
    phases[1, 0] = size * wave
    for i in (0, 1):
        plane.U[i] = group.link_from_matrix(unitary(group, phases[i]))
    plane.A[:] = 0
    plane.A[0, 0] = size * wave
    # ½ (∂_x A_y)² and ½ (∂_x φ)²
    return plane.potential() / (2 * 0.5 * k**2 * np.sum((size * wave) ** 2)), k**2


def test_symanzik_action_has_no_error_of_second_order(group):
    for action, order in ((TransverseAction.wilson(), 1), (TransverseAction.symanzik(), 2)):
        (coarse, k2), (fine, q2) = weak_wave(group, action, 2), weak_wave(group, action, 1)
        assert np.log((1 - coarse) / (1 - fine)) / np.log(k2 / q2) == pytest.approx(order, abs=0.05)


def test_largest_frequency_is_that_of_the_leapfrog_and_of_symanzik():
    assert largest_frequency(TransverseAction.wilson().planes, (1.0, 1.0, 1.0), (1.0, 0, 0, 0, 0)) == pytest.approx(8**0.5)
    assert largest_frequency(TransverseAction.symanzik().planes, (1.0, 1.0, 1.0), (0.0,) * 5) == pytest.approx((40 / 3) ** 0.5)
    spacings = (1.0, 1.0, 0.5)
    assert largest_frequency(LaboratoryAction.wilson().planes(spacings), spacings) == pytest.approx(24**0.5)


def test_coefficients_survive_a_dictionary():
    assert TransverseAction.from_dict(EVERYTHING.to_dict()) == EVERYTHING
    action = LaboratoryAction({name: 0.1 * n for n, name in enumerate(LABORATORY)})
    assert LaboratoryAction.from_dict(action.to_dict()) == action
    assert LaboratoryAction.wilson().to_dict()["plaquette.z"] == 1


@pytest.mark.parametrize(
    ("kind", "coefficients", "words"),
    [
        (TransverseAction, {"plaquete": 1.0}, "'plaquete' = 1.0: is not known; these are: plaquette, square"),
        (TransverseAction, {"square": float("nan")}, "square = nan: must be a finite number"),
        (TransverseAction, {"square": "1"}, "square = '1': must be a finite number"),
        (LaboratoryAction, {"plaquette": 1.0}, "'plaquette' = 1.0: is not known; these are: plaquette.xy"),
        (LaboratoryAction, {"across1.zt": float("inf")}, "across1.zt = inf: must be a finite number"),
    ],
)
def test_coefficients_that_do_not_fit_are_refused(kind, coefficients, words):
    with pytest.raises(ConfigError, match=words.replace("(", r"\(")):
        kind.from_dict(coefficients)


@pytest.mark.parametrize("coefficients", [{"plaquette": -1.0}, {"plaquette": 1.0, "gradient1": 1.0, "gradient2": -1.0}])
def test_actions_without_waves_are_refused(coefficients):
    action = TransverseAction(**coefficients)
    with pytest.raises(ConfigError, match="do not give waves"):
        largest_frequency(action.planes, (1.0, 1.0, 1.0), (*action.gradients, 0.0))
