"""Options that several commands share."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from kit.files import expanded

_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(
    rf"(?:{_NUMBER}\s*h(?:ours?)?)?\s*(?:{_NUMBER}\s*m(?:in(?:utes?)?)?)?\s*(?:{_NUMBER}\s*(?:s(?:ec(?:onds?)?)?)?)?"
)

_SCHEDULER = re.compile(r"(tcp|tls|ws|wss|ucx|ucxx)://\S+")


class Duration(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.4
    """`90`, `90s`, `15m`, `2h`, `1h30m`, `4 min`: seconds, as float."""

    name = "DURATION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds; a number is returned as it is."""
        if isinstance(value, int | float):
            return float(value)
        match = _DURATION.fullmatch(value.strip().lower())
        if match is None or not any(match.groups()):
            self.fail(f"expected a duration such as 90, 90s, 15m or 2h; received {value!r}", param, ctx)
        hours, minutes, seconds = (float(number or 0) for number in match.groups())
        return 3600 * hours + 60 * minutes + seconds


class Named(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.4
    """A name or a path; `~` becomes the home folder if the shell did not expand it (-c=~/a.yaml, quotes)."""

    name = "PATH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text with the home folder in place of a leading `~`."""
        if not str(value).strip():
            self.fail("expected a name or a path, received nothing; is a shell variable empty?", param, ctx)
        return expanded(str(value))


class ConfigName(Named):
    """The name or the path of a configuration."""

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """Return the names that begin like this, or let the shell complete a path."""
        from kit.config.files import known_names

        return _beginning(incomplete, known_names()) or [CompletionItem(incomplete, type="file")]


class RunName(Named):
    """The name or the path of a run."""

    @staticmethod
    def names() -> list[str]:
        """Return the names in this folder."""
        return sorted(path.parent.name for path in Path("runs").glob("*/run.json"))

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """Return the names that begin like this, or let the shell complete a path."""
        return _beginning(incomplete, self.names()) or [CompletionItem(incomplete, type="file")]


class StudyName(RunName):
    """The name or the path of a study."""

    @staticmethod
    def names() -> list[str]:
        """Return the names in this folder."""
        from kit.studies import all_studies

        return sorted(study.name for study in all_studies())


class RunOrStudyName(RunName):
    """The name or the path of a run or of a study."""

    @staticmethod
    def names() -> list[str]:
        """Return the names in this folder."""
        return sorted([*RunName.names(), *StudyName.names()])


def _beginning(incomplete: str, names: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _complete_change(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001 - click's signature
    """Return the keys that begin like this, with their values in the configuration."""
    from kit.config.values import keys_of
    from kit.errors import KitError

    try:
        shown = keys_of(ctx.params.get("config") or "default")
    except KitError:
        return []
    return [
        CompletionItem(f"{one.key}={one.value}", help=one.meaning)
        for one in shown
        if f"{one.key}=".startswith(incomplete) and not one.value.startswith(("[", "{"))
    ]


class Storage(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.4
    """The URL of an Optuna storage; in sqlite:///~/FILE.db, `~` becomes the home folder."""

    name = "URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002 - click's signature
        """Return the URL with the home folder in place of a leading `~` of its path."""
        dialect, slashes, path = str(value).partition(":///")
        return f"{dialect}{slashes}{expanded(path)}"


config = click.option(
    "-c",
    "--config",
    type=ConfigName(),
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
    shell_complete=_complete_change,
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


class Jobs(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.4
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


class Place(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.4
    """`local`, or the address of a Dask scheduler."""

    name = "ADDRESS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text."""
        if value != "local" and not _SCHEDULER.fullmatch(str(value)):
            expected = "local, or the address of a Dask scheduler such as tcp://host:8786"
            self.fail(f"expected {expected}; received {value!r}", param, ctx)
        return str(value)


on = click.option(
    "--on",
    type=Place(),
    default="local",
    show_default=True,
    metavar="ADDRESS",
    help="Where to train: on this machine, or on a Dask cluster, as in tcp://host:8786.",
)
allow_different = click.option(
    "--allow-different",
    is_flag=True,
    help="With --on: also use workers whose versions, CPU or GPU differ from this machine's.",
)
