"""E_L² against B_L² right after the overlap, event by event.

    python benchmarks/flux_tubes.py [CONFIG] [--events 16] [--set KEY=VALUE ...]

The Glasma starts with equal longitudinal electric and magnetic energies on the average over events; in one event of a small
transverse patch they differ.  The box is cut to what the overlap needs.  Prints the ratio of the totals at t = 2σ, when the
centres of the nuclei are 4σ apart.
"""

from __future__ import annotations

import argparse
from math import ceil

import numpy as np

from glasma import Collision, load_config
from glasma.derived import Derived


def ratio(config: str, overrides: list[str]) -> float:
    """E_L²/B_L² of the whole box at the end of the run."""
    collision = Collision(config, *overrides)
    for _ in collision:
        pass
    electric, _, magnetic, _ = collision.measure().components.sum(axis=1)
    return electric / magnetic


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", default="runs/quickstart.toml")
    parser.add_argument("--events", type=int, default=16)
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()

    derived = Derived(load_config(options.config, options.overrides))
    sigma, a_z = derived.config.nuclei.sigma, derived.a_z_fm
    cells = 2 * ceil((derived.start_distance + derived.half_length) / a_z + 12)
    short = [
        f"lattice.longitudinal_cells={cells}",
        f"lattice.longitudinal_length={cells * a_z!r} fm",
        f"evolution.end_time={2 * sigma!r} fm",
        "output.snapshots=[]",
    ]
    ratios = []
    for seed in range(1, options.events + 1):
        ratios.append(ratio(options.config, [*options.overrides, *short, f"run.seed={seed}"]))
        print(f"seed {seed:3d}  E_L²/B_L² = {ratios[-1]:.3f}", flush=True)
    logs = np.log(ratios)
    error = logs.std(ddof=1) / len(logs) ** 0.5
    print(
        f"{len(logs)} events: geometric mean {np.exp(logs.mean()):.3f} ± {error:.3f}, event to event ± {logs.std(ddof=1):.3f}"
    )


if __name__ == "__main__":
    main()
