"""The figures of an ensemble: means over events with their errors as bands, and the events around them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from glasma.io.history import History
from glasma.lattice.energy import COMPONENTS
from glasma.report.style import COLOURS, LABELS, new_figure

#: As many single events are drawn as thin lines, at most.
_DRAWN_EVENTS = 40

Columns = Mapping[str, np.ndarray]


def _curve(axes: Axes, time: np.ndarray, mean: np.ndarray, error: np.ndarray, colour: str, label: str, dash: str = "-") -> None:
    """A mean with its error as a band; the error of a single event is unknown and has none."""
    axes.plot(time, mean, dash, color=colour, label=label, lw=1.4)
    axes.fill_between(time, mean - error, mean + error, color=colour, alpha=0.25, lw=0)


def density_and_events(columns: Columns, histories: Mapping[int, History], symbol: str) -> Figure:
    """ε of the mean and of the events, τε where time is τ; right, each event at the end."""
    figure = new_figure(9.6, 3.3)
    left, right = figure.subplots(1, 2)
    time = columns["t_fm"]
    weight, label = (time, r"$\tau\varepsilon$  [GeV/fm$^2$]") if symbol == "τ" else (1.0 + 0 * time, None)
    label = label or r"$\varepsilon$ at $z=0$  [GeV/fm$^3$]"
    for history in list(histories.values())[:_DRAWN_EVENTS]:
        left.plot(time, weight * history.column("eps_mid"), color="0.75", lw=0.6)
    mean, error = weight * columns["eps_mid"], weight * columns["eps_mid_error"]
    _curve(left, time, mean, error, COLOURS["E_L2"], "mean")
    left.set(xlabel=f"{symbol}  [fm/c]", ylabel=label)
    if symbol == "τ":
        left.set_ylim(0, None)
    else:
        left.set(yscale="log", ylim=(max(float(mean[-1]) / 4, float(mean.max()) * 1e-5) or None, None))
    last = [weight[-1] * history.rows[-1]["eps_mid"] for history in histories.values()]
    right.plot(list(histories), last, "o", color=COLOURS["eps"], ms=3.5)
    right.axhline(mean[-1], color=COLOURS["E_L2"], lw=1.2)
    if np.isfinite(error[-1]):
        right.axhspan(mean[-1] - error[-1], mean[-1] + error[-1], color=COLOURS["E_L2"], alpha=0.25, lw=0)
    right.set(xlabel="event", ylabel=label, title=f"{symbol} = {time[-1]:.3g} fm/c")
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def pressures(columns: Columns, after: float, symbol: str) -> Figure:
    """Ratios of the mean pressures to the mean energy density at times later than `after`."""
    figure = new_figure(7.2, 3.3)
    axes = figure.subplots()
    held = columns["t_fm"] > after
    for name, letter in (("pL", "P_L"), ("pT", "P_T")):
        label = rf"$\langle {letter}\rangle/\langle\varepsilon\rangle$"
        ratio, error = columns[f"{name}_over_eps"][held], columns[f"{name}_over_eps_error"][held]
        _curve(axes, columns["t_fm"][held], ratio, error, COLOURS[name], label)
    for value in (0.0, 0.5 if symbol == "τ" else 1 / 3):
        axes.axhline(value, color="0.75", lw=0.8, zorder=0)
    axes.set(xlabel=f"{symbol}  [fm/c]", ylabel="pressure / energy density", ylim=(-1.05, 1.05))
    axes.legend()
    return figure


def components(columns: Columns, symbol: str) -> Figure:
    """Energies of the field components and of all fields."""
    figure = new_figure(9.6, 3.3)
    left, right = figure.subplots(1, 2)
    time = columns["t_fm"]
    for name in COMPONENTS:
        dash = "--" if name.startswith("B") else "-"
        _curve(left, time, np.maximum(columns[name], 1e-12), columns[f"{name}_error"], COLOURS[name], LABELS[name], dash)
    values = np.array([columns[name] for name in COMPONENTS])
    limits = max(values.max() * 1e-7, values.min() / 3), values.max() * 3
    left.set(xlabel=f"{symbol}  [fm/c]", ylabel="energy in the box  [GeV]", yscale="log", ylim=limits)
    left.legend(ncols=2, fontsize=9)
    _curve(right, time, columns["energy_field"], columns["energy_field_error"], COLOURS["eps"], "fields")
    right.set(xlabel=f"{symbol}  [fm/c]", ylabel="energy  [GeV]")
    right.legend()
    return figure


def constraints(columns: Columns, gauss: float, unitarity: float, balance: float, symbol: str) -> Figure:
    """The largest violations over the events, with their tolerances."""
    figure = new_figure(9.6, 3.0)
    left, right = figure.subplots(1, 2)
    time = columns["t_fm"]
    curves = (("gauss_max_rel", "Gauss, max", "E_L2", gauss), ("unitarity_max", "unitarity, max", "B_L2", unitarity))
    for name, label, colour, limit in curves:
        left.semilogy(time, np.maximum(columns[name], 1e-17), color=COLOURS[colour], label=label)
        left.axhline(limit, color=COLOURS[colour], lw=0.8, ls=":", alpha=0.7)
    left.set(xlabel=f"{symbol}  [fm/c]", ylabel="relative violation")
    left.legend(fontsize=9)
    right.plot(time, 100 * columns["energy_balance_rel"], color=COLOURS["eps"])
    right.axhline(100 * balance, color=COLOURS["eps"], lw=0.8, ls=":", alpha=0.7)
    right.set(xlabel=f"{symbol}  [fm/c]", ylabel="energy balance, magnitude  [%]")
    return figure
