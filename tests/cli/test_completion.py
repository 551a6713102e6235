"""Completion by bash, and by click's protocol for zsh and fish."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CASES = [
    (["kit", "su"], ["submissions", "submit"]),
    (["kit", "cv", "--fr"], ["--fresh"]),
    (["kit", "cv", "-c", "lenet"], ["lenet-plain", "lenet-regularized"]),
    (["kit", "report", "qu"], ["quick-1a2b3c4d"]),
    (["kit", "report", "fo"], ["found"]),
    (["kit", "compare", "quick-1a2b3c4d", "b"], ["base-1a2b3c4d"]),
    (["kit", "submit", "b"], ["base-1a2b3c4d"]),
    (["kit", "configs", "q"], ["quick"]),
    (["kit", "cv", "-c", "quick", "--set", "training.ep"], ["training.epochs=11"]),
    (["kit", "ensemble", "a", "--method", "ge"], ["geometric"]),
]


@pytest.fixture
def program(workdir: Path) -> Path:
    """Return a folder with the program kit, in a working folder with two runs and a study."""
    for name in ("quick-1a2b3c4d", "base-1a2b3c4d"):
        (workdir / "runs" / name).mkdir(parents=True)
        (workdir / "runs" / name / "run.json").touch()
    (workdir / "runs/tune-found").mkdir()
    (workdir / "runs/tune-found/study.json").touch()
    kit = workdir / "bin/kit"
    kit.parent.mkdir()
    kit.write_text(f'#!/bin/sh\nexec {sys.executable} -m kit "$@"\n')
    kit.chmod(0o755)
    return kit.parent


def environment(program: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{program}:{os.environ['PATH']}"}


@pytest.mark.parametrize(("words", "completed"), CASES, ids=" ".join)
def test_bash_completes(program: Path, words: list[str], completed: list[str]) -> None:
    script = (
        'eval "$(_KIT_COMPLETE=bash_source kit)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        '_kit_completion kit; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script, "bash", *words],
        env=environment(program),
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(done.stdout.split()) == completed
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("shell", "position", "separator"), [("zsh", "2", "\n"), ("fish", "qu", ",")], ids=["zsh", "fish"]
)
def test_zsh_and_fish_complete(program: Path, shell: str, position: str, separator: str) -> None:
    variables = {"_KIT_COMPLETE": f"{shell}_complete", "COMP_WORDS": "kit report qu", "COMP_CWORD": position}
    done = subprocess.run(
        ["kit"], env=environment(program) | variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"plain{separator}quick-1a2b3c4d")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_documented_line_gives_a_script(program: Path, shell: str) -> None:
    variables = {"_KIT_COMPLETE": f"{shell}_source"}
    done = subprocess.run(
        ["kit"], env=environment(program) | variables, capture_output=True, text=True, check=True
    )
    assert f"_KIT_COMPLETE={shell}_complete" in done.stdout
