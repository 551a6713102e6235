"""Lines of text in the output of a cell."""

import click

from kit.masking import masked


def show(text: str) -> None:
    """Write a line of the result."""
    click.echo(masked(text))


def say(text: str) -> None:
    """Write a line that says what is done, or a warning; it is marked as such by the notebook."""
    click.echo(masked(text), err=True)
