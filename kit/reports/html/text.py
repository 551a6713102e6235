"""Numbers and lists in sentences."""

from collections.abc import Sequence


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, as in "1 row" and "2,400 rows"."""
    return f"{number:,} {noun}{'s' if number != 1 else ''}"


def capitalised(text: str) -> str:
    """Return a text with a capital first letter; the other letters stay, as in "ROC AUC"."""
    return text[:1].upper() + text[1:]


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


def fewer(low: float, high: float) -> str:
    """Return a range of errors saved in words, as in "3 more to 13 fewer"."""
    ends = [(f"{abs(round(end)):,}", "more" if round(end) < 0 else "fewer") for end in (low, high)]
    (first, word), (last, last_word) = ends
    if word == last_word == "more":
        first, last = last, first
    return f"{first}{'' if word == last_word else f' {word}'} to {last} {last_word}"
