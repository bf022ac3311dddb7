"""The collision as a film: ε seen from the side, and the field components along z."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from glasma.io.atomic import replacing
from glasma.io.history import Profiles
from glasma.report.plots import MEAN_LABEL, draw_components
from glasma.report.style import DENSITY_LABEL, DENSITY_MAP, clipped, density_norm, figure_style, new_figure

_FRAMES = 72
_FRAMES_PER_SECOND = 12


def write_animation(path: Path, profiles: Profiles) -> None:
    """Write an animated WebP with one frame a measurement, at most `_FRAMES`."""
    count = len(profiles.times)
    shown = np.unique(np.linspace(0, count - 1, min(count, _FRAMES)).round().astype(int))
    with figure_style():
        figure = new_figure(8.4, 4.9)
        figure.set_dpi(105)
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(1.25, 1))
        norm = density_norm(max(float(view.max()) for view in profiles.side_view), 5)
        extent = (profiles.z[0], profiles.z[-1], 0, profiles.transverse_length)
        image = top.imshow(
            clipped(profiles.side_view[0], norm),
            origin="lower",
            extent=extent,
            aspect="auto",
            norm=norm,
            cmap=DENSITY_MAP,
        )
        figure.colorbar(image, ax=top, label=DENSITY_LABEL, pad=0.01)
        top.set_ylabel("x  [fm]")
        clock = top.text(0.015, 0.93, "", color="white", transform=top.transAxes, va="top", fontsize=12)

        lines = draw_components(bottom, profiles, 0)
        low, high = bottom.get_ylim()
        bottom.set(ylim=(low, 20 * high))  # room for the legend
        bottom.set(xlabel="z  [fm]", ylabel=MEAN_LABEL, xlim=(profiles.z[0], profiles.z[-1]))
        bottom.legend(loc="upper right", ncols=4, fontsize=9)

        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        figure.set_layout_engine("none")  # the layout of the first frame holds for all
        frames = []
        for k in shown:
            image.set_data(clipped(profiles.side_view[k], norm))
            clock.set_text(f"t = {profiles.times[k]:+.3f} fm/c")
            for line, profile in zip(lines, profiles.components[k], strict=True):
                line.set_ydata(profile)
            canvas.draw()
            frames.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))
    with replacing(path) as aside:
        duration = 1000 // _FRAMES_PER_SECOND
        frames[0].save(aside, "WEBP", save_all=True, append_images=frames[1:], duration=duration, loop=0, quality=75, method=1)
