"""The figures of the report, each from the stored history and profiles of a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from glasma.io.history import History, Profiles
from glasma.lattice.energy import COMPONENTS
from glasma.observables.stress_energy import TENSOR
from glasma.report.style import COLOURS, DENSITY_LABEL, DENSITY_MAP, LABELS, clipped, density_norm, new_figure

_T00 = TENSOR.index("T00")
MEAN_LABEL = r"transverse mean  [GeV/fm$^3$]"


def _time_label(symbol: str = "t") -> str:
    return f"{symbol}  [fm/c]"


def _nearest(times: Sequence[float], wanted: Sequence[float]) -> list[int]:
    """Indices of the measurements nearest to the wanted times, each once."""
    return sorted({int(np.argmin(np.abs(np.asarray(times) - time))) for time in wanted})


def telling_times(profiles: Profiles) -> list[float]:
    """Start, overlap, just after it, later, end: the moments that a picture should show."""
    first, last = profiles.times[0], profiles.times[-1]
    if first >= 0:
        return list(np.linspace(first, last, 4))
    return [first, 0.0, -0.8 * first, (last - 0.8 * first) / 2, last]


def space_time(profiles: Profiles) -> Figure:
    """ε(t, z), averaged over the transverse plane, with the paths of the nuclei."""
    figure = new_figure(7.2, 4.6)
    axes = figure.subplots()
    density = np.array(profiles.tensor)[:, _T00]
    times = np.array(profiles.times)
    norm = density_norm(density.max())
    image = axes.pcolormesh(profiles.z, times, clipped(density, norm), norm=norm, cmap=DENSITY_MAP)
    if times[0] < 0:
        for direction in (1, -1):
            axes.plot(direction * times, times, ":", color="white", lw=0.9, alpha=0.8)
    axes.set(xlabel="z  [fm]", ylabel=_time_label(), ylim=(times[0], times[-1]), xlim=(profiles.z[0], profiles.z[-1]))
    figure.colorbar(image, ax=axes, label=DENSITY_LABEL)
    return figure


def side_views(profiles: Profiles) -> Figure:
    """ε in the plane y = const. through the collision."""
    chosen = _nearest(profiles.times, telling_times(profiles))
    figure = new_figure(9.6, 1.55 * len(chosen) + 0.4)
    panels = np.atleast_1d(figure.subplots(len(chosen), 1, sharex=True))
    norm = density_norm(max(float(view.max()) for view in profiles.side_view), 5)
    length = profiles.transverse_length
    extent = (profiles.z[0], profiles.z[-1], 0, length)
    for axes, k in zip(panels, chosen, strict=True):
        view = clipped(profiles.side_view[k], norm)
        image = axes.imshow(view, origin="lower", extent=extent, aspect="auto", norm=norm, cmap=DENSITY_MAP)
        axes.text(
            0.012, 0.86, f"t = {profiles.times[k]:+.3f} fm/c", color="white", transform=axes.transAxes, va="top", fontsize=9.5
        )
        axes.set_ylabel("x  [fm]")
    panels[-1].set_xlabel("z  [fm]")
    figure.colorbar(image, ax=list(panels), label=DENSITY_LABEL, pad=0.01)
    return figure


def front_views(profiles: Profiles, symbol: str = "t") -> Figure:
    """ε in the transverse plane z = 0; `symbol` is that of the time, t or τ."""
    wanted = [time for time in telling_times(profiles) if time > profiles.times[0]]
    chosen = _nearest(profiles.times, wanted)
    figure = new_figure(9.6, 2.9)
    panels = np.atleast_1d(figure.subplots(1, len(chosen), sharey=True))
    length = profiles.transverse_length
    for axes, k in zip(panels, chosen, strict=True):
        view = profiles.front_view[k]
        image = axes.imshow(
            view.T, origin="lower", extent=(0, length, 0, length), vmin=0, vmax=np.quantile(view, 0.999) or 1, cmap=DENSITY_MAP
        )
        axes.set(title=f"{symbol} = {profiles.times[k]:+.3f} fm/c", xlabel="x  [fm]")
        figure.colorbar(image, ax=axes, orientation="horizontal", label=DENSITY_LABEL, shrink=0.9)
    panels[0].set_ylabel("y  [fm]")
    return figure


def draw_components(axes: Axes, profiles: Profiles, k: int) -> list[Line2D]:
    """The four field components along z of one measurement, on a scale that fits the whole run."""
    largest = max(float(seen.max()) for seen in profiles.components)
    axes.set_ylim(largest * 1e-6, largest * 3)
    lines = []
    for name, profile in zip(COMPONENTS, profiles.components[k], strict=True):
        dashes = "--" if name.startswith("B") else "-"
        lines += axes.semilogy(profiles.z, profile, dashes, color=COLOURS[name], label=LABELS[name], lw=1.3)
    return lines


def longitudinal_profiles(profiles: Profiles) -> Figure:
    """The four field components along z at the telling times."""
    chosen = _nearest(profiles.times, telling_times(profiles))
    figure = new_figure(9.6, 2.9)
    panels = np.atleast_1d(figure.subplots(1, len(chosen), sharey=True, sharex=True))
    for axes, k in zip(panels, chosen, strict=True):
        draw_components(axes, profiles, k)
        axes.set(title=f"t = {profiles.times[k]:+.3f} fm/c", xlabel="z  [fm]")
    panels[0].set_ylabel(MEAN_LABEL)
    panels[-1].legend(loc="upper right", fontsize=9, ncols=2, columnspacing=0.8, handlelength=1.4)
    return figure


def pressures(history: History, width: float) -> Figure:
    """ε and the pressures at z = 0 once the nuclei, whose width is σ, have left it."""
    figure = new_figure(9.6, 3.3)
    left, right = figure.subplots(1, 2)
    time, density = history.column("t_fm"), history.column("eps_mid")
    left.semilogy(time, np.maximum(density, 1e-12 * density.max()), color=COLOURS["eps"])
    left.set(
        xlabel=_time_label(),
        ylabel=r"$\varepsilon$ at $z=0$  [GeV/fm$^3$]",
        ylim=(max(density[-1] / 4, density.max() * 1e-5), None),
    )
    # At 3 σ the tails of the nuclei are e⁻⁹ of their peaks.
    after = time > 3 * width
    if after.any():
        right.plot(time[after], (history.column("pL_mid") / density)[after], color=COLOURS["pL"], label=r"$P_L/\varepsilon$")
        right.plot(time[after], (history.column("pT_mid") / density)[after], color=COLOURS["pT"], label=r"$P_T/\varepsilon$")
        right.legend()
    for value in (0.0, 1 / 3):
        right.axhline(value, color="0.75", lw=0.8, zorder=0)
    right.set(xlabel=_time_label(), ylabel="pressure / energy density at $z=0$", ylim=(-1.05, 1.05))
    return figure


def boost_invariant_pressures(history: History) -> Figure:
    """τε and the pressures of a boost-invariant run."""
    figure = new_figure(9.6, 3.3)
    left, right = figure.subplots(1, 2)
    tau, density = history.column("t_fm"), history.column("eps_mid")
    left.plot(tau, tau * density, color=COLOURS["eps"])
    left.set(xlabel=_time_label("τ"), ylabel=r"$\tau\varepsilon$  [GeV/fm$^2$]", ylim=(0, None))
    for name, label in (("pL_mid", r"$P_L/\varepsilon$"), ("pT_mid", r"$P_T/\varepsilon$")):
        right.plot(tau, history.column(name) / density, color=COLOURS[name.removesuffix("_mid")], label=label)
    right.legend()
    for value in (0.0, 0.5):
        right.axhline(value, color="0.75", lw=0.8, zorder=0)
    right.set(xlabel=_time_label("τ"), ylabel="pressure / energy density", ylim=(-1.05, 1.05))
    return figure


def components(history: History, symbol: str = "t") -> Figure:
    """Energies of the field components over time."""
    figure = new_figure(9.6, 3.3)
    left, right = figure.subplots(1, 2)
    time = history.column("t_fm")
    for name in COMPONENTS:
        dashes = "--" if name.startswith("B") else "-"
        left.semilogy(time, np.maximum(history.column(name), 1e-12), dashes, color=COLOURS[name], label=LABELS[name])
    largest = max(float(history.column(name).max()) for name in COMPONENTS)
    left.set(xlabel=_time_label(symbol), ylabel="energy in the box  [GeV]", ylim=(largest * 1e-7, largest * 3))
    left.legend(ncols=2, fontsize=9)
    energy, work = history.column("energy_field"), history.column("work_on_charges")
    right.plot(time, energy, color=COLOURS["eps"], label="fields")
    lost = r"start $-\int J\cdot E$" if symbol == "t" else r"start $-\int P_L d\tau$"
    right.plot(time, energy[0] - work + work[0], ":", color=COLOURS["E_L2"], label=lost, lw=2)
    right.set(xlabel=_time_label(symbol), ylabel="energy  [GeV]")
    right.legend()
    return figure


def constraints(history: History, gauss: float, unitarity: float, balance: float, symbol: str = "t") -> Figure:
    """Gauss constraint, unitarity and energy balance, each with its tolerance."""
    figure = new_figure(9.6, 3.0)
    left, right = figure.subplots(1, 2)
    time = history.column("t_fm")
    floor = 1e-17
    left.semilogy(time, np.maximum(history.column("gauss_max_rel"), floor), color=COLOURS["E_L2"], label="Gauss, max")
    left.semilogy(time, np.maximum(history.column("gauss_rms_rel"), floor), "--", color=COLOURS["E_L2"], label="Gauss, rms")
    left.semilogy(time, np.maximum(history.column("unitarity_max"), floor), color=COLOURS["B_L2"], label="unitarity, max")
    _limit(left, gauss, COLOURS["E_L2"])
    _limit(left, unitarity, COLOURS["B_L2"])
    left.set(xlabel=_time_label(symbol), ylabel="relative violation")
    left.legend(fontsize=9)
    right.plot(time, 100 * history.column("energy_balance_rel"), color=COLOURS["eps"])
    for sign in (1, -1):
        _limit(right, 100 * sign * balance, COLOURS["eps"])
    right.set(xlabel=_time_label(symbol), ylabel=r"energy balance $(\Delta E + \int J\cdot E)/E$  [%]")
    return figure


def _limit(axes: Axes, value: float, colour: str) -> None:
    axes.axhline(value, color=colour, lw=0.8, ls=":", alpha=0.7)


def nucleus_shape(profiles: Profiles) -> Figure:
    """A single nucleus: its shape at several times, each moved back by ct, and the numerical-Cherenkov error."""
    figure = new_figure(9.6, 3.3)
    left, right = figure.subplots(1, 2)
    series = np.array(profiles.components)
    transverse = series[:, 1] + series[:, 3]
    for k in _nearest(profiles.times, list(np.linspace(profiles.times[0], profiles.times[-1], 4))):
        left.plot(profiles.z - profiles.times[k], transverse[k], label=f"t = {profiles.times[k]:.3f} fm/c", lw=1.2)
    centre = profiles.z[int(np.argmax(transverse[0]))] - profiles.times[0]
    width = np.sqrt(np.average((profiles.z - profiles.times[0] - centre) ** 2, weights=transverse[0]))
    left.set(
        xlabel="z − t  [fm]", ylabel=r"$\frac{1}{2}(E_T^2+B_T^2)$  [GeV/fm$^3$]", xlim=(centre - 6 * width, centre + 6 * width)
    )
    left.legend(fontsize=8.5)
    energy = series.sum(axis=2)
    right.semilogy(
        profiles.times, np.maximum(energy[:, 0] / energy[:, 1], 1e-16), color=COLOURS["E_L2"], label=r"$E_L^2/E_T^2$"
    )
    right.semilogy(
        profiles.times, np.maximum(np.abs(transverse.sum(axis=1) / transverse[0].sum() - 1), 1e-16), color=COLOURS["B_L2"],
        label=r"$|\Delta(E_T^2+B_T^2)|$, relative",
    )  # fmt: skip
    right.set(xlabel=_time_label(), ylabel="numerical Cherenkov error", ylim=(1e-8, None))
    right.legend()
    return figure
