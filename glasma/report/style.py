"""One look for every figure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

#: Colours of the field components and of the pressures, the same in every figure.
COLOURS = {
    "E_L2": "#c1272d",
    "E_T2": "#e8871e",
    "B_L2": "#1f4e9c",
    "B_T2": "#3aa6a0",
    "pL": "#c1272d",
    "pT": "#1f4e9c",
    "eps": "#222222",
}
LABELS = {
    "E_L2": r"$\frac{1}{2}E_L^2$",
    "E_T2": r"$\frac{1}{2}E_T^2$",
    "B_L2": r"$\frac{1}{2}B_L^2$",
    "B_T2": r"$\frac{1}{2}B_T^2$",
}
DENSITY_MAP = "inferno"
DENSITY_LABEL = r"$\varepsilon$  [GeV/fm$^3$]"

_SETTINGS: dict[Any, Any] = {
    "font.size": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.grid": False,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "mathtext.fontset": "dejavusans",
    "svg.hashsalt": "glasma",
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Use the style inside the block."""
    with mpl.rc_context(_SETTINGS):
        yield


def new_figure(width: float, height: float) -> Figure:
    """A figure without a window, sizes in inches."""
    return Figure(figsize=(width, height))


def density_norm(largest: float, decades: float = 4.0) -> LogNorm:
    """A logarithmic colour scale below the largest density."""
    top = largest if largest > 0 else 1.0
    return LogNorm(top * 10**-decades, top)


def clipped(density: np.ndarray, norm: LogNorm) -> np.ndarray:
    """The density with its zeros raised to the bottom of the scale, so that they are drawn and not left out."""
    assert norm.vmin is not None
    return np.maximum(density, norm.vmin)
