"""What kit suggests for a wrong command line."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kit import cli, interrupts

MEANT = {
    "train": "cv",
    "train -c quick": "cv -c quick",
    "fit": "cv",
    "list": "runs",
    "config": "configs",
    "blend a b": "ensemble a b",
    "upload": "submit",
    "leaderboard": "submissions",
    "version": "--version",
    "help cv": "cv --help",
    "Cv": "cv",
    "ensembel a b": "ensemble a b",
    "fetch --source x": "data fetch --source x",
    "data get": "data fetch",
    "cv quick": "cv -c quick",
    "cv quik": "cv -c quick",
    "cv configs/quick.yaml": "cv -c quick",
    "cv --epochs 3": "cv --set training.epochs=3",
    "cv --epochs=3 --jobs 2": "cv --set training.epochs=3 --jobs 2",
    "cv --lr 0.01": "cv --set training.learning_rate=0.01",
    "cv --dropout 0.3": "cv --set models.cnn.dropout=0.3",
    "cv -c lenet-plain --dropout 0.3": "cv -c lenet-plain --set models.lenet.dropout=0.3",
    "cv --seed 3": "cv --set seeds=3",
    "cv --folds 5": "cv --set folds.count=5",
    "cv --batch-size 64": "cv --set training.batch_size=64",
    "cv --name x": "cv --run x",
    "cv -n x": "cv --run x",
    "cv --force": "cv --fresh",
    "cv --workers 2": "cv --jobs 2",
    "tune --name x": "tune --study x",
    "tune --n-trials 9": "tune --trials 9",
    "tune --timeout 4 min": "tune --timeout 4m",
    "ensemble a b --run x": "ensemble a b --name x",
    "ensemble a b --method gredy": "ensemble a b --method greedy",
    "submit --dryrun": "submit --dry-run",
    "submit --dry_run": "submit --dry-run",
    "submit --description x": "submit --message x",
    "cv --set training.epochs 3": "cv --set training.epochs=3",
    "cv --set training.epochs= 3": "cv --set training.epochs=3",
    "cv --set training.epochs =3": "cv --set training.epochs=3",
    "cv training.epochs=3": "cv --set training.epochs=3",
    "data fetch sample": "data fetch --source sample",
    "runs --sort tme": "runs --sort time",
    "report --jsno": "report --json",
    "tune quick 4m": "tune -c quick --timeout 4m",
    "tune 4m": "tune --timeout 4m",
    "cvv quik --epoch 3": "cv -c quick --set training.epochs=3",
    "fit quick --wrkers 2 --lr .1": "cv -c quick --jobs 2 --set training.learning_rate=.1",
    "cv -j2": "cv --jobs=2",
    "report --run x": "report x",
    "report --name=x": "report x",
    "submit --file x.csv": "submit x.csv",
    "compare --runs a b": "compare a b",
    "configs -c quick": "configs quick",
    "data validate": "data check",
    "help data fetch": "data --help",
}
"""What people type after `kit`, and what they mean."""


@pytest.fixture
def advice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], workdir: Path
) -> Callable[[str], str]:
    """Return a function that runs a wrong command and returns its last line; it must write no file."""
    monkeypatch.setattr(interrupts, "install", lambda: None)

    def last_line(command: str) -> str:
        monkeypatch.setattr(sys, "argv", ["kit", *shlex.split(command)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert end.value.code == 2
        assert list(workdir.iterdir()) == []
        out, err = capsys.readouterr()
        assert out == ""
        return err.splitlines()[-1]

    return last_line


@pytest.mark.parametrize(("typed", "meant"), MEANT.items())
def test_a_wrong_command_names_the_right_one(advice: Callable[[str], str], typed: str, meant: str) -> None:
    assert advice(typed) == f"did you mean: kit {meant}"


@pytest.mark.parametrize(
    ("typed", "help_"),
    [
        ("zzz", "kit"),
        ("cv --zzz", "kit cv"),
        ("cv zzz", "kit cv"),
        ("doctor x", "kit doctor"),
        ("cv quick gold", "kit cv"),
        ("cv --dry-run", "kit cv"),
        ("cv -n", "kit cv"),
        ("cv --seeds 1 2 3", "kit cv"),
        ("cv --set --jobs 2", "kit cv"),
        ("submit -m", "kit submit"),
        ("data fetch --timeout", "kit data fetch"),
        ("clean", "kit"),
        ("submit --no-wait", "kit submit"),
    ],
)
def test_without_a_similar_word_help_is_named(advice: Callable[[str], str], typed: str, help_: str) -> None:
    assert advice(typed) == f"({help_} --help lists the arguments)"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("cv quick", "make cv CONFIG=quick"), ("runs --jsn", "make runs ARGS=--json"), ("fit", "make cv")],
)
def test_users_of_make_get_the_make_command(
    advice: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, typed: str, meant: str
) -> None:
    monkeypatch.setenv("KIT_CALLER", "make")
    assert advice(typed) == f"did you mean: {meant}"


@pytest.mark.parametrize("command", ["compare", "ensemble"])
def test_missing_runs_are_asked_for(
    advice: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    assert advice(command) == f"name two runs or more: kit {command} RUN RUN; kit runs lists them"
    monkeypatch.setenv("KIT_CALLER", "make")
    assert advice(command) == f'name two runs or more: make {command} RUNS="RUN RUN"; make runs lists them'


@pytest.mark.parametrize(
    ("typed", "last"),
    [
        ("cv --config=", "(kit cv --help lists the arguments)"),
        ("cv -c quik", "expected one of aerial-cactus, baselines, "),
        ("cv --set epochs=3", "expected one of all_rows, "),
        ("cv --set data.directory=nope", "data.directory names it; bring the data there with kit data fetch"),
        ("tune -c nope", "expected one of aerial-cactus, baselines, "),
        ("report x", "train one: kit cv"),
        ("report", "train one: kit cv"),
        ("compare a b", "train one: kit cv"),
        ("ensemble a b", "train one: kit cv"),
        ("submit x", "train one: kit cv"),
        ("submit", "train one: kit cv"),
    ],
)
def test_a_failed_command_leaves_no_file(advice: Callable[[str], str], typed: str, last: str) -> None:
    assert advice(typed).startswith(last)
