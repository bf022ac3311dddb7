"""Pressures at mid-rapidity for several thicknesses, approaching 2+1D as the nuclei get thin (arXiv:1605.07184, 1904.04267).

    python benchmarks/published/thin_nuclei.py [--quick] [--events 3] [--figure FILE]

Runs runs/thin_nuclei.toml with σ = 0.064 … 0.008 fm and σ = 2 a_z, and once with `boost_invariant`, for the same colour
charges, so that the events differ by the thickness alone.  The values at z = 0, where τ = t, are extrapolated to σ = 0 by the
straight line through the two thinnest; its error is the larger of two: how far it goes beyond the thinnest, and how far it is
from the parabola through the three thinnest.
"""

from __future__ import annotations

import argparse
from math import ceil
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

from glasma import Collision
from glasma.observables.stress_energy import TENSOR
from glasma.report.style import figure_style, new_figure

RUN = "runs/thin_nuclei.toml"
WIDTHS = (0.064, 0.032, 0.016, 0.008)
END = 0.4
TIMES = np.arange(0.06, END + 0.001, 0.02)
SHOWN = (0.1, 0.2, 0.3, 0.4)


def history(*overrides: str) -> tuple[np.ndarray, float]:
    """ε, P_L and P_T at z = 0 in GeV/fm³, interpolated to `TIMES`: (3, times); the largest Gauss violation."""
    collision = Collision(RUN, *overrides)
    nz = collision.derived.grid.shape[2]
    middle = [(nz - 1) // 2, nz // 2]
    times, rows, gauss = [], [], 0.0
    every = collision.derived.measure_every
    for step in collision:
        if collision.time < 0.02 or step % every:
            continue
        mean = collision.measure().tensor[:, middle].mean(axis=1) * collision.derived.density_unit
        tensor = dict(zip(TENSOR, mean, strict=True))
        times.append(collision.time)
        rows.append([tensor["T00"], tensor["Tzz"], (tensor["Txx"] + tensor["Tyy"]) / 2])
        gauss = max(gauss, collision.gauss_violation())
    return CubicSpline(times, np.array(rows))(TIMES).T, gauss


def at_width(width: float, *overrides: str) -> tuple[np.ndarray, float]:
    a_z = width / 2
    # Symmetric around z = 0, with room for the flight, the nuclei and the frozen ends.
    cells = 2 * ceil((END + 2 * 4.5 * width) / a_z + 8)
    box = [f"lattice.longitudinal_cells={cells}", f"lattice.longitudinal_length={cells * a_z!r} fm"]
    return history(*box, f"nuclei.width={width} fm", "observables.interval=0.01 fm", *overrides)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a quarter of the transverse plane, one event")
    parser.add_argument("--events", type=int, default=3)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    small = ["lattice.transverse_cells=32", "lattice.transverse_length=2 fm"] if options.quick else []

    thick, thin, gauss = [], [], 0.0
    for seed in range(1, 2 if options.quick else options.events + 1):
        event = [f"run.seed={seed}", *small]
        found = [at_width(width, *event) for width in WIDTHS]
        limit, violation = history("evolution.scheme=boost_invariant", "observables.interval=0.01 fm", *event)
        thick.append([values for values, _ in found])
        thin.append(limit)
        gauss = max(gauss, violation, *(violation for _, violation in found))
        print(f"event {seed} done", flush=True)
    report(np.array(thick), np.array(thin), gauss, options.figure)


def report(thick: np.ndarray, thin: np.ndarray, gauss: float, path: Path | None) -> None:
    """Table and figure; `thick` is (events, widths, 3, times), `thin` (events, 3, times)."""
    # ε, P_L/ε, P_T/ε of each event
    thick_ratio, thin_ratio = (np.concatenate([v[..., :1, :], v[..., 1:, :] / v[..., :1, :]], axis=-2) for v in (thick, thin))
    thick_ratio[..., 0, :] /= thin_ratio[:, None, 0]
    target = thin_ratio.copy()
    target[:, 0] = 1
    limit = extrapolated(thick_ratio, 1)
    others = (thick_ratio[:, -1], extrapolated(thick_ratio, 2))
    events = len(thin)
    names = ("ε/ε(2+1D)", "P_L/ε", "P_T/ε")
    print(
        f"largest Gauss violation {gauss:.1e}; {events} events; error: scatter of the difference between events, extrapolation"
    )
    print("| quantity | τ [fm] | " + " | ".join(f"σ = {width} fm" for width in WIDTHS) + " | σ → 0 | 2+1D | deviation |")
    print("|---|---|" + "---|" * (len(WIDTHS) + 3))
    for q, name in enumerate(names):
        for time in SHOWN:
            k = int(np.argmin(np.abs(TIMES - time)))
            difference = limit[:, q, k] - target[:, q, k]
            scatter = difference.std(ddof=1) / events**0.5 if events > 1 else 0.0
            error = np.hypot(scatter, max(abs((limit - other)[:, q, k].mean()) for other in others))
            widths = " | ".join(f"{value:.4f}" for value in thick_ratio[:, :, q, k].mean(axis=0))
            print(
                f"| {name} | {time} | {widths} | {limit[:, q, k].mean():.4f} ± {error:.4f} "
                f"| {target[:, q, k].mean():.4f} | {difference.mean():+.4f} |"
            )
    if path is None:
        return
    with figure_style():
        figure = new_figure(9.6, 3.6)
        for axes, q in zip(figure.subplots(1, 2), (1, 2), strict=True):
            for width, values in zip(WIDTHS, thick_ratio.mean(axis=0)[:, q], strict=True):
                shown = 3.5 * width < TIMES
                axes.plot(TIMES[shown], values[shown], label=f"σ = {width} fm", lw=1.3)
            axes.plot(TIMES, target.mean(axis=0)[q], "k--", label="2+1D", lw=1.6)
            axes.set(xlabel=r"$\tau$  [fm/c]", ylabel=("", r"$P_L/\varepsilon$", r"$P_T/\varepsilon$")[q])
            axes.legend(fontsize=8)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)


def extrapolated(values: np.ndarray, degree: int) -> np.ndarray:
    """The polynomial through the degree + 1 thinnest widths at σ = 0; widths are the second axis."""
    widths = np.array(WIDTHS[-degree - 1 :])
    # Lagrange's weights at 0
    weights = [np.prod([other / (other - width) for other in widths if other != width]) for width in widths]
    return np.tensordot(values[:, -degree - 1 :], weights, axes=(1, 0))


if __name__ == "__main__":
    main()
