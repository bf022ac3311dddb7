"""The local rest frame: perfect fluids, boosts, and tensors that have none."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.lattice.grid import Grid
from glasma.observables.landau_frame import landau_frame, longitudinal_frame
from glasma.observables.stress_energy import stress_tensor
from tests.states import rough_fields

METRIC = np.diag([1.0, -1, -1, -1])
ORDER = ((0, 0), (0, 1), (0, 2), (0, 3), (1, 1), (2, 2), (3, 3), (1, 2), (1, 3), (2, 3))


def velocities(rng: np.random.Generator, count: int, largest: float = 2.0) -> np.ndarray:
    """u^μ = (cosh y, n sinh y), (count, 4)."""
    directions = rng.standard_normal((count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    y = rng.uniform(0, largest, count)
    return np.column_stack([np.cosh(y), np.sinh(y)[:, None] * directions])


def boosts(u: np.ndarray) -> np.ndarray:
    """Λ(u) with Λ (1, 0, 0, 0) = u."""
    matrices = np.tile(np.eye(4), (len(u), 1, 1))
    matrices[:, 0, 0] = u[:, 0]
    matrices[:, 0, 1:] = matrices[:, 1:, 0] = u[:, 1:]
    matrices[:, 1:, 1:] += u[:, 1:, None] * u[:, None, 1:] / (1 + u[:, 0])[:, None, None]
    return matrices


def boosted(matrices: np.ndarray, T: np.ndarray) -> np.ndarray:
    return matrices @ T @ np.swapaxes(matrices, 1, 2)


def components(T: np.ndarray) -> np.ndarray:
    return np.stack([T[:, mu, nu] for mu, nu in ORDER])


def matrices_of(tensor: np.ndarray) -> np.ndarray:
    T = np.empty((tensor.shape[1], 4, 4))
    for component, (mu, nu) in zip(tensor, ORDER, strict=True):
        T[:, mu, nu] = T[:, nu, mu] = component
    return T


def test_perfect_fluid_gives_its_energy_density_and_velocity(rng):
    """T^{μν} = (ε + p) u^μ u^ν − p g^{μν}"""
    eps, u = rng.uniform(0.1, 1e3, 500), velocities(rng, 500)
    pressure = rng.uniform(-0.9, 1, 500) * eps
    T = (eps + pressure)[:, None, None] * u[:, :, None] * u[:, None, :] - pressure[:, None, None] * METRIC
    found, velocity = landau_frame(components(T))
    np.testing.assert_allclose(found, eps, rtol=2e-11)
    np.testing.assert_allclose(velocity.T, u, rtol=0, atol=1e-11 * np.cosh(2.0))


def test_three_pressures_of_any_sign_in_any_frame(rng):
    eps, u = rng.uniform(0.5, 2, 300), velocities(rng, 300)
    pressures = rng.uniform(-0.95, 0.95, (300, 3)) * eps[:, None]
    rest = np.zeros((300, 4, 4))
    rest[:, 0, 0] = eps
    for i in range(3):
        rest[:, i + 1, i + 1] = pressures[:, i]
    found, velocity = landau_frame(components(boosted(boosts(u), rest)))
    np.testing.assert_allclose(found, eps, rtol=1e-10)
    np.testing.assert_allclose(velocity.T, u, atol=1e-9)


def field_tensors(group, workers) -> np.ndarray:
    fields = rough_fields(Grid((4, 4, 16), anisotropy=0.5), group)
    return stress_tensor(fields, workers, [fields.grid.interior])[..., 3:-3].reshape(10, -1)


def test_yang_mills_fields_have_a_rest_frame_that_moves_with_a_boost(group, workers, rng):
    tensor = field_tensors(group, workers)
    eps, velocity = landau_frame(tensor)
    assert np.isfinite(eps).all()
    T = matrices_of(tensor)
    flow = np.einsum("nij,jk,kn->in", T, METRIC, velocity)
    np.testing.assert_allclose(flow, eps * velocity, atol=1e-11 * eps.max())
    matrices = boosts(velocities(rng, len(eps), 1.0))
    found, moved = landau_frame(components(boosted(matrices, T)))
    np.testing.assert_allclose(found, eps, rtol=1e-9)
    np.testing.assert_allclose(moved, np.einsum("nij,jn->in", matrices, velocity), rtol=1e-8, atol=1e-8)


def test_energy_density_is_the_smallest_that_any_observer_sees(group, workers, rng):
    tensor = field_tensors(group, workers)
    eps, _ = landau_frame(tensor)
    observers = velocities(rng, 40) @ METRIC
    seen = np.einsum("oi,nij,oj->on", observers, matrices_of(tensor), observers)
    assert np.all(seen >= eps * (1 - 1e-12))


def test_result_does_not_depend_on_shape_and_chunks(group, workers):
    tensor = field_tensors(group, workers)
    eps, velocity = landau_frame(tensor)
    again, moving = landau_frame(tensor.reshape(10, 4, -1), sites_per_chunk=7)
    np.testing.assert_allclose(again.ravel(), eps, rtol=1e-12)
    np.testing.assert_allclose(moving.reshape(4, -1), velocity, rtol=1e-10, atol=1e-12)


def test_longitudinal_fields_rest_in_the_frame_nearest_to_the_observer(rng):
    """T = diag(ε, ε, ε, −ε) looks the same after every boost along z; a sideways boost is seen."""
    flux_tube = np.diag([3.0, 3, 3, -3])
    sideways = np.array([[np.cosh(0.7), np.sinh(0.7), 0, 0]])
    along = np.array([[np.cosh(1.5), 0, 0, np.sinh(1.5)]])
    T = np.stack([flux_tube, boosted(boosts(along), flux_tube[None])[0], boosted(boosts(sideways), flux_tube[None])[0]])
    eps, velocity = landau_frame(components(T))
    np.testing.assert_allclose(eps, 3, rtol=1e-12)
    np.testing.assert_allclose(velocity.T, [[1, 0, 0, 0], [1, 0, 0, 0], sideways[0]], atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_moves_with_the_speed_of_light_has_no_rest_frame(dtype, rng):
    n = rng.standard_normal(3)
    k = np.array([1, *(n / np.linalg.norm(n))])
    T = np.stack([2.5 * np.outer(k, k), np.zeros((4, 4)), np.full((4, 4), np.nan)])
    eps, velocity = landau_frame(components(T).astype(dtype))
    np.testing.assert_array_equal(eps, [np.nan, 0, np.nan])
    np.testing.assert_array_equal(np.isnan(velocity).all(axis=0), [True, False, True])
    np.testing.assert_array_equal(velocity[:, 1], [1, 0, 0, 0])


def test_energy_that_flows_faster_than_light_has_no_rest_frame():
    T = np.array([[1.0, 0, 0, 2], [0, 0.2, 0, 0], [0, 0, 0.2, 0], [2, 0, 0, 1]])
    assert np.isnan(landau_frame(components(T[None]))[0]).all()
    eps, v_z = longitudinal_frame(T[0, 0], T[0, 3], T[3, 3])
    assert np.isnan(eps)
    assert np.isnan(v_z)


def test_a_tensor_of_another_order_is_refused():
    with pytest.raises(ValueError, match="needs the 10 components"):
        landau_frame(np.zeros((4, 4, 3)))


def test_longitudinal_frame_is_the_full_one_for_flow_along_the_beam(rng):
    y = rng.uniform(-2, 2, 200)
    eps, p = rng.uniform(0.1, 10, 200), rng.uniform(-0.9, 0.9, 200)
    zero = np.zeros(200)
    u = np.column_stack([np.cosh(y), zero, zero, np.sinh(y)])
    rest = np.zeros((200, 4, 4))
    rest[:, 0, 0], rest[:, 3, 3] = eps, p * eps
    rest[:, 1, 1] = rest[:, 2, 2] = (1 - p) * eps / 2
    T = boosted(boosts(u), rest)
    found, v_z = longitudinal_frame(T[:, 0, 0], T[:, 0, 3], T[:, 3, 3])
    np.testing.assert_allclose(found, eps, rtol=1e-11)
    np.testing.assert_allclose(v_z, np.tanh(y), rtol=1e-10, atol=1e-12)
    full, velocity = landau_frame(components(T))
    np.testing.assert_allclose(full, found, rtol=1e-10)
    np.testing.assert_allclose(velocity[3] / velocity[0], v_z, atol=1e-10)


def test_longitudinal_frame_at_its_limits():
    """Flux tubes, a nucleus, the vacuum."""
    eps, v_z = longitudinal_frame(np.array([2.0, 2.0, 0.0]), np.array([0.0, 2.0, 0.0]), np.array([-2.0, 2.0, 0.0]))
    np.testing.assert_allclose(eps, [2, 0, 0])
    np.testing.assert_allclose(v_z, [0, 1, 0])
