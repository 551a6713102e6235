"""Mistakes in calls of `import kit`: one error names the argument, before anything is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kit
from kit.errors import UserError
from kit.notebook import arguments
from kit.typed import typed

MISTAKES: dict[str, tuple[Callable[[], Any], str]] = {
    "no configuration": (lambda: kit.cv(None), "config: not a name or a path"),  # type: ignore[arg-type]
    "run is a number": (lambda: kit.cv("quick", run=3), "run: not a name or a path"),  # type: ignore[arg-type]
    "run is a path": (lambda: kit.cv("quick", run="a/b"), "run: not a name\n"),
    "run is a study": (lambda: kit.cv("quick", run="tune-a"), "run: folders of studies begin like this"),
    "key": (lambda: kit.cv(set={"epochs": 3}), "set, epochs=3: unknown key epochs; did you mean 'training.e"),
    "jobs": (lambda: kit.cv("quick", jobs=True), "jobs: not right"),
    "trials": (lambda: kit.tune("quick", trials=0), "trials: not right"),
    "trials are text": (lambda: kit.tune("quick", trials="3"), "trials: not right"),  # type: ignore[arg-type]
    "seconds": (lambda: kit.tune("quick", seconds="15m"), "seconds: not right"),  # type: ignore[arg-type]
    "study": (lambda: kit.tune("quick", study="a/b"), "study: not a name"),
    "earlier study": (lambda: kit.tune(warm_start=3), "warm_start: not a name"),  # type: ignore[arg-type]
    "list of runs": (lambda: kit.compare(["a", "b"]), "not a run\n"),  # type: ignore[arg-type]
    "no runs": (lambda: kit.ensemble([]), "runs: no runs to combine"),
    "None": (lambda: kit.ensemble(None), "runs: not a list of runs"),  # type: ignore[arg-type]
    "nothing to open": (kit.open_run, "runs: no finished run\ntrain one: kit.cv()"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_the_argument(workdir: Path, mistake: str) -> None:
    call, start = MISTAKES[mistake]
    with pytest.raises(kit.UserError) as raised:
        call()
    assert str(raised.value).startswith(start)
    assert not list(workdir.iterdir())


def test_numbers_of_numpy_are_numbers() -> None:
    assert (arguments.whole("jobs", np.int64(2)), arguments.duration("seconds", np.float32(0.5))) == (2, 0.5)
    assert arguments.whole("jobs", None) is arguments.duration("seconds", None) is None


def test_a_setting_in_a_hint_is_an_argument() -> None:
    @arguments.python_words
    def fail() -> None:
        raise kit.UserError("too few rows", hint="use fewer folds: --set folds.count=3")

    with pytest.raises(kit.UserError, match=r'use fewer folds: set=\{"folds.count": 3\}$'):
        fail()


@pytest.mark.parametrize(
    ("command", "call"),
    [
        ("kit cv --fresh", "kit.cv(fresh=True)"),
        ("kit cv -c quick --run 'a b'", "kit.cv('quick', run='a b')"),
        ("kit data fetch --source FOLDER", "kit.fetch('FOLDER')"),
        ("kit ensemble a b", "kit.ensemble(['a', 'b'])"),
        ("kit report a", "kit.open_run('a').report"),
        ("kit cv --set a=b", "kit cv --set a=b"),
        ("kit doctor", "kit doctor"),
    ],
)
def test_commands_are_calls(command: str, call: str) -> None:
    assert arguments.python_words(typed)(command) == call
    assert typed(command) == command


def test_a_duration_may_be_0_where_that_has_a_meaning() -> None:
    assert [arguments.duration_or_zero("checkpoint", value) for value in (0, 0.0, 30)] == [0, 0, 30]


@pytest.mark.parametrize("value", [None, False, -1, "30s", float("nan")])
def test_other_values_are_no_duration(value: object) -> None:
    with pytest.raises(UserError, match="checkpoint: not right"):
        arguments.duration_or_zero("checkpoint", value)
