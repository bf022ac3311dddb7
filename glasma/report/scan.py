"""The page of a scan: what its points come to at the end of their runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from glasma.config import Config
from glasma.io.atomic import write_text
from glasma.io.provenance import versions
from glasma.report.page import embedded, page_from
from glasma.report.style import COLOURS, figure_style, new_figure

#: Columns of the figure and of the table: name → (label, unit).
_SHOWN = {
    "energy_field": ("energy of the fields", "GeV"),
    "eps_mid": ("ε at z = 0", "GeV/fm³"),
    "pL_over_eps": ("P_L/ε", ""),
    "pT_over_eps": ("P_T/ε", ""),
}

_SERIES = [COLOURS[name] for name in ("E_L2", "B_L2", "B_T2", "E_T2", "eps")]


def write_scan_report(
    path: Path, config: Config, values: Sequence[Mapping[str, str]], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Write `scan.html`.

    Parameters
    ----------
    path : path of the page
    config : of any point
    values : of each point, key → value
    rows : of each point, as in `scan.csv`
    """
    with figure_style():
        figure = embedded(_figure(values, rows), "Means over events at each point, with their standard errors")
    page = page_from(
        "scan.html",
        config=config,
        keys=list(values[0]),
        shown=_SHOWN,
        rows=[{**row, **{name: _with_error(row, name) for name in _SHOWN}} for row in rows],
        failed=sum(row["failed"] for row in rows),
        figure=figure,
        versions=versions(),
    )
    write_text(path, page)


def _with_error(row: Mapping[str, Any], name: str) -> str:
    if row[name] == "":
        return ""
    return f"{float(row[name]):.4g} ± {float(row[f'{name}_error']):.1g}".replace("± nan", "")


def _figure(values: Sequence[Mapping[str, str]], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Each quantity against the first key, one series for each choice of the others."""
    first, *others = values[0]
    numbers = [_number(point[first]) for point in values]
    labels = list(dict.fromkeys(point[first] for point in values))
    along = [labels.index(point[first]) if None in numbers else number for point, number in zip(values, numbers, strict=True)]
    series: dict[str, list[int]] = {}
    for number, point in enumerate(values):
        if rows[number]["energy_field"] != "":
            name = ", ".join(f"{key.rpartition('.')[2]} = {point[key]}" for key in others)
            series.setdefault(name, []).append(number)
    figure = new_figure(9.6, 6.0)
    for axes, (quantity, (label, unit)) in zip(figure.subplots(2, 2).flat, _SHOWN.items(), strict=True):
        for place, (name, members) in enumerate(series.items()):
            x = [along[number] for number in members]
            mean, error = ([float(rows[number][column]) for number in members] for column in (quantity, f"{quantity}_error"))
            axes.errorbar(
                x, mean, error, fmt="o-", ms=4, lw=1, capsize=3, color=_SERIES[place % len(_SERIES)], label=name or None
            )
        axes.set(xlabel=first, ylabel=f"{label}  [{unit}]" if unit else label)
        if None in numbers:
            axes.set_xticks(range(len(labels)), labels)
    if others and series:
        figure.axes[0].legend(fontsize=9)
    return figure


def _number(value: str) -> float | None:
    """The number of a value such as 1.5, or "1.5 GeV"; None if it has none."""
    found = re.fullmatch(r"[\"']?\s*([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)\s*([A-Za-z^0-9-]*)[\"']?", value)
    return float(found[1]) if found else None
