"""The figure of the resolution study: errors against the refinement of the Wilson lattice, and the gain against time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from glasma.report.style import new_figure
from surrogate.comparison.resolution import SplitResolution

_COLOURS = "#1f4e9c", "#e8871e", "#3a8f4d", "#7b4ea3"


def error_against_refinement(found: Sequence[SplitResolution], spacing_fm: float) -> Figure:
    """Left: errors at the end of Wilson's action, r times as fine, and of the surrogate (lines).  Right: G(τ)."""
    figure = new_figure(9.0, 3.6)
    left, right = figure.subplots(1, 2)
    for number, one in enumerate(found):
        colour, last = _COLOURS[number % len(_COLOURS)], one.curve[-1]
        levels = [run.refinement for run in one.best]
        left.plot(levels, [run.errors[-1] for run in one.best], "o-", color=colour, lw=1.2, ms=4, label=f"Wilson, {one.split}")
        left.axhline(last.error, color=colour, lw=1.0, ls="--")
        left.plot([last.resolution], [last.error], "s", color=colour, ms=5, mfc="none" if last.extrapolated else colour)
        tau, gains = spacing_fm * np.array(one.times), np.array([gain.resolution for gain in one.curve])
        right.plot(tau, gains, color=colour, lw=1.4, label=one.split)
        low, high = np.array([gain.events for gain in one.curve]).T
        right.fill_between(tau, low, high, color=colour, alpha=0.15, lw=0)
        beyond = np.array([gain.extrapolated for gain in one.curve])
        right.plot(tau[beyond], gains[beyond], "o", color=colour, ms=3, mfc="none")
    finest = max(run.refinement for one in found for run in one.best)
    right.axhline(finest, color="#bbbbbb", lw=0.8, ls=":")
    left.set_xscale("log", base=2)
    left.set_yscale("log")
    left.set_xlabel(r"$a_c/a$ of the Wilson lattice")
    left.set_ylabel(r"$|F - F_*|\,/\,|F_*|$ at the end")
    right.set_xlabel(r"$\tau$  [fm]")
    right.set_ylabel("resolution gain")
    right.set_ylim(bottom=1.0)
    left.legend(fontsize=8)
    right.legend(fontsize=8)
    return figure
