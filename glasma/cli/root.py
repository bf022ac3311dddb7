"""The root of all commands, and what they share: options, tables, the one line of an error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from glasma.errors import ConfigError, GlasmaError

if TYPE_CHECKING:
    from glasma.domain.ranks import Ranks

CONFIG = click.argument("config", type=click.Path(path_type=Path))
OVERRIDE = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE",
    help="Replace a value of the configuration, such as run.seed=7; may be given again.",
)  # fmt: skip
JOBS = click.option("--jobs", type=int, metavar="K", help="How many run at once on this machine [1].")
SCHEDULER = click.option(
    "--scheduler", metavar="ADDRESS", help="Run on the workers of this Dask scheduler, such as tcp://host:8786."
)
BACKEND = click.option("--backend", type=click.Choice(["cpu", "cuda"]), help="Where it is computed, instead of run.backend.")
ALONG_Z = click.option(
    "--ranks-along-z", "along_z", type=click.IntRange(min=1), default=1, metavar="N",
    help="Of the ranks of mpirun, so many share the planes along the beam [1].",
)  # fmt: skip
DIRECTORY = click.argument("directory", type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
QUIET = click.option("--quiet", is_flag=True, help="No progress.")

#: What makes an argument or an option of a command.
Parameter = Callable[[Callable[..., Any]], Callable[..., Any]]


def out_option(what: str, default: Path | None = None) -> Parameter:
    """--out PATH, where the results go; `what` says what is made, and where without the option if that has no `default`."""
    return click.option("--out", type=click.Path(path_type=Path), default=default, show_default=True, help=what)


def overwrite_option(what: str) -> Parameter:
    """--overwrite; `what` says what is lost."""
    return click.option("--overwrite", is_flag=True, help=what)


def together(*parameters: Parameter) -> Parameter:
    """Arguments and options that several commands share, in the order of their help."""

    def of_command(command: Callable[..., Any]) -> Callable[..., Any]:
        for parameter in reversed(parameters):
            command = parameter(command)
        return command

    return of_command


@click.group(
    no_args_is_help=False,
    epilog="Begin with `glasma run runs/quickstart.toml`; `glasma COMMAND --help` says what a command takes.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="glasma")
@click.pass_context
def cli(context: click.Context) -> None:
    """Real-time lattice simulations of heavy-ion collisions."""
    if context.invoked_subcommand not in ("run", "resume") and ranks_here().size > 1:
        raise ConfigError(f"mpirun: `glasma {context.invoked_subcommand}` runs in one process; leave mpirun out")


def ranks_here(along_z: int = 1) -> Ranks:
    """The processes that mpirun has started, which cut a lattice into `along_z` parts along z, or this one alone."""
    from glasma.domain.ranks import world

    ranks = world()
    if along_z > 1 and ranks.size == 1:
        raise ConfigError(f"--ranks-along-z {along_z}: this is a single process; start it with mpirun -n {along_z}")
    if along_z > 1:
        ranks.along_z = along_z
    return ranks


def needs_torch() -> None:
    """Raise ConfigError if PyTorch is not installed."""
    if find_spec("torch") is None:
        raise ConfigError("PyTorch is not installed; install glasma with its extra: pip install 'glasma[surrogate]'")


def print_table(rows: dict[str, str]) -> None:
    """Print names and values."""
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(Text(name), Text(value))  # no markup: [gpu] is a word here
    Console(highlight=False).print(table)


def fail(message: str, status: int) -> NoReturn:
    """End with one line on the standard error; of many ranks, all of them."""
    try:
        ranks = ranks_here()
    except GlasmaError:  # what there is to say of MPI is the message itself
        ranks = None
    if ranks is not None and ranks.size > 1:
        from glasma.domain.death import end_all

        end_all(ranks, message, status)
    click.echo("glasma: " + " ".join(message.split()), err=True)
    sys.exit(status)
