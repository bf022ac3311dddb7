"""Figures of the study of observable maps."""

from __future__ import annotations

from matplotlib.figure import Figure

from glasma.report.style import DENSITY_MAP, clipped, density_norm, new_figure
from surrogate.studies.observable_maps import PLAIN, TRANSFORMED, MapResults

_COLOUR = {"L-CNN": "#1f4e9c", "coarse solver": "#222222", "U-Net, gauge fixed": "#e8871e", "U-Net": "#c1272d"}
_NAMES = (r"$\varepsilon$", r"$P_L$", r"$P_T$")


def error_against_time(found: MapResults) -> Figure:
    """rms error over standard deviation for each observable: test events as they are, and after the gauge transformation."""
    figure = new_figure(8.4, 3.6)
    panels = figure.subplots(1, 3, sharey=True)
    for column, (axes, name) in enumerate(zip(panels, _NAMES, strict=True)):
        for rival in found.rivals:
            for test, style in ((PLAIN, "o-"), (TRANSFORMED, "x--")):
                errors = [row[column] for row in rival.errors[test]]
                label = rival.kind if test == PLAIN else None
                axes.plot(found.times, errors, style, color=_COLOUR[rival.kind], ms=5, lw=1.2, label=label)
        axes.set_yscale("log")
        axes.set_title(name)
        axes.set_xlabel(r"$g^2\mu\tau$")
    panels[0].set_ylabel("rms error / standard deviation")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(found.rivals), fontsize=8)
    return figure


def example_maps(found: MapResults) -> Figure:
    """ε of one event at the last time: the truth, the rivals and their differences from it, and the error bar."""
    example = found.example
    figure = new_figure(10.0, 4.6)
    kinds = list(example.maps)
    panels = figure.subplots(2, 1 + len(kinds))
    norm = density_norm(float(example.truth.max()), decades=2.5)
    largest = float((example.maps["L-CNN"] - example.truth).abs().max())
    shown = {"truth": example.truth, **example.maps}
    for axes, (name, values) in zip(panels[0], shown.items(), strict=True):
        picture = axes.imshow(clipped(values.numpy(), norm).T, origin="lower", cmap=DENSITY_MAP, norm=norm)
        axes.set_title(name, fontsize=9)
    figure.colorbar(picture, ax=panels[0, -1], label=r"$\varepsilon$")
    panels[1, 0].imshow(example.error.numpy().T, origin="lower", cmap="Greys", vmin=0, vmax=largest)
    panels[1, 0].set_title("error bar, L-CNN", fontsize=9)
    for axes, kind in zip(panels[1, 1:], kinds, strict=True):
        difference = example.maps[kind] - example.truth
        picture = axes.imshow(difference.numpy().T, origin="lower", cmap="RdBu_r", vmin=-largest, vmax=largest)
        axes.set_title("difference", fontsize=9)
    figure.colorbar(picture, ax=panels[1, -1])
    for axes in panels.flat:
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def loss_curves(found: MapResults) -> Figure:
    """Validation loss of the first network of each ensemble."""
    figure = new_figure(5.6, 3.2)
    axes = figure.subplots()
    for rival in found.rivals:
        if rival.loss:
            steps = [rival.epochs * (n + 1) / len(rival.loss) for n in range(len(rival.loss))]
            axes.plot(steps, [validation for _, validation in rival.loss], color=_COLOUR[rival.kind], label=rival.kind)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("passes over the training events")
    axes.set_ylabel(r"$1 - R^2$ on validation events")
    axes.legend(fontsize=8)
    return figure
