"""The energy balance of a collision against the time step.

    python benchmarks/energy_balance.py [CONFIG] [--substeps 2 4 8] [--set KEY=VALUE ...]

Prints (ΔE + ∫J·E)/E, its largest size over the run and its value at the end, for a_t = a_z/n, and the order in a_t.
"""

from __future__ import annotations

import argparse

import numpy as np

from glasma import Collision

#: A smaller patch and a coarser box than the quickstart, so that the error is large enough to have an order.
SMALLER = (
    "lattice.transverse_cells=24",
    "lattice.transverse_length=1 fm",
    "lattice.longitudinal_cells=192",
    "lattice.longitudinal_length=1.1 fm",
    "evolution.end_time=0.3 fm",
    "output.snapshots=[]",
)


def balance(collision: Collision, measurements: int = 12) -> np.ndarray:
    """(ΔE + ∫J·E)/E at evenly spaced times."""
    first, last = collision.derived.first_step, collision.derived.last_step
    steps = set(np.linspace(first, last, measurements + 1).round().astype(int))

    def total() -> float:
        return collision.energy() + collision.fields.work * collision.derived.energy_unit

    start = total()
    energy = collision.energy()
    return np.array([total() - start for step in collision if step in steps]) / energy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", default="runs/quickstart.toml")
    parser.add_argument("--substeps", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()

    print(f"{'n':>3} {'largest':>10} {'at the end':>11} {'order':>6}")
    before, last = None, 0
    for n in options.substeps:
        errors = balance(Collision(options.config, *SMALLER, *options.overrides, f"evolution.substeps={n}"))
        largest = np.abs(errors).max()
        order = f"{np.log2(before / largest) / np.log2(n / last):6.2f}" if before else ""
        print(f"{n:3d} {largest:10.2e} {errors[-1]:+11.2e} {order}", flush=True)
        before, last = largest, n


if __name__ == "__main__":
    main()
