"""Fixtures of the network tests."""

from __future__ import annotations

import pytest
import torch

from surrogate.groups import GROUPS


@pytest.fixture(params=list(GROUPS))
def gauge_group(request: pytest.FixtureRequest) -> str:
    """The name of the group of a network."""
    return request.param


@pytest.fixture(params=[2, 3, 4])
def dimensions(request: pytest.FixtureRequest) -> int:
    """D."""
    return request.param


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Weights are the same in every run."""
    torch.manual_seed(11)
