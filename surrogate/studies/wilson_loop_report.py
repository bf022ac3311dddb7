"""What the Wilson-loop study leaves: every number in `results.json` and `results.csv`, and one page."""

from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from glasma.io.atomic import write_text
from glasma.io.provenance import commit, machine, versions
from glasma.report.page import embedded, page_from
from glasma.report.style import figure_style
from surrogate.studies import wilson_loop_figures as figures
from surrogate.studies.study_directory import take_directory
from surrogate.studies.wilson_loops import LoopStudy, Say, Trained, named, run_study

#: The bar for the median over seeds of 1 − R² on every lattice.
GOAL = {(1, 1): 1e-8, (1, 2): 1e-7, (2, 2): 1e-6, (4, 4): 1e-3}


def run_and_report(study: LoopStudy, directory: Path, overwrite: bool, say: Say) -> Path:
    """Run the study, go on with one that was interrupted, print its table; the path of its page.

    Raises
    ------
    FileError
        If the directory holds another study, or cannot be written.
    """
    take_directory(directory, study, overwrite, "*cnn-*")
    began = time.monotonic()
    found = run_study(study, directory, say)
    path = write_results(study, found, directory, time.monotonic() - began)
    say(text_table(summary(found)))
    return path


def write_results(study: LoopStudy, found: list[Trained], directory: Path, seconds: float) -> Path:
    """Write the files of the study; the path of its page."""
    about = {"study": study.model_dump(mode="json"), "seconds": seconds}
    about |= {"machine": machine(), "versions": versions(), "commit": commit()}
    networks = [asdict(trained) | {"size": named(trained.size)} for trained in found]
    write_text(directory / "results.json", json.dumps(about | {"networks": networks}, indent=1) + "\n")
    write_text(directory / "results.csv", _table(found))
    rows = summary(found)
    with figure_style():
        drawn = [
            (
                "Error against lattice size",
                "Trained on the smallest lattice. Thin lines: single networks.",
                figures.error_against_size,
            ),
            ("Training", "L-CNNs by L-BFGS in stages, convolutional networks by Adam.", figures.loss_curves),
            ("Predictions", "The first network of each kind, on test configurations.", figures.scatter),
            ("Attack by gauge transformations", "What is predicted does not change under them.", figures.attacks),
        ]
        sections = [{"title": title, "text": text, "image": embedded(draw(found), title)} for title, text, draw in drawn]
    page = page_from(
        "wilson_loops.html", "surrogate.studies", study=study, rows=rows, sections=sections, about=about, sides=study.test_sides
    )
    path = directory / "report.html"
    write_text(path, page)
    return path


def summary(found: list[Trained]) -> list[dict[str, Any]]:
    """One row for each loop and kind of network: medians over seeds and architectures."""
    rows = []
    for size, kinds in figures.by_size(found).items():
        for kind, networks in kinds.items():
            errors = figures.median_errors(networks)
            attacks = [trained.attack for trained in networks if trained.attack is not None]
            rows.append(
                {
                    "loop": named(size),
                    "kind": kind,
                    "networks": len(networks),
                    "parameters": sorted({trained.parameters for trained in networks}),
                    "errors": errors,
                    "best": min(max(trained.error.values()) for trained in networks),
                    "attack": median(attack.chosen for attack in attacks),
                    "goal": GOAL[size] if kind == "L-CNN" else None,
                    "reached": kind != "L-CNN" or max(errors.values()) <= GOAL[size],
                }
            )
    return rows


def text_table(rows: list[dict[str, Any]]) -> str:
    """The summary for a terminal, as Markdown."""
    sides = list(rows[0]["errors"])
    lines = ["| loop | network | parameters | " + " | ".join(f"{side}²" for side in sides) + " | change under attack |"]
    lines.append("|---|---|---|" + "---|" * (len(sides) + 1))
    for row in rows:
        parameters = "–".join(dict.fromkeys(str(n) for n in (row["parameters"][0], row["parameters"][-1])))
        errors = " | ".join(f"{row['errors'][side]:.1e}" for side in sides)
        lines.append(f"| {row['loop']} | {row['kind']} | {parameters} | {errors} | {row['attack']:.1e} |")
    return "\n".join(lines)


def _table(found: list[Trained]) -> str:
    sides = list(found[0].error)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    errors = [f"error_{side}" for side in sides]
    first = ["loop", "kind", "architecture", "seed", "parameters", "epochs"]
    writer.writerow([*first, *errors, "attack_random", "attack_chosen"])
    for trained in found:
        attack = trained.attack
        network = [named(trained.size), trained.kind, trained.name, trained.seed, trained.parameters, trained.epochs]
        changes = ["", ""] if attack is None else [f"{attack.random:.6e}", f"{attack.chosen:.6e}"]
        writer.writerow([*network, *(f"{trained.error[side]:.6e}" for side in sides), *changes])
    return buffer.getvalue()
