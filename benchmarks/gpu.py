"""The speed of the schemes on a GPU beside its memory bandwidth.

    python benchmarks/gpu.py [--json FILE] [--sites N]

ns/site/step for each scheme, group and precision on about N sites (2^24 by default), and the part of the bandwidth floor that
is reached: the time in which the device, at its measured copy bandwidth, would move once what a step has to read and write.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from glasma.cuda.boost_invariant import CudaBoostInvariant
from glasma.cuda.device import array_module, device_name, to_device
from glasma.cuda.leapfrog import CudaLeapfrog
from glasma.cuda.semi_implicit import CudaSemiImplicit
from glasma.errors import ConfigError
from glasma.group import GROUPS
from glasma.lattice.grid import Grid
from glasma.speed import moving_fields

STEPS, REPEATS = 10, 5


def seconds(cupy: Any, task: Callable[[], object], calls: int = STEPS) -> float:
    """Least seconds of a call, of a few series of them; the first, which compiles, is not counted."""
    task()
    least = float("inf")
    for _ in range(REPEATS):
        cupy.cuda.Device().synchronize()
        start = time.perf_counter()
        for _ in range(calls):
            task()
        cupy.cuda.Device().synchronize()
        least = min(least, (time.perf_counter() - start) / calls)
    return least


def copy_bandwidth(cupy: Any, size: int = 2**30) -> float:
    """Bytes per second of a copy on the device, read and written ones."""
    source, target = cupy.zeros(size, np.uint8), cupy.zeros(size, np.uint8)
    return 2 * size / seconds(cupy, lambda: cupy.copyto(target, source))


def scheme_and_fields(name: str, group: ModuleType, dtype: np.dtype, sites: int) -> tuple[Any, Any, int]:
    """A scheme, a state that moves and the number of sites that do."""
    if name == "boost_invariant":
        side = int(sites**0.5)
        scheme = CudaBoostInvariant(Grid((side, side, 1), substeps=8), group, dtype)
        links = np.zeros((2, group.LINK_REALS, side, side), dtype)
        for component, value in enumerate(group.IDENTITY):
            links[:, component] = value
        momenta = np.random.default_rng(1).standard_normal((group.DIMENSION, side, side), dtype=np.float32)
        return scheme, scheme.start(links, 0.05 * momenta), side**2
    side = 32 * max(1, round((sites / 2) ** (1 / 3) / 32))
    grid = Grid((side, side, 2 * side), anisotropy=0.25, substeps=2)
    fields = moving_fields(grid, group, dtype)
    if name == "leapfrog":
        scheme: Any = CudaLeapfrog(grid, group, dtype, only_active=False)
    else:
        tolerance = 1e-10 if dtype == np.float64 else 1e-5
        scheme = CudaSemiImplicit(grid, group, dtype, only_active=False, tolerance=tolerance)
    z0, z1 = grid.interior
    return scheme, to_device(fields), side**2 * (z1 - z0)


def floor_reals(name: str, group: ModuleType, iterations: int) -> int:
    """Reals that a step reads and writes for a site at least, each array once in each sweep over the lattice."""
    links, algebra = group.LINK_REALS, group.DIMENSION
    if name == "boost_invariant":
        # kick: U, A read, P read and written; drift: U, A read and written, P read
        return 6 * links + 12 * algebra
    # kick: U read, E read and written; drift: U read and written, E read
    leapfrog = 9 * (links + algebra)
    # links: U, E read, V written; residual: U, V, p read, r written; relaxation: r, U read, E, its increment read and written
    return leapfrog + iterations * 3 * (5 * links + 8 * algebra)


def measured(cupy: Any, name: str, group: ModuleType, dtype: np.dtype, sites: int, bandwidth: float) -> dict[str, str | float]:
    """The figures of one scheme, group and precision."""
    scheme, fields, moving = scheme_and_fields(name, group, dtype, sites)
    step = seconds(cupy, lambda: scheme.step(fields), STEPS if name == "leapfrog" else 3)
    floor = floor_reals(name, group, scheme.iterations) * moving * dtype.itemsize / bandwidth
    return {
        "scheme": name,
        "group": group.NAME,
        "precision": dtype.name,
        "sites": moving,
        "iterations": scheme.iterations,
        "ns_per_site_step": 1e9 * step / moving,
        "of_floor": floor / step,
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--sites", type=int, default=2**24, help="sites of a lattice, about")
    options = parser.parse_args()
    try:
        cupy = array_module()
    except ConfigError as error:
        print(f"not measured: {error}")
        return 0
    if cupy is np:
        print("not measured: NUMBA_ENABLE_CUDASIM is set, and a simulated GPU has no speed")
        return 0
    bandwidth = copy_bandwidth(cupy)
    print(f"{device_name()}: {bandwidth / 1e9:.0f} GB/s copied (read and written)")
    results: dict[str, Any] = {"device": device_name(), "copy_bytes_per_second": bandwidth, "steps": []}
    for name in ("leapfrog", "boost_invariant", "semi_implicit"):
        for group in GROUPS.values():
            for dtype in map(np.dtype, (np.float32, np.float64)):
                cupy.get_default_memory_pool().free_all_blocks()
                try:
                    found = measured(cupy, name, group, dtype, options.sites, bandwidth)
                except (MemoryError, ConfigError) as error:
                    print(f"{name:16s} {group.NAME} {dtype.name}: {error}")
                    continue
                reached = f"{100 * found['of_floor']:3.0f} % of the floor"
                print(f"{name:16s} {group.NAME} {dtype.name}: {found['ns_per_site_step']:7.3f} ns, {reached}", flush=True)
                results["steps"].append(found)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
