"""What the study of observable maps leaves: every number in `results.json` and `results.csv`, the model, and one page."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from glasma.io.atomic import write_text
from glasma.io.provenance import commit, machine, versions
from glasma.report.page import embedded, page_from
from glasma.report.style import figure_style
from surrogate.observables.map_events import OBSERVABLES
from surrogate.observables.maps import GAUSSIAN
from surrogate.studies import observable_map_figures as figures
from surrogate.studies.observable_maps import PLAIN, TRANSFORMED, MapResults, MapStudy, Say, run_map_study
from surrogate.studies.study_directory import take_directory

#: Change of the L-CNN's maps under a gauge transformation that counts as rounding, over their standard deviation.
ROUNDING = 1e-11


def run_and_report(study: MapStudy, directory: Path, overwrite: bool, say: Say) -> Path:
    """Run the study, go on with one that was interrupted, print its table; the path of its page.

    Raises
    ------
    FileError
        If the directory holds another study, or cannot be written.
    ConfigError
        As `run_map_study`.
    """
    take_directory(directory, study, overwrite, "trained-*")
    began = time.monotonic()
    found = run_map_study(study, directory, say)
    path = write_results(study, found, directory, time.monotonic() - began)
    say(text_table(found))
    return path


def write_results(study: MapStudy, found: MapResults, directory: Path, seconds: float) -> Path:
    """Write the files of the study; the path of its page."""
    about = {"study": study.model_dump(mode="json"), "seconds": seconds}
    about |= {"machine": machine(), "versions": versions(), "commit": commit()}
    results = {
        "times": found.times,
        "observables": OBSERVABLES,
        "rivals": [asdict(rival) for rival in found.rivals],
        "coverage": asdict(found.coverage),
        "gribov_copies": found.copies,
        "solver_seconds": found.solver_seconds,
    }
    write_text(directory / "results.json", json.dumps(about | results, indent=1) + "\n")
    write_text(directory / "results.csv", _table(found))
    with figure_style():
        drawn = [
            (
                "Error against proper time",
                "Solid: test events. Dashed: the same after a random gauge transformation, of which no observable knows.",
                figures.error_against_time,
            ),
            (
                "Maps of an event",
                f"ε at g²μτ = {found.times[-1]:.2f}; differences are from the fine run.",
                figures.example_maps,
            ),
            ("Training", "Each pass takes every training event once, turned at random.", figures.loss_curves),
        ]
        sections = [{"title": title, "text": text, "image": embedded(draw(found), title)} for title, text, draw in drawn]
    ours = found.rivals[0]
    page = page_from(
        "observable_maps.html",
        "surrogate.studies",
        study=study,
        found=found,
        about=about,
        sections=sections,
        observables=("ε", "P_L", "P_T"),
        tests=list(ours.errors),
        plain=PLAIN,
        transformed=TRANSFORMED,
        gaussian=GAUSSIAN,
        invariant=ours.change <= ROUNDING,
    )
    path = directory / "report.html"
    write_text(path, page)
    return path


def text_table(found: MapResults) -> str:
    """The errors for a terminal, as Markdown: ε / P_L / P_T at each time."""
    times = " | ".join(f"g²μτ = {time:.2f}" for time in found.times)
    lines = [f"| network | events | {times} |", "|---|---|" + "---|" * len(found.times)]
    for rival in found.rivals:
        for test, errors in rival.errors.items():
            cells = " | ".join(" / ".join(f"{value:.3f}" for value in row) for row in errors)
            lines.append(f"| {rival.kind} | {test} | {cells} |")
    return "\n".join(lines)


def _table(found: MapResults) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["network", "parameters", "epochs", "events", "g2mu_tau", "observable", "rms_error_over_std"])
    writer.writerows(_rows(found))
    return buffer.getvalue()


def _rows(found: MapResults) -> Iterator[list[str | int]]:
    for rival in found.rivals:
        for test, errors in rival.errors.items():
            for tau, row in zip(found.times, errors, strict=True):
                for observable, value in zip(OBSERVABLES, row, strict=True):
                    network: list[str | int] = [rival.kind, rival.parameters, rival.epochs]
                    yield [*network, test, f"{tau:.6g}", observable, f"{value:.6e}"]
