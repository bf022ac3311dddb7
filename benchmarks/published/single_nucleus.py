"""A single nucleus in flight: leapfrog against the semi-implicit scheme over the longitudinal spacing (arXiv:1804.01995).

    python benchmarks/published/single_nucleus.py [--quick] [--figure FILE]

The nucleus of runs/single_nucleus.toml flies 1.3 fm at each spacing; then ten of its own lengths (12 σ each) with σ = 2 a_z.
Both errors, E_L²/E_T² at the end and the change of E_T² + B_T², vanish in the continuum.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.ticker import NullFormatter, ScalarFormatter

from glasma import Collision
from glasma.report.style import figure_style, new_figure

RUN = "runs/single_nucleus.toml"
CELLS = {"leapfrog": (128, 256, 512, 1024), "semi_implicit": (128, 256, 512)}
NAMES = {"leapfrog": "leapfrog", "semi_implicit": "semi-implicit"}


@dataclass(frozen=True)
class Flight:
    scheme: str
    a_z: float
    sigma_cells: float
    flight_cells: float
    longitudinal: float
    growth: float
    gauss: float
    iterations: int
    seconds_per_fm: float


def fly(scheme: str, *overrides: str) -> Flight:
    collision = Collision(RUN, f"evolution.scheme={scheme}", *overrides)
    derived = collision.derived

    def transverse() -> tuple[float, float]:
        electric_l, electric_t, _, magnetic_t = collision.measure().components.sum(axis=1)
        return electric_t + magnetic_t, electric_l / electric_t

    start, _ = transverse()
    seconds, worst = 0.0, 0
    first = collision.fields.step
    while not collision.finished:
        begin = time.perf_counter()
        collision.step()
        if collision.fields.step > first + 2:  # the first steps compile
            seconds += time.perf_counter() - begin
        worst = max(worst, collision.scheme.iterations)
    end, longitudinal = transverse()
    steps = collision.fields.step - first
    return Flight(
        scheme,
        derived.a_z_fm,
        collision.config.nuclei.sigma / derived.a_z_fm,
        steps / derived.grid.substeps,
        longitudinal,
        abs(end / start - 1),
        collision.gauss_violation(),
        worst,
        seconds * steps / (steps - 2) / (steps * derived.grid.time_step_fm),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer transverse sites, no finest lattice")
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    small = ["lattice.transverse_cells=16", "lattice.transverse_length=1 fm"] if options.quick else []

    print("| scheme | a_z [fm] | σ/a_z | flight in a_z | E_L²/E_T² | change of E_T² + B_T² | Gauss | iterations | s per fm/c |")
    print("|---|---|---|---|---|---|---|---|---|")
    flights = []
    for scheme, cells in CELLS.items():
        for count in cells[: 3 if options.quick else None]:
            flights.append(fly(scheme, f"lattice.longitudinal_cells={count}", *small))
            show(flights[-1])
    sigma = Collision(RUN, *small).config.nuclei.sigma
    cells = 288
    print("\nTen own lengths, σ = 2 a_z:")
    for scheme in CELLS:
        box = [f"lattice.longitudinal_length={cells * sigma / 2!r} fm", f"lattice.longitudinal_cells={cells}"]
        show(fly(scheme, *box, f"evolution.end_time={120 * sigma!r} fm", *small))
    if options.figure:
        draw(flights, options.figure)


def show(flight: Flight) -> None:
    print(
        f"| {NAMES[flight.scheme]} | {flight.a_z:.4f} | {flight.sigma_cells:.1f} | {flight.flight_cells:.0f} "
        f"| {flight.longitudinal:.1e} | {flight.growth:.1e} | {flight.gauss:.1e} | {flight.iterations} "
        f"| {flight.seconds_per_fm:.2f} |",
        flush=True,
    )


def draw(flights: list[Flight], path: Path) -> None:
    with figure_style():
        figure = new_figure(9.6, 3.6)
        left, right = figure.subplots(1, 2)
        for scheme, colour in zip(CELLS, ("#1f4e9c", "#c1272d"), strict=True):
            chosen = [flight for flight in flights if flight.scheme == scheme]
            floor = 1e-17
            growth = np.maximum([flight.growth for flight in chosen], floor)
            longitudinal = np.maximum([flight.longitudinal for flight in chosen], floor**2)
            left.loglog([f.a_z for f in chosen], growth, "o-", color=colour, label=f"{NAMES[scheme]}: energy")
            left.loglog([f.a_z for f in chosen], longitudinal, "s--", color=colour, label=r"$E_L^2/E_T^2$")
            right.loglog([f.seconds_per_fm for f in chosen], growth, "o-", color=colour, label=NAMES[scheme])
        left.set(xlabel=r"$a_z$  [fm]", ylabel="error after 1.3 fm", xticks=(0.002, 0.004, 0.008, 0.016))
        left.xaxis.set_major_formatter(ScalarFormatter())
        left.xaxis.set_minor_formatter(NullFormatter())
        right.set(xlabel="seconds per fm/c of flight", ylabel="change of the transverse energy")
        left.legend(fontsize=8)
        right.legend()
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
