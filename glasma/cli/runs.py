"""Commands for one run: run and resume it, look at it, plan it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from glasma.cli.ensembles import holds_many, resume_many
from glasma.cli.root import (
    ALONG_Z,
    BACKEND,
    CONFIG,
    DIRECTORY,
    JSON,
    OVERRIDE,
    QUIET,
    SCHEDULER,
    cli,
    out_option,
    overwrite_option,
    print_table,
    ranks_here,
)
from glasma.errors import ConfigError


@cli.command()
@CONFIG
@OVERRIDE
@out_option("Directory of the results [runs/output/<name>].")
@overwrite_option("Replace the results of an earlier run.")
@click.option("--dry-run", is_flag=True, help="Check the configuration and print what follows from it.")
@BACKEND
@ALONG_Z
@QUIET
def run(
    config: Path,
    overrides: tuple[str, ...],
    out: Path | None,
    overwrite: bool,
    dry_run: bool,
    backend: str | None,
    along_z: int,
    quiet: bool,
) -> None:
    """Run the collision that the TOML file CONFIG describes."""
    from glasma.config import load_config
    from glasma.sanity import check_physics

    ranks = ranks_here(along_z)
    checked = load_config(config, overrides)
    if backend is not None:
        checked = checked.on_backend(backend)
    derived = check_physics(checked, with_memory=ranks.size == 1)
    if dry_run and not ranks.is_first:
        return
    if dry_run:
        from glasma.speed import expected_seconds
        from glasma.summary import summary

        rows = summary(derived)
        seconds = expected_seconds(derived)
        where = "on this machine" if checked.run.backend == "cpu" else "on the CPU of this machine; the GPU is not timed"
        rows["expected time"] = (
            f"{seconds:.0f} s of evolution {where}" if seconds < 120 else f"{seconds / 60:.0f} minutes of evolution {where}"
        )
        print_table(rows)
        return
    from glasma import runner
    from glasma.progress import reporter

    with reporter(quiet or not ranks.is_first) as progress:
        path = out or Path("runs/output") / checked.run.name
        directory = runner.run(checked, path, overwrite, progress, ranks=ranks)
    if ranks.is_first:
        click.echo(f"report: {directory.report}")


@cli.command()
@DIRECTORY
@BACKEND
@ALONG_Z
@click.option("--jobs", type=int, metavar="K", help="Events at once on this machine, of an ensemble or a scan [as before].")
@SCHEDULER
@QUIET
def resume(directory: Path, backend: str | None, along_z: int, jobs: int | None, scheduler: str | None, quiet: bool) -> None:
    """Go on with the interrupted run, ensemble or scan in DIRECTORY."""
    from glasma import runner
    from glasma.progress import reporter

    ranks = ranks_here(along_z)
    if what := holds_many(directory):
        if ranks.size > 1:
            raise ConfigError(
                f"mpirun: {directory} holds the {what} of many events, which runs in one process; leave mpirun out"
            )
        if backend is not None:
            raise ConfigError(f"--backend {backend}: the events of this {what} stay where they began; leave the option out")
        resume_many(directory, jobs, scheduler, quiet)
        return
    for option, value in (("--jobs", jobs), ("--scheduler", scheduler)):
        if value is not None:
            raise ConfigError(
                f"{option} {value}: {directory} holds no ensemble, and a single run has no use for it; leave it out"
            )
    with reporter(quiet or not ranks.is_first) as progress:
        resumed = runner.resume(directory, progress, ranks, backend)
    if not ranks.is_first:
        return
    if resumed.read_run().get("event"):
        click.echo(f"event of an ensemble, finished: {resumed.path}")
        return
    click.echo(f"report: {resumed.report}")


@cli.command()
@DIRECTORY
@JSON
def check(directory: Path, as_json: bool) -> None:
    """Recompute the checks of the run in DIRECTORY from its stored fields; exit status 1 if one fails."""
    from glasma.check import check_run
    from glasma.io.run_directory import RunDirectory

    checks = check_run(RunDirectory.open(directory))
    if as_json:
        click.echo(json.dumps([item.as_dict() for item in checks], indent=2))
    else:
        table = Table("where", "quantity", "value", "tolerance", "")
        for item in checks:
            verdict = "[green]holds[/]" if item.passed else "[red]FAILS[/]"
            table.add_row(item.source, item.quantity, f"{item.value:.3g}", f"{item.tolerance:.3g}", verdict)
        Console().print(table)
    if not all(item.passed for item in checks):
        sys.exit(1)


@cli.command()
@DIRECTORY
def report(directory: Path) -> None:
    """Draw the report of the run or ensemble in DIRECTORY anew."""
    from glasma.io.ensemble_directory import EnsembleDirectory
    from glasma.io.run_directory import RunDirectory
    from glasma.report import write_report

    if EnsembleDirectory.is_ensemble(directory):
        from glasma.ensemble.results import renew_results

        renewed = EnsembleDirectory.open(directory)
        renew_results(renewed)
        click.echo(f"report: {renewed.report}")
        return
    opened = RunDirectory.open(directory)
    write_report(opened)
    click.echo(f"report: {opened.report}")


@cli.command()
@click.argument("path", type=click.Path(path_type=Path))
def info(path: Path) -> None:
    """Say what PATH holds: a directory of results, one of its files, a data set, or a configuration."""
    from glasma.info import describe

    print_table(describe(path))


@cli.command()
@CONFIG
@OVERRIDE
@click.option("--machine", type=click.Path(path_type=Path), help="TOML file of a machine [this one, as it was measured].")
@click.option("--measure", is_flag=True, help="Measure this machine for such runs first; later plans use it.")
@JSON
def plan(config: Path, overrides: tuple[str, ...], machine: Path | None, measure: bool, as_json: bool) -> None:
    """Say what the run of the TOML file CONFIG takes: memory, time, nodes, files; and a coarse surrogate of it."""
    from glasma.config import load_config
    from glasma.planning.plan import make_plan
    from glasma.sanity import check_physics

    if machine is not None and measure:
        raise ConfigError("--measure: measures this machine; leave out --machine or --measure")
    derived = check_physics(load_config(config, overrides), with_source=False, with_memory=False)
    found = make_plan(derived, machine, measure)
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2))
    else:
        print_table(found.rows())


@cli.command()
def doctor() -> None:
    """Say what is installed, which backends work and how fast this machine is."""
    from glasma.doctor import examine

    print_table(examine())
