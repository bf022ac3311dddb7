"""Commands of surrogates: draw data, train, evolve, upscale, compare."""

from __future__ import annotations

from pathlib import Path

import click

from glasma.cli.root import (
    CONFIG,
    OVERRIDE,
    QUIET,
    SCHEDULER,
    cli,
    fail,
    needs_torch,
    out_option,
    overwrite_option,
    print_table,
)
from glasma.errors import ConfigError


@cli.command()
@CONFIG
@OVERRIDE
@out_option("HDF5 file of the data set [runs/output/<name>.h5].")
@overwrite_option("Replace a file of another data set.")
@click.option("--processes", type=int, metavar="N", help="How many events run at once on this machine [1].")
@SCHEDULER
@QUIET
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
    needs_torch()
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
        fail(f"interrupted; {interruption.done} of {interruption.count} events are drawn, the same command goes on", 130)
    except KeyboardInterrupt:
        fail("interrupted; the same command goes on", 130)
    print_table(describe(path))


@cli.command()
@CONFIG
@OVERRIDE
@out_option("Directory of the model [runs/output/<name>].")
def train(config: Path, overrides: tuple[str, ...], out: Path | None) -> None:
    """Train what the TOML file CONFIG asks for on a data set; the same command goes on with an interrupted training."""
    needs_torch()
    from surrogate.fitting.config import load_train_file
    from surrogate.fitting.train import train as train_model

    file = load_train_file(config, overrides)
    click.echo(f"model: {train_model(file, out or Path('runs/output') / file.train.name, click.echo)}")


@cli.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("source", type=click.Path(path_type=Path))
@OVERRIDE
@click.option("--until", help='τ at the end, such as "1.2 fm" [of a configuration: evolution.end_time].')
@click.option("--step", type=int, help="Step of the snapshot [the first that fits the steps of the surrogate].")
@out_option("Directory of the results.", Path("runs/output/evolved"))
def evolve(model: Path, source: Path, overrides: tuple[str, ...], until: str | None, step: int | None, out: Path) -> None:
    """Evolve SOURCE on the coarse lattice with the surrogate MODEL.

    SOURCE is the snapshots.h5 of a boost-invariant run, which is blocked and evolved; or, for a surrogate of collisions in
    3+1D, the TOML file of a run, which starts from its nuclei: ε, P_L, P_T at mid-rapidity.
    """
    needs_torch()
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
@out_option("Directory of the results.", Path("runs/output/upscaled"))
def upscale(model: Path, snapshots: Path, step: int | None, substeps: int, out: Path) -> None:
    """Upscale a coarse snapshot with MODEL to twice the sites in each direction, with the Gauss constraint restored."""
    needs_torch()
    from surrogate.evolution.snapshots import upscale_snapshot
    from surrogate.model_files import load_model_of
    from surrogate.upscaling.upscaler import Upscaler

    path, done = upscale_snapshot(load_model_of(model, Upscaler), snapshots, step, substeps, out)
    click.echo(f"Gauss {done.residual_before:.1e} → {done.residual_after:.1e} in {done.iterations} iterations")
    click.echo(f"snapshots: {path}")


@cli.command()
@CONFIG
@OVERRIDE
@out_option("Directory of the page [runs/output/<name>].")
def compare(config: Path, overrides: tuple[str, ...], out: Path | None) -> None:
    """Lay solver and surrogate side by side on test events, as the TOML file CONFIG says: compare.json and compare.html."""
    needs_torch()
    from surrogate.comparison.config import load_compare_file
    from surrogate.comparison.report import compare as compare_schemes

    file = load_compare_file(config, overrides)
    click.echo(f"report: {compare_schemes(file, out or Path('runs/output') / file.compare.name, click.echo)}")
