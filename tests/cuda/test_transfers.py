"""What goes between host and GPU: sums while a run steps, small arrays when it is measured, and nothing by accident."""

from __future__ import annotations

from importlib.util import find_spec
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
from tests.cuda.strict_arrays import ndarray, strict, transfers
from tests.states import colliding_nuclei

__all__ = ["strict"]

#: Bytes of a sum, from a reduction on the GPU; of some there is one for each plane in x and column of charges or plane along z.
SUM = 8

SCHEMES = {
    "leapfrog": (Leapfrog, CudaLeapfrog, Grid((3, 3, 24), anisotropy=0.25, substeps=2)),
    "semi_implicit": (SemiImplicit, CudaSemiImplicit, Grid((2, 2, 24), anisotropy=0.25, substeps=2)),
    "boost_invariant": (BoostInvariant, CudaBoostInvariant, Grid((4, 3, 1), substeps=4)),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_fields_stay_on_the_gpu(scheme: str, strict: ModuleType) -> None:
    host_class, device_class, grid = SCHEMES[scheme]
    options = {"tolerance": 1e-11} if scheme == "semi_implicit" else {}
    host, device = host_class(grid, su2, **options), device_class(grid, su2, **options)
    expected = host.initial_state(colliding_nuclei(grid, su2, width=0.6))
    found = to_device(expected)
    assert isinstance(found.U, ndarray)
    assert not transfers  # all went the other way
    columns = max((charges.cells for charges in getattr(expected, "charges", ())), default=1)
    for _ in range(2):
        host.step(expected)
        device.step(found)
    assert max(transfers, default=0) <= SUM * grid.shape[0] * columns
    assert isinstance(found.U, ndarray)
    assert isinstance(found.E, ndarray)

    device.energy(found)
    device.gauss_residual(found)
    device.unitarity_violation(found)
    assert max(transfers, default=0) <= SUM * grid.shape[0] * grid.shape[2]
    transfers.clear()
    measured, wanted = device.measure(found), host.measure(expected)
    assert sum(transfers) < found.E[0, 0].nbytes * 10
    size = np.abs(wanted.tensor).max()
    np.testing.assert_allclose(measured.tensor, wanted.tensor, rtol=0, atol=1e-12 * size)
    np.testing.assert_allclose(to_host(found).U, expected.U, rtol=0, atol=1e-12)
    if find_spec("cupy"):
        import cupy

        assert all(hasattr(cupy, name) for name in strict.asked)


def test_what_cupy_refuses_is_refused() -> None:
    one = ndarray(np.ones(3))
    for mistake in (lambda: np.asarray(one), lambda: one + np.ones(3), lambda: np.add(np.ones(3), one), lambda: one.tolist()):
        with pytest.raises((TypeError, AttributeError)):
            mistake()
    with pytest.raises(TypeError, match="Unsupported"):
        one[:] = np.ones(3)
    assert float((one + 1).sum()) == 6
    assert float(np.abs(-1 * one).max()) == 1
