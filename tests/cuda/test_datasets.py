"""What data sets hold of fine runs on the GPU is what they hold of those on the CPU."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest

pytest.importorskip("torch")

from glasma.cuda.device import to_device
from glasma.cuda.leapfrog import CudaLeapfrog
from glasma.errors import ConfigError
from glasma.evolution.leapfrog import Leapfrog
from glasma.group import su2
from glasma.lattice.grid import Grid
from surrogate.collisions.run import blocked_links
from surrogate.dataset.collision_event import slab_means
from surrogate.dataset.config import dataset_config
from surrogate.dataset.draw import draw_dataset
from surrogate.dataset.plan import make_plan
from tests.states import smooth_fields
from tests.surrogate.dataset.small import box_values, values


def tiny(backend: str) -> dict[str, Any]:
    """Collisions on 4², blocked to 2²."""
    data = values(end="0.15 fm", fine_times=["0.1 fm"])
    data["source"]["lattice"] |= {"transverse_cells": 4, "transverse_length": "0.4 fm"}
    data["source"]["nuclei"]["ultraviolet_cutoff"] = "20 fm^-1"
    data["source"]["backend"] = backend
    data["split"] = data["split"][:1]
    return data


def arrays(path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


@pytest.mark.parametrize("processes", [1, 2])
def test_events_in_the_plane_are_those_of_the_cpu(tmp_path: Path, processes: int) -> None:
    for backend in ("cuda", "cpu"):
        draw_dataset(tmp_path / f"{backend}.h5", dataset_config(tiny(backend)), processes=processes)
    found, expected = (arrays(tmp_path / f"{backend}.h5") for backend in ("cuda", "cpu"))
    assert found.keys() == expected.keys()
    assert any("fine" in name for name in found)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-12, err_msg=name)


def test_slab_of_a_collision_is_that_of_the_cpu() -> None:
    grid = Grid((4, 4, 16), anisotropy=0.5, substeps=2)
    fields, slab = smooth_fields(grid, su2), SimpleNamespace(fine=(6, 10))
    found, there = (scheme(grid, su2, only_active=False) for scheme in (CudaLeapfrog, Leapfrog))
    on_gpu = to_device(fields)
    np.testing.assert_allclose(slab_means(found, on_gpu, slab), slab_means(there, fields, slab), rtol=1e-12)
    planes = slice(6, 10)
    assert np.array_equal(blocked_links(on_gpu, planes, 2), blocked_links(fields, planes, 2))


def test_a_box_is_drawn_on_the_cpu() -> None:
    data = box_values()
    data["source"]["backend"] = "cuda"
    with pytest.raises(ConfigError, match=r'source\.backend = "cuda": a box is drawn on the CPU'):
        make_plan(dataset_config(data))
