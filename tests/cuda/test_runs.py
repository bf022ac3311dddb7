"""The same run on the CPU and on the GPU."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from glasma.cuda.boost_invariant import CudaBoostInvariant
from glasma.cuda.device import to_device, to_host
from glasma.cuda.leapfrog import CudaLeapfrog
from glasma.cuda.semi_implicit import CudaSemiImplicit
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.leapfrog import Leapfrog
from glasma.evolution.semi_implicit import SemiImplicit
from glasma.group import su2
from glasma.lattice.grid import Grid
from tests.states import colliding_nuclei

GRID = Grid((4, 4, 32), anisotropy=0.25, substeps=2)
#: Room for nuclei that have separated again.
LONG = Grid((4, 4, 60), anisotropy=0.25, substeps=2)
#: Steps from the start to where the nuclei of `colliding` overlap, and to where they have separated.
OVERLAP, SEPARATED = 12, 50


def colliding(group: ModuleType, grid: Grid = GRID) -> list:
    return colliding_nuclei(grid, group, width=1.0)


def assert_same_run(host: Leapfrog, device: CudaLeapfrog, group: ModuleType, first: int, last: int) -> None:
    """From step `first`, to which the CPU takes both."""
    fields = host.initial_state(colliding(group, host.grid))
    for _ in range(first):
        host.step(fields)
    found = to_device(fields)
    for _ in range(first, last):
        host.step(fields)
        device.step(found)
    here = to_host(found)
    assert here.region == fields.region
    np.testing.assert_allclose(here.U, fields.U, rtol=0, atol=1e-12)
    np.testing.assert_allclose(here.E, fields.E, rtol=0, atol=1e-12)
    assert here.work == pytest.approx(fields.work, rel=1e-12)
    assert device.gauss_residual(found).max_rel < (1e-12 if host.iterations == 0 else 1e-9)
    assert np.abs(fields.E).max() > 0.01


def test_leapfrog_meets_the_other_nucleus_as_on_the_cpu() -> None:
    assert_same_run(Leapfrog(GRID, su2), CudaLeapfrog(GRID, su2), su2, OVERLAP, OVERLAP + 3)


def test_semi_implicit_scheme_iterates_as_on_the_cpu() -> None:
    grid = Grid((3, 3, 24), anisotropy=0.25, substeps=2)
    host, device = (scheme(grid, su2, tolerance=1e-11) for scheme in (SemiImplicit, CudaSemiImplicit))
    fields = host.initial_state(colliding_nuclei(grid, su2, width=0.6))
    found = to_device(fields)
    host.step(fields)
    device.step(found)
    assert device.iterations == host.iterations > 1
    np.testing.assert_allclose(to_host(found).U, fields.U, rtol=0, atol=1e-12)


def test_initial_state_is_that_of_the_cpu() -> None:
    for host, device in ((Leapfrog, CudaLeapfrog), (SemiImplicit, CudaSemiImplicit)):
        expected = host(GRID, su2).initial_state(colliding(su2))
        found = to_host(device(GRID, su2).initial_state(colliding(su2)))
        assert np.array_equal(found.U, expected.U)
        assert np.array_equal(found.E, expected.E)
        assert found.region == expected.region


def test_boost_invariant_run_is_that_of_the_cpu(group: ModuleType) -> None:
    grid = Grid((4, 4, 1), substeps=4)
    host, device = BoostInvariant(grid, group), CudaBoostInvariant(grid, group)
    expected, found = host.initial_state(colliding(group)), device.initial_state(colliding(group))
    for _ in range(20):
        host.step(expected)
        device.step(found)
    np.testing.assert_allclose(to_host(found).U, expected.U, rtol=0, atol=1e-12)
    np.testing.assert_allclose(to_host(found).A, expected.A, rtol=0, atol=1e-12)
    assert found.work == pytest.approx(expected.work, rel=1e-12)
    assert device.gauss_residual(found).max_rel < 1e-12


@pytest.mark.slow
def test_collision_is_that_of_the_cpu(group: ModuleType) -> None:
    assert_same_run(Leapfrog(LONG, group), CudaLeapfrog(LONG, group), group, 0, SEPARATED)
