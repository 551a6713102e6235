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
    "classify": "predict",
    "config": "configs",
    "configuration": "configs",
    "configurations": "configs",
    "create": "init",
    "diff": "compare",
    "download": "data fetch",
    "env": "doctor",
    "evaluate": "report",
    "fetch": "data fetch",
    "fit": "cv",
    "help": "--help",
    "hpo": "tune",
    "infer": "predict",
    "inference": "predict",
    "info": "doctor",
    "leaderboard": "submissions",
    "list": "runs",
    "ls": "runs",
    "new": "init",
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
    "-o": ("--output", "--open"),
    "-s": ("--set", "--source"),
    "-t": ("--timeout", "--trials"),
}
"""Options by other names; the first that the command has counts."""
_ARGUMENTS = {"--config", "--file", "--name", "--run", "--runs", "--source", "--study", "-c", "-f", "-r"}
"""Options that name what some commands take without an option."""
MOST = 5
"""Most mistakes that are corrected in one command line."""


def advice(error: click.UsageError, arguments: Sequence[str]) -> str:
    """Return the last line of the message: the command that was probably meant, or how to get help.

    Args:
        error: from click.
        arguments: the command line, without the program.
    """
    # For an option without its value, click's error has no context.
    command = " ".join(["kit", *arguments[: 2 if arguments[:1] == ["data"] else 1]])
    path = error.ctx.command_path if error.ctx else command
    words = _repaired(error, list(arguments))
    if words:
        return f"did you mean: {typed(shlex.join(['kit', *words]))}"
    if isinstance(error, click.MissingParameter) and path.split()[-1] in {"compare", "ensemble"}:
        return f"name two runs or more: {typed(f'{path} RUN RUN')}; {typed('kit runs')} lists them"
    return f"({typed(f'{path} --help')} lists the arguments)"


def _repaired(error: click.UsageError, words: list[str]) -> list[str] | None:
    """Correct one mistake after the other, until click understands the words; None if it never does."""
    root = error.ctx and error.ctx.find_root()
    for _ in range(MOST):
        corrected = _corrected(error, words)
        if root is None or not corrected or corrected == words:
            return None
        words = corrected
        try:
            _parse(root.command, words)
        except click.UsageError as following:
            error = following
        else:
            return words
    return None


def _parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    """Parse a command line without running it.

    Raises:
        click.UsageError: click does not understand it.
    """
    if {"-h", "--help", "--version"} & {*words}:
        return  # These would print.
    ctx = click.Context(command, parent, info_name=command.name)
    if isinstance(command, click.Group) and words:
        name, below, rest = command.resolve_command(ctx, words)
        assert below is not None
        below.name = name
        _parse(below, rest, ctx)
    elif not isinstance(command, click.Group):
        command.parse_args(ctx, [*words])


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
    choice = re.match(r"'(.*)' is not one of (.*?)\.?$", message)
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
        names |= {"get": "fetch", "download": "fetch", "load": "fetch", "show": "check", "validate": "check"}
    near = _nearest(plain, names)
    if near is None or name not in words:
        return None
    place = words.index(name)
    after = words[place + 1 :]
    if names[near] == "--help":
        return [*(one for one in after[:1] if one in known), "--help"]
    return [*words[:place], *names[near].split(), *(after if names[near] != "--version" else [])]


def _with_option(name: str, ctx: click.Context, words: list[str]) -> list[str] | None:
    """Replace an option: by one of another name, by a key of the configuration, or by a similar one."""
    options = [one for one in ctx.command.params if isinstance(one, click.Option)]
    known = [option for one in options for option in one.opts]
    flags = {option for one in options if one.is_flag for option in one.opts}
    is_short = not name.startswith("--")
    begun = [place for place, word in enumerate(words) if is_short and word.startswith(name)]  # as in -j2
    exact = [place for place, word in enumerate(words) if word.partition("=")[0] == name]
    if not exact + begun:
        return None
    place = (exact + begun)[0]
    _, equals, value = words[place].partition("=")
    if not exact:
        equals, value = "=", words[place].removeprefix(name)
    plain = name.lower().replace("_", "-")
    others = {other: one for other, options in _OPTIONS.items() for one in options[::-1] if one in known}
    same = [plain] if plain in known else [others[plain]] if plain in others else []
    if same:
        return [*words[:place], same[0] + equals + value, *words[place + 1 :]]
    if plain in _ARGUMENTS and any(isinstance(one, click.Argument) for one in ctx.command.params):
        return [*words[:place], *([value] if equals else []), *words[place + 1 :]]
    rest = words[place + 1 :]
    if not equals and rest and not rest[0].startswith("-"):
        value, *rest = rest
    key = _key(plain.strip("-"), words, exact=True)
    if "--set" not in known or "--method" in known:  # kit ensemble sets only keys of its own
        key = None
    near = difflib.get_close_matches(plain, [*known, *others], 1, 0.7)
    near = [others.get(one, one) for one in near]
    if key is None and near and (near[0] not in flags or not value):
        return [*words[:place], near[0] + equals + (value if equals else ""), *words[place + 1 :]]
    return [*words[:place], "--set", f"{key}={value or 'VALUE'}", *rest] if key else None


def _without_extra(word: str, ctx: click.Context, words: list[str]) -> list[str] | None:
    """Give a word too many the option that it belongs to."""
    known = {option for one in ctx.command.params for option in one.opts}
    if word not in words:
        return None
    place = len(words) - 1 - words[::-1].index(word)
    before, after = words[:place], words[place + 1 :]
    if before[-2:-1] == ["--set"] and re.fullmatch(r"\w[\w.-]*[=:]?", before[-1]):
        return [*before[:-1], f"{before[-1].rstrip('=:')}={word.lstrip('=')}", *after]
    if re.fullmatch(r"(s|m|h)[a-z]*", word) and before and re.fullmatch(r"[\d.]+", before[-1]):
        return [*before[:-1], f"{before[-1]}{word[0]}", *after]
    option = None
    if "--set" in known and "=" in word:
        option = "--set"
    elif "--source" in known and (word in {"kaggle", "sample", "auto"} or Path(word).exists()):
        option = "--source"
    elif "--timeout" in known and re.fullmatch(r"\d+(\.\d+)?(s|m|min|h)", word):
        option = "--timeout"
    elif "--config" in known and not {"-c", "--config"} & {*words} and (name := _configuration(word)):
        option, word = "-c", name
    return [*before, option, word, *after] if option else None


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
    found = [name] if name in names else difflib.get_close_matches(name.lower(), names, 1, 0.7)
    return found[0] if found else None


def _replaced(words: Sequence[str], old: str, new: str) -> list[str]:
    return [re.sub(rf"(^|=){re.escape(old)}$", rf"\g<1>{new}", word) for word in words]
