"""Name the words of a `make` command that no target takes, and the command that was meant.

Usage: python tools/check_make.py [GOAL | NAME=VALUE]…

The Makefile calls this before anything is installed, so that it needs only Python's standard library, and an
old Python can run it. It writes to stderr, and "wrong" on stdout if something is wrong.
"""

from __future__ import annotations

import difflib
import re
import shlex
import sys
from pathlib import Path

OTHER_NAMES = {
    "build": "setup", "evaluate": "report", "fit": "cv", "install": "setup", "train": "cv",
    "fetch": "data", "download": "data", "show": "report", "list": "runs", "ls": "runs", "config": "configs",
    "blend": "ensemble", "stack": "ensemble", "diff": "compare", "optimize": "tune", "search": "tune",
    "upload": "submit", "send": "submit", "leaderboard": "submissions", "scores": "submissions",
    "check": "lint", "tests": "test", "all": "cv", "run": "cv",
}  # fmt: skip
"""Targets by other names that people use."""
OPTIONS = {
    "data": ("config", "source", "force", "timeout"),
    "cv": ("config", "set", "run", "jobs", "fresh"),
    "tune": ("config", "set", "trials", "timeout", "study", "storage", "jobs", "json"),
    "report": ("json", "open"),
    "compare": ("json", "open"),
    "ensemble": ("method", "name", "set", "fresh", "json", "open"),
    "runs": ("sort", "json"),
    "configs": ("json",),
    "submit": ("config", "message", "again", "dry-run", "timeout", "wait"),
    "submissions": ("json",),
    "doctor": ("config", "json"),
}
"""Options of `kit` by target."""
FLAGS = {"force", "fresh", "json", "open", "again", "dry-run"}
SETTINGS = {
    "batch": "training.batch_size", "batch_size": "training.batch_size", "bs": "training.batch_size",
    "epoch": "training.epochs", "epochs": "training.epochs", "fold": "folds.count", "folds": "folds.count",
    "learning_rate": "training.learning_rate", "lr": "training.learning_rate", "method": "ensemble.method",
    "optimizer": "training.optimizer", "precision": "training.precision", "seed": "seeds", "seeds": "seeds",
}  # fmt: skip
"""Keys of the configuration by names that people use."""


class Words:
    """The words of a command, sorted; wrong ones are corrected as far as that is possible.

    Attributes:
        goals: targets, as corrected.
        given: values of variables by name, as corrected.
        options: words for ARGS, from wrong words.
        wrong: what is wrong, one sentence per word.
        corrected: whether there is a correction for every wrong word.
    """

    def __init__(self, words: list[str]) -> None:
        makefile = Path("Makefile").read_text(encoding="utf-8")
        self.targets = re.findall(r"^TARGETS := (.*)", makefile, re.M)[0].split()
        takes = re.findall(r"^TAKES_(\w+) := (.*)", makefile, re.M)
        self.takes = {name: goals.split() for name, goals in takes}
        self.goals: list[str] = []
        self.given: dict[str, str] = {}
        self.options: list[str] = []
        self.wrong: list[str] = []
        self.runs: list[str] = []
        self.corrected = True
        if not {*words} & {*self.targets, *OTHER_NAMES} and any(map(_configuration, _bare(words))):
            self.goals.append("cv")
            if all("=" in word for word in words):
                self._report("there is no target")
        for word in words:
            if "=" not in word:
                self._goal(word)
        for word in words:
            if "=" in word:
                self._variable(*word.split("=", 1))
        if self.runs:
            self.given["RUNS"] = " ".join(self.runs)
        if self.wrong and not self.goals:
            self.corrected = False

    def command(self) -> str:
        """Return the corrected command."""
        given = dict(self.given)
        if self.options:
            added = " ".join(map(shlex.quote, self.options)).replace("$", "$$")
            given["ARGS"] = f"{given.get('ARGS', '')} {added}".strip()
        return " ".join(["make", *self.goals, *(f"{name}={_quoted(value)}" for name, value in given.items())])

    def _goal(self, word: str) -> None:
        plain = word.lower().replace("_", "-").strip("-")
        if word in self.targets or word.startswith(".venv/"):
            self.goals.append(word)
        elif plain in self.targets or (not self.goals and plain in OTHER_NAMES):
            self._report(f"there is no target {word!r}")
            self.goals.append(plain if plain in self.targets else OTHER_NAMES[plain])
        elif not self._argument(word):
            self._report(f"there is no target {word!r}")
            near = difflib.get_close_matches(plain, self.targets, 1, 0.6)
            self.goals += near
            self.corrected = self.corrected and bool(near)

    def _argument(self, word: str) -> bool:
        """Take `word` as the argument of an earlier target, such as a run; return whether it fits."""
        if self._taker("RUNS"):
            self.runs.append(word)
            name = "run"
        elif self._taker("RUN") and "RUN" not in self.given:
            self.given["RUN"] = word
            name = "run"
        elif self._taker("SOURCE") and (word in {"kaggle", "sample", "auto"} or Path(word).exists()):
            self.given["SOURCE"] = word
            name = "source"
        elif self._taker("CONFIG") and _configuration(word):
            self.given["CONFIG"] = _configuration(word)
            name = "configuration"
        else:
            return False
        self._report(f"{word!r} is a {name}, not a target")
        return True

    def _variable(self, name: str, value: str) -> None:
        if self._taker(name) and (value or name == "ARGS"):
            self.given[name] = value
            if name == "CONFIG" and not _is_configuration(value):
                self._report(f"there is no configuration {value!r}")
                self.given[name] = _configuration(value)
                self.corrected = self.corrected and bool(self.given[name])
            if name == "ARGS":
                self._options(value)
            return
        if not value:
            self._report(f"{name} is empty (an empty shell variable?)")
            return
        plain = name.lower().replace("_", "-")
        self._report(f"make {' '.join(self.goals)} takes no variable {name}".replace("  ", " "))
        options = {option for goal in self.goals for option in OPTIONS.get(goal, ())}
        known = [one for one in self.takes if self._taker(one)]
        near = difflib.get_close_matches(name.upper(), known, 1, 0.6)
        settable = "set" in options and "ensemble" not in self.goals
        if name.upper() in known:
            self.given[name.upper()] = value
        elif plain in options:
            self.options += [f"--{plain}"] if plain in FLAGS else [f"--{plain}", value]
        elif settable and (plain.replace("-", "_") in SETTINGS or "." in name):
            self.options += ["--set", f"{SETTINGS.get(plain.replace('-', '_'), name)}={value}"]
        elif name == "CONFIG" and self._taker("RUN") and _newest_run(value):
            self.given["RUN"] = _newest_run(value)
        elif near:
            self.given[near[0]] = value
        else:
            self.corrected = False

    def _options(self, text: str) -> None:
        """Check the options in ARGS; `kit` would report them, but only after the installation."""
        goals = [goal for goal in self.goals if goal in OPTIONS]
        if len(goals) != 1 or goals != self.goals:
            return
        kept = text.split()
        for word in text.split():
            name, _, value = word[2:].partition("=")
            if not re.match(r"--[a-z]", word) or name in {"help", "debug", *OPTIONS[goals[0]]}:
                continue
            self._report(f"kit {goals[0]} has no option --{name}")
            key = SETTINGS.get(name.replace("-", "_"))
            if key and "set" in OPTIONS[goals[0]]:
                place = kept.index(word)
                after = kept[place + 1 : place + 2]
                kept[place : place + (1 if value else 2)] = ["--set", f"{key}={value or ''.join(after)}"]
                self.given["ARGS"] = " ".join(kept)
            else:
                self.corrected = False

    def _taker(self, name: str) -> bool:
        return any(goal in self.takes.get(name, ()) for goal in self.goals)

    def _report(self, what: str) -> None:
        self.wrong.append(what)

    def advice(self) -> str:
        """Return what to do."""
        if self.corrected:
            return f"did you mean: {self.command()}"
        if not self.goals:
            return "make help lists the targets"
        names = [f"{name}=…" for name in self.takes if self._taker(name)]
        takes = f"make {' '.join(self.goals)} takes {', '.join(names) or 'no variables'}"
        return f"{takes}; make configs lists the configurations" if "CONFIG=…" in names else takes


def _bare(words: list[str]) -> list[str]:
    """Return the words that may name a configuration: goals, and the value of CONFIG."""
    return [word.partition("=")[2] if word.startswith("CONFIG=") else word for word in words]


def _is_configuration(name: str) -> bool:
    return Path("configs", f"{name}.yaml").is_file() or (
        name.endswith((".yaml", ".yml")) and Path(name).expanduser().is_file()
    )


def _configuration(word: str) -> str:
    """Return the configuration that `word` names, in full or nearly; "" if none is similar."""
    known = sorted(path.stem for path in Path("configs").glob("*.yaml"))
    name = re.sub(r"\.ya?ml$", "", word.rsplit("/", 1)[-1])
    near = [name] if name in known else difflib.get_close_matches(name.lower(), known, 1, 0.6)
    if not near and word.endswith((".yaml", ".yml")) and Path(word).is_file():
        return word
    return near[0] if near else ""


def _newest_run(config: str) -> str:
    found = [path.parent for path in Path("runs").glob(f"{config}-*/run.json")]
    return max(found, key=lambda path: path.stat().st_mtime).name if found else ""


def _quoted(text: str) -> str:
    """Return `text` as a word of the shell, in double quotes where these are enough."""
    if re.fullmatch(r"[\w@%+=:,./-]+", text):
        return text
    return shlex.quote(text) if re.search(r'["$`\\!]', text) else f'"{text}"'


def main() -> None:
    """Check the words of the command line."""
    words = Words(sys.argv[1:])
    if words.wrong:
        sys.stderr.write(f"{'; '.join(dict.fromkeys(words.wrong))}\n{words.advice()}\n")
        sys.stdout.write("wrong\n")


if __name__ == "__main__":
    main()
