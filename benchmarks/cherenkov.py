"""The numerical-Cherenkov error of a single nucleus against the longitudinal spacing.

    python benchmarks/cherenkov.py [CONFIG] [--cells 128 256 512]

flies the nucleus of runs/single_nucleus.toml at each spacing and prints, at the end of its flight, the longitudinal electric
energy relative to the transverse one, and the growth of the transverse energy.  Both vanish in the continuum.
"""

from __future__ import annotations

import argparse

import numpy as np

from glasma import Collision


def transverse_and_longitudinal(collision: Collision) -> tuple[float, float, float]:
    """½E_T² + ½B_T², ½E_L² and ½E_T², summed over the box."""
    longitudinal, electric, _, magnetic = collision.measure().components.sum(axis=1)
    return electric + magnetic, longitudinal, electric


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", default="runs/single_nucleus.toml")
    parser.add_argument("--cells", type=int, nargs="+", default=[128, 256, 512])
    options = parser.parse_args()

    print(f"{'cells':>6} {'a_z [fm]':>10} {'σ/a_z':>7} {'flight/a_z':>11} {'E_L²/E_T²':>11} {'ΔE_T/E_T':>11}")
    spacings, errors = [], []
    for cells in options.cells:
        collision = Collision(options.config, f"lattice.longitudinal_cells={cells}")
        start, _, _ = transverse_and_longitudinal(collision)
        for _ in collision:
            pass
        end, longitudinal, electric = transverse_and_longitudinal(collision)
        derived = collision.derived
        spacings.append(derived.a_z_fm)
        errors.append((longitudinal / electric, abs(end / start - 1)))
        print(
            f"{cells:6d} {derived.a_z_fm:10.5f} {collision.config.nuclei.sigma / derived.a_z_fm:7.2f} "
            f"{(collision.time - derived.time_at(1)) / derived.a_z_fm:11.0f} {errors[-1][0]:11.2e} {end / start - 1:+11.2e}"
        )
    orders = np.diff(np.log(errors), axis=0) / np.diff(np.log(spacings))[:, None]
    for order in orders:
        print(f"order in a_z: E_L²/E_T² {order[0]:.1f}, ΔE_T/E_T {order[1]:.1f}")


if __name__ == "__main__":
    main()
