"""Rapidity profiles of the Glasma at RHIC energies, with Gaussian fits, beside Landau's model and the data (arXiv:1703.00017).

    python benchmarks/published/rapidity.py [--quick] [--events 3] [--figure FILE]

Runs events of runs/rapidity_rhic.toml at √s_NN = 200 and 130 GeV for several infrared regulators m, averages T^{μν} over events
and the transverse plane, and fits ε_loc(τ, η_s) with a Gaussian for |η_s| up to a common bound.  Errors are those of the
jackknife over events.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from glasma import Collision
from glasma.io.history import Profiles
from glasma.observables.rapidity import RapidityProfile, gaussian_fit, landau_width, rapidity_profile
from glasma.report.style import figure_style, new_figure

RUN = "runs/rapidity_rhic.toml"
TAU = 0.5
WINDOW = 1.3
ENERGIES = (200, 130)
REGULATORS = (0.2, 0.4, 0.8)


def event(*overrides: str) -> tuple[Profiles, Collision]:
    """One event's transverse means after the nuclei have passed."""
    collision = Collision(RUN, *overrides)
    derived = collision.derived
    profiles = Profiles(Path(), derived.grid.z_fm(), collision.config.lattice.transverse_length)
    for step in collision:
        if collision.time > 0 and step % derived.measure_every == 0:
            profiles.append(step, collision.time, collision.measure(), derived.density_unit)
    return profiles, collision


def mean_profile(events: list[Profiles], sigma: float) -> RapidityProfile:
    """ε_loc of the mean energy-momentum tensor."""
    mean = Profiles(Path(), events[0].z, events[0].transverse_length)
    mean.times = events[0].times
    mean.tensor = list(np.mean([np.array(profiles.tensor) for profiles in events], axis=0))
    return rapidity_profile(mean, TAU, sigma, np.linspace(-2, 2, 201))


def width(profile: RapidityProfile) -> float:
    """σ_η; NaN for a profile that does not fall to its sides."""
    inside = np.abs(profile.eta) <= WINDOW
    fit = gaussian_fit(profile.eta[inside], profile.energy_density[inside])
    return fit.width if fit else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smaller transverse plane, two events, m = 0.4 GeV only")
    parser.add_argument("--events", type=int, default=3)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    small = (
        ["lattice.transverse_cells=32", "lattice.transverse_length=2 fm", "evolution.tolerance=1e-8"] if options.quick else []
    )
    count = 2 if options.quick else options.events

    print(f"ε_loc at τ = {TAU} fm/c, fitted for |η_s| ≤ {WINDOW}; {count} events each; at ±1: relative to η_s = 0")
    print("| √s_NN [GeV] | m [GeV] | σ_η | ε_loc at ±1 | dE_T/dη_s at 0 per fm² [GeV/fm²] | Landau (ln γ)^½ | Gauss |")
    print("|---|---|---|---|---|---|---|")
    drawn = []
    for energy in ENERGIES:
        for regulator in REGULATORS[1:2] if options.quick else REGULATORS:
            settings = [f"nuclei.sqrt_s_nn={energy} GeV", f"nuclei.infrared_regulator={regulator} GeV", *small]
            # σ = 2 a_z at either energy
            collisions = [event(f"run.seed={seed}", *settings, *_box(energy)) for seed in range(1, count + 1)]
            events, last = [profiles for profiles, _ in collisions], collisions[-1][1]
            sigma, length = last.config.nuclei.sigma, last.config.lattice.transverse_length
            profile = mean_profile(events, sigma)
            left_out = [width(mean_profile(events[:k] + events[k + 1 :], sigma)) for k in range(count)]
            error = ((count - 1) * np.var(left_out)) ** 0.5
            middle = len(profile.eta) // 2
            relative = profile.energy_density / profile.energy_density[middle]
            at_one = np.interp([-1, 1], profile.eta, relative).mean()
            landau = landau_width(last.config.nuclei.lorentz_factor or 1)
            print(
                f"| {energy} | {regulator} | {width(profile):.2f} ± {error:.2f} | {at_one:.3f} "
                f"| {profile.transverse_energy[middle] / length**2:.2f} | {landau:.2f} | {last.gauss_violation():.1e} |",
                flush=True,
            )
            drawn.append((energy, regulator, profile.eta, relative, width(profile), landau))
    if options.figure:
        draw(drawn, options.figure)


def _box(energy: float) -> list[str]:
    """σ = 2 a_z, and a box of the same length."""
    cells = 2 * round(92 * energy / 200)
    return [f"lattice.longitudinal_cells={cells}"]


def draw(profiles: list[tuple[float, float, np.ndarray, np.ndarray, float, float]], path: Path) -> None:
    with figure_style():
        figure = new_figure(9.6, 3.6)
        for axes, energy in zip(figure.subplots(1, 2, sharey=True), ENERGIES, strict=True):
            chosen = [profile for profile in profiles if profile[0] == energy]
            for (_, regulator, eta, relative, fitted, _), colour in zip(
                chosen, ("#1f4e9c", "#e8871e", "#c1272d"), strict=False
            ):
                axes.plot(eta, relative, color=colour, label=rf"m = {regulator} GeV: $\sigma_\eta$ = {fitted:.2f}")
                axes.plot(eta, np.exp(-(eta**2) / (2 * fitted**2)), ":", color=colour)
            landau = chosen[0][5]
            axes.plot(eta, np.exp(-(eta**2) / (2 * landau**2)), "k--", label=rf"Landau: $\sigma_\eta$ = {landau:.2f}")
            title = rf"$\sqrt{{s_{{NN}}}}$ = {energy} GeV, τ = {TAU} fm/c"
            axes.set(xlabel=r"$\eta_s$", title=title, ylim=(0, 1.15), xlim=(-2, 2))
            axes.legend(fontsize=8)
        figure.axes[0].set_ylabel(r"$\varepsilon_{loc}(\eta_s)/\varepsilon_{loc}(0)$")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
