"""The HTML report: figures, the film, the table of checks, the configuration."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from glasma.check import Check, check_run
from glasma.config import Config, config_from_dict
from glasma.derived import Derived
from glasma.errors import FileError
from glasma.io.atomic import write_text
from glasma.io.history import History, Profiles, load_history, load_profiles
from glasma.io.run_directory import RunDirectory
from glasma.memory import return_freed_memory
from glasma.nuclei.preparation import make_nuclei
from glasma.report import plots
from glasma.report.animation import write_animation
from glasma.report.dipole_plots import dipoles
from glasma.report.page import data_uri, embedded, page_from
from glasma.report.rapidity_plots import rapidity
from glasma.report.style import figure_style
from glasma.summary import summary

#: Title, text and figure of a part of the page.
Section = tuple[str, str, Figure | None]


def write_report(directory: RunDirectory, checks: list[Check] | None = None) -> None:
    """Write `report.html` and the film of a run; `checks` are those of `check_run`, if they are known.

    Raises
    ------
    FileError
        If files of the run are missing or damaged.
    """
    record = directory.read_run()
    config = config_from_dict(record["config"])
    history, profiles = load_history(directory.history), load_profiles(directory.profiles)
    without_fields = bool(record.get("event")) and not (directory.snapshots.exists() or directory.checkpoint.exists())
    if checks is None:
        checks = [] if without_fields else check_run(directory)
        return_freed_memory()
    write_animation(directory.animation, profiles)
    page = page_from(
        "report.html",
        config=config,
        record=record,
        summary=summary(Derived(config)),
        figures=_figures(Derived(config), history, profiles),
        film=data_uri(directory.animation.read_bytes(), "image/webp"),
        checks=_by_source(checks),
        sections=config.as_dict(),
    )
    write_text(directory.report, page)


def _figures(derived: Derived, history: History, profiles: Profiles) -> list[dict[str, Any]]:
    with figure_style():
        frame = _in_proper_time if derived.config.is_boost_invariant else _in_the_laboratory
        drawn = frame(derived, history, profiles)
        drawn.append(("Saturation scale", *_saturation(derived)))
        return [
            {"title": title, "text": text, "image": embedded(figure, title) if figure else ""} for title, text, figure in drawn
        ]


def _limits(config: Config) -> tuple[float, float, float]:
    return config.gauss_tolerance, config.unitarity_tolerance, config.tolerances.energy_balance


def _in_proper_time(derived: Derived, history: History, profiles: Profiles) -> list[Section]:
    energies = "Per unit of rapidity. Left: by component. Right: what the fields lose is the work of the longitudinal pressure."
    return [
        ("From the front", "Energy density; each panel has its own scale.", plots.front_views(profiles, "τ")),
        ("Pressures", "Left: τε, constant for free streaming. Right: the pressures.", plots.boost_invariant_pressures(history)),
        ("Energies", energies, plots.components(history, "τ")),
        ("Constraints", "Dotted: the tolerances.", plots.constraints(history, *_limits(derived.config), "τ")),
    ]


def _in_the_laboratory(derived: Derived, history: History, profiles: Profiles) -> list[Section]:
    config = derived.config
    drawn: list[Section] = [
        ("Space-time picture", "Energy density, transverse mean.", plots.space_time(profiles)),
        ("From the side", "Energy density in the plane y = const.", plots.side_views(profiles)),
    ]
    if config.nuclei.system == "single":
        text = "The nucleus moved back by ct, and what the lattice adds to it: longitudinal field and transverse energy."
        drawn.append(("Does the nucleus keep its shape?", text, plots.nucleus_shape(profiles)))
    else:
        text = "Energy density in the transverse plane z = 0; each panel has its own scale."
        drawn.append(("From the front", text, plots.front_views(profiles)))
        text = "Left: energy density at z = 0. Right: the pressures there, once the nuclei have left."
        drawn.append(("Pressures", text, plots.pressures(history, config.nuclei.sigma)))
        drawn.append(("Rapidity profile", *rapidity(profiles, config.nuclei.sigma, config.nuclei.lorentz_factor)))
    text = "Left: by component. Right: what the fields gain is what the charges lose."
    return [
        *drawn,
        ("Fields along the beam", "Longitudinal and transverse components.", plots.longitudinal_profiles(profiles)),
        ("Energies", text, plots.components(history)),
        ("Constraints", "Dotted: the tolerances.", plots.constraints(history, *_limits(config))),
    ]


def _saturation(derived: Derived) -> tuple[str, Figure | None]:
    try:
        nuclei = make_nuclei(derived)
    except FileError as error:
        return f"Not known: {error}.", None
    return dipoles(nuclei, derived.grid.spacing_fm, derived.config.nuclei.g2mu)


def _by_source(checks: list[Check]) -> dict[str, list[Check]]:
    grouped: dict[str, list[Check]] = {}
    for check in checks:
        grouped.setdefault(check.source, []).append(check)
    return grouped
