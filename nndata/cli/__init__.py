"""The command line: one module per verb; each parses words and calls one library function."""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import signal
import sys
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

import click

from nndata.errors import ExitCode, NndataError, storage_error

__all__ = ["main", "program"]

HELP = """Turn the world's open data into batches a model can train on, and prove what was done.

\b
nndata fetch wikipedia --language simple     a dump becomes a dataset
nndata head DIR                              its first examples
nndata trace DIR 5                           where an example came from
"""
EPILOG = """\b
Exit codes:
   0 done            5 network: run again     10 limit reached: run again
   1 bug in nndata   6 integrity              11 busy: run again
   2 usage           7 no space, read-only    12 refused for safety
   3 not found       8 partial: run again     13 this machine can't
   4 login, licence  9 nothing to do          130, 141, 143 signals
"""


class Verbs(click.Group):
    """The verbs are the modules of this folder; each is imported when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = [module.name for module in pkgutil.iter_modules(__path__)]
        return sorted(name for name in names if not name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"nndata.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from nndata.config import nearest

        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self.list_commands(ctx):
            ctx.fail(f"no verb {name!r}{nearest(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


@click.command(
    cls=Verbs,
    help=HELP,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="nndata", message="nndata %(version)s")
def program() -> None:
    """Fetch open data, make datasets of it, and prove what was done."""


def main(command: click.Command = program) -> NoReturn:
    """Run a command line, nndata's or a pipeline's, and exit with the code of what happened."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(int(_run(command)))


def _run(command: click.Command) -> int:
    try:
        command(standalone_mode=False)
        sys.stdout.flush()
    except NndataError as error:
        return _tell(error)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nstopped; the same command again goes on from here", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.BROKEN_PIPE
    except OSError as error:
        return _tell(storage_error(error))
    except Exception:
        return _report_bug()
    return ExitCode.DONE


def _tell(error: NndataError) -> ExitCode:
    """Print what happened, where, why and what to do."""
    click.echo(f"nndata: {error.what}", err=True)
    for word, text in (("where", error.where), ("why", error.why), ("do", error.do)):
        if text:
            click.echo(f"  {word}: {text}", err=True)
    return error.exit_code


def _report_bug() -> ExitCode:
    import tempfile

    with tempfile.NamedTemporaryFile(
        "w", prefix="nndata-report-", suffix=".txt", delete=False, encoding="utf-8"
    ) as report:
        traceback.print_exc(file=report)
    last = traceback.format_exc().strip().splitlines()[-1]
    click.echo(f"nndata: a fault of nndata's own: {last}", err=True)
    click.echo(f"  do: please report it, with {report.name}", err=True)
    return ExitCode.BUG


def _terminate(number: int, frame: FrameType | None) -> None:
    # A scheduler's warning: unwind, so that what is whole is published and workers stop.
    sys.exit(ExitCode.TERMINATED)


@contextlib.contextmanager
def quiet_stdout() -> Iterator[Any]:
    """Give the stream for results while anything else that prints goes to standard error."""
    results = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        yield results
