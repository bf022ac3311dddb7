"""Every kernel compiles for a GPU, as it is launched: to PTX for compute capability 9.0, without a GPU and a driver.

Skipped without numba-cuda and NVVM (`pip install "numba-cuda[cu13]"`).
"""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numba
import numpy as np
import pytest
from numba import cuda

from glasma.cuda.boost_invariant import CudaBoostInvariant
from glasma.cuda.leapfrog import CudaLeapfrog
from glasma.cuda.semi_implicit import CudaSemiImplicit
from glasma.lattice.charges import Charges
from glasma.lattice.fields import vacuum
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields

H100 = (9, 0)


def _compiles() -> bool:
    try:
        return bool(cuda.compile_ptx(lambda: None, (), cc=H100))
    except Exception:  # without NVVM, each version of Numba raises another
        return False


pytestmark = pytest.mark.skipif(not _compiles(), reason="no NVVM")

#: Kernels of SU(3) in which a thread does not find room in registers for all that it holds is not an error of the PTX; an
#: array in local memory is, for it means that a tuple was not dissolved.
_LOCAL = ".local .align"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Name → PTX of every kernel that is launched; none is run."""
    found: dict[str, str] = {}

    def launch(kernel: Any, shape: tuple[int, ...], *arguments: Any) -> None:
        name = kernel.py_func.__name__
        if name not in found:
            found[name], _ = cuda.compile_ptx(kernel.py_func, tuple(map(numba.typeof, arguments)), cc=H100)

    dispatcher = sys.modules[type(cuda.jit(lambda: None)).__module__]
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: SimpleNamespace(compute_capability=H100))
    for name, module in sys.modules.items():
        if name.startswith("glasma.cuda."):
            if hasattr(module, "launch"):
                monkeypatch.setattr(module, "launch", launch)
            if hasattr(module, "array_module"):
                monkeypatch.setattr(module, "array_module", lambda: np)
    return found


@pytest.mark.parametrize("precision", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
def test_leapfrog_compiles_to_straight_code(group: ModuleType, precision: str, compiled: dict[str, str]) -> None:
    dtype = np.dtype(precision)
    grid = Grid((3, 4, 16), anisotropy=0.25)
    fields = vacuum(grid, group, dtype)
    q = np.zeros((2, group.DIMENSION, 3, 4, 4), dtype)
    fields.charges = tuple(Charges(q.copy(), 6, way) for way in (1, -1))
    CudaLeapfrog(grid, group, dtype, only_active=False).step(fields)
    force = {"electric"} if group.COLOURS == 2 else {"strengths", "divergence"}
    assert compiled.keys() == force | {"depart", "deposit", "arrive", "links", "add_lines"}
    for name, text in compiled.items():
        assert _LOCAL not in text, name
        assert "call" not in text, name
        # no double precision in a kernel of single precision: on most GPUs it is many times slower
        if precision == "float32":
            assert "fma.rn.f64" not in text, name
            assert "mul.f64" not in text, name


@pytest.mark.slow
def test_all_other_kernels_compile(group: ModuleType, dtype: np.dtype, compiled: dict[str, str]) -> None:
    grid, plane = Grid((3, 4, 16), anisotropy=0.25), Grid((3, 4, 1), substeps=4)
    fields = vacuum(grid, group, dtype)
    scheme = CudaSemiImplicit(grid, group, dtype, only_active=False)
    scheme.step(fields)
    with np.errstate(all="ignore"):
        scheme.measure(fields)
        scheme.gauss_residual(fields)
        scheme.unitarity_violation(fields)
        A, E = (np.zeros((n, group.DIMENSION, 1, 3, 4), dtype) for n in (1, 3))
        milne = MilneFields(plane, group, np.zeros((2, group.LINK_REALS, 1, 3, 4), dtype), A, E)
        boost_invariant = CudaBoostInvariant(plane, group, dtype)
        boost_invariant.step(milne)
        boost_invariant.measure(milne)
        boost_invariant.gauss_residual(milne)
    seen = {
        "residual",
        "relax",
        "half_step_back",
        "component_energies",
        "stress",
        "violation",
        "unitarity",
        "kick",
        "drift",
        "gauss",
    }
    assert seen <= compiled.keys()
    for name, text in compiled.items():
        assert _LOCAL not in text, name
