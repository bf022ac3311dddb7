"""The command line: parse, call, print.

Each module has the commands of one subject; they are known to `cli` once it is imported.
"""

from __future__ import annotations

import traceback

import click

from glasma.cli import ensembles, runs, studies, surrogates
from glasma.cli.root import cli, fail
from glasma.errors import GlasmaError

__all__ = ["cli", "ensembles", "main", "runs", "studies", "surrogates"]


def main() -> None:
    """Entry point: every error that a user can mend is one line and exit status 2."""
    try:
        cli.main(prog_name="glasma", standalone_mode=False)
    except GlasmaError as error:
        fail(str(error), 2)
    except click.ClickException as error:
        context = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "glasma"
        fail(f"{error.format_message()} (see `{context} --help`)", 2)
    except (KeyboardInterrupt, click.Abort):
        fail("interrupted; go on with `glasma resume DIRECTORY`", 130)
    except OSError as error:
        fail(f"{error.filename or 'a file'}: cannot be used ({error.strerror or error}); give another path or mend it", 2)
    except MemoryError as error:
        fail(f"out of memory ({error}); use fewer cells or run.precision = float32", 2)
    except Exception as error:
        from glasma.domain.ranks import launched

        if not launched():
            raise
        # The other ranks would wait for this one for ever, and a traceback of each says nothing more.
        at = traceback.extract_tb(error.__traceback__)[-1]
        fail(f"{type(error).__name__} at {at.filename}:{at.lineno}: {error}", 1)
