"""What the user may have meant by a command line that kit does not understand."""

import difflib
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from kit.errors import UserError
from kit.typed import typed

_COMMANDS = {
    "benchmark": "compare",
    "blend": "ensemble",
    "check": "doctor",
    "config": "configs",
    "configuration": "configs",
    "configurations": "configs",
    "diff": "compare",
    "download": "data fetch",
    "env": "doctor",
    "evaluate": "report",
    "fetch": "data fetch",
    "fit": "cv",
    "help": "--help",
    "hpo": "tune",
    "info": "doctor",
    "leaderboard": "submissions",
    "list": "runs",
    "ls": "runs",
    "optimise": "tune",
    "optimize": "tune",
    "results": "report",
    "run": "cv",
    "scores": "submissions",
    "search": "tune",
    "send": "submit",
    "show": "report",
    "stack": "ensemble",
    "status": "runs",
    "train": "cv",
    "upload": "submit",
    "version": "--version",
}
"""Commands by names that are common elsewhere."""
_OPTIONS = {
    "--budget": ("--timeout",),
    "--comment": ("--message",),
    "--cores": ("--jobs",),
    "--cpus": ("--jobs",),
    "--description": ("--message",),
    "--force": ("--fresh", "--again"),
    "--fresh": ("--force", "--again"),
    "--input": ("--source",),
    "--n-jobs": ("--jobs",),
    "--n-trials": ("--trials",),
    "--name": ("--run", "--study"),
    "--output": ("--name", "--run"),
    "--overwrite": ("--fresh", "--force"),
    "--path": ("--source",),
    "--restart": ("--fresh",),
    "--run": ("--name", "--study"),
    "--study": ("--run", "--name"),
    "--threads": ("--jobs",),
    "--workers": ("--jobs",),
    "-f": ("--fresh", "--force"),
    "-j": ("--jobs",),
    "-n": ("--run", "--name", "--study", "--dry-run"),
    "-o": ("--open",),
    "-s": ("--set", "--source"),
    "-t": ("--timeout", "--trials"),
}
"""Options by other names; the first that the command has counts."""


def advice(error: click.UsageError, arguments: Sequence[str]) -> str:
    """Return the last line of the message: the command that was probably meant, or how to get help.

    Args:
        error: from click.
        arguments: the command line, without the program.
    """
    path = error.ctx.command_path if error.ctx else "kit"
    words = _corrected(error, list(arguments))
    if words:
        return f"did you mean: {typed(shlex.join(['kit', *words]))}"
    if isinstance(error, click.MissingParameter) and path in {"kit compare", "kit ensemble"}:
        return f"name two runs or more: {typed(f'{path} RUN RUN')}; {typed('kit runs')} lists them"
    return f"({typed(f'{path} --help')} lists the arguments)"


def _corrected(error: click.UsageError, words: list[str]) -> list[str] | None:
    """Return the corrected words of the command line; None if nothing similar is known."""
    ctx, message = error.ctx, error.message
    if ctx is None:
        return None
    if isinstance(error, click.NoSuchOption):
        return _with_option(error.option_name, ctx, words)
    unknown = re.match(r"No such command '(.*)'", message)
    if unknown and isinstance(ctx.command, click.Group):
        return _with_command(unknown[1], ctx.command.list_commands(ctx), words)
    extra = re.search(r"unexpected extra arguments? \((.*)\)$", message)
    if extra:
        return _without_extra(extra[1].split()[0], ctx, words)
    choice = re.match(r"'(.*)' is not one of (.*)\.$", message)
    if choice:
        near = _nearest(choice[1], re.findall(r"'([^']*)'", choice[2]))
        return _replaced(words, choice[1], near) if near else None
    return None


def _with_command(name: str, known: Iterable[str], words: list[str]) -> list[str] | None:
    plain = name.lower().replace("_", "-").strip("-")
    names = {one: one for one in known}
    if "cv" in names:  # kit itself, not a group of commands
        names |= {**_COMMANDS, **names}
    if "fetch" in names:  # kit data
        names |= {"get": "fetch", "download": "fetch", "load": "fetch", "show": "check"}
    near = _nearest(plain, names)
    if near is None or name not in words:
        return None
    place = words.index(name)
    after = words[place + 1 :]
    if names[near] == "--help":
        return [*after[:1], "--help"]
    return [*words[:place], *names[near].split(), *(after if names[near] != "--version" else [])]


def _with_option(name: str, ctx: click.Context, words: list[str]) -> list[str] | None:
    """Replace an option: by one of another name, by a key of the configuration, or by a similar one."""
    known = [option for one in ctx.command.params if isinstance(one, click.Option) for option in one.opts]
    place = next((place for place, word in enumerate(words) if word.partition("=")[0] == name), None)
    if place is None:
        return None
    _, equals, value = words[place].partition("=")
    plain = name.lower().replace("_", "-")
    same = [plain] if plain in known else [one for one in _OPTIONS.get(plain, ()) if one in known]
    if same:
        return [*words[:place], same[0] + equals + value, *words[place + 1 :]]
    rest = words[place + 1 :]
    if not equals and rest and not rest[0].startswith("-"):
        value, *rest = rest
    key = _key(plain.strip("-"), words, exact=True)
    if "--set" not in known or "--method" in known:  # kit ensemble sets only keys of its own
        key = None
    near = difflib.get_close_matches(plain, known, 1, 0.7)
    if key is None and near:
        return [*words[:place], near[0] + equals + (value if equals else ""), *words[place + 1 :]]
    return [*words[:place], "--set", f"{key}={value or 'VALUE'}", *rest] if key else None


def _without_extra(word: str, ctx: click.Context, words: list[str]) -> list[str] | None:
    """Give a word too many the option that it belongs to."""
    known = {option for one in ctx.command.params for option in one.opts}
    place = len(words) - 1 - words[::-1].index(word) if word in words else 0
    before, after = words[:place], words[place + 1 :]
    if before[-2:-1] == ["--set"]:
        return [*before[:-1], f"{before[-1].rstrip('=:')}={word.lstrip('=')}", *after]
    if re.fullmatch(r"(s|m|h)[a-z]*", word) and before and re.fullmatch(r"[\d.]+", before[-1]):
        return [*before[:-1], f"{before[-1]}{word[0]}", *after]
    if "--set" in known and "=" in word:
        return [*before, "--set", word, *after]
    if "--source" in known and (word in {"kaggle", "sample", "auto"} or Path(word).exists()):
        return [*before, "--source", word, *after]
    if "--config" in known:
        name = _configuration(word)
        return [*before, "-c", name, *after] if name else None
    return None


def _key(name: str, words: Sequence[str], *, exact: bool) -> str | None:
    """Return the key of the configuration in use that `name` may mean."""
    from kit.config import resolve
    from kit.config.suggestions import similar_keys

    config = next(
        (words[place + 1] for place, word in enumerate(words[:-1]) if word in {"-c", "--config"}), "default"
    )
    try:
        models = resolve(config)[0].get("models", {})
    except UserError:
        return None
    near = similar_keys(name.replace("-", "_"), models, exact=exact)
    return near[0] if near else None


def _configuration(word: str) -> str | None:
    from kit.config.files import known_names

    if word.endswith((".yaml", ".yml")) and Path(word).is_file():
        return word
    return _nearest(Path(word).stem, known_names())


def _nearest(name: str, known: Iterable[str]) -> str | None:
    names = list(known)
    found = [name] if name in names else difflib.get_close_matches(name.lower(), names, 1, 0.6)
    return found[0] if found else None


def _replaced(words: Sequence[str], old: str, new: str) -> list[str]:
    return [re.sub(rf"(^|=){re.escape(old)}$", rf"\g<1>{new}", word) for word in words]
