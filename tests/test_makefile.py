"""What `make` passes on to `kit`, by a stand-in for the program, and what it refuses."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from kit import config
from kit.typed import typed
from tools import check_make

ROOT = Path(__file__).parents[1]
ODD = [
    "my data.zip",
    "it's here/d.zip",
    'a "b" c',
    "$HOME/d.zip",
    "$(shell touch made)",
    "$(b",
    "${x",
    "a$$b",
    "100%",
    "(1)/d [2].zip",
    "a#b",
    "a;touch made;b",
    "`touch made`",
    "a\\b",
    "a,b",
    "a & b | c > d",
    "!x*?~",
    "größe",
]


@pytest.fixture
def stand_in(workdir: Path) -> Path:
    """Copy the Makefile to a folder where everything is set up already."""
    if not shutil.which("make"):
        pytest.skip("needs make")
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "tools/check_make.py"):
        (workdir / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, workdir / name)
    shutil.copytree(ROOT / "configs", workdir / "configs")
    kit = workdir / ".venv/bin/kit"
    kit.parent.mkdir(parents=True)
    kit.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    kit.chmod(0o755)
    (workdir / ".venv/.stamp").touch()
    return workdir


def passed(*arguments: str, env: dict[str, str] | None = None) -> list[str]:
    done = subprocess.run(["make", *arguments], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    words: list[str] = json.loads(done.stdout)
    return words


@pytest.mark.parametrize("text", ODD)
def test_any_source_run_and_configuration_is_passed_on_as_it_is(stand_in: Path, text: str) -> None:
    assert passed("data", f"SOURCE={text}") == ["data", "fetch", "--source", text]
    assert passed("init", f"SOURCE={text}") == ["init", text]
    assert passed("report", f"RUN={text}") == ["report", text]
    assert passed("cv", f"CONFIG={text}") == ["cv", "-c", text]
    assert passed("compare", f"RUNS=a  {text}") == ["compare", "a", *text.split()]
    assert passed("predict", "RUN=a", f"FILES={text} b") == ["predict", "a", *text.split(), "b"]
    assert passed("ensemble", f"RUNS=a {text} b") == ["ensemble", "a", *text.split(), "b"]
    assert passed("submit", f"RUN={text}", f"CONFIG={text}") == ["submit", text, "-c", text]
    assert not (stand_in / "made").exists()


@pytest.mark.usefixtures("stand_in")
def test_more_options_are_words_of_the_shell() -> None:
    assert passed("cv", "CONFIG=a b", "ARGS=--set 'seeds=[1, 2]' --jobs 2") == [
        *["cv", "-c", "a b", "--set", "seeds=[1, 2]", "--jobs", "2"]
    ]


@pytest.mark.usefixtures("stand_in")
def test_what_is_not_given_is_not_passed_on() -> None:
    assert passed("data") == ["data", "fetch"]
    assert passed("report", "ARGS=") == ["report"]


@pytest.mark.usefixtures("stand_in")
def test_a_variable_of_the_environment_counts_as_well() -> None:
    assert passed("data", env={**os.environ, "SOURCE": "it's $1"}) == ["data", "fetch", "--source", "it's $1"]


def test_no_variable_reaches_a_make_that_a_program_starts(stand_in: Path) -> None:
    program = stand_in / ".venv/bin/kit"
    program.write_text(f"#!{sys.executable}\nimport json, os\nprint(json.dumps(list(os.environ)))\n")
    assert not {"ARGS", "CONFIG"} & set(passed("cv", "ARGS=-n 2", "CONFIG=quick"))


def refused(*words: str) -> tuple[str, str]:
    """Return what is wrong with a `make` command, and what to do, after make refused it."""
    done = subprocess.run(["make", *words], capture_output=True, text=True, check=False)
    wrong, advice, stopped = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert stopped.endswith("*** nothing was started.  Stop.")
    return wrong, advice


MEANT = {
    "cv quick": "cv CONFIG=quick",
    "cv quik": "cv CONFIG=quick",
    "cv configs/quick.yaml": "cv CONFIG=quick",
    "cv CONFG=quick": "cv CONFIG=quick",
    "cv config=quick": "cv CONFIG=quick",
    "cv CONFIG=quik": "cv CONFIG=quick",
    "quick": "cv CONFIG=quick",
    "CONFIG=quick": "cv CONFIG=quick",
    "Cv": "cv",
    "train": "cv",
    "train CONFIG=quick": "cv CONFIG=quick",
    "clena": "clean",
    "cv CONFIG=": "cv",
    "submit RUN=": "submit",
    "cv CONFIG=quick SEED=3": 'cv CONFIG=quick ARGS="--set seeds=3"',
    "cv epochs=3": 'cv ARGS="--set training.epochs=3"',
    "cv training.epochs=3": 'cv ARGS="--set training.epochs=3"',
    "cv LR=1e-3": 'cv ARGS="--set training.learning_rate=1e-3"',
    "cv JOBS=2": 'cv ARGS="--jobs 2"',
    "cv FRESH=1": "cv ARGS=--fresh",
    "cv RUN=mine": 'cv ARGS="--run mine"',
    "tune TIMEOUT=4m": 'tune ARGS="--timeout 4m"',
    "tune JOBS=2 TRIALS=9": 'tune ARGS="--jobs 2 --trials 9"',
    "ensemble METHOD=mean RUNS=a": 'ensemble RUNS=a ARGS="--method mean"',
    "submit dry_run=1": "submit ARGS=--dry-run",
    "cv ARGS=--epochs=3": 'cv ARGS="--set training.epochs=3"',
    "compare a b": 'compare RUNS="a b"',
    "compare RUN=a": "compare RUNS=a",
    "report default-1a2b3c4d": "report RUN=default-1a2b3c4d",
    "submit RUNS=a": "submit RUN=a",
    "data kaggle": "data SOURCE=kaggle",
    "data source=x.zip": "data SOURCE=x.zip",
    "configs quick": "configs CONFIG=quick",
    "test_slow": "test-slow",
    "cv -- -c quick": "cv CONFIG=quick",
    "CONFIG quick cv": "cv CONFIG=quick",
    "cv config quick": "cv CONFIG=quick",
    "cv CONFIG:quick": "cv CONFIG=quick",
    "cv config:quick": "cv CONFIG=quick",
    "cv CONFIG==quick": "cv CONFIG=quick",
    "quick cv": "cv CONFIG=quick",
    "CV CONFIG=Quick": "cv CONFIG=quick",
    "Cv quik": "cv CONFIG=quick",
    "cv c=quick": "cv CONFIG=quick",
    "tune quick 4m": 'tune CONFIG=quick ARGS="--timeout 4m"',
    "tune minutes=4": 'tune ARGS="--set tune.minutes=4"',
    "tune open": "tune ARGS=--open",
    "cv name=x": 'cv ARGS="--run x"',
    "compare RUNS=a b": 'compare RUNS="a b"',
    "data=kaggle": "data SOURCE=kaggle",
    "data FILE=x.zip": "data SOURCE=x.zip",
    "data SOURCE kaggle": "data SOURCE=kaggle",
    "submit FILE=x.csv": "submit RUN=x.csv",
    "report STUDY=quick": "report RUN=quick",
    "report open": "report ARGS=--open",
    "runs studies": "runs ARGS=--studies",
    "setup python3.12": "setup PYTHON=python3.12",
    "setup python=python3.12": "setup PYTHON=python3.12",
    "test pyproject.toml": "test ARGS=pyproject.toml",
    "evalute RUN=a": "report RUN=a",
    "predict quick pyproject.toml": "predict RUN=quick FILES=pyproject.toml",
    "predict RUN=a IMAGE=a.png": "predict FILES=a.png RUN=a",
    "predict RUN=a FILES=a.png invert": "predict FILES=a.png RUN=a ARGS=--invert",
}
"""What people type after `make`, and what they mean."""


@pytest.mark.parametrize(("words", "meant"), MEANT.items())
def test_a_wrong_word_is_refused_before_anything_is_installed(stand_in: Path, words: str, meant: str) -> None:
    shutil.rmtree(stand_in / ".venv")
    assert refused(*words.split())[1] == f"did you mean: make {meant}"
    assert not (stand_in / ".venv").exists()


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("words", "wrong", "advice"),
    [
        ("nonsense", "there is no target 'nonsense'", "make help lists the targets"),
        ("test extra=1", "make test takes no variable extra", "make test takes ARGS=…"),
        ("clean all", "there is no target 'all'", "make clean takes no variables"),
        (
            "cv quick gold",
            "there can be only one configuration",
            "make cv takes ARGS=…, CONFIG=…; "
            'ARGS="--set KEY=VALUE" sets a key, make configs lists configurations and keys',
        ),
        ("clean RUN=x", "make clean takes no variable RUN", "make clean takes no variables"),
        ("report CONFIG=quick", "make report takes no variable CONFIG", "make report takes ARGS=…, RUN=…"),
        (
            "cv CONFIG=zzz x=1",
            "make cv takes no variable x",
            "make cv takes ARGS=…, CONFIG=…; "
            'ARGS="--set KEY=VALUE" sets a key, make configs lists configurations and keys',
        ),
    ],
)
def test_without_a_suggestion_the_advice_is_what_there_is(words: str, wrong: str, advice: str) -> None:
    received = refused(*words.split())
    assert wrong in received[0]
    assert received[1] == advice


def test_the_newest_run_of_a_configuration_is_suggested(stand_in: Path) -> None:
    run = stand_in / "runs/quick-1a2b3c4d/run.json"
    run.parent.mkdir(parents=True)
    run.touch()
    assert refused("report", "CONFIG=quick")[1] == "did you mean: make report RUN=quick-1a2b3c4d"
    assert refused("submit", "quick")[1] == "did you mean: make submit RUN=quick-1a2b3c4d"


@pytest.mark.usefixtures("stand_in")
def test_several_changes_in_one_variable() -> None:
    meant = 'did you mean: make cv ARGS="--set a=1 --set b=2"'
    assert refused("cv", "SET=a=1 b=2")[1] == meant


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    "words",
    [
        "-j2 cv",
        "-n -B cv",
        "-n setup test",
        "-n data cv CONFIG=quick",
        "-n test ARGS=-k",
        "-n clean",
        "cv PYTHON=python3",
        "CONFIG:=quick cv",
        "cv CONFIG+=quick",
        "-k cv",
        "-s cv",
    ],
)
def test_legal_commands_pass(words: str) -> None:
    done = subprocess.run(["make", *words.split(), "VENV=.venv"], capture_output=True, text=True, check=False)
    assert "did you mean" not in done.stderr
    assert "nothing was started" not in done.stderr


@pytest.mark.parametrize("text", ODD)
def test_odd_words_are_refused_unharmed(stand_in: Path, text: str) -> None:
    wrong, _ = refused("compare", text.replace("=", ""))
    assert wrong.startswith(repr(text.split(maxsplit=1)[0])[:3])
    refused("cv", f"NONSENSE={text}")
    assert not (stand_in / "made").exists()


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    "word",
    ["PYTHON=python3", "KERAS_BACKEND=torch", "NO_COLOR=1", "SHELL=/bin/sh", "CFLAGS=-O2", "VENV=.venv"],
)
def test_variables_of_other_programs_pass(word: str) -> None:
    assert passed("cv", word) == ["cv"]


@pytest.mark.usefixtures("stand_in")
def test_unknown_variables_of_the_environment_pass() -> None:
    assert passed("cv", env={**os.environ, "CONFG": "x", "RUN": "y", "epochs": "3"}) == ["cv"]


def test_the_checked_options_are_those_of_kit() -> None:
    for target, options in check_make.OPTIONS.items():
        command = import_module(f"kit.cli.{target}").command
        command = command.commands["fetch"] if isinstance(command, click.Group) else command
        found = [one for one in command.params if isinstance(one, click.Option) and one.opts != ["--debug"]]
        assert sorted(max(one.opts, key=len)[2:] for one in found) == sorted(options), target
        flags = {max(one.opts, key=len)[2:] for one in found if one.is_flag}
        assert flags <= check_make.FLAGS


@pytest.mark.parametrize("key", sorted(set(check_make.SETTINGS.values())))
def test_the_suggested_keys_exist(key: str) -> None:
    value: object = config.load("default").model_dump()
    for part in key.split("."):
        assert isinstance(value, dict)
        value = value[part]


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    "command",
    [
        "kit cv",
        "kit cv --fresh",
        "kit cv -c 'a b' --set 'x=$y' --jobs 2",
        """kit cv --set 'models.cnn={"a": "it'"'"'s"}'""",
        "kit data fetch --source 'it is.zip' --force",
        "kit report 'a$b'",
        "kit compare a b --json",
        "kit ensemble a b --method mean",
        "kit submit a --dry-run",
        "kit tune -c quick --timeout 4m",
    ],
)
def test_a_command_for_users_of_make_calls_the_same(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CALLER", "make")
    as_typed = typed(command)
    assert as_typed.startswith("make ")
    done = subprocess.run(as_typed, shell=True, capture_output=True, text=True, check=True)
    words, meant = json.loads(done.stdout), shlex.split(command)[1:]
    assert sorted(words) == sorted(meant)


@pytest.mark.parametrize("to_group", [True, False], ids=["Ctrl-C", "kit alone"])
def test_after_an_interrupt_make_says_nothing(stand_in: Path, to_group: bool) -> None:
    (stand_in / ".venv/bin/kit").write_text(
        f"#!{sys.executable}\nimport os, signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(130))\n"
        "print(os.getpid(), flush=True)\ntime.sleep(30)\n"
    )
    process = subprocess.Popen(
        ["make", "cv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    kit = int(process.stdout.readline())
    if to_group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        os.kill(kit, signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (-signal.SIGINT, "")
