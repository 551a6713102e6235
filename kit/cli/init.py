"""`kit init`."""

import sys
from typing import TYPE_CHECKING

import click

from kit.cli import options
from kit.cli.busy import Busy

if TYPE_CHECKING:
    from kit.data.inspection import Question

_EPILOG = """\b
Example:
  kit init dog-breed-identification.zip
  kit init ~/kaggle/leaves --name leaves
  kit init                                the files in data/
"""


@click.command(epilog=_EPILOG)
@click.argument("source", required=False, type=options.Named())
@click.option(
    "--name", metavar="NAME", help="Name of the configuration.  [default: that of the zip or folder]"
)
@click.option("--train", metavar="FILE.csv", help="The training table, if several files could be it.")
@click.option("--force", is_flag=True, help="Replace a configuration of this name.")
def command(source: str | None, name: str | None, train: str | None, force: bool) -> None:
    """Look at a competition's files and write configs/NAME.yaml.

    SOURCE is the competition's zip, which is unpacked into data/, or a folder, which is read in place;
    without SOURCE, data/ or the input of a Kaggle notebook. kit says what it concluded from what; every
    conclusion is one line of the file, which you can correct.
    """
    from kit.pipeline.init import find_place, init

    place = find_place(source, name)
    with Busy() as busy:
        busy(f"looking at {place.source}")

        def unpacking(archive: str, done: int, total: int) -> None:
            busy(f"unpacking {archive}: {done:,} of {total:,} files")

        def ask(question: "Question") -> str | None:
            busy("")  # The line must not be drawn over the prompt.
            return _ask(question)

        written = init(place, name, force=force, train=train, ask=ask, on_progress=unpacking)
    for line in written.lines:
        click.echo(f"{line.topic}: {line.text}")
    click.echo(f"written: {written.path}")
    click.echo(f"next: {', '.join(written.commands)}")


def _ask(question: "Question") -> str | None:
    """Ask on a terminal; return None without one."""
    if not _is_terminal():
        return None
    for choice in question.choices:
        click.echo(f"  {choice.word}: {choice.meaning}", err=True)
    words = click.Choice([choice.word for choice in question.choices])
    answer: str = click.prompt(question.text, type=words, default=question.choices[0].word, err=True)
    return answer


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
