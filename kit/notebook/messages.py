"""Lines of text in the output of a cell."""

import click

from kit.masking import masked
from kit.typed import in_typed_form


def show(text: str) -> None:
    """Write a line of the result."""
    click.echo(masked(in_typed_form(text)))


def say(text: str) -> None:
    """Write a line that says what is done, or a warning; it is marked as such by the notebook."""
    click.echo(masked(in_typed_form(text)), err=True)
