"""Commands in messages as the user types them: `kit …`; `make …` under make; `kit.cv(…)` in Python."""

import os
import re
import shlex
from contextvars import ContextVar

CALLER = "KIT_CALLER"
"""Variable that the Makefile sets to "make" for the kit that it starts."""

in_python: ContextVar[bool] = ContextVar("in_python", default=False)
"""Whether a function of `import kit` was called."""

# Target and variable of the first arguments, by command.
_TARGETS = {
    "compare": "RUNS",
    "configs": "CONFIG",
    "cv": "",
    "data fetch": "",
    "doctor": "",
    "ensemble": "RUNS",
    "init": "SOURCE",
    "report": "RUN",
    "runs": "",
    "submissions": "",
    "submit": "RUN",
    "tune": "",
}
_VARIABLES = {"-c": "CONFIG", "--config": "CONFIG", "--source": "SOURCE"}

# Functions of `import kit`, by command.
_CALLS = {
    "compare": "kit.compare({})",
    "cv": "kit.cv({})",
    "data fetch": "kit.fetch({})",
    "ensemble": "kit.ensemble([{}])",
    "report": "kit.open_run({}).report",
    "runs": "kit.runs({})",
    "submit": "kit.submit({})",
    "tune": "kit.tune({})",
}


def by_make() -> bool:
    """Return whether make started this kit."""
    return os.environ.get(CALLER) == "make"


def in_typed_form(text: str, *, marked: bool = False) -> str:
    """Return a message with each command in backticks (`` `kit cv` ``) as the user types it.

    Args:
        text: the message.
        marked: keep the backticks.
    """
    mark = "`" * marked
    return re.sub(r"`(kit [^`]+)`", lambda found: f"{mark}{typed(found[1])}{mark}", text)


def typed(command: str) -> str:
    """Return a command line of kit as the user types it.

    Without make, it is unchanged. The PATH of make's users does not lead to kit, so that a command without a
    target becomes `.venv/bin/kit …`.
    """
    if in_python.get():
        return _as_call(command)
    return _by_make(command) if by_make() else command


def _as_call(command: str) -> str:
    """Return the call for a command; the command itself if it has other options than these."""
    words = shlex.split(command)[1:]
    name = " ".join(words[: 2 if words[:1] == ["data"] else 1])
    rest, arguments = words[len(name.split()) :], []
    while rest:
        word, *rest = rest
        if word == "--fresh":
            arguments.append("fresh=True")
        elif word in _VARIABLES and rest:
            arguments.append(repr(rest.pop(0)))
        elif word == "--run" and rest:
            arguments.append(f"run={rest.pop(0)!r}")
        elif word.startswith("-"):
            return command
        else:
            arguments.append(repr(word))
    return _CALLS[name].format(", ".join(arguments)) if name in _CALLS else command


def _by_make(command: str) -> str:
    words = shlex.split(command)[1:]
    name = " ".join(words[: 2 if words[:1] == ["data"] else 1])
    rest = words[len(name.split()) :]
    number = next((place for place, word in enumerate(rest) if word.startswith("-")), len(rest))
    arguments, options = rest[:number], rest[number:]
    variable = _TARGETS.get(name)
    unfit = any(re.search(r"\s", one) for one in arguments) if variable == "RUNS" else len(arguments) > 1
    if variable is None or unfit or (arguments and not variable):
        return f".venv/bin/{command}"
    given = {variable: " ".join(arguments)} if arguments else {}
    others: list[str] = []
    while options:
        option, *options = options
        if option in _VARIABLES and options:
            given[_VARIABLES[option]], *options = options
        else:
            others.append(option)
    if others:
        # make expands $ in ARGS, and the shell then reads words.
        given["ARGS"] = shlex.join(others).replace("$", "$$").replace("'…'", "…")
    return " ".join(["make", name.split()[0], *(f"{one}={_word(value)}" for one, value in given.items())])


def _word(text: str) -> str:
    """Return `text` as one word of the shell, in double quotes where these are enough."""
    if re.fullmatch(r"[\w@%+=:,./…-]+", text):
        return text
    return shlex.quote(text) if re.search(r'["$`\\!]', text) else f'"{text}"'
