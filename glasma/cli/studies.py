"""Commands of Euclidean configurations and of the published studies of networks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from glasma.cli.root import (
    OVERRIDE,
    QUIET,
    Parameter,
    cli,
    fail,
    needs_torch,
    out_option,
    overwrite_option,
    print_table,
    together,
)
from glasma.errors import ConfigError


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
@overwrite_option("Replace a file of other configurations.")
@QUIET
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
        fail(f"interrupted; {out} holds {interruption.done} configurations, the same command goes on", 130)
    except KeyboardInterrupt:
        fail(f"interrupted before the first configuration; {out} is as it was", 130)
    print_table(describe(out))


@cli.group()
def study() -> None:
    """Repeat a published experiment with gauge-equivariant networks, its numbers beside ours."""


def _of_training(quick: str, out: str) -> Parameter:
    """What the studies that train networks on their own data are told."""
    return together(
        click.argument("config", required=False, type=click.Path(path_type=Path)),
        OVERRIDE,
        click.option("--quick", is_flag=True, help=quick),
        out_option(f"Directory of the results [{out}]."),
        overwrite_option("Train anew what is there; otherwise it is gone on with."),
    )


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
@_of_training("Fewer seeds and configurations, one plain network.", "runs/output/wilson-loops")
def wilson_loops(config: Path | None, overrides: tuple[str, ...], quick: bool, out: Path | None, overwrite: bool) -> None:
    """Train L-CNNs and plain networks on Wilson loops, try them on larger lattices and attack them (arXiv:2012.12901).

    CONFIG is a TOML file with a section [study]; without it the defaults are taken.
    """
    needs_torch()
    from surrogate.studies.wilson_loop_report import run_and_report
    from surrogate.studies.wilson_loops import load_study

    directory = out or Path("runs/output/wilson-loops")
    click.echo(f"report: {run_and_report(load_study(config, quick, overrides), directory, overwrite, click.echo)}")


@study.command("topological-charge")
@OVERRIDE
@out_option("Directory of the trainings [runs/output/topological-charge].")
def topological_charge(overrides: tuple[str, ...], out: Path | None) -> None:
    """Train an L-CNN on the topological charge density of 4⁴ lattices and try it on larger ones (arXiv:2012.12901)."""
    needs_torch()
    from surrogate.studies.topological_charge import charge_study, run_charge_study

    run_charge_study(charge_study(overrides), out or Path("runs/output/topological-charge"), click.echo)


@study.command("observable-maps")
@_of_training("Smaller lattices and networks, fewer events: a few minutes.", "runs/output/observable-maps")
def observable_maps(config: Path | None, overrides: tuple[str, ...], quick: bool, out: Path | None, overwrite: bool) -> None:
    """Learn maps of ε, P_L and P_T at later times from the fields at the collision; L-CNNs against U-Nets and a coarse run.

    CONFIG is a TOML file with a section [study]; without it the defaults are taken.
    """
    needs_torch()
    from surrogate.studies.observable_map_report import run_and_report
    from surrogate.studies.observable_maps import load_map_study

    directory = out or Path("runs/output/observable-maps")
    click.echo(f"report: {run_and_report(load_map_study(config, quick, overrides), directory, overwrite, click.echo)}")
