"""The rapidity profile of a collision for the report."""

from __future__ import annotations

from math import e, isfinite, sqrt

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glasma.io.history import Profiles
from glasma.observables.rapidity import (
    MARGIN,
    GaussianFit,
    RapidityProfile,
    gaussian_fit,
    landau_width,
    rapidity_profile,
    reach,
)
from glasma.report.style import DENSITY_LABEL, new_figure

#: A profile that reaches less far on both sides is not drawn.
_LEAST_REACH = 0.5

#: Largest |η_s| of the axes.
_DRAWN = 2.0

_COLOURS = ("#e8871e", "#c1272d", "#1f4e9c")


def telling_proper_times(profiles: Profiles, sigma: float) -> list[float]:
    """The τ whose profile reaches furthest, and one before and after it, as far as they reach at all.

    The reach min(ln(τ/d), arcosh(t_end/τ)), d being the margin to the nuclei, is largest at τ² = 2 d t_end − d².
    """
    margin, end = MARGIN * sigma, profiles.times[-1]
    if end <= margin:
        return []
    best = sqrt((2 * end - margin) * margin)
    return [tau for tau in (best / 1.6, best, 1.6 * best) if reach(profiles, tau, sigma) >= _LEAST_REACH]


def rapidity(profiles: Profiles, sigma: float, lorentz_factor: float | None) -> tuple[str, Figure | None]:
    """What the data say, and ε_loc and dE_T/dη_s against η_s; no figure if the run ends too early for one.

    Parameters
    ----------
    profiles : Profiles
    sigma : float
        Width of the nuclei in fm.
    lorentz_factor : float or None
        γ of the nuclei, for the width of the Landau model.
    """
    times = telling_proper_times(profiles, sigma)
    if not times:
        needed = MARGIN * sigma * (e ** (2 * _LEAST_REACH) + 1) / 2
        return (
            f"Not drawn: further than {MARGIN:g} σ from the nuclei, the measurements hold no line of constant τ up to "
            f"|η_s| = {_LEAST_REACH:g}. That takes an end time of at least {needed:.2g} fm/c and measurements closer than σ.",
            None,
        )
    figure = new_figure(9.6, 3.9)
    left, right = figure.subplots(1, 2)
    fits = []
    for tau, colour in zip(times, _COLOURS, strict=False):
        profile = rapidity_profile(profiles, tau, sigma)
        fits.append(gaussian_fit(profile.eta, profile.energy_density))
        _draw(left, profile, profile.energy_density, fits[-1], colour)
        _draw(right, profile, profile.transverse_energy, gaussian_fit(profile.eta, profile.transverse_energy), colour)
    landau = landau_width(lorentz_factor) if lorentz_factor and lorentz_factor > 1 else None
    widest = max(fits, key=lambda fit: fit.window[1] - fit.window[0] if fit else 0.0)
    if landau and widest:
        eta = np.linspace(-_DRAWN, _DRAWN, 200)
        bell = widest.amplitude * np.exp(-((eta - widest.centre) ** 2) / (2 * landau**2))
        left.plot(eta, bell, "--", color="0.45", lw=1, label=rf"Landau model, $\sigma_\eta = {landau:.2f}$")
    side = profiles.transverse_length
    left.set(ylabel=r"$\varepsilon_\mathrm{loc}$" + DENSITY_LABEL.removeprefix(r"$\varepsilon$"))
    right.set(ylabel=rf"$dE_T/d\eta_s$ of {side:g} fm × {side:g} fm  [GeV]")
    for axes in (left, right):
        axes.set(xlabel=r"$\eta_s$", ylim=(0, 1.35 * axes.get_ylim()[1]))
        axes.legend(loc="upper center", fontsize=8.5)
    text = (
        f"Left: energy density in the local rest frame, on lines of constant τ and further than {MARGIN:g} σ from the nuclei. "
        "Right: transverse energy τ ∫ d²x (T^xx + T^yy). Dotted: Gaussian fits to all of a line. Their errors tell how well a "
        "Gaussian fits, not how events scatter; a profile that is cut before it has fallen far does not yet fix its width."
    )
    return text, figure


def _draw(axes: Axes, profile: RapidityProfile, values: np.ndarray, fit: GaussianFit | None, colour: str) -> None:
    """One profile with its fit, which goes on a little beyond the data."""
    label = rf"$\tau = {profile.tau:.2f}$ fm/c"
    if fit and isfinite(fit.width_error):
        digits = max(2, int(np.ceil(-np.log10(max(fit.width_error, 1e-4)))))
        label += rf", $\sigma_\eta = {fit.width:.{digits}f} \pm {fit.width_error:.{digits}f}$"
        around = np.linspace(fit.window[0] - 0.5, fit.window[1] + 0.5, 200)
        axes.plot(around, fit(around), ":", color=colour, lw=1)
    axes.plot(profile.eta, values, color=colour, lw=1.8, label=label)
    axes.set_xlim(-_DRAWN, _DRAWN)
