"""Commands for many events: ensembles and scans."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glasma.cli.root import CONFIG, JOBS, OVERRIDE, QUIET, SCHEDULER, Parameter, cli, out_option, overwrite_option, together

if TYPE_CHECKING:
    from glasma.io.ensemble_directory import EnsembleDirectory


def _of_many_events(events: str, out: str, overwrite: str) -> Parameter:
    """What `ensemble` and `scan` are told; the arguments are the lines of help that differ."""
    return together(
        CONFIG,
        click.option("--events", type=int, required=True, metavar="N", help=events),
        JOBS,
        SCHEDULER,
        OVERRIDE,
        out_option(out),
        overwrite_option(overwrite),
        QUIET,
    )


@cli.command()
@_of_many_events(
    events="How many; more may be added to an ensemble later.",
    out="Directory of the results [runs/output/<name>-ensemble].",
    overwrite="Replace an earlier ensemble.",
)
def ensemble(config: Path, overrides: tuple[str, ...], out: Path | None, quiet: bool, **how: Any) -> None:
    """Run N events of the TOML file CONFIG, each with its own seed, and average them; exit status 1 if one fails."""
    from glasma.config import load_config
    from glasma.ensemble import run_ensemble
    from glasma.progress import reporter

    checked = load_config(config, overrides)
    path = out or Path("runs/output") / f"{checked.run.name}-ensemble"
    with reporter(quiet) as progress:
        directory = run_ensemble(checked, path, reporter=progress, **how)
    _end_of_ensemble(directory)


@cli.command()
@click.option(
    "--over", multiple=True, required=True, metavar="KEY=V1,V2",
    help="Values of a key, such as nuclei.g2mu='1 GeV,2 GeV'; one --over for each key.",
)  # fmt: skip
@_of_many_events(
    events="How many at each point; more may be added later.",
    out="Directory of the results [runs/output/<name>-scan].",
    overwrite="Replace earlier ensembles of these points.",
)
def scan(config: Path, over: tuple[str, ...], overrides: tuple[str, ...], out: Path | None, quiet: bool, **how: Any) -> None:
    """Run an ensemble of the TOML file CONFIG at each point of a grid of values; exit status 1 if an event fails."""
    from glasma.ensemble.scan import read_points, run_scan
    from glasma.progress import reporter

    points = read_points(config, overrides, over)
    path = out or Path("runs/output") / f"{points[0].config.run.name}-scan"
    with reporter(quiet) as progress:
        directories = run_scan(points, path, reporter=progress, **how)
    _end_of_scan(path, directories)


def holds_many(directory: Path) -> str | None:
    """What of many events a directory holds: "ensemble", "scan" or nothing."""
    from glasma.ensemble.scan import is_scan
    from glasma.io.ensemble_directory import EnsembleDirectory

    return "ensemble" if EnsembleDirectory.is_ensemble(directory) else "scan" if is_scan(directory) else None


def resume_many(directory: Path, jobs: int | None, scheduler: str | None, quiet: bool) -> None:
    """Go on with the ensemble or the scan in a directory."""
    from glasma.ensemble import resume_ensemble
    from glasma.ensemble.scan import resume_scan
    from glasma.progress import reporter

    if holds_many(directory) == "scan":
        with reporter(quiet) as progress:
            directories = resume_scan(directory, progress, jobs, scheduler)
        _end_of_scan(directory, directories)
        return
    with reporter(quiet) as progress:
        whole = resume_ensemble(directory, progress, jobs, scheduler)
    _end_of_ensemble(whole)


def _end_of_scan(path: Path, directories: list[EnsembleDirectory]) -> None:
    click.echo(f"report: {path / 'scan.html'}")
    _end_with_failures(directories)


def _end_of_ensemble(directory: EnsembleDirectory) -> None:
    """Say where the report is, and which events failed."""
    click.echo(f"report: {directory.report}")
    _end_with_failures([directory])


def _end_with_failures(directories: list[EnsembleDirectory]) -> None:
    """Say which events failed; exit status 1 if some did."""
    failed = [
        (f"{directory.path.name}, {event}" if len(directories) > 1 else f"{event}", event.error)
        for directory in directories
        for event in directory.read_events()
        if event.status == "failed"
    ]
    for name, error in failed:
        click.echo(f"glasma: {name} failed: {error}", err=True)
    if failed:
        sys.exit(1)
