"""The command line: one small file a command, loaded only when it is called."""

import errno
import io
import sys
import traceback
import warnings
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import click

from kit import __version__, interrupts
from kit.errors import KitError
from kit.masking import MaskedStream, learn_from, learn_later, masked

COMMANDS = {
    "cv": "Train a cross-validated ensemble and report its out-of-fold accuracy.",
    "data": "Fetch and check the competition's files.",
    "doctor": "Show what this machine offers and what is missing.",
    "report": "Show the report of a run.",
    "runs": "List the runs of this folder.",
    "submit": "Send a run's submission to Kaggle and wait for its score.",
    "submissions": "Show every submission: OOF accuracy against leaderboard score.",
    "tune": "Search for a better configuration, and confirm that it is.",
}

# Faults of the system that the user can mend.
_MENDABLE = {
    errno.EACCES: "look at the permissions",
    errno.EDQUOT: "make room on this disk",
    errno.ENOSYS: "work in a folder on a local disk",
    errno.EOPNOTSUPP: "work in a folder on a local disk",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOSPC: "make room on this disk",
    errno.EPERM: "look at the permissions",
    errno.EROFS: "work in a folder that can be written to",
}


class _Commands(click.Group):
    """Commands whose modules are imported when they are called, so that `kit --help` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        if cmd_name not in COMMANDS:
            raise click.NoSuchCommand(cmd_name, possibilities=COMMANDS, ctx=ctx)
        command: click.Command = import_module(f"kit.cli.{cmd_name}").command
        _offer_debug(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


def _set_debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001 - click's signature
    if value and ctx.obj is not None:
        ctx.obj["debug"] = True


_DEBUG = click.Option(
    ["--debug"], is_flag=True, expose_value=False, callback=_set_debug, help="Show the traceback of an error."
)


def _offer_debug(command: click.Command) -> None:
    for one in (command, *getattr(command, "commands", {}).values()):
        if _DEBUG not in one.params:
            one.params.append(_DEBUG)


@click.command(
    cls=_Commands,
    params=[_DEBUG],
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExample:\n  kit cv -c quick   train and report\n  kit submit        send the run to Kaggle",
)
@click.version_option(__version__, prog_name="kit")
def kit() -> None:
    """From train.csv to a Kaggle score, with an out-of-fold accuracy that can be trusted."""


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 the user's to mend, 130 interrupted."""
    interrupts.install()
    # PYTHONWARNINGS=error would end a command at a warning of a library.
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that has no ± shows a question mark
    _hide_secrets()
    settings = {"debug": False}
    try:
        code: Any = kit.main(prog_name="kit", standalone_mode=False, obj=settings)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = error.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "kit"
        click.echo(masked(f"kit: {error.format_message()}\n({path} --help shows what it takes)"), err=True)
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = _interrupted()
    except Exception as error:
        if interrupts.is_interrupt(error) and not isinstance(error, KitError):
            sys.exit(_interrupted())
        if settings["debug"]:
            traceback.print_exc()
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            # What stdout could not take would fail once more at exit, with a code of its own.
            sys.stdout = io.StringIO()
        message, code = explain(error)
        with suppress(OSError):  # The terminal is gone where it sent SIGHUP.
            click.echo(masked(f"kit: {message}"), err=True)
    sys.exit(code if isinstance(code, int) else 0)


def _interrupted() -> int:
    with suppress(OSError):  # The terminal is gone where it sent SIGHUP.
        click.echo("interrupted", err=True)
    return 130


def explain(error: Exception) -> tuple[str, int]:
    """Return what to tell the user of an error (at most three lines), and the exit code."""
    if isinstance(error, KitError):
        return str(error), error.exit_code
    if isinstance(error, OSError) and error.errno in _MENDABLE:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}; {_MENDABLE[error.errno]}", 2
    first_line = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first_line}\n(--debug shows where)", 1


def _hide_secrets() -> None:
    """Mask stderr, tracebacks, warnings and what other threads write to it included."""
    learn_later(_secrets)
    for argument in sys.argv[1:]:
        learn_from(argument)
    if sys.stderr is not None:  # It is None where the caller has closed it.
        sys.stderr = MaskedStream(sys.stderr)


def _secrets() -> set[str]:
    from kit.kaggle_client.credentials import secrets

    return secrets()
