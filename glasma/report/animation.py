"""The collision as a film: from the side with the field components along z, or from the front in a boost-invariant run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from glasma.io.atomic import replacing
from glasma.io.history import Profiles
from glasma.observables.stress_energy import TENSOR
from glasma.report.plots import MEAN_LABEL, draw_components
from glasma.report.style import COLOURS, DENSITY_LABEL, DENSITY_MAP, clipped, density_norm, figure_style, new_figure

_FRAMES = 72
_FRAMES_PER_SECOND = 12


def write_animation(path: Path, profiles: Profiles) -> None:
    """Write an animated WebP with one frame a measurement, at most `_FRAMES`."""
    count = len(profiles.times)
    shown = np.unique(np.linspace(0, count - 1, min(count, _FRAMES)).round().astype(int))
    with figure_style():
        figure, update = (_from_the_side if profiles.z.size > 1 else _from_the_front)(profiles)
        figure.set_dpi(105)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        figure.set_layout_engine("none")  # the layout of the first frame holds for all
        frames = []
        for k in shown:
            update(int(k))
            canvas.draw()
            frames.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))
    with replacing(path) as aside:
        duration = 1000 // _FRAMES_PER_SECOND
        frames[0].save(aside, "WEBP", save_all=True, append_images=frames[1:], duration=duration, loop=0, quality=75, method=1)


def _from_the_side(profiles: Profiles) -> tuple[Figure, Callable[[int], None]]:
    """ε in the plane y = const. and the field components along z."""
    figure = new_figure(8.4, 4.9)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(1.25, 1))
    norm = density_norm(max(float(view.max()) for view in profiles.side_view), 5)
    extent = (profiles.z[0], profiles.z[-1], 0, profiles.transverse_length)
    image = top.imshow(
        clipped(profiles.side_view[0], norm), origin="lower", extent=extent, aspect="auto", norm=norm, cmap=DENSITY_MAP
    )
    figure.colorbar(image, ax=top, label=DENSITY_LABEL, pad=0.01)
    top.set_ylabel("x  [fm]")
    clock = top.text(0.015, 0.93, "", color="white", transform=top.transAxes, va="top", fontsize=12)

    lines = draw_components(bottom, profiles, 0)
    low, high = bottom.get_ylim()
    bottom.set(ylim=(low, 20 * high))  # room for the legend
    bottom.set(xlabel="z  [fm]", ylabel=MEAN_LABEL, xlim=(profiles.z[0], profiles.z[-1]))
    bottom.legend(loc="upper right", ncols=4, fontsize=9)

    def update(k: int) -> None:
        image.set_data(clipped(profiles.side_view[k], norm))
        clock.set_text(f"t = {profiles.times[k]:+.3f} fm/c")
        for line, profile in zip(lines, profiles.components[k], strict=True):
            line.set_ydata(profile)

    return figure, update


def _from_the_front(profiles: Profiles) -> tuple[Figure, Callable[[int], None]]:
    """τε of the transverse plane, and the pressures up to then."""
    tau, tensor = np.array(profiles.times), np.array(profiles.tensor)[..., 0]
    density = tensor[:, TENSOR.index("T00")]
    pressures = {
        "pL": tensor[:, TENSOR.index("Tzz")] / density,
        "pT": (tensor[:, TENSOR.index("Txx")] + tensor[:, TENSOR.index("Tyy")]) / (2 * density),
    }
    figure = new_figure(8.4, 4.2)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    length = profiles.transverse_length
    largest = float(np.quantile(tau[len(tau) // 2] * profiles.front_view[len(tau) // 2], 0.999)) or 1.0
    image = left.imshow(
        profiles.front_view[0].T, origin="lower", extent=(0, length, 0, length), vmin=0, vmax=largest, cmap=DENSITY_MAP
    )
    figure.colorbar(image, ax=left, label=r"$\tau\varepsilon$  [GeV/fm$^2$]", pad=0.01)
    left.set(xlabel="x  [fm]", ylabel="y  [fm]")
    clock = left.text(0.03, 0.96, "", color="white", transform=left.transAxes, va="top", fontsize=12)
    labels = {"pL": r"$P_L/\varepsilon$", "pT": r"$P_T/\varepsilon$"}
    lines = {name: right.plot([], [], color=COLOURS[name], label=labels[name])[0] for name in pressures}
    right.set(xlabel="τ  [fm/c]", xlim=(0, tau[-1]), ylim=(-1.05, 1.05))
    right.legend()

    def update(k: int) -> None:
        image.set_data(tau[k] * profiles.front_view[k].T)
        clock.set_text(f"τ = {tau[k]:.3f} fm/c")
        for name, line in lines.items():
            line.set_data(tau[: k + 1], pressures[name][: k + 1])

    return figure, update
