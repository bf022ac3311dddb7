"""The saturation scale of a configuration's nuclei from the dipole correlator.

    python benchmarks/saturation_scale.py [CONFIG] [--events 40] [--patch 4] [--set KEY=VALUE ...]

C(r) is averaged over events before Q_s = √2/r_s is read off where it is exp(−½).  The nuclei are drawn on a transverse plane
larger than that of the configuration by the factor `--patch` on each side, with the same spacing, so that periodic images and
the limit r < L/2 do not matter.  The error is that of the jackknife over events.  Wilson lines only: nothing is evolved.
"""

from __future__ import annotations

import argparse

import numpy as np

from glasma import load_config
from glasma.collision import make_nuclei
from glasma.derived import Derived
from glasma.observables.dipole import Dipole, dipole, wilson_line_behind


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", default="runs/quickstart.toml")
    parser.add_argument("--events", type=int, default=40)
    parser.add_argument("--patch", type=int, default=4)
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()

    lattice = load_config(options.config, options.overrides).lattice
    large = [
        *options.overrides,
        f"lattice.transverse_cells={options.patch * lattice.transverse_cells}",
        f"lattice.transverse_length={options.patch * lattice.transverse_length!r} fm",
    ]
    events = []
    for seed in range(1, options.events + 1):
        derived = Derived(load_config(options.config, [*large, f"run.seed={seed}"]))
        events.append(np.mean([dipole(wilson_line_behind(nucleus)).C for nucleus in make_nuclei(derived)], axis=0))
    r = dipole(wilson_line_behind(make_nuclei(derived)[0])).r

    def scale(C: np.ndarray) -> float:
        return Dipole(r, C).saturation_scale / derived.g2mu_lattice

    total, count = np.sum(events, axis=0), len(events)
    without = np.array([scale((total - C) / (count - 1)) for C in events])
    error = ((count - 1) / count * np.sum((without - without.mean()) ** 2)) ** 0.5
    found = scale(total / count)
    nuclei = derived.config.nuclei
    print(
        f"{derived.config.lattice.group}, g²μ = {nuclei.g2mu:g} GeV, m = {nuclei.infrared_regulator:g} GeV, "
        f"Λ = {nuclei.ultraviolet_cutoff:g} GeV, {count} events: Q_s/g²μ = {found:.4f} ± {error:.4f}, "
        f"Q_s = {found * nuclei.g2mu:.3f} GeV"
    )


if __name__ == "__main__":
    main()
