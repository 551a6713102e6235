"""Numbers and lists in sentences."""

from collections.abc import Sequence


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, as in "1 row" and "2,400 rows"."""
    return f"{number:,} {noun}{'s' if number != 1 else ''}"


def first_few(names: Sequence[str], most: int = 5) -> str:
    """Return the first names, as in "a, b and 3 more"."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest:,} more" if rest > 0 else "")
