"""Numbers and lists in sentences."""

from collections.abc import Sequence


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, as in "1 row" and "2,400 rows"."""
    return f"{number:,} {noun}{'s' if number != 1 else ''}"


def first_few(names: Sequence[str], most: int = 5) -> str:
    """Return the first names, as in "a, b and 3 more"."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def short(name: str, most: int = 10) -> str:
    """Return a long name without its middle, because names of classes often share their beginning."""
    if len(name) <= most:
        return name
    end = most // 2
    return f"{name[: most - end - 1]}…{name[-end:]}"
