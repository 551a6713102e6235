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
    "all": "cv", "blend": "ensemble", "build": "setup", "check": "lint", "classify": "predict",
    "config": "configs", "create": "init", "diff": "compare", "download": "data", "evaluate": "report",
    "fetch": "data", "fit": "cv", "infer": "predict", "inference": "predict", "install": "setup",
    "leaderboard": "submissions", "list": "runs", "ls": "runs", "new": "init", "optimize": "tune",
    "run": "cv", "scores": "submissions", "search": "tune", "send": "submit", "show": "report",
    "stack": "ensemble", "tests": "test", "train": "cv", "tuning": "tune", "upload": "submit",
}  # fmt: skip
"""Targets by other names that people use."""
OPTIONS = {
    "init": ("name", "train", "force"),
    "data": ("config", "source", "force", "timeout"),
    "cv": ("config", "set", "run", "jobs", "on", "allow-different", "fresh", "checkpoint", "verify"),
    "tune": (
        "config",
        "set",
        "trials",
        "timeout",
        "study",
        "storage",
        "warm-start",
        "jobs",
        "on",
        "allow-different",
        "json",
        "open",
    ),
    "report": ("json", "open"),
    "compare": ("json", "open"),
    "ensemble": ("method", "name", "set", "fresh", "json", "open"),
    "predict": ("output", "invert", "top", "json"),
    "runs": ("sort", "studies", "json"),
    "configs": ("json",),
    "submit": ("config", "message", "again", "dry-run", "timeout", "wait"),
    "submissions": ("json",),
    "doctor": ("config", "json"),
}
"""Options of `kit` by target."""
FLAGS = {
    "allow-different",
    "force",
    "fresh",
    "json",
    "open",
    "again",
    "dry-run",
    "invert",
    "studies",
    "verify",
}
VARIABLES = {
    "c": ("CONFIG",), "configuration": ("CONFIG",), "dir": ("SOURCE",), "file": ("FILES", "SOURCE", "RUN"),
    "flags": ("ARGS",), "folder": ("SOURCE", "FILES"), "image": ("FILES",), "images": ("FILES",),
    "name": ("RUN", "RUNS"), "options": ("ARGS",), "opts": ("ARGS",), "path": ("FILES", "SOURCE", "RUN"),
    "study": ("RUN",), "zip": ("SOURCE",),
}  # fmt: skip
"""Variables by names that people use; the first that the target takes counts."""
SETTINGS = {
    "batch": "training.batch_size", "batch_size": "training.batch_size", "bs": "training.batch_size",
    "epoch": "training.epochs", "epochs": "training.epochs", "fold": "folds.count", "folds": "folds.count",
    "learning_rate": "training.learning_rate", "lr": "training.learning_rate", "method": "ensemble.method",
    "minutes": "tune.minutes", "optimizer": "training.optimizer", "precision": "training.precision",
    "seed": "seeds", "seeds": "seeds",
}  # fmt: skip
"""Keys of the configuration by names that people use."""
OPTION_NAMES = {"name": ("run", "study"), "m": ("message",), "time": ("timeout",), "workers": ("jobs",)}
"""Options by names that people use; the first that the target has counts."""
DURATION = re.compile(r"\d+(\.\d+)?(s|m|min|h)")


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
        self.corrected = True
        # `make data=kaggle` is `make data kaggle`.
        words = [part for word in words for part in (word.split("=", 1) if self._is_goal(word) else [word])]
        words = [self._assigned(word) for word in words]
        self._goals(words)
        for word in words:
            if "=" in word:
                self._variable(*word.split("=", 1))
        for word in words:
            if "=" in word or word in self.goals:
                continue
            if self._taker("FILES") and Path(word).exists():
                self._add_file(word)
            else:
                self._argument(word)
        if self.wrong and not self.goals:
            self.corrected = False

    def command(self) -> str:
        """Return the corrected command."""
        given = dict(self.given)
        if self.options:
            added = " ".join(map(shlex.quote, self.options)).replace("$", "$$")
            given["ARGS"] = f"{given.get('ARGS', '')} {added}".strip()
        return " ".join(["make", *self.goals, *(f"{name}={_quoted(value)}" for name, value in given.items())])

    def _is_goal(self, word: str) -> bool:
        return word.partition("=")[0] in self.targets

    def _assigned(self, word: str) -> str:
        """Return NAME=VALUE for NAME:VALUE."""
        name, colon, value = word.partition(":")
        if not colon or "=" in name or name.upper() not in self.takes:
            return word
        self._report(f"{name} needs =")
        return f"{name.upper()}={value.lstrip('=')}"

    def _goals(self, words: list[str]) -> None:
        """Find the targets: by their names, else by a similar one, else by a configuration."""
        bare = [word for word in words if "=" not in word]
        self.goals += dict.fromkeys(
            word for word in bare if word in self.targets or word.startswith(".venv/")
        )
        if self.goals:
            return
        for word in bare:
            near = self._near_goal(word)
            if near and not _is_configuration(word):
                self._report(f"there is no target {word!r}")
                self.goals.append(near)
                bare.remove(word)
                words.remove(word)
                return
        named = [word.partition("=")[2] if word.startswith("CONFIG=") else word for word in words]
        if any(map(_configuration, named)):
            self.goals.append("cv")
            if not bare:
                self._report("there is no target")

    def _near_goal(self, word: str) -> str:
        """Return the target of this name, of a similar or of another common name; "" if there is none."""
        plain = word.lower().replace("_", "-").strip("-")
        names = {**OTHER_NAMES, **{one: one for one in self.targets}}
        near = [plain] if plain in names else difflib.get_close_matches(plain, names, 1, 0.7)
        return names[near[0]] if near else ""

    def _argument(self, word: str) -> None:
        """Take a word that is no target as the value of a variable, such as a run, or as an option."""
        options = {option for goal in self.goals for option in OPTIONS.get(goal, ())}
        plain = word.lower().replace("_", "-").strip("-")
        if word.upper() in self.takes and self._taker(word.upper()):
            self._report(f"{word.upper()} needs =")
        elif plain in options & FLAGS and not Path("runs", word).exists():
            self._report(f"{word!r} is an option")
            self.options.append(f"--{plain}")
        elif re.match(r"--?[a-z]", word):
            self._report(f"{word!r} is an option")
            # `--set` precedes a word with =, which is a variable for make.
            self.corrected = self.corrected and word in {"-c", "--config", "--set", "--source"}
        elif DURATION.fullmatch(word) and "timeout" in options:
            self._report(f"{word!r} is a time limit")
            self.options += ["--timeout", word]
        elif self._taker("RUNS") or (self._taker("RUN") and "RUN" not in self.given):
            self._report(f"{word!r} is a run, not a target")
            self._add_run(word)
        elif self._taker("SOURCE") and (word in {"kaggle", "sample", "auto"} or Path(word).exists()):
            self._report(f"{word!r} is a source, not a target")
            self.given["SOURCE"] = word
        elif self._taker("CONFIG") and _configuration(word):
            self._report(f"{word!r} is a configuration, not a target")
            self._set_config(_configuration(word))
        elif {*self.goals} & {"test", "test-slow", "test-jax"} and Path(word).exists():
            self._report(f"{word!r} is a file of tests, not a target")
            self.options.append(word)
        elif re.fullmatch(r"python[\d.]*", word):
            self._report(f"{word!r} is a Python, not a target")
            self.given["PYTHON"] = word
        else:
            self._report(f"there is no target {word!r}")
            near = difflib.get_close_matches(word.lower().replace("_", "-"), self.targets, 1, 0.7)
            self.goals += [one for one in near if one not in self.goals]
            self.corrected = self.corrected and bool(near)

    def _add_file(self, word: str) -> None:
        self._report(f"{word!r} is a file, not a target")
        self.given["FILES"] = f"{self.given.get('FILES', '')} {word}".strip()

    def _add_run(self, word: str) -> None:
        if self._taker("RUNS"):
            self.given["RUNS"] = f"{self.given.get('RUNS', '')} {word}".strip()
        else:
            self.given["RUN"] = word if Path("runs", word).exists() else _newest_run(word) or word

    def _set_config(self, name: str) -> None:
        if self.given.get("CONFIG", name) != name:
            self._report("there can be only one configuration")
            self.corrected = False
        self.given["CONFIG"] = name

    def _variable(self, name: str, value: str) -> None:
        if self._taker(name) and (value or name == "ARGS"):
            self._take(name, value)
            return
        if not value:
            self._report(f"{name} is empty (an empty shell variable?)")
            return
        plain = name.lower().replace("_", "-")
        self._report(f"make {' '.join(self.goals)} takes no variable {name}".replace("  ", " "))
        options = {option for goal in self.goals for option in OPTIONS.get(goal, ())}
        known = [one for one in self.takes if self._taker(one)]
        other = [one for one in VARIABLES.get(plain, ()) if one in known]
        option = next((one for one in (plain, *OPTION_NAMES.get(plain, ())) if one in options), None)
        settable = "set" in options and "ensemble" not in self.goals
        near = difflib.get_close_matches(name.upper(), known, 1, 0.6)
        if name.upper() in known:
            self._take(name.upper(), value)
        elif option == "set":
            self.options += [part for one in _changes(value) for part in ("--set", one)]
        elif option:
            self.options += [f"--{option}"] if option in FLAGS else [f"--{option}", value]
        elif settable and (plain.replace("-", "_") in SETTINGS or "." in name):
            self.options += ["--set", f"{SETTINGS.get(plain.replace('-', '_'), name)}={value}"]
        elif plain == "config" and self._taker("RUN") and _newest_run(value):
            self.given["RUN"] = _newest_run(value)
        elif plain == "python":
            self.given["PYTHON"] = value
        elif other or near:
            self._take((other or near)[0], value)
        else:
            self.corrected = False

    def _take(self, name: str, value: str) -> None:
        """Take a variable of the targets."""
        if name == "CONFIG":
            if not _is_configuration(value):
                self._report(f"there is no configuration {value!r}")
                value = _configuration(value)
                self.corrected = self.corrected and bool(value)
            self._set_config(value)
        elif name == "RUNS":
            self._add_run(value)
        else:
            self.given[name] = value
        if name == "ARGS":
            self._options(value)

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
        if "cv" in self.goals or "tune" in self.goals:
            return f'{takes}; ARGS="--set KEY=VALUE" sets a key, make configs lists configurations and keys'
        return f"{takes}; make configs lists the configurations" if "CONFIG=…" in names else takes


def _changes(text: str) -> list[str]:
    """Return the changes of `SET="a=1 b=2"`."""
    words = text.split()
    return words if all("=" in word for word in words) else [text]


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
