"""Figures of the Wilson-loop study."""

from __future__ import annotations

from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glasma.report.style import new_figure
from surrogate.studies.loop_networks import Size
from surrogate.studies.wilson_loops import Trained, named

_COLOUR = {"L-CNN": "#1f4e9c", "CNN": "#c1272d"}


def by_size(found: list[Trained]) -> dict[Size, dict[str, list[Trained]]]:
    """The networks of each loop, of each kind."""
    grouped: dict[Size, dict[str, list[Trained]]] = {}
    for trained in found:
        grouped.setdefault(trained.size, {}).setdefault(trained.kind, []).append(trained)
    return grouped


def median_errors(networks: list[Trained]) -> dict[int, float]:
    """The median over the networks of 1 − R², by side of the lattice."""
    return {side: median(trained.error[side] for trained in networks) for side in networks[0].error}


def _panels(found: list[Trained], height: float) -> tuple[Figure, list[tuple[Axes, dict[str, list[Trained]]]]]:
    """One panel for each loop, side by side with one logarithmic axis, and the networks that it shows."""
    groups = by_size(found)
    figure = new_figure(2.6 * len(groups), height)
    panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    panels[0].set_yscale("log")
    for axes, size in zip(panels, groups, strict=True):
        axes.set_title(_title(size))
    return figure, list(zip(panels, groups.values(), strict=True))


def _title(size: Size) -> str:
    return rf"$W^{{({size[0]}\times{size[1]})}}$"


def error_against_size(found: list[Trained]) -> Figure:
    """1 − R² on the test configurations against the side of the lattice: every network, and the median of each kind."""
    figure, panels = _panels(found, 3.4)
    sides = list(found[0].error)
    for axes, kinds in panels:
        for kind, networks in kinds.items():
            for trained in networks:
                axes.plot(*zip(*trained.error.items(), strict=True), color=_COLOUR[kind], alpha=0.3, lw=0.8)
            errors = median_errors(networks)
            axes.plot(*zip(*errors.items(), strict=True), "o-", color=_COLOUR[kind], ms=4, label=kind)
        axes.set_xscale("log", base=2)
        axes.set_xticks(sides, [f"{side}²" for side in sides])
        axes.minorticks_off()
        axes.set_xlabel("sites")
    panels[0][0].set_ylabel(r"$1 - R^2$")
    panels[0][0].legend()
    return figure


def loss_curves(found: list[Trained]) -> Figure:
    """Validation loss of every network; a stage of an L-CNN adds the loss of its loop to that of those before."""
    figure, panels = _panels(found, 3.2)
    for axes, kinds in panels:
        for kind, networks in kinds.items():
            for number, trained in enumerate(networks):
                losses = [validation for _, validation in trained.loss]
                label = None if number else kind
                axes.plot(range(1, len(losses) + 1), losses, color=_COLOUR[kind], lw=0.9, label=label)
        axes.set_xscale("log")
        axes.set_xlabel("epoch")
    panels[0][0].set_ylabel("loss on validation data")
    panels[0][0].legend()
    return figure


def scatter(found: list[Trained]) -> Figure:
    """Prediction against truth on the smallest and the largest lattice, for the first network of each kind."""
    groups = by_size(found)
    sides = [min(found[0].error), max(found[0].error)]
    figure = new_figure(2.6 * len(groups), 5.2)
    panels = figure.subplots(2, len(groups), squeeze=False, sharex="col", sharey="col")
    for column, (size, kinds) in zip(panels.T, groups.items(), strict=True):
        for axes, side in zip(column, sides, strict=True):
            for kind in reversed(kinds):
                true, predicted = kinds[kind][0].scatter[side]
                axes.plot(true, predicted, ".", ms=2.5, color=_COLOUR[kind], alpha=0.6, label=kind)
            axes.axline((0, 0), slope=1, color="#999999", lw=0.6, zorder=0)
            axes.set_title(f"{_title(size)}, {side}² sites")
        column[1].set_xlabel("true")
    for axes in panels[:, 0]:
        axes.set_ylabel("predicted")
    panels[0, 0].legend(markerscale=3)
    return figure


def attacks(found: list[Trained]) -> Figure:
    """Change of the predictions under gauge transformations, random and chosen to do harm."""
    groups = by_size(found)
    figure = new_figure(6.2, 3.2)
    axes = figure.subplots()
    for n, kinds in enumerate(groups.values()):
        for kind, networks in kinds.items():
            for shift, marker, name in ((-0.12, "o", "random"), (0.12, "^", "chosen")):
                values = [max(getattr(trained.attack, name), 1e-17) for trained in networks]
                label = f"{kind}, {name} transformation" if n == 0 else None
                axes.plot([n + shift] * len(values), values, marker, color=_COLOUR[kind], ms=5, alpha=0.7, label=label)
    axes.set_yscale("log")
    axes.set_xticks(range(len(groups)), [f"W({named(size)})" for size in groups])
    axes.set_ylabel("rms change / standard deviation")
    axes.legend(fontsize=8)
    return figure
