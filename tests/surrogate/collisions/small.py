"""A small data set of collisions in 3+1D, and what the tests of its coarse runs have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.fields import Fields
from glasma.lattice.grid import Grid
from glasma.nuclei.wilson_lines import CoherentNucleus
from surrogate.groups import random_elements

#: What `values` follows from: coarse times are 2 fine steps apart, the slab is stored at the numbers 47 to 56.
FIRST, STEPS, FINE_PER_STEP = 47, 9, 2


def values(**blocks: Any) -> dict[str, Any]:
    """Collisions on 16² × 120, blocked to 8² × 60: a_T = 0.05 fm, a_z = a_T/4.

    The nuclei have no wave number above 2 · 2π/(16 a_T): the coarse lattice knows them whole.
    """
    return {
        "dataset": {"name": "collisions", "substeps": 2, "end": "0.45 fm", **blocks},
        "source": {
            "kind": "collision",
            "lattice": {
                "group": "SU(2)",
                "transverse_cells": 16,
                "transverse_length": "0.8 fm",
                "longitudinal_cells": 120,
                "longitudinal_length": "1.5 fm",
            },
            "nuclei": {
                "g2mu": "1.5 GeV",
                "infrared_regulator": "0.4 GeV",
                "ultraviolet_cutoff": "18 fm^-1",
                "width": "0.06 fm",
                "profile_cutoff": 3.0,
                "separation": "0.49 fm",
            },
            "evolution": {"substeps": 2},
        },
        "split": [{"name": "train", "events": 2, "seed": 1}, {"name": "test", "events": 1, "seed": 2}],
    }


def evolved(scheme: Leapfrog, nuclei: list[CoherentNucleus], steps: int) -> Fields:
    """The fields of a collision after some steps."""
    fields = scheme.initial_state(nuclei)
    for _ in range(steps):
        scheme.step(fields)
    return fields


def random_gauge(grid: Grid, group: str, seed: int = 3) -> torch.Tensor:
    """Ω uniform in the group at every site, (nx, ny, nz, N, N)."""
    return random_elements(group, grid.shape, torch.Generator().manual_seed(seed))


def difference(found: np.ndarray | torch.Tensor, expected: np.ndarray | torch.Tensor) -> float:
    """Largest deviation."""
    return float(abs(found - expected).max())
