"""Fixtures shared by all tests: the two groups, the two precisions, a small box for a collision."""

from __future__ import annotations

import os
from types import ModuleType

import numpy as np
import pytest

# PyTorch's threads spin while they wait for one another.  Beside other work the one that spins keeps the core from the one that
# is waited for: a test of 6 s took 400.  OpenMP reads this when it is loaded, and so do the processes that tests start.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from glasma.backend import Workers
from glasma.group import GROUPS
from glasma.lattice.grid import Grid


@pytest.fixture(params=list(GROUPS))
def group(request: pytest.FixtureRequest) -> ModuleType:
    """The gauge group."""
    return GROUPS[request.param]


@pytest.fixture(params=["float64", "float32"])
def dtype(request: pytest.FixtureRequest) -> np.dtype:
    """The precision of the fields."""
    return np.dtype(request.param)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.fixture
def workers() -> Workers:
    return Workers()


@pytest.fixture
def grid() -> Grid:
    """A box in which two nuclei of σ = 2 a_z and 16 cells length start apart and pass through each other."""
    return Grid((6, 8, 64), anisotropy=0.25, substeps=2)


#: Steps after which the nuclei of `colliding_nuclei` on `grid` overlap completely, and have separated again.
OVERLAP, SEPARATED = 20, 46
