"""The speed of the boost-invariant solver beside the memory bandwidth and a public code.

    python benchmarks/boost_invariant.py [--json FILE] [--size N] [--curraun DIR]

ns/site/step of one core for both groups and precisions, on N² sites (1024² by default, out of cache), with the triad bandwidth
measured just before each, and the figures of the public code curraun, measured on one core of a machine of 31 GB/s.  With
`--curraun` (a checkout of github.com/avramescudana/curraun) that code is timed here too, on one thread, before and after ours.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from glasma.evolution.boost_invariant import BoostInvariant
from glasma.group import GROUPS
from glasma.io.provenance import commit, machine, versions
from glasma.lattice.grid import Grid
from glasma.speed import best_of, triad_bandwidth

#: ns/site/step of curraun in float64 and float32.
CURRAUN = {"SU(2)": {"float64": 289, "float32": 282}, "SU(3)": {"float64": 1820, "float32": 1800}}

#: Least seconds of a step of curraun: weak random fields on trivial links.
CURRAUN_STEP = """
import sys, time
import numpy as np
import curraun.core as core, curraun.su as su
n = int(sys.argv[1])
s = core.Simulation(n, 0.125, 1.0)
if su.N_C == 3:
    for u in (s.u0, s.u1):
        u[:] = 0
        u[:, :, [0, 4, 8]] = 1
s.t = 1.0
times = []
for _ in range(6):
    start = time.perf_counter()
    core.evolve_leapfrog(s)
    times.append(time.perf_counter() - start)
print(min(times[1:]))
"""


def curraun_nanoseconds(directory: Path, group: str, precision: str, size: int) -> float:
    """ns/site/step of curraun on one thread of this machine."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(directory),
        "MY_NUMBA_TARGET": "numba",
        "NUMBA_NUM_THREADS": "1",
        "GAUGE_GROUP": group.lower().replace("(", "").replace(")", ""),
        "PRECISION": {"float64": "double", "float32": "single"}[precision],
    }
    command = [sys.executable, "-c", CURRAUN_STEP, str(size)]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return 1e9 * float(output.split()[-1]) / size**2


def speed(size: int, curraun: Path | None) -> list[dict]:
    """Print and return ns/site/step of both groups and precisions."""
    rows = []
    print(f"{size}² sites, one core")
    print("".join(f"{name:>12}" for name in ("group", "precision", "triad GB/s", "ns/site", "B/site", "curraun ns", "faster")))
    for group in GROUPS.values():
        for dtype in (np.float64, np.float32):
            scheme = BoostInvariant(Grid((size, size, 1), substeps=8), group, dtype)
            links = np.zeros((2, group.LINK_REALS, size, size), dtype)
            links += np.asarray(group.IDENTITY, dtype)[:, None, None]
            rng = np.random.default_rng(1)
            fields = scheme.start(links, 0.1 * rng.standard_normal((group.DIMENSION, size, size)))
            scheme.step(fields)
            precision = np.dtype(dtype).name
            peers = [curraun_nanoseconds(curraun, group.NAME, precision, size)] if curraun else []
            bandwidth = triad_bandwidth()
            nanoseconds = 1e9 * best_of(12, lambda scheme=scheme, fields=fields: scheme.step(fields)) / size**2
            peers += [curraun_nanoseconds(curraun, group.NAME, precision, size)] if curraun else []
            peer = sum(peers) / len(peers) if peers else CURRAUN[group.NAME][precision]
            row = {
                "group": group.NAME,
                "precision": precision,
                "triad_GB_s": bandwidth / 1e9,
                "ns_per_site_step": nanoseconds,
                "bytes_per_site": fields.nbytes / size**2,
                "curraun_ns": peer,
                "faster": peer / nanoseconds,
            }
            rows.append(row)
            cells = [group.NAME, precision, f"{bandwidth / 1e9:.1f}", f"{nanoseconds:.1f}", f"{row['bytes_per_site']:.0f}"]
            print("".join(f"{cell:>12}" for cell in [*cells, f"{peer:.0f}", f"{row['faster']:.1f}"]), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--size", type=int, default=1024, help="sites along x and y")
    parser.add_argument("--curraun", type=Path, help="checkout of curraun to be timed too")
    options = parser.parse_args()

    figures = speed(options.size, options.curraun)
    if options.json:
        about = {"machine": machine(), "versions": versions(), "commit": commit(), "figures": figures}
        options.json.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
