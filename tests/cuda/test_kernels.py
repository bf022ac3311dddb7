"""Every kernel of the GPU against its twin on the CPU, on links and fields without any smoothness."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from glasma.cuda import gauss
from glasma.cuda.boost_invariant import CudaBoostInvariant
from glasma.cuda.device import to_device, to_host
from glasma.cuda.leapfrog import CudaLeapfrog
from glasma.cuda.semi_implicit import CudaSemiImplicit
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.leapfrog import Leapfrog
from glasma.evolution.semi_implicit import SemiImplicit
from glasma.lattice.charges import Charges
from glasma.lattice.fields import Fields
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields
from glasma.lattice.storage import on_host
from glasma.observables.measure import Measurement
from tests.states import random_omega, rough_fields

#: Rounding of sums of some hundred terms of order one.
ROUNDING = 1e-12

#: Smaller than the slabs and blocks of a GPU, and no multiple of those of the simulator.
GRID = Grid((3, 4, 11), anisotropy=0.5, substeps=2)
PLANE = Grid((4, 3, 1), substeps=4)

#: As a rank has it where the region that moves begins just behind its planes: the longitudinal links before it, and no plane.
BORDER = (10, 10)


def charged_fields(group: ModuleType, dtype: type = np.float64) -> Fields:
    """Rough fields with two nuclei that overlap."""
    fields, rng = rough_fields(GRID, group), np.random.default_rng(7)
    shape = 2, group.DIMENSION, *GRID.shape[:2], 3
    fields.charges = tuple(Charges(rng.standard_normal(shape).astype(dtype), 4, way, moves=1) for way in (1, -1))
    return Fields(GRID, group, fields.U.astype(dtype), fields.E.astype(dtype), fields.charges, 5, 0.25)


def milne_fields(group: ModuleType) -> MilneFields:
    rng = np.random.default_rng(8)
    shape = 1, *PLANE.shape[:2]
    links = np.stack([group.link_from_matrix(random_omega(group, shape, rng)) for _ in range(2)])
    A, E = (rng.standard_normal((n, group.DIMENSION, *shape)) for n in (1, 3))
    return MilneFields(PLANE, group, links, A, E, step=8, work=0.5)


def assert_same(found: Fields | MilneFields, expected: Fields | MilneFields, tolerance: float = ROUNDING) -> None:
    here = to_host(found)
    for name in ("U", "E", "A"):
        if hasattr(expected, name):
            np.testing.assert_allclose(getattr(here, name), getattr(expected, name), rtol=0, atol=tolerance, err_msg=name)
    for one, other in zip(getattr(here, "charges", ()), getattr(expected, "charges", ()), strict=True):
        np.testing.assert_allclose(one.q, other.q, rtol=0, atol=tolerance)
        assert one.moves == other.moves
    assert found.work == pytest.approx(expected.work, rel=tolerance, abs=tolerance)
    assert found.step == expected.step


def assert_same_measurement(found: Measurement, expected: Measurement) -> None:
    for name in ("components", "tensor"):
        size = np.abs(getattr(expected, name)).max()
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=0, atol=ROUNDING * size)
    for name in ("side_view", "front_view"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-6)
        assert getattr(found, name).dtype == np.float32


def leapfrogs(group: ModuleType, dtype: type = np.float64) -> tuple[Leapfrog, CudaLeapfrog]:
    return Leapfrog(GRID, group, dtype, only_active=False), CudaLeapfrog(GRID, group, dtype, only_active=False)


def test_state_goes_to_the_device_and_back_unchanged(group: ModuleType) -> None:
    for fields in (charged_fields(group), milne_fields(group)):
        device = to_device(fields)
        back = to_host(device)
        assert_same(device, fields, 0.0)
        assert back.U.strides == fields.U.strides
        device.U[...] = 0
        assert np.abs(fields.U).max() > 0


def test_step_is_that_of_the_cpu(group: ModuleType) -> None:
    host, device = leapfrogs(group)
    expected = charged_fields(group)
    found = to_device(expected)
    start = expected.copy()
    host.step(expected)
    device.step(found)
    assert_same(found, expected)
    # static planes are static to the bit
    assert np.array_equal(to_host(found).U[..., :2], start.U[..., :2])
    assert np.array_equal(to_host(found).E[:2, ..., 8:], start.E[:2, ..., 8:])


def test_force_within_two_intervals_is_that_of_the_cpu(group: ModuleType) -> None:
    host, device = leapfrogs(group)
    expected, region = rough_fields(GRID, group), [(3, 4), (6, 8), BORDER]
    found = to_device(expected)
    host._kick(expected, region)
    device._kick(found, region)
    host._drift(expected, region, lambda: None)
    device._drift(found, region, lambda: None)
    assert_same(found, expected)


def test_single_precision_stays_single(group: ModuleType) -> None:
    host, device = leapfrogs(group, np.float32)
    expected = charged_fields(group, np.float32)
    found = to_device(expected)
    host.step(expected)
    device.step(found)
    assert found.U.dtype == found.E.dtype == np.float32
    assert_same(found, expected, 1e-4)


def test_gauss_and_unitarity_are_those_of_the_cpu(group: ModuleType) -> None:
    host, device = leapfrogs(group)
    for fields in (charged_fields(group), rough_fields(GRID, group)):
        found, expected = device.gauss_residual(to_device(fields)), host.gauss_residual(fields)
        for name in ("max_rel", "rms_rel", "scale"):
            assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=ROUNDING)
    fields.U[1, 0, 2, 1, 5] += 0.01
    found = device.unitarity_violation(to_device(fields))
    assert found == pytest.approx(host.unitarity_violation(fields), rel=ROUNDING)
    fields.U[2, 1, 0, 3, 10] = np.nan
    assert np.isnan(device.unitarity_violation(to_device(fields)))


def test_measurement_is_that_of_the_cpu(group: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """In slabs of two planes and of one: what a slab needs of the planes around it is there."""
    monkeypatch.setattr("glasma.cuda.device._SITES_AT_ONCE", 2 * GRID.sites // GRID.shape[0])
    host, device = leapfrogs(group)
    fields = charged_fields(group)
    there = to_device(fields)
    assert_same_measurement(device.measure(there), host.measure(fields))
    assert device.energy(there) == pytest.approx(host.energy(fields), rel=ROUNDING)
    found, expected = device.stress_tensor(there, 2, 3), host.stress_tensor(fields, 2, 3)
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING * np.abs(expected).max())


def test_density_is_that_of_the_charges(group: ModuleType) -> None:
    fields = charged_fields(group)
    expected = np.zeros((group.DIMENSION, *GRID.shape[1:]))
    for charges in fields.charges:
        charges.add_density(expected, 1)
    assert np.array_equal(on_host(gauss.density(to_device(fields), 1, 2))[0, :, 0], expected)


def test_momentum_and_relaxation_of_the_semi_implicit_scheme_are_those_of_the_cpu(group: ModuleType) -> None:
    host, device = SemiImplicit(GRID, group, only_active=False), CudaSemiImplicit(GRID, group, only_active=False)
    expected, region = rough_fields(GRID, group), [GRID.interior, BORDER]
    found = to_device(expected)
    assert device._momentum(found, region) == pytest.approx(host._momentum(expected, region), rel=ROUNDING)
    size = np.abs(host._buffers.momentum).max()
    difference = on_host(device._buffers.momentum) - host._buffers.momentum
    assert np.abs(difference).max() <= ROUNDING * size
    for scheme, fields in ((host, expected), (device, found)):
        scheme._buffers.residual[...] = scheme._buffers.momentum
        scheme._relax(fields, region, *map(np.float64, (0.8, 0.3, 0.02)))
    assert_same(found, expected, ROUNDING * size)


def test_boost_invariant_step_and_what_is_seen_are_those_of_the_cpu(group: ModuleType) -> None:
    host, device = BoostInvariant(PLANE, group), CudaBoostInvariant(PLANE, group)
    expected = milne_fields(group)
    found = to_device(expected)
    for _ in range(2):  # the first brings the links back into the group
        host.step(expected)
        device.step(found)
    assert_same(found, expected)
    one, other = device.gauss_residual(found), host.gauss_residual(expected)
    for name in ("max_rel", "rms_rel", "scale"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=ROUNDING)
    assert_same_measurement(device.measure(found), host.measure(expected))
    assert device.energy(found) == pytest.approx(host.energy(expected), rel=ROUNDING)
    assert device.stress_tensor(found, 1, 3).shape == host.stress_tensor(expected, 1, 3).shape
    assert device.unitarity_violation(found) < ROUNDING
