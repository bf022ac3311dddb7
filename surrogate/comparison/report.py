"""`compare.json` and the page `compare.html`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from glasma.backend import Workers
from glasma.errors import ConfigError
from glasma.io.atomic import make_directory, write_text
from glasma.io.provenance import commit, installed, machine, versions
from glasma.report.page import embedded, page_from
from glasma.report.style import figure_style
from surrogate.comparison import figures
from surrogate.comparison.collisions import compare_collisions
from surrogate.comparison.config import CompareFile
from surrogate.comparison.contenders import contenders, other_contenders
from surrogate.comparison.costs import costs
from surrogate.comparison.floor import load_upscaler
from surrogate.comparison.maps import Maps, fine_maps
from surrogate.comparison.resolution import as_plain as resolution_as_plain
from surrogate.comparison.resolution import missing, study_resolution
from surrogate.comparison.resolution_figure import error_against_refinement
from surrogate.comparison.results import as_plain, summary
from surrogate.comparison.run import Event, Say, equivariance, errors_in_another_gauge, run_events
from surrogate.dataset import Dataset
from surrogate.dataset.dataset_file import read_content
from surrogate.evolution.surrogate import EvolutionSurrogate
from surrogate.model_files import load_model_of


def compare(file: CompareFile, directory: Path, say: Say) -> Path:
    """Run all schemes, write `compare.json` and `compare.html`; the path of the page.

    Raises
    ------
    FileError
        If a file is missing or does not fit the others.
    ConfigError
        If a model is not of the kind that it is given for.
    """
    wanted = file.compare
    if read_content(wanted.dataset).frame == "laboratory":
        return compare_collisions(file, directory, say)
    surrogate = load_model_of(wanted.evolution, EvolutionSurrogate)
    config = surrogate.config
    dataset = Dataset(wanted.dataset, group=config.group, frame=config.frame, blocking=config.blocking)
    substeps = dataset.content.substeps
    if substeps != config.substeps:
        raise ConfigError(
            f"compare.dataset = {wanted.dataset!r}: its steps are Δτ = a_T/{substeps}, those of the surrogate "
            f"a_T/{config.substeps}; draw a dataset with dataset.substeps = {config.substeps}"
        )
    upscaler = None if wanted.upscaler is None else load_upscaler(wanted.upscaler, dataset)
    further = other_contenders(wanted.others, dataset)
    workers = Workers(wanted.threads or os.cpu_count() or 1)
    schemes = contenders(surrogate, further)
    events = run_events(dataset, wanted.splits, wanted.events, schemes, upscaler, workers, say)
    first = events[0]
    content = dataset.content.splits[first.split]
    window = dataset.window(first.split, first.number)
    taken = costs(schemes, window, first.times[-1], content.fine_substeps, workers)
    found = None
    if upscaler is not None and any(content.fine):
        found = fine_maps(dataset, first.split, first.number, surrogate, upscaler, workers)
    lacking, resolution = missing(dataset, wanted.splits), []
    if lacking is None:
        resolution = study_resolution(dataset, wanted.splits, wanted.events, surrogate, workers, say)
    symmetry = equivariance(schemes, window)
    # Of the surrogate and what stands beside it; Wilson's and Symanzik's are as equivariant as the surrogate.
    turned = errors_in_another_gauge(schemes[2:], window) if further else {}
    spacing = content.spacing_fm * dataset.blocking
    about = {
        "config": file.as_dict(), "model": surrogate.card, "coefficients": surrogate.pairs.values(),
        "equivariance": symmetry, "errors_in_another_gauge": turned, "maps": None if found is None else _numbers(found),
        "machine": machine(), "versions": {**versions(), "torch": installed("torch")}, "commit": commit(),
    }  # fmt: skip
    make_directory(directory)
    measured = resolution_as_plain(resolution) if resolution else {"missing": lacking}
    plain = as_plain(events, taken, **about, resolution=measured)
    write_text(directory / "compare.json", json.dumps(plain, indent=1) + "\n")
    with figure_style():
        sections = _sections(events, found, turned, spacing)
        ladder = embedded(error_against_refinement(resolution, spacing), "Resolution gain") if resolution else None
    page = page_from(
        "compare.html", "surrogate.comparison", file=file, rows=summary(events), costs=taken, about=about, dataset=dataset,
        spacing=spacing, sections=sections, resolution=resolution, lacking=lacking, ladder=ladder,
        gauss={name: max(e.curves[name].gauss for e in events) for name in first.curves if first.curves[name].observables},
    )  # fmt: skip
    path = directory / "compare.html"
    write_text(path, page)
    return path


def _numbers(found: Maps) -> dict[str, Any]:
    return {
        "time": found.time, "error": found.error, "mean": found.mean,
        "gauss_before": found.gauss_before, "gauss_after": found.gauss_after, "iterations": found.iterations,
    }  # fmt: skip


def _sections(
    events: list[Event], found: Maps | None, turned: dict[str, list[float]], spacing_fm: float
) -> list[dict[str, Any]]:
    drawn = [
        (
            "Error of the field strength against time",
            "The coarse field strength of each scheme against that of the blocked fine run, component by component in the same "
            "gauge. Fields that have nothing to do with each other have √2. Grey: what no coarse scheme can know.",
            figures.error_against_time(events, spacing_fm),
        ),
        (
            "Energy density and pressures",
            "Errors, means over events. Band: 3 %. Schemes made by hand with plain operators, the surrogate with its own.",
            figures.observables_against_time(events, spacing_fm),
        ),
        ("One event", f"Event {events[0].number} of {events[0].split}.", figures.evolution(events[0], spacing_fm)),
    ]
    if turned:
        drawn.append(
            (
                "The same event in another gauge",
                "Dashed: the event after a gauge transformation that is random at every site. Physics does not change, and an "
                "equivariant scheme has the same error; one that is not has learnt a gauge.",
                figures.errors_in_two_gauges(events[0], turned, spacing_fm),
            )
        )
    if found is not None:
        drawn += [
            (
                "The fine lattice",
                f"½B_L² at τ = {found.time * spacing_fm / found.blocking:.2f} fm: rms of the difference {found.error:.3f} "
                f"of the standard deviation, mean {100 * (found.mean - 1):+.2f} %. Fine Gauss constraint "
                f"{found.gauss_before:.1e} as upscaled, {found.gauss_after:.1e} after {found.iterations} iterations of its "
                "projection.",
                figures.maps(found, spacing_fm),
            ),
            (
                "Spectra",
                "The dotted line is the largest wave number of the coarse lattice.",
                figures.spectra(found, spacing_fm),
            ),
        ]
    return [{"title": title, "text": text, "image": embedded(figure, title)} for title, text, figure in drawn]
