"""Options that several commands share."""

import re
from typing import Any

import click

from kit.files import expanded

_UNITS = {"s": 1, "m": 60, "h": 3600}


class Duration(click.ParamType[float]):
    """`90`, `90s`, `15m`, `2h`, `1h30m`, `4 min`: seconds, as float."""

    name = "DURATION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds; a number is returned as it is."""
        if isinstance(value, int | float):
            return float(value)
        text = str(value).strip().lower()
        parts = re.findall(r"(\d+(?:\.\d+)?)\s*(h|m|s)[a-z]*", f"{text}s" if text[-1:].isdecimal() else text)
        if (
            not re.fullmatch(r"(\d+(\.\d+)?\s*(h(ours?|rs?)?|m(in(ute)?s?)?|s(ec(ond)?s?)?)?\s*)+", text)
            or not parts
        ):
            self.fail(f"expected a duration such as 90, 90s, 15m or 2h; received {value!r}", param, ctx)
        return sum(float(number) * _UNITS[unit] for number, unit in parts)


class Named(click.ParamType[str]):
    """A name or a path; `~` becomes the home folder if the shell did not expand it (-c=~/a.yaml, quotes)."""

    name = "PATH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text with the home folder in place of a leading `~`."""
        if not str(value).strip():
            self.fail("expected a name or a path, received nothing; is a shell variable empty?", param, ctx)
        return expanded(str(value))


class Storage(click.ParamType[str]):
    """The URL of an Optuna storage; in sqlite:///~/FILE.db, `~` becomes the home folder."""

    name = "URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002 - click's signature
        """Return the URL with the home folder in place of a leading `~` of its path."""
        dialect, slashes, path = str(value).partition(":///")
        return f"{dialect}{slashes}{expanded(path)}"


config = click.option(
    "-c",
    "--config",
    type=Named(),
    default="default",
    show_default=True,
    metavar="NAME",
    help="Configuration: NAME in ./configs or shipped with kit, or FILE.yaml.",
)
changes = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set any configuration key, as in models.cnn.dropout=0.3; repeatable.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print only JSON on stdout.")

open_page = click.option("--open", "open_", is_flag=True, help="Open the page in the browser.")

timeout = click.option(
    "--timeout",
    type=Duration(),
    default="30s",
    show_default=True,
    help="Timeout per Kaggle API request.",
)


class Jobs(click.ParamType[int | None]):
    """`auto` (None), or a whole number from 1."""

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Return the number; None for auto."""
        if value is None or value == "auto":
            return None
        if not str(value).isdecimal() or int(value) < 1:
            self.fail(f"expected auto, or a whole number from 1; received {value!r}", param, ctx)
        return int(value)


jobs = click.option(
    "--jobs",
    type=Jobs(),
    default="auto",
    show_default=True,
    help="Parallel workers (auto: one per core, or one per GPU).",
)
