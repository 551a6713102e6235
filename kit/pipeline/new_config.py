"""The text of a configuration that `kit init` writes: one key per line, with comments."""

import textwrap
from collections.abc import Mapping, Sequence

from kit.config import notation
from kit.data.inspection import Base, Setting

WIDTH = 110
_INDENT = "  "
_BASES: dict[Base, str] = {
    "default": "made for handwritten digits of 28 x 28 pixels",
    "images": "for small or grey images; photos is for photographs",
    "photos": "for photographs; images is for small or grey images",
}
_FLIPS: dict[Base, str] = {
    "default": "",
    "images": "# augmentation: {flip: horizontal}  # for objects that may be mirrored: no digits or letters",
    "photos": "# augmentation: {flip: none}  # for objects that must not be mirrored",
}


def text_of(base: Base, heading: str, directory: str, settings: Sequence[Setting]) -> str:
    """Return the text of a configuration.

    Args:
        base: name of the configuration that it extends.
        heading: comment at the top.
        directory: of the competition's files.
        settings: keys; those of one section follow each other in this order.
    """
    lines = [f"# {line}" for line in textwrap.wrap(_one_line(heading), WIDTH - 2)]
    lines.append(_line("", "extends", base, _BASES[base]))
    lines.append(_line("", "data", {"directory": directory}, ""))
    for section in dict.fromkeys(one.key.partition(".")[0] for one in settings):
        own = [one for one in settings if one.key.startswith(f"{section}.")]
        lines += _section(section, own)
    lines.append(_FLIPS[base])
    return "\n".join(lines).rstrip() + "\n"


def line_of(text: str, key: str) -> int:
    """Return the number of the line that sets `key`, as in competition.metric."""
    wanted = f"{_INDENT}{key.rpartition('.')[2]}:"
    return next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith(wanted))


def _section(section: str, settings: Sequence[Setting]) -> list[str]:
    """Return the lines of a section; `competition` has a line per key, the others are one line."""
    nested: dict[str, dict[str, object]] = {}
    comments: dict[str, list[str]] = {}
    lines = [f"{section}:"]
    for one in settings:
        _, key, *below = one.key.split(".")
        if below:
            nested.setdefault(key, {})[below[0]] = one.value
            comments.setdefault(key, []).extend([one.comment] * bool(one.comment))
        else:
            lines += _line(_INDENT, key, one.value, one.comment).splitlines()
    for key, values in nested.items():
        lines += _line(_INDENT, key, values, "; ".join(comments[key])).splitlines()
    return lines


def _line(indent: str, key: str, value: object, comment: str) -> str:
    """Return a key with its value, and its comment beside or, without room, above it."""
    plain = list(value) if isinstance(value, tuple) else value
    if isinstance(plain, Mapping):
        plain = {name: list(one) if isinstance(one, tuple) else one for name, one in plain.items()}
    line = f"{indent}{notation.flow({key: plain})[1:-1]}"
    if not comment:
        return line
    beside = f"{line}  # {_one_line(comment)}"
    if len(beside) <= WIDTH:
        return beside
    above = textwrap.wrap(_one_line(comment), WIDTH - len(indent) - 2)
    return "\n".join([*(f"{indent}# {one}" for one in above), line])


def _one_line(text: str) -> str:
    """Return text without characters that would end a comment."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
