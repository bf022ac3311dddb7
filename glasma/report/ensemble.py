"""The page of an ensemble: means with error bands, the events, the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from glasma.config import config_from_dict
from glasma.derived import Derived
from glasma.io.atomic import write_text
from glasma.io.ensemble_directory import EnsembleDirectory, Event
from glasma.io.history import History
from glasma.observables.ensemble_average import ProfileAverage
from glasma.report import ensemble_plots as plots
from glasma.report.html import Section
from glasma.report.page import embedded, page_from
from glasma.report.plots import longitudinal_profiles, space_time
from glasma.report.rapidity_plots import rapidity
from glasma.report.style import figure_style
from glasma.summary import summary


def write_ensemble_report(
    directory: EnsembleDirectory,
    events: Sequence[Event],
    columns: plots.Columns | None,
    histories: Mapping[int, History],
    average: ProfileAverage | None,
) -> None:
    """Write `ensemble.html`.

    Parameters
    ----------
    directory : EnsembleDirectory
    events : all of them, whatever their status
    columns : means over the finished events, `glasma.observables.ensemble_average.average_histories`; None if there are none
    histories : number → history, of the finished events
    average : their mean profiles; None if there are none
    """
    record = directory.read()
    config = config_from_dict(record["config"])
    drawn: list[Section] = []
    with figure_style():
        if columns is not None and average is not None:
            drawn = _figures(Derived(config), columns, histories, average)
        figures = [
            {"title": title, "text": text, "image": embedded(figure, title) if figure else ""} for title, text, figure in drawn
        ]
    last = {
        number: {
            "density": history.rows[-1]["eps_mid"],
            "gauss": history.column("gauss_max_rel").max(),
            "balance": max(history.column("energy_balance_rel"), key=abs),
        }
        for number, history in histories.items()
    }
    page = page_from(
        "ensemble.html",
        config=config,
        record=record,
        events=events,
        figures=figures,
        last=last,
        last_density="ε at the end, GeV/fm³",
        summary=summary(Derived(config)),
        sections=config.as_dict(),
    )
    write_text(directory.report, page)


def _figures(
    derived: Derived, columns: plots.Columns, histories: Mapping[int, History], average: ProfileAverage
) -> list[Section]:
    config = derived.config
    symbol = "τ" if config.is_boost_invariant else "t"
    after = 0.0 if config.is_boost_invariant else 3 * config.nuclei.sigma
    limits = config.gauss_tolerance, config.unitarity_tolerance, config.tolerances.energy_balance
    text = "Left: the mean over events with its error, and single events in grey. Right: every event at the end."
    drawn: list[Section] = [("Energy density", text, plots.density_and_events(columns, histories, symbol))]
    if config.nuclei.system == "collision":
        text = "Ratios of means, with the errors of the jackknife."
        drawn.append(("Pressures", text, plots.pressures(columns, after, symbol)))
    unit = "Per unit of rapidity. " if config.is_boost_invariant else ""
    drawn.append(("Energies", f"{unit}Left: by component. Right: all fields.", plots.components(columns, symbol)))
    if not config.is_boost_invariant:
        mean = average.mean
        drawn.append(("Space-time picture", "Energy density, mean over the transverse plane and events.", space_time(mean)))
        drawn.append(("Fields along the beam", "Means over the transverse plane and events.", longitudinal_profiles(mean)))
        if config.nuclei.system == "collision":
            text, figure = rapidity(mean, config.nuclei.sigma, config.nuclei.lorentz_factor)
            drawn.append(("Rapidity profile of the mean energy-momentum tensor", text, figure))
    text = "The largest over the events. Dotted: the tolerances."
    return [*drawn, ("Constraints", text, plots.constraints(columns, *limits, symbol))]
