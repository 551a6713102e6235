"""The command line: one small file a command, loaded only when it is called."""

import os
import signal
import sys
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn

import click

from kit import __version__
from kit.errors import KitError

COMMANDS = {
    "cv": "Train a cross-validated ensemble and report its out-of-fold accuracy.",
    "data": "Fetch and check the competition's files.",
    "doctor": "Show what this machine offers and what is missing.",
    "report": "Show the report of a run.",
    "runs": "List the runs of this folder.",
    "submit": "Send a run's submission to Kaggle and wait for its score.",
    "submissions": "Show every submission: OOF accuracy against leaderboard score.",
}


class _Commands(click.Group):
    """Commands whose modules are imported when they are called, so that `kit --help` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"kit.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kit")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def kit(debug: bool) -> None:  # noqa: ARG001 - read by `main`
    """From train.csv to a Kaggle score, with an out-of-fold accuracy that can be trusted.

    \b
    Example:
      kit cv -c quick        train, blend and report
      kit submit             send the newest run to Kaggle
    """


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 the user's to mend, 130 interrupted."""
    signal.signal(signal.SIGTERM, _interrupt)
    debug = "--debug" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    try:
        code: Any = kit.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = 130
    except BrokenPipeError:
        # The reader went away (`kit runs | head -1`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        if debug:
            raise
        code = _explain(error)
    sys.exit(code if isinstance(code, int) else 0)


def _interrupt(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal's signature
    raise KeyboardInterrupt


def _explain(error: Exception) -> int:
    if isinstance(error, KitError):
        click.echo(f"kit: {error}", err=True)
        return error.exit_code
    click.echo(f"kit: {type(error).__name__}: {error}\n(--debug shows the traceback)", err=True)
    return 1
