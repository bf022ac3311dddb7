"""Bytes per site of a running collision, by group, precision and storage of the links.

    python benchmarks/memory.py [--cells N] [--json FILE]

Each kind runs in a process of its own: a small collision first, so that kernels and libraries are loaded, then one of
N² × 16 N sites for ten steps and a measurement.  The resident memory that the second adds, divided by its sites, stands
beside the bytes of the arrays: 3 links and 3 electric fields, and the charges in the slabs of the nuclei.
"""

from __future__ import annotations

import argparse
import gc
import json
from multiprocessing import get_context
from pathlib import Path

from glasma.collision import Collision
from glasma.config import Config, config_from_dict
from glasma.io.provenance import commit, machine, versions

SCHEMES = ("leapfrog", "semi_implicit")
KINDS = [
    (group, links, precision, scheme)
    for scheme in SCHEMES
    for group, links in (("SU(2)", "whole"), ("SU(3)", "whole"), ("SU(3)", "two_rows"))
    for precision in ("float64", "float32")
]


def collision_config(group: str, links: str, precision: str, scheme: str, cells: int) -> Config:
    """Thin nuclei in a long box, so that the fields outweigh the charges."""
    length = 16 * cells * 0.005
    return config_from_dict({
        "run": {"name": "memory", "seed": 1, "threads": 1, "precision": precision, "links": links},
        "lattice": {
            "group": group, "transverse_cells": cells, "transverse_length": f"{cells / 16} fm",
            "longitudinal_cells": 16 * cells, "longitudinal_length": f"{length} fm",
        },
        "nuclei": {
            "g2mu": "1 GeV", "infrared_regulator": "0.4 GeV", "ultraviolet_cutoff": "3 GeV", "width": "0.02 fm",
            "profile_cutoff": 4.0,
        },
        "evolution": {"scheme": scheme, "end_time": f"{length / 8} fm", "region": "whole"},
    })  # fmt: skip


def resident_bytes(field: str = "VmRSS") -> int:
    """Resident memory of this process now, or ("VmHWM") at most."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(status.partition(f"{field}:")[2].split()[0])


def run(config: Config, steps: int) -> Collision:
    collision = Collision(config)
    for _ in range(steps):
        collision.step()
    collision.measure()
    collision.gauss_violation()
    return collision


def measure(kind: tuple[str, str, str, str], cells: int) -> dict:
    """What one kind takes; in a process of its own."""
    run(collision_config(*kind, 12), 2)
    gc.collect()
    before = resident_bytes()
    collision = run(collision_config(*kind, cells), 10)
    gc.collect()
    sites = collision.derived.grid.sites
    group, links, precision, scheme = kind
    return {
        "group": group,
        "links": links,
        "precision": precision,
        "scheme": scheme,
        "fields": collision.derived.field_bytes / sites,
        "fields_and_charges": collision.fields.nbytes / sites,
        "resident": (resident_bytes() - before) / sites,
        "at_most": (resident_bytes("VmHWM") - before) / sites,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=48)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    print("| scheme | group | links | precision | fields | with charges | process | at most |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in KINDS:
        with get_context("spawn").Pool(1) as pool:
            row = pool.apply(measure, (kind, arguments.cells))
        rows.append(row)
        print(
            f"| {row['scheme']} | {row['group']} | {row['links']} | {row['precision']} | {row['fields']:.0f} | "
            f"{row['fields_and_charges']:.0f} | {row['resident']:.0f} | {row['at_most']:.0f} |",
            flush=True,
        )
    if arguments.json:
        content = {"machine": machine(), "versions": versions(), "commit": commit(), "cells": arguments.cells, "rows": rows}
        arguments.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
