"""Time per site and step of the leapfrog beside the memory bandwidth, measured in one run.

    python benchmarks/solver.py [--json FILE] [--quick]

For SU(2) and SU(3), both precisions, one and two threads, with and without charges: ns/site/step, bytes/site, and the ratio
to the bandwidth floor: the time in which this machine streams what a step must read and write.  A step sweeps the lattice
twice, for E (reads U and E, writes E) and for U (reads U and E, writes U).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
from pathlib import Path

import numpy as np

from glasma.backend import Workers
from glasma.evolution.charges import deposit_currents, move_charges
from glasma.evolution.leapfrog import Leapfrog
from glasma.group import GROUPS, group_named
from glasma.io.provenance import commit, machine, versions
from glasma.lattice.charges import Charges
from glasma.lattice.grid import Grid
from glasma.speed import best_of, moving_fields, triad_bandwidth

#: Cells of each nucleus in the runs with charges, and the part of the box that they fill: as in runs/quickstart.toml
#: at the end of the run.
SLAB = 52


def measure(group, dtype, threads: int, with_charges: bool, shape: tuple[int, int, int], bandwidth: float) -> dict:
    grid = Grid(shape, 1.0, 0.25, 2)
    fields = moving_fields(grid, group, dtype)
    if with_charges:
        q = np.full((2, group.DIMENSION, shape[0], shape[1], SLAB), 1e-3, dtype)
        fields.charges = (Charges(q, 8, 1), Charges(q.copy(), shape[2] - 8 - SLAB, -1))
    workers = Workers(threads)
    scheme = Leapfrog(grid, group, dtype, workers, only_active=False)
    scheme.step(fields)
    seconds = best_of(5, lambda: scheme.step(fields))
    z0, z1 = grid.interior
    sites = shape[0] * shape[1] * (z1 - z0)
    real = np.dtype(dtype).itemsize
    links, electric = 3 * group.LINK_REALS * real, 3 * group.DIMENSION * real
    streamed = (links + 2 * electric) + (2 * links + electric)
    floor = streamed / bandwidth * 1e9
    row = {
        "group": group.NAME,
        "precision": np.dtype(dtype).name,
        "threads": threads,
        "charges": with_charges,
        "ns_per_site_step": 1e9 * seconds / sites,
        "bytes_per_site": links + electric,
        "floor_ns": floor,
        "ratio_to_floor": 1e9 * seconds / sites / floor,
    }
    if with_charges:

        def charges_only() -> None:
            deposit_currents(fields, workers, (fields.E,))
            move_charges(fields, workers)

        row["charges_share"] = best_of(5, charges_only) / seconds
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--quick", action="store_true", help="smaller lattices, one thread")
    options = parser.parse_args()

    threads = [1] if options.quick else sorted({1, min(2, os.cpu_count() or 1)})
    rows = []
    header = ("group", "precision", "threads", "charges", "triad GB/s", "ns/site", "B/site", "floor ns", "ratio")
    print("".join(f"{name:>11}" for name in header))
    for group in (*GROUPS.values(), group_named("SU(3)", "two_rows")):
        shape = (32, 32, 518) if options.quick or group.COLOURS == 3 else (64, 64, 518)
        for dtype in (np.float64, np.float32):
            for count in threads:
                bandwidth = triad_bandwidth(count)
                for with_charges in (False, True):
                    row = measure(group, dtype, count, with_charges, shape, bandwidth)
                    rows.append({**row, "triad_GB_s": bandwidth / 1e9})
                    cells = [row["group"], row["precision"], count, "yes" if with_charges else "no", f"{bandwidth / 1e9:.1f}"]
                    cells += [f"{row['ns_per_site_step']:.1f}", row["bytes_per_site"], f"{row['floor_ns']:.1f}"]
                    cells += [f"{row['ratio_to_floor']:.2f}"]
                    share = f"   charges {100 * row['charges_share']:.0f} % of the step" if with_charges else ""
                    print("".join(f"{cell:>11}" for cell in cells) + share, flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process {peak:.0f} MiB")
    if options.json:
        about = {"machine": machine(), "versions": versions(), "commit": commit(), "rows": rows}
        options.json.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
