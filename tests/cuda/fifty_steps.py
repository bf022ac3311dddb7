"""Fifty steps through a collision on the CPU and on the GPU, or its simulator: how far links and momenta are apart.

    NUMBA_ENABLE_CUDASIM=1 python -m tests.cuda.fifty_steps [--scheme leapfrog semi_implicit boost_invariant] [--group ...]

In the simulator SU(3) takes minutes, and the semi-implicit scheme a quarter of an hour.
"""

from __future__ import annotations

import argparse
import time
from types import ModuleType

import numpy as np

from glasma.cuda.boost_invariant import CudaBoostInvariant
from glasma.cuda.device import to_host
from glasma.cuda.leapfrog import CudaLeapfrog
from glasma.cuda.semi_implicit import CudaSemiImplicit
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.leapfrog import Leapfrog
from glasma.evolution.semi_implicit import SemiImplicit
from glasma.group import group_named
from glasma.lattice.grid import Grid
from tests.states import colliding_nuclei

STEPS = 50
SCHEMES = {
    "leapfrog": (Leapfrog, CudaLeapfrog, Grid((4, 4, 60), anisotropy=0.25, substeps=2)),
    "semi_implicit": (SemiImplicit, CudaSemiImplicit, Grid((2, 2, 60), anisotropy=0.25, substeps=2)),
    "boost_invariant": (BoostInvariant, CudaBoostInvariant, Grid((4, 4, 1), substeps=4)),
}


def differences(scheme: str, group: ModuleType) -> dict[str, float]:
    """Largest difference of links and of momenta after all steps, the Gauss violation there, and what the fields are."""
    host_class, device_class, grid = SCHEMES[scheme]
    # Both solve a step to the same residual, which leaves its own size open.
    options = {"tolerance": 1e-13} if scheme == "semi_implicit" else {}
    host, device = (kind(grid, group, **options) for kind in (host_class, device_class))
    expected, found = (each.initial_state(colliding_nuclei(grid, group, width=1.0)) for each in (host, device))
    for _ in range(STEPS):
        host.step(expected)
        device.step(found)
    here = to_host(found)
    return {
        "links": float(np.abs(here.U - expected.U).max()),
        "momenta": float(np.abs(here.E - expected.E).max()),
        "gauss": device.gauss_residual(found).max_rel,
        "gauss_cpu": host.gauss_residual(expected).max_rel,
        "largest momentum": float(np.abs(expected.E).max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scheme", nargs="+", choices=SCHEMES, default=list(SCHEMES))
    parser.add_argument("--group", nargs="+", default=["SU(2)", "SU(3)", "SU(3), two rows"])
    arguments = parser.parse_args()
    for scheme in arguments.scheme:
        for name in arguments.group:
            start = time.perf_counter()
            found = differences(scheme, group_named(name))
            values = ", ".join(f"{key} {value:.1e}" for key, value in found.items())
            print(f"{scheme}, {name}: {values}, {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
