"""What `make` passes on to `kit`, by a stand-in for the `kit` of the virtual environment."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, workdir)
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
    assert passed("report", f"RUN={text}") == ["report", text]
    assert passed("cv", f"CONFIG={text}") == ["cv", "-c", text]
    assert passed("compare", f"RUNS=a  {text}") == ["compare", "a", *text.split()]
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
    assert passed("report", "RUN=") == ["report"]


@pytest.mark.usefixtures("stand_in")
def test_a_variable_of_the_environment_counts_as_well() -> None:
    assert passed("data", env={**os.environ, "SOURCE": "it's $1"}) == ["data", "fetch", "--source", "it's $1"]
