"""`kit submit`: check a submission, send it to Kaggle, wait for its score."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from kit.cli import options
from kit.typed import in_typed_form

_FIRST_LINE, _NEXT_LINE = 10.0, 30.0


@click.command(
    epilog="\b\nExample:\n  kit submit                          the newest finished run\n"
    "  kit submit default-1a2b3c4d --dry-run\n  kit submit other.csv -m 'by hand'"
)
@click.argument("target", type=options.RunName(), required=False, metavar="[RUN | FILE.csv]")
@options.config
@click.option("-m", "--message", help="Description on Kaggle.  [default: run, OOF score, hash]")
@click.option("--again", is_flag=True, help="Send even if the same content was submitted before.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, without network.")
@options.timeout
@click.option(
    "--wait",
    type=options.Duration(),
    default="10m",
    show_default=True,
    help="Maximum wait for the score; 0s: do not wait.",
)
def command(
    *,
    target: str | None,
    config: str,
    message: str | None,
    again: bool,
    dry_run: bool,
    timeout: float,
    wait: float,
) -> None:
    """Send RUN's submission, or FILE.csv, to Kaggle and wait for its score.

    Default: the newest finished run on competition data.
    """
    from kit.config import load
    from kit.submitting.ledger import Ledger
    from kit.submitting.plan import describe, make_plan
    from kit.submitting.send import refuse_repeated, submit, wait_for_score

    ledger = Ledger()
    plan = make_plan(target, load(config), message, ledger)
    for line in describe(plan, ledger):
        _say(line, err=not dry_run)
    if dry_run:
        if not again:
            refuse_repeated(plan, ledger)
        click.echo("dry run: nothing was sent")
        return
    record = submit(plan, ledger, again=again, timeout=timeout, say=_say)
    if wait == 0:
        _say(f"submission {record.ref} was sent; `kit submissions` fetches its score", err=False)
        return
    with _waiting(f"submission {record.ref}: waiting for its score") as show:
        record = wait_for_score(record, ledger, timeout=timeout, wait=wait, show=show)
    click.echo(record.result)


def _say(text: str, *, err: bool = True) -> None:
    click.echo(in_typed_form(text), err=err)


@contextmanager
def _waiting(text: str) -> Iterator[Callable[[float], None]]:
    """Yield a function that shows the seconds waited: in place on a terminal, else as occasional lines."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from kit.terminals import can_redraw

    console = Console(stderr=True)
    if can_redraw(console):
        with Progress(
            SpinnerColumn(), TextColumn(text), TimeElapsedColumn(), console=console, transient=True
        ) as bar:
            bar.add_task("")
            yield lambda _: None
        return
    due = _FIRST_LINE

    def show(seconds: float) -> None:
        nonlocal due
        if seconds >= due:
            _say(f"{text}, {seconds:.0f} s")
            due = seconds + _NEXT_LINE

    yield show
