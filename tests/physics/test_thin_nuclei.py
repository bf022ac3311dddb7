"""The Glasma of thin nuclei in 3+1D is at mid-rapidity the boost-invariant one of the same colour charges."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.collision import Collision
from glasma.config import config_from_dict
from glasma.observables.stress_energy import TENSOR

TAU = 0.25
WIDTHS = (0.016, 0.008)


def mid_rapidity(scheme: str, width: float, colours: str) -> np.ndarray:
    """ε, P_L/ε, P_T/ε at z = 0 and τ = `TAU`."""
    cells = 2 * int((TAU + 10 * width) / (width / 2) + 8)
    collision = Collision(
        config_from_dict(
            {
                "run": {"name": "thin", "seed": 3},
                "lattice": {
                    "group": colours,
                    "transverse_cells": 16,
                    "transverse_length": "1 fm",
                    "longitudinal_cells": cells,
                    "longitudinal_length": f"{cells * width / 2!r} fm",
                },
                "nuclei": {
                    "g2mu": "1.5 GeV",
                    "infrared_regulator": "0.4 GeV",
                    "ultraviolet_cutoff": "4 GeV",
                    "width": f"{width} fm",
                    "profile_cutoff": 4.5,
                },
                "evolution": {"scheme": scheme, "end_time": f"{TAU} fm"},
            }
        )
    )
    seen = []
    for _ in collision:
        # The energy density at TAU lies between those of the last two steps.
        if collision.derived.last_step - collision.fields.step < 3:
            nz = collision.derived.grid.shape[2]
            mean = collision.measure().tensor[:, [(nz - 1) // 2, nz // 2]].mean(axis=1) * collision.derived.density_unit
            seen.append((collision.time, *mean))
    times, *tensor = np.array(seen).T
    T = dict(zip(TENSOR, (np.interp(TAU, times, component) for component in tensor), strict=True))
    return np.array([T["T00"], T["Tzz"] / T["T00"], (T["Txx"] + T["Tyy"]) / (2 * T["T00"])])


@pytest.mark.slow
@pytest.mark.parametrize("colours", ["SU(2)", "SU(3)"])
def test_pressures_of_thin_nuclei_approach_the_boost_invariant_ones(colours: str) -> None:
    """They come closer with half the width, and are there to 2 % (ε) and 0.005 (ratios)."""
    limit = mid_rapidity("boost_invariant", WIDTHS[0], colours)
    thick, thin = (mid_rapidity("semi_implicit", width, colours) for width in WIDTHS)
    scale = np.array([limit[0], 1, 1])
    far, near = np.abs(thick - limit) / scale, np.abs(thin - limit) / scale
    assert near[0] < min(0.02, far[0])
    assert near[1:].max() < 0.005
