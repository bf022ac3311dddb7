"""A scan of parameters: an ensemble at each point of a grid of values, all on the same workers, and a table of their averages.

Event k has the same seed at every point.  Where the lattice stays the same, points then differ by their parameters and not by
the draw; their errors are correlated, and a difference of two points is better known than the errors of both suggest.
"""

from __future__ import annotations

import copy
import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from glasma.config import Config, config_from_dict
from glasma.ensemble.run import run_ensembles
from glasma.errors import ConfigError, FileError
from glasma.io.atomic import make_directory, refuse_foreign, replacing
from glasma.io.ensemble_directory import EnsembleDirectory
from glasma.io.hold import held
from glasma.io.record import write_record
from glasma.observables.ensemble_average import AVERAGED, RATIOS
from glasma.progress import Reporter
from glasma.report.scan import write_scan_report
from glasma.sections import apply_override, read_toml

_FORMAT, _RECORD = "glasma scan 2", "scan.json"


@dataclass(frozen=True)
class Point:
    """One point of the grid.

    Attributes
    ----------
    name : str
        Of its directory: ``g2mu=1GeV,transverse_cells=16``.
    values : key → value as it was asked for
    config : Config
    """

    name: str
    values: dict[str, str]
    config: Config


def read_points(path: str | Path, overrides: Sequence[str], over: Sequence[str]) -> list[Point]:
    """The points of a scan, the last key varying fastest.

    Parameters
    ----------
    path : TOML file of the run
    overrides : as for `glasma.config.load_config`
    over : strings "section.key=v1,v2,…", one for each key

    Raises
    ------
    FileError, ConfigError
        As `load_config`, for any of the points; or if `over` has another form, or names a key or a point twice.
    """
    base = read_toml(path, overrides)
    axes: dict[str, list[str]] = {}
    for text in over:
        key, choices = _axis(text)
        if key in axes:
            raise ConfigError(f"--over {text}: {key} is there twice; give all its values in one --over")
        axes[key] = choices
    last = [key.rpartition(".")[2] for key in axes]
    points: dict[str, Point] = {}
    for chosen in product(*axes.values()):
        values, data = dict(zip(axes, chosen, strict=True)), copy.deepcopy(base)
        for key, value in values.items():
            apply_override(data, f"{key}={value}")
        short = (key if last.count(key.rpartition(".")[2]) > 1 else key.rpartition(".")[2] for key in axes)
        name = ",".join(f"{key}={_plain(value)}" for key, value in zip(short, chosen, strict=True))
        config = config_from_dict(data)
        if same := next((point for point in points.values() if point.config == config or point.name == name), None):
            raise ConfigError(f"--over: the points {same.name} and {name} are the same; leave out one of the values")
        points[name] = Point(name, values, config)
    return list(points.values())


def run_scan(
    points: Sequence[Point],
    path: str | Path,
    events: int,
    jobs: int | None = None,
    overwrite: bool = False,
    reporter: Reporter | None = None,
    scheduler: str | None = None,
) -> list[EnsembleDirectory]:
    """Run `events` events at each point, in a directory that holds some of them only what is missing, and write the summary.

    Parameters
    ----------
    points : of `read_points`
    path : directory
        Gets `points/<name>` for each, `scan.csv` and `scan.html`.
    events, jobs, overwrite, reporter, scheduler : as for `glasma.ensemble.run_ensemble`

    Returns
    -------
    list of EnsembleDirectory
        One for each point.

    Raises
    ------
    GlasmaError
        ConfigError or FileError if nothing can be run.
    """
    root = Path(path)
    if not is_scan(root):
        refuse_foreign(root, "not a scan of glasma")
    make_directory(root)
    with held(root, what="scan"):
        wanted = [(point.config, root / "points" / point.name) for point in points]
        plain = {point.name: {"values": point.values, "config": point.config.as_dict()} for point in points}
        write_record(root / _RECORD, _FORMAT, {"events": events, "jobs": jobs, "points": plain})
        directories = run_ensembles(wanted, root, events, jobs, overwrite, reporter, scheduler)
        rows = [_row(point, directory) for point, directory in zip(points, directories, strict=True)]
        _write_csv(root / "scan.csv", rows)
        write_scan_report(root / "scan.html", points[0].config, [point.values for point in points], rows)
    return directories


def is_scan(path: Path) -> bool:
    """Whether a directory holds a scan."""
    return (path / _RECORD).exists()


def read_scan(path: Path) -> tuple[list[Point], int, int | None]:
    """The points of the scan in a directory, the events of each, and how many ran at once on this machine.

    Raises
    ------
    FileError
        If its `scan.json` is damaged or of another version.
    """
    record = path / _RECORD
    try:
        asked = json.loads(record.read_text(encoding="utf-8"))
        if asked["format"] != _FORMAT:
            raise ValueError(f"format {asked['format']!r}")
        points = [Point(name, point["values"], config_from_dict(point["config"])) for name, point in asked["points"].items()]
        return points, int(asked["events"]), asked["jobs"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise FileError(f"{record}: cannot be read ({error}); give the command of the scan again") from None


def resume_scan(
    path: str | Path, reporter: Reporter | None = None, jobs: int | None = None, scheduler: str | None = None
) -> list[EnsembleDirectory]:
    """Go on with a scan, as `glasma.ensemble.resume_ensemble` does with an ensemble; `jobs` is as many as before by default."""
    points, events, before = read_scan(Path(path))
    if scheduler is None and jobs is None:
        jobs = before
    return run_scan(points, path, events, jobs, reporter=reporter, scheduler=scheduler)


def _axis(text: str) -> tuple[str, list[str]]:
    """Key and values of one --over; a comma within brackets or quotes belongs to a value."""
    key, equals, rest = text.partition("=")
    values = [value.strip() for value in re.findall(r"(?:\[[^\]]*\]|\"[^\"]*\"|'[^']*'|[^,])+|(?<=,)(?=,|$)|^$", rest)]
    if not equals or "." not in key or not all(values):
        raise ConfigError(f"--over {text}: needs the form section.key=v1,v2")
    return key.strip(), values


def _plain(value: str) -> str:
    """A value as part of the name of a directory."""
    return re.sub(r"[^A-Za-z0-9.+-]", "_", re.sub(r"[\s\"']", "", value))


def _row(point: Point, directory: EnsembleDirectory) -> dict[str, Any]:
    """What a point comes to: the last row of its averages; cells are empty if no event is finished."""
    events = directory.read_events()
    counts = {status: sum(event.status == status for event in events) for status in ("finished", "failed")}
    row: dict[str, Any] = {"point": point.name, **point.values, "events": counts["finished"], "failed": counts["failed"]}
    last: dict[str, str] = {}
    if counts["finished"]:
        with directory.averages.open(encoding="utf-8", newline="") as file:
            *_, last = csv.DictReader(file)
    row["t_fm"] = last.get("t_fm", "")
    for name in (*AVERAGED, *RATIOS):
        row |= {name: last.get(name, ""), f"{name}_error": last.get(f"{name}_error", "")}
    return row


def _write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with replacing(path) as aside, aside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
