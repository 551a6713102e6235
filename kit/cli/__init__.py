"""The command line: one small file per command, imported only when the command runs."""

import errno
import io
import signal
import sys
import traceback
import warnings
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn, TextIO

import click

from kit import __version__, interrupts, scratch
from kit.errors import KitError
from kit.masking import HarmlessStream, MaskedStream, learn_from, learn_later, masked
from kit.os_errors import exit_code, explained

COMMANDS = {
    "configs": "List the configurations, or the keys of one.",
    "compare": "Compare runs on the same rows: better, worse, or no difference.",
    "cv": "Train a cross-validated ensemble and report its out-of-fold (OOF) score.",
    "data": "Fetch and check the competition's files.",
    "doctor": "Show what this machine offers and what is missing.",
    "ensemble": "Combine the columns of several runs into one ensemble.",
    "init": "Look at a competition's files and write its configuration.",
    "predict": "Predict new images with the networks of a run.",
    "report": "Show the report of a run or a study.",
    "runs": "List the runs and studies in this folder.",
    "submit": "Send a run's submission to Kaggle and wait for its score.",
    "submissions": "Show every submission: OOF score against leaderboard score.",
    "tune": "Search for a better configuration and confirm it.",
}

# Packages whose name in the registry is not that of the module.
_DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml"}


class _Commands(click.Group):
    """Commands whose modules are imported only when they run, so that `kit --help` is fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        if cmd_name not in COMMANDS:
            raise click.UsageError(f"No such command {cmd_name!r}.", ctx)
        command: click.Command = import_module(f"kit.cli.{cmd_name}").command
        _add_debug(command)
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


def _add_debug(command: click.Command) -> None:
    for each in (command, *getattr(command, "commands", {}).values()):
        if _DEBUG not in each.params:
            each.params.append(_DEBUG)


@click.command(
    cls=_Commands,
    params=[_DEBUG],
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExample:\n  kit cv -c quick   train and report\n  kit submit        send the run to Kaggle",
)
@click.version_option(__version__, prog_name="kit")
def kit() -> None:
    """From train.csv to a Kaggle score, with a reliable out-of-fold (OOF) estimate of it."""
    # Here too, since a command that resumes a complete run needs no temporary folder of its own.
    scratch.sweep()


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 user error, 130 interrupted."""
    interrupts.install()
    # With PYTHONWARNINGS=error, a library's warning would abort the command.
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without ± shows a question mark
    _hide_secrets()
    settings, stdout = {"debug": False}, sys.stdout
    try:
        code: Any = kit.main(prog_name="kit", standalone_mode=False, obj=settings)
        if sys.stdout is not None:
            sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as end:
        code = _at_a_closed_pipe(end, stdout)
    except (click.Abort, KeyboardInterrupt):
        code = _interrupted()
    except click.UsageError as error:
        code = _misused(error)
    except Exception as error:
        if interrupts.is_interrupt(error) and not isinstance(error, KitError):
            sys.exit(_interrupted())
        if settings["debug"]:
            traceback.print_exc()
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            # Python flushes stdout again at exit, which would fail again and change the exit code.
            sys.stdout = io.StringIO()
        message, code = explain(error)
        with suppress(OSError):  # After SIGHUP there is no terminal.
            click.echo(masked(f"kit: {message}"), err=True)
    sys.exit(code if isinstance(code, int) else 0)


def _misused(error: click.UsageError) -> int:
    """Show what is wrong with the command line; return the exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return error.exit_code
    from kit.cli.mistakes import advice

    # Without click's own suggestion, which knows no configuration.
    what = error.message if hasattr(error, "possibilities") else error.format_message()
    click.echo(masked(f"kit: {what}\n{advice(error, sys.argv[1:])}"), err=True)
    return error.exit_code


def _at_a_closed_pipe(end: BaseException, stdout: TextIO) -> int:
    """Return the exit code of a program that SIGPIPE ended, as after `kit runs | head -1`; else raise `end`.

    Rich and click catch a BrokenPipeError and raise SystemExit; click then replaces stdout.
    """
    if not any(isinstance(one, BrokenPipeError) for one in (end, end.__context__)) and sys.stdout is stdout:
        raise end
    sys.stdout = io.StringIO()  # Python flushes stdout again at exit.
    return 128 + signal.SIGPIPE


def _interrupted() -> int:
    with suppress(OSError):  # After SIGHUP there is no terminal.
        click.echo("interrupted", err=True)
    return 130


def explain(error: Exception) -> tuple[str, int]:
    """Return the message of an error (at most three lines) and the exit code."""
    if isinstance(error, KitError):
        return str(error), error.exit_code
    if isinstance(error, OSError) and error.errno is not None:
        return scratch.explained(error) or explained(error), exit_code(error)
    first_line = (str(error).splitlines() or [""])[0]
    if isinstance(error, ImportError) and error.name and error.name.partition(".")[0] != "kit":
        name = error.name.partition(".")[0]
        name = _DISTRIBUTIONS.get(name, name)
        state = "not installed" if isinstance(error, ModuleNotFoundError) else f"broken: {first_line}"
        return f"kit needs {name}, which is {state}\npip install {name}", 2
    return f"{type(error).__name__}: {first_line}\n(--debug shows the traceback)", 1


def _hide_secrets() -> None:
    """Mask secrets on stderr, also in tracebacks, in warnings and in the output of other threads.

    No text from elsewhere controls the terminal, neither on stderr nor on stdout.
    """
    learn_later(_secrets)
    for argument in sys.argv[1:]:
        learn_from(argument)
    if sys.stderr is not None:  # None if the caller closed it.
        sys.stderr = MaskedStream(sys.stderr)
    if sys.stdout is not None and sys.stdout.isatty():
        sys.stdout = HarmlessStream(sys.stdout)


def _secrets() -> set[str]:
    from kit.kaggle_client.credentials import secrets

    return secrets()
