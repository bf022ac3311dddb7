"""The speed of the schemes of an improved action beside those of the Wilson action.

    python benchmarks/improved_action.py [--json FILE] [--threads N] [--precision float32]

ns/site/step of both groups: the boost-invariant schemes on 64², 128² and 1024² sites, the leapfrogs on a box of 32³ cells that
move.  The coefficients are about those of a fit to a finer lattice, with terms of every kind but cubes and products of actions.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from types import ModuleType

import numpy as np

from glasma.backend import Workers
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.improved_action import LaboratoryAction, TransverseAction
from glasma.evolution.improved_boost_invariant import ImprovedBoostInvariant
from glasma.evolution.improved_leapfrog import ImprovedLeapfrog
from glasma.evolution.leapfrog import Leapfrog
from glasma.group import GROUPS
from glasma.io.provenance import commit, machine, versions
from glasma.lattice.grid import FROZEN_CELLS, Grid
from glasma.speed import best_of, moving_fields

FITTED = TransverseAction(
    plaquette=1.33, square=0.12, adjacent=-0.085, diagonal=-0.04, straight2=0.057, straight3=-0.02, straight4=0.009,
    gradient1=1.61, gradient2=-0.29, gradient3=0.09, gradient4=-0.02, gradient_diagonal=0.013, commutator=0.017,
)  # fmt: skip
IN_PLANE = {"plaquette": 1.33, "square": 0.12, "diagonal": -0.04}
ALONG = {"adjacent": -0.085, "straight2": 0.057, "straight3": -0.02, "straight4": 0.009}
BOX = {f"{name}.{plane}": c for plane in ("xy", "z") for name, c in IN_PLANE.items()}
BOX |= {f"{name}.{kind}": c for kind in ("xyt", "zt", "zz") for name, c in ALONG.items()}
ACROSS = {f"across{n}.{kind}": c for kind in ("xyz", "zt") for n, c in ((1, 0.01), (2, -0.01))}


def transverse(group: ModuleType, size: int, dtype: str, workers: Workers) -> dict[str, float]:
    """ns/site/step of the plane, by the name of the action."""
    grid = Grid((size, size, 1), substeps=8)
    schemes = {
        "Wilson": BoostInvariant(grid, group, dtype, workers),
        "improved": ImprovedBoostInvariant(grid, group, FITTED, dtype, workers),
    }
    links = np.zeros((2, group.LINK_REALS, size, size)) + np.asarray(group.IDENTITY)[:, None, None]
    longitudinal = 0.1 * np.random.default_rng(1).standard_normal((group.DIMENSION, size, size))
    return {name: nanoseconds(scheme, scheme.start(links, longitudinal), size**2) for name, scheme in schemes.items()}


def box(group: ModuleType, size: int, dtype: str, workers: Workers) -> dict[str, float]:
    """ns/site/step of a box, by the name of the action."""
    grid = Grid((size, size, size + 2 * FROZEN_CELLS), anisotropy=0.5, substeps=2)
    options = {"dtype": dtype, "workers": workers, "only_active": False}
    schemes = {
        "Wilson": Leapfrog(grid, group, **options),
        "improved": ImprovedLeapfrog(grid, group, LaboratoryAction(BOX), **options),
        "across": ImprovedLeapfrog(grid, group, LaboratoryAction(BOX | ACROSS), **options),
    }
    return {name: nanoseconds(scheme, moving_fields(grid, group, dtype), size**3) for name, scheme in schemes.items()}


def nanoseconds(scheme, fields, sites: int) -> float:
    """Of the fastest of many short runs."""
    steps = max(1, 10_000 // sites)
    scheme.step(fields)

    def run() -> None:
        for _ in range(steps):
            scheme.step(fields)

    return 1e9 * best_of(100 if sites < 100_000 else 8, run) / (steps * sites)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=("float64", "float32"), default="float64")
    options = parser.parse_args()
    workers, rows = Workers(options.threads), []
    print("".join(f"{name:>12}" for name in ("group", "sites", "Wilson", "improved", "ratio", "with across")))
    for group in GROUPS.values():
        for measure, size, power in ((transverse, 64, 2), (transverse, 128, 2), (transverse, 1024, 2), (box, 32, 3)):
            found = measure(group, size, options.precision, workers)
            sites = f"{size}{'²³'[power - 2]}"
            rows.append({"group": group.NAME, "sites": sites, **found})
            ratio = found["improved"] / found["Wilson"]
            cells = [group.NAME, sites, f"{found['Wilson']:.1f}", f"{found['improved']:.1f}", f"{ratio:.1f}"]
            cells += [f"{found['across']:.1f}"] if "across" in found else []
            print("".join(f"{cell:>12}" for cell in cells), flush=True)
    if options.json:
        about = {"machine": machine(), "versions": versions(), "commit": commit(), "figures": rows}
        options.json.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
