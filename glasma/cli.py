"""The command line: parse, call, print."""

from __future__ import annotations

import json
import sys
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from glasma.errors import ConfigError, GlasmaError

if TYPE_CHECKING:
    from glasma.domain.ranks import Ranks
    from glasma.io.ensemble_directory import EnsembleDirectory

_OVERRIDE = click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Replace a key, such as run.seed=7.")
_JOBS = click.option("--jobs", type=int, metavar="K", help="How many run at once on this machine [1].")
_SCHEDULER = click.option(
    "--scheduler", metavar="ADDRESS", help="Run on the workers of this Dask scheduler, such as tcp://host:8786."
)
_BACKEND = click.option("--backend", type=click.Choice(["cpu", "cuda"]), help="Where it is computed, instead of run.backend.")
_DIRECTORY = click.argument("directory", type=click.Path(path_type=Path))


@click.group(no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="glasma")
@click.pass_context
def cli(context: click.Context) -> None:
    """Real-time lattice simulations of heavy-ion collisions."""
    if context.invoked_subcommand not in ("run", "resume") and _ranks().size > 1:
        raise ConfigError(f"mpirun: `glasma {context.invoked_subcommand}` runs in one process; leave mpirun out")


def _ranks() -> Ranks:
    """The processes that mpirun has started, or this one alone."""
    from glasma.domain.ranks import world

    return world()


@cli.command()
@click.argument("config", type=click.Path(path_type=Path))
@_OVERRIDE
@click.option("--out", type=click.Path(path_type=Path), help="Directory of the results [runs/output/<name>].")
@click.option("--overwrite", is_flag=True, help="Replace the results of an earlier run.")
@click.option("--dry-run", is_flag=True, help="Check the configuration and print what follows from it.")
@_BACKEND
@click.option("--quiet", is_flag=True, help="No progress.")
def run(
    config: Path, overrides: tuple[str, ...], out: Path | None, overwrite: bool, dry_run: bool, backend: str | None, quiet: bool
) -> None:
    """Run the collision that the TOML file CONFIG describes."""
    from glasma.config import load_config
    from glasma.sanity import check_physics

    ranks = _ranks()
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
        _print_table(rows)
        return
    from glasma import runner
    from glasma.progress import reporter

    with reporter(quiet or not ranks.is_first) as progress:
        path = out or Path("runs/output") / checked.run.name
        directory = runner.run(checked, path, overwrite, progress, ranks=ranks)
    if ranks.is_first:
        click.echo(f"report: {directory.report}")


@cli.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--events", type=int, required=True, metavar="N", help="How many; more may be added to an ensemble later.")
@_JOBS
@_SCHEDULER
@_OVERRIDE
@click.option("--out", type=click.Path(path_type=Path), help="Directory of the results [runs/output/<name>-ensemble].")
@click.option("--overwrite", is_flag=True, help="Replace an earlier ensemble.")
@click.option("--quiet", is_flag=True, help="No progress.")
def ensemble(
    config: Path,
    events: int,
    jobs: int | None,
    scheduler: str | None,
    overrides: tuple[str, ...],
    out: Path | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Run N events of the TOML file CONFIG, each with its own seed, and average them; exit status 1 if one fails."""
    from glasma.config import load_config
    from glasma.ensemble import run_ensemble
    from glasma.progress import reporter

    checked = load_config(config, overrides)
    with reporter(quiet) as progress:
        path = out or Path("runs/output") / f"{checked.run.name}-ensemble"
        directory = run_ensemble(checked, path, events, jobs, overwrite, progress, scheduler)
    _end_of_ensemble(directory)


@cli.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--over", multiple=True, required=True, metavar="KEY=V1,V2", help="Values of a key, such as nuclei.g2mu='1 GeV,2 GeV'."
)
@click.option("--events", type=int, required=True, metavar="N", help="How many at each point; more may be added later.")
@_JOBS
@_SCHEDULER
@_OVERRIDE
@click.option("--out", type=click.Path(path_type=Path), help="Directory of the results [runs/output/<name>-scan].")
@click.option("--overwrite", is_flag=True, help="Replace earlier ensembles of these points.")
@click.option("--quiet", is_flag=True, help="No progress.")
def scan(
    config: Path,
    over: tuple[str, ...],
    events: int,
    jobs: int | None,
    scheduler: str | None,
    overrides: tuple[str, ...],
    out: Path | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Run an ensemble of the TOML file CONFIG at each point of a grid of values; exit status 1 if an event fails."""
    from glasma.ensemble.scan import read_points, run_scan
    from glasma.progress import reporter

    points = read_points(config, overrides, over)
    path = out or Path("runs/output") / f"{points[0].config.run.name}-scan"
    try:
        with reporter(quiet) as progress:
            directories = run_scan(points, path, events, jobs, overwrite, progress, scheduler)
    except KeyboardInterrupt:
        _fail("interrupted; the same command goes on", 130)
    click.echo(f"report: {path / 'scan.html'}")
    _end_with_failures(directories)


@cli.command()
@_DIRECTORY
@_BACKEND
@_JOBS
@_SCHEDULER
@click.option("--quiet", is_flag=True, help="No progress.")
def resume(directory: Path, backend: str | None, jobs: int | None, scheduler: str | None, quiet: bool) -> None:
    """Go on with the interrupted run or ensemble in DIRECTORY."""
    from glasma import runner
    from glasma.io.ensemble_directory import EnsembleDirectory
    from glasma.progress import reporter

    ranks = _ranks()
    if EnsembleDirectory.is_ensemble(directory):
        from glasma.ensemble import resume_ensemble

        if ranks.size > 1:
            raise ConfigError(f"mpirun: {directory} holds an ensemble, which runs in one process; leave mpirun out")
        if backend is not None:
            raise ConfigError(f"--backend {backend}: the events of an ensemble stay where they began; leave the option out")
        with reporter(quiet) as progress:
            whole = resume_ensemble(directory, progress, jobs, scheduler)
        _end_of_ensemble(whole)
        return
    for option, value in (("--jobs", jobs), ("--scheduler", scheduler)):
        if value is not None:
            raise ConfigError(f"{option} {value}: {directory} is no ensemble, and a single run has no use for it; leave it out")
    with reporter(quiet or not ranks.is_first) as progress:
        resumed = runner.resume(directory, progress, ranks, backend)
    if not ranks.is_first:
        return
    if resumed.read_run().get("event"):
        click.echo(f"event of an ensemble, finished: {resumed.path}")
        return
    click.echo(f"report: {resumed.report}")


@cli.command()
@_DIRECTORY
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
@_DIRECTORY
def report(directory: Path) -> None:
    """Write the report of the run or ensemble in DIRECTORY anew."""
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
    """Say what PATH holds: a run's directory or one of its files, or a configuration."""
    from glasma.info import describe

    _print_table(describe(path))


@cli.command()
@click.option("--group", required=True, metavar="NAME", help="SU(2) or SU(3).")
@click.option("--shape", required=True, metavar="8x8", help="Two to four even sides.")
@click.option("--beta", type=float, required=True, help="Coupling of the action β Σ (1 − Re tr U_p/N).")
@click.option("--count", type=int, required=True, metavar="N", help="Configurations; more may be added to a file later.")
@click.option("--seed", type=int, required=True, help="What the random numbers follow from.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="HDF5 file of the configurations.")
@click.option("--thermalisation", type=int, default=200, show_default=True, help="Sweeps before the first configuration.")
@click.option("--separation", type=int, default=10, show_default=True, help="Sweeps between configurations of one chain.")
@click.option("--overrelaxation", type=int, default=1, show_default=True, help="Sweeps of reflections in every sweep.")
@click.option("--chains", type=int, default=0, help="Independent chains, side by side [as many as pay off].")
@click.option("--start", default="hot", show_default=True, help="hot or cold.")
@click.option("--precision", default="complex128", show_default=True, help="Of the stored links, complex128 or complex64.")
@click.option("--threads", type=int, default=1, show_default=True, help="The configurations do not depend on it.")
@click.option("--overwrite", is_flag=True, help="Replace a file of other configurations.")
@click.option("--quiet", is_flag=True, help="No progress.")
def sample(shape: str, out: Path, threads: int, overwrite: bool, quiet: bool, **options: Any) -> None:
    """Draw configurations of Euclidean lattice gauge theory into an HDF5 file."""
    from glasma.backend import Workers
    from glasma.euclidean.draw import SamplingInterrupted, draw_configurations
    from glasma.euclidean.sampling import Sampling, parsed_shape
    from glasma.info import describe
    from glasma.progress import reporter

    if threads < 1:
        raise ConfigError(f"threads = {threads}: must be at least 1")
    sampling = Sampling(shape=parsed_shape(shape), **options)
    try:
        with reporter(quiet) as progress:
            draw_configurations(out, sampling, Workers(threads), overwrite, progress)
    except SamplingInterrupted as interruption:
        _fail(f"interrupted; {out} holds {interruption.done} configurations, the same command goes on", 130)
    except KeyboardInterrupt:
        _fail(f"interrupted before the first configuration; {out} is as it was", 130)
    _print_table(describe(out))


@cli.command()
@click.argument("config", type=click.Path(path_type=Path))
@_OVERRIDE
@click.option("--out", type=click.Path(path_type=Path), help="HDF5 file of the data set [runs/output/<name>.h5].")
@click.option("--overwrite", is_flag=True, help="Replace a file of another data set.")
@click.option("--processes", type=int, metavar="N", help="How many events run at once on this machine [1].")
@_SCHEDULER
@click.option("--quiet", is_flag=True, help="No progress.")
def dataset(
    config: Path,
    overrides: tuple[str, ...],
    out: Path | None,
    overwrite: bool,
    processes: int | None,
    scheduler: str | None,
    quiet: bool,
) -> None:
    """Draw the events of the TOML file CONFIG, blocked to a coarser lattice, into an HDF5 file to train surrogates on."""
    _needs_torch()
    from glasma.info import describe
    from glasma.progress import reporter
    from surrogate.dataset import draw_dataset, load_dataset_config
    from surrogate.dataset.draw import DrawingInterrupted

    checked = load_dataset_config(config, overrides)
    path = out or Path("runs/output") / f"{checked.dataset.name}.h5"
    try:
        with reporter(quiet, "drawing", "event") as progress:
            draw_dataset(path, checked, processes, overwrite, progress, scheduler)
    except DrawingInterrupted as interruption:
        _fail(f"interrupted; {interruption.done} of {interruption.count} events are drawn, the same command goes on", 130)
    except KeyboardInterrupt:
        _fail("interrupted; the same command goes on", 130)
    _print_table(describe(path))


@cli.command()
@click.argument("config", type=click.Path(path_type=Path))
@_OVERRIDE
@click.option("--out", type=click.Path(path_type=Path), help="Directory of the model [runs/output/<name>].")
def train(config: Path, overrides: tuple[str, ...], out: Path | None) -> None:
    """Train what the TOML file CONFIG asks for on a data set; the same command goes on with an interrupted training."""
    _needs_torch()
    from surrogate.fitting.config import load_train_file
    from surrogate.fitting.train import train as train_model

    file = load_train_file(config, overrides)
    click.echo(f"model: {train_model(file, out or Path('runs/output') / file.train.name, click.echo)}")


@cli.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("source", type=click.Path(path_type=Path))
@_OVERRIDE
@click.option("--until", help='τ at the end, such as "1.2 fm" [of a configuration: evolution.end_time].')
@click.option("--step", type=int, help="Step of the snapshot [the first that fits the steps of the surrogate].")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/output/evolved"), show_default=True)
def evolve(model: Path, source: Path, overrides: tuple[str, ...], until: str | None, step: int | None, out: Path) -> None:
    """Evolve SOURCE on the coarse lattice with the surrogate MODEL.

    SOURCE is the snapshots.h5 of a boost-invariant run, which is blocked and evolved; or, for a surrogate of collisions in
    3+1D, the TOML file of a run, which starts from its nuclei: ε, P_L, P_T at mid-rapidity.
    """
    _needs_torch()
    from glasma.config import load_config
    from glasma.units import length_fm
    from surrogate.collisions.evolve import evolve_collision
    from surrogate.collisions.surrogate import CollisionSurrogate
    from surrogate.evolution.snapshots import evolve_snapshot
    from surrogate.evolution.surrogate import EvolutionSurrogate
    from surrogate.model_files import load_model, of_kind

    try:
        end = None if until is None else length_fm(until)
    except ValueError as error:
        raise ConfigError(f"--until {until}: {error}") from None
    if isinstance(surrogate := load_model(model), CollisionSurrogate):
        click.echo(f"mid-rapidity: {evolve_collision(surrogate, load_config(source, overrides), end, out)}")
        return
    if end is None or overrides:
        raise ConfigError("--until: is missing" if end is None else "--set: has no meaning for a snapshot; leave it out")
    click.echo(f"snapshots: {evolve_snapshot(of_kind(surrogate, model, EvolutionSurrogate), source, step, end, out)}")


@cli.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("snapshots", type=click.Path(path_type=Path))
@click.option("--step", type=int, help="Step of the snapshot [the last with fields].")
@click.option("--substeps", type=click.IntRange(1, 64), default=8, show_default=True, help="n in Δτ = a_T/n of the fine run.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/output/upscaled"), show_default=True)
def upscale(model: Path, snapshots: Path, step: int | None, substeps: int, out: Path) -> None:
    """Upscale a coarse snapshot with MODEL to twice the sites in each direction, with the Gauss constraint restored."""
    _needs_torch()
    from surrogate.evolution.snapshots import upscale_snapshot
    from surrogate.model_files import load_model_of
    from surrogate.upscaling.upscaler import Upscaler

    path, done = upscale_snapshot(load_model_of(model, Upscaler), snapshots, step, substeps, out)
    click.echo(f"Gauss {done.residual_before:.1e} → {done.residual_after:.1e} in {done.iterations} iterations")
    click.echo(f"snapshots: {path}")


@cli.command()
@click.argument("config", type=click.Path(path_type=Path))
@_OVERRIDE
@click.option("--out", type=click.Path(path_type=Path), help="Directory of the page [runs/output/<name>].")
def compare(config: Path, overrides: tuple[str, ...], out: Path | None) -> None:
    """Lay solver and surrogate side by side on test events, as the TOML file CONFIG says: compare.json and compare.html."""
    _needs_torch()
    from surrogate.comparison.config import load_compare_file
    from surrogate.comparison.report import compare as compare_schemes

    file = load_compare_file(config, overrides)
    click.echo(f"report: {compare_schemes(file, out or Path('runs/output') / file.compare.name, click.echo)}")


@cli.command()
@click.argument("config", type=click.Path(path_type=Path))
@_OVERRIDE
@click.option("--machine", type=click.Path(path_type=Path), help="TOML file of a machine [this one, as it was measured].")
@click.option("--measure", is_flag=True, help="Measure this machine for such runs first; later plans use it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
        _print_table(found.rows())


@cli.command()
def doctor() -> None:
    """Say what is installed, which backends work and how fast this machine is."""
    from glasma.doctor import examine

    _print_table(examine())


@cli.group()
def study() -> None:
    """Repeat a published experiment with gauge-equivariant networks, its numbers beside ours."""


@study.command("loop-counting")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="CSV file to write every number to.")
def loop_counting(out: Path | None) -> None:
    """Count the traced Wilson loops that L-CNNs reach in 1+1D (arXiv:2012.12901); exit status 1 if one number differs."""
    from surrogate.studies.loop_counting import loop_table

    table = loop_table()
    click.echo(table.text())
    if out is not None:
        table.write_csv(out)
        click.echo(f"table: {out}")
    differences = table.differences()
    click.echo("\n".join(differences) or "every published number is reproduced")
    if differences:
        sys.exit(1)


@study.command("wilson-loops")
@click.argument("config", required=False, type=click.Path(path_type=Path))
@_OVERRIDE
@click.option("--quick", is_flag=True, help="Fewer seeds and configurations, one plain network.")
@click.option("--out", type=click.Path(path_type=Path), help="Directory of the results [runs/output/wilson-loops].")
@click.option("--overwrite", is_flag=True, help="Train anew what is there; otherwise it is gone on with.")
def wilson_loops(config: Path | None, overrides: tuple[str, ...], quick: bool, out: Path | None, overwrite: bool) -> None:
    """Train L-CNNs and plain networks on Wilson loops, try them on larger lattices and attack them (arXiv:2012.12901).

    CONFIG is a TOML file with a section [study]; without it the defaults are taken.
    """
    _needs_torch()
    from surrogate.studies.wilson_loop_report import run_and_report
    from surrogate.studies.wilson_loops import load_study

    directory = out or Path("runs/output/wilson-loops")
    click.echo(f"report: {run_and_report(load_study(config, quick, overrides), directory, overwrite, click.echo)}")


@study.command("topological-charge")
@_OVERRIDE
@click.option("--out", type=click.Path(path_type=Path), help="Directory of the trainings [runs/output/topological-charge].")
def topological_charge(overrides: tuple[str, ...], out: Path | None) -> None:
    """Train an L-CNN on the topological charge density of 4⁴ lattices and try it on larger ones (arXiv:2012.12901)."""
    _needs_torch()
    from surrogate.studies.topological_charge import charge_study, run_charge_study

    run_charge_study(charge_study(overrides), out or Path("runs/output/topological-charge"), click.echo)


@study.command("observable-maps")
@click.argument("config", required=False, type=click.Path(path_type=Path))
@_OVERRIDE
@click.option("--quick", is_flag=True, help="Smaller lattices and networks, fewer events: a few minutes.")
@click.option("--out", type=click.Path(path_type=Path), help="Directory of the results [runs/output/observable-maps].")
@click.option("--overwrite", is_flag=True, help="Train anew what is there; otherwise it is gone on with.")
def observable_maps(config: Path | None, overrides: tuple[str, ...], quick: bool, out: Path | None, overwrite: bool) -> None:
    """Learn maps of ε, P_L and P_T at later times from the fields at the collision; L-CNNs against U-Nets and a coarse run.

    CONFIG is a TOML file with a section [study]; without it the defaults are taken.
    """
    _needs_torch()
    from surrogate.studies.observable_map_report import run_and_report
    from surrogate.studies.observable_maps import load_map_study

    directory = out or Path("runs/output/observable-maps")
    click.echo(f"report: {run_and_report(load_map_study(config, quick, overrides), directory, overwrite, click.echo)}")


def _needs_torch() -> None:
    if find_spec("torch") is None:
        raise ConfigError("PyTorch is not installed; install glasma with its extra: pip install 'glasma[surrogate]'")


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


def _print_table(rows: dict[str, str]) -> None:
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(Text(name), Text(value))  # no markup: [gpu] is a word here
    Console(highlight=False).print(table)


def main() -> None:
    """Entry point: every error that a user can mend is one line and exit status 2."""
    try:
        cli.main(prog_name="glasma", standalone_mode=False)
    except GlasmaError as error:
        _fail(str(error), 2)
    except click.ClickException as error:
        context = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "glasma"
        _fail(f"{error.format_message()} (see `{context} --help`)", 2)
    except (KeyboardInterrupt, click.Abort):
        _fail("interrupted; go on with `glasma resume DIRECTORY`", 130)
    except OSError as error:
        _fail(f"{error.filename or 'a file'}: cannot be used ({error.strerror or error}); give another path or mend it", 2)
    except MemoryError as error:
        _fail(f"out of memory ({error}); use fewer cells or run.precision = float32", 2)
    except Exception as error:
        from glasma.domain.ranks import launched

        if not launched():
            raise
        # The other ranks would wait for this one for ever, and a traceback of each says nothing more.
        at = traceback.extract_tb(error.__traceback__)[-1]
        _fail(f"{type(error).__name__} at {at.filename}:{at.lineno}: {error}", 1)


def _fail(message: str, status: int) -> None:
    try:
        ranks = _ranks()
    except GlasmaError:  # what there is to say of MPI is the message itself
        ranks = None
    if ranks is not None and ranks.size > 1:
        from glasma.domain.death import end_all

        end_all(ranks, message, status)
    click.echo("glasma: " + " ".join(message.split()), err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
