"""Figures of a comparison."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from glasma.report.style import new_figure
from surrogate.comparison.contenders import FLOOR, SURROGATE, SYMANZIK, WILSON
from surrogate.comparison.maps import Maps
from surrogate.comparison.results import BAR, observable_errors, observed, strengths
from surrogate.comparison.run import Event

COLOURS = {WILSON: "#c1272d", SYMANZIK: "#e8871e", SURROGATE: "#1f4e9c", FLOOR: "#888888"}
#: Of further schemes, one after the other.
_FURTHER = ("#2e8b57", "#8e44ad", "#b8860b", "#008b8b", "#c71585", "#556b2f")
_NAMES = {FLOOR: "floor: fine solver from the upscaled state"}


def colour(event: Event, name: str) -> str:
    """The colour of a scheme in all figures."""
    further = [other for other in event.curves if other not in COLOURS]
    return COLOURS[name] if name in COLOURS else _FURTHER[further.index(name) % len(_FURTHER)]


def _splits(events: list[Event]) -> dict[str, list[Event]]:
    return {split: [e for e in events if e.split == split] for split in dict.fromkeys(e.split for e in events)}


def _half_steps(event: Event) -> np.ndarray:
    """The times of energies, half a step before those of fields."""
    times = np.array(event.times)
    return times - (times[1] - times[0]) / 2


def error_against_time(events: list[Event], spacing_fm: float) -> Figure:
    """|F − F*|/|F*| of each scheme: single events thin, their root mean square thick."""
    groups = _splits(events)
    figure = new_figure(3.6 * len(groups), 3.6)
    panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    for axes, (split, group) in zip(panels, groups.items(), strict=True):
        tau = spacing_fm * np.array(group[0].times)
        for name in group[0].curves:
            for event in group:
                axes.plot(tau, event.curves[name].strength, color=colour(event, name), lw=0.5, alpha=0.4)
            axes.plot(tau, strengths(group, name), color=colour(group[0], name), lw=1.8, label=_NAMES.get(name, name))
        axes.axhline(BAR, color="#bbbbbb", lw=0.8, ls=":")
        axes.set_yscale("log")
        # Curves below are rounding: the floor of collisions whose nuclei the coarse lattice knows whole.
        drawn = np.concatenate([curves.strength for event in events for curves in event.curves.values()])
        axes.set_ylim(bottom=0.6 * drawn[drawn > 1e-6].min(initial=1.0))
        axes.set_title(split)
        axes.set_xlabel(r"$\tau$  [fm]")
    panels[0].set_ylabel(r"$|F - F_*|\,/\,|F_*|$")
    panels[0].legend(fontsize=8)
    return figure


def errors_in_two_gauges(event: Event, turned: dict[str, list[float]], spacing_fm: float) -> Figure:
    """|F − F*|/|F*| of one event as it is and in a random gauge (dashed)."""
    tau = spacing_fm * np.array(event.times)
    figure = new_figure(5.2, 3.4)
    axes = figure.subplots()
    for name, errors in turned.items():
        axes.plot(tau, event.curves[name].strength, color=colour(event, name), lw=1.2, alpha=0.6, label=name)
        axes.plot(tau, errors, color=colour(event, name), lw=2.0, ls=(0, (4, 2)))
    axes.set_yscale("log")
    axes.set_xlabel(r"$\tau$  [fm]")
    axes.set_ylabel(r"$|F - F_*|\,/\,|F_*|$")
    axes.legend(fontsize=8)
    return figure


def observables_against_time(events: list[Event], spacing_fm: float) -> Figure:
    """Errors of ε, P_L/ε and P_T/ε, means over the events of each split."""
    groups = _splits(events)
    figure = new_figure(3.6 * len(groups), 6.4)
    panels = figure.subplots(3, len(groups), sharex="col", sharey="row", squeeze=False)
    labels = r"$\varepsilon/\varepsilon_* - 1$", r"$\Delta P_L/\varepsilon$", r"$\Delta P_T/\varepsilon$"
    for column, (split, group) in enumerate(groups.items()):
        tau = spacing_fm * _half_steps(group[0])
        for name in observed(group[0]):
            errors = observable_errors(group, name)
            for row in range(3):
                panels[row, column].plot(tau[1:], errors[1:, row], color=colour(group[0], name), label=name)
        panels[0, column].set_title(split)
        panels[2, column].set_xlabel(r"$\tau$  [fm]")
        for row in range(3):
            panels[row, column].axhspan(-0.03, 0.03, color="#1f4e9c", alpha=0.07, lw=0)
            panels[row, column].axhline(0, color="#888888", lw=0.6)
    for row, label in enumerate(labels):
        panels[row, 0].set_ylabel(label)
    panels[0, 0].legend(fontsize=8)
    return figure


def evolution(event: Event, spacing_fm: float) -> Figure:
    """τ ε and the pressures of one event."""
    tau = spacing_fm * _half_steps(event)
    figure = new_figure(9.0, 3.2)
    left, right = figure.subplots(1, 2)
    truth = np.array(event.truth)
    left.plot(tau, tau * truth[:, 0], color="#222222", lw=2.6, alpha=0.5, label="fine solver")
    right.plot(tau, truth[:, 1], color="#222222", lw=2.6, alpha=0.5)
    right.plot(tau, truth[:, 2], color="#222222", lw=2.6, alpha=0.5)
    for name in observed(event):
        found = np.array(event.curves[name].observables)
        left.plot(tau, tau * found[:, 0], color=colour(event, name), lw=1.1, label=name)
        for row in (1, 2):
            right.plot(tau, found[:, row], color=colour(event, name), lw=1.1)
    left.set_ylabel(r"$\tau\,\varepsilon$  [a.u.]")
    left.legend(fontsize=8)
    right.set_ylabel(r"$P_L/\varepsilon,\; P_T/\varepsilon$")
    for axes in (left, right):
        axes.set_xlabel(r"$\tau$  [fm]")
    return figure


def maps(found: Maps, spacing_fm: float) -> Figure:
    """½B_L² on the fine lattice: the solver, the surrogate with the upscaler, and their difference."""
    return side_by_side(found.truth, found.surrogate, spacing_fm / found.blocking, "surrogate, upscaled")


def side_by_side(truth: np.ndarray, found: np.ndarray, spacing_fm: float, name: str = SURROGATE) -> Figure:
    """Maps of the transverse plane, (nx, ny): the solver, the surrogate, and their difference."""
    figure = new_figure(10.5, 3.4)
    panels = figure.subplots(1, 3, sharey=True)
    extent = (0.0, truth.shape[0] * spacing_fm, 0.0, truth.shape[1] * spacing_fm)
    top = float(truth.max())
    pictures = (
        ("fine solver", truth, "inferno", 0.0, top),
        (name, found, "inferno", 0.0, top),
        ("difference", found - truth, "RdBu_r", -top / 4, top / 4),
    )
    for axes, (title, picture, colours, low, high) in zip(panels, pictures, strict=True):
        image = axes.imshow(picture.T, origin="lower", extent=extent, cmap=colours, vmin=low, vmax=high)
        axes.set_title(title)
        axes.set_xlabel("x  [fm]")
        figure.colorbar(image, ax=axes, shrink=0.8)
    panels[0].set_ylabel("y  [fm]")
    return figure


def spectra(found: Maps, spacing_fm: float) -> Figure:
    """Power of ½B_L² by wave number, fine lattice."""
    figure = new_figure(5.2, 3.4)
    axes = figure.subplots()
    for name, picture, colour in (("fine solver", found.truth, "#222222"), ("surrogate, upscaled", found.surrogate, "#1f4e9c")):
        k, power = spectrum(picture, spacing_fm / found.blocking)
        axes.loglog(k, power, color=colour, label=name)
    axes.axvline(np.pi / spacing_fm, color="#bbbbbb", ls=":", lw=1, label="end of the coarse lattice")
    axes.set_xlabel(r"$k$  [1/fm]")
    axes.set_ylabel(r"power of $\frac{1}{2}B_L^2$")
    axes.legend(fontsize=8)
    return figure


def spectrum(picture: np.ndarray, spacing_fm: float) -> tuple[np.ndarray, np.ndarray]:
    """|k| in 1/fm and the mean of |FFT|² in rings of it."""
    n = picture.shape[0]
    power = np.abs(np.fft.fft2(picture - picture.mean())) ** 2
    k = np.fft.fftfreq(n) * n
    ring = np.rint(np.hypot(*np.meshgrid(k, k, indexing="ij"))).astype(int)
    rings = np.arange(1, n // 2 + 1)
    means = np.array([power[ring == r].mean() for r in rings])
    return 2 * np.pi * rings / (n * spacing_fm), means
