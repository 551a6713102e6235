import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.cli import COMMANDS
from kit.errors import UserError
from kit.typed import in_typed_form, typed

KIT = Path(__file__).parent.parent / "kit"
NAMED = re.compile(rf"(?<!`)\bkit ({'|'.join(COMMANDS)})\b")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("kit cv", "make cv"),
        ("kit cv -c quick --set a=b", 'make cv CONFIG=quick ARGS="--set a=b"'),
        ("kit cv -c quick …", "make cv CONFIG=quick ARGS=…"),
        ("kit cv --fresh", "make cv ARGS=--fresh"),
        ("kit data fetch --source 'a b'", 'make data SOURCE="a b"'),
        ("kit data check", ".venv/bin/kit data check"),
        ("kit report x", "make report RUN=x"),
        ("kit ensemble a b --method mean", 'make ensemble RUNS="a b" ARGS="--method mean"'),
        ("kit ensemble 'a b' c", ".venv/bin/kit ensemble 'a b' c"),
        ("kit configs quick training", ".venv/bin/kit configs quick training"),
        ("kit --version", ".venv/bin/kit --version"),
    ],
)
def test_users_of_make_read_make_commands(
    command: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_CALLER", "make")
    assert typed(command) == expected


def test_users_of_kit_read_kit_commands() -> None:
    assert in_typed_form("train one: `kit cv`, or `x`") == "train one: kit cv, or `x`"


def test_errors_name_commands_as_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    error = "runs: none\ntrain one: {} cv"
    assert str(UserError("none", where="runs", hint="train one: `kit cv`")) == error.format("kit")
    monkeypatch.setenv("KIT_CALLER", "make")
    assert str(UserError("none", where="runs", hint="train one: `kit cv`")) == error.format("make")


def texts(path: Path) -> Iterator[str]:
    """Yield the texts of a module, without docstrings and click's examples."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    called = {
        id(word)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "typed"
        for word in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone | called:
            yield node.value


# Not shown as hints: a comment in a file, a stored command. Commands that get their backticks when printed.
STORED = {"kit/tuning/confirm/tuned.py", "kit/pipeline/tune.py", "kit/records/run.py"}
STORED |= {"kit/reports/run/commands.py", "kit/reports/study/steps.py"}


@pytest.mark.parametrize(
    "path", sorted(KIT.rglob("*.py")), ids=lambda path: str(path.relative_to(KIT.parent))
)
def test_every_command_in_a_message_is_in_backticks(path: Path) -> None:
    if str(path.relative_to(KIT.parent)) in STORED:
        return
    assert [text for text in texts(path) if NAMED.search(text) and not text.startswith("\b\nExample:")] == []
