"""What a kernel shows while it trains, when the user stops it, and for a mistake."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture
def client(workdir: Path) -> Iterator[tuple[Any, Any]]:
    """Return a kernel in an empty folder, and its client."""
    # Here: beside Kaggle's packages, the fast tests collect this file without Jupyter.
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(cwd=str(workdir))
    try:
        client.execute(f"import sys; sys.path.insert(0, {str(ROOT)!r}); import kit", reply=True, timeout=60)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def messages(client: Any, code: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Run a cell, and yield the type and the content of what it shows until it is done."""
    request, deadline = client.execute(code), time.monotonic() + 200
    while time.monotonic() < deadline:
        message = client.get_iopub_msg(timeout=100)
        if message["parent_header"].get("msg_id") != request:
            continue
        if message["content"].get("execution_state") == "idle":
            return
        yield message["msg_type"], message["content"]
    raise TimeoutError


def test_the_stop_button_ends_training_in_one_line(client: tuple[Any, Any]) -> None:
    manager, channel = client
    seen: list[str] = []
    errors = []
    # So many epochs that no machine ends them before the interrupt; a fast one shows not every epoch.
    for kind, content in messages(channel, 'kit.cv("quick", run="stopped", set={"training.epochs": 900})'):
        seen.append(kind)
        shown = content.get("data", {}).get("text/plain", "")
        if re.search(r"epoch \d+ of 900", shown) and "stopping" not in seen:
            manager.interrupt_kernel()
            seen.append("stopping")
        if kind == "error":
            errors.append(content)
    assert seen.count("display_data") == 1
    assert seen.count("update_display_data") > 2
    [error] = errors
    assert error["ename"] == "InterruptedRunError"
    [line] = error["traceback"]
    expected = "interrupted; 0 of 2 members are stored; rerun the same command to resume"
    assert line == f"InterruptedRunError: {expected}"


def test_a_mistake_is_shown_without_a_traceback(client: tuple[Any, Any]) -> None:
    _, channel = client
    shown = list(messages(channel, 'kit.cv("quick", set={"training.epoch": 2})'))
    [error] = [content for kind, content in shown if kind == "error"]
    [text] = error["traceback"]
    assert text.startswith("UserError: set, training.epoch=2: unknown key")
    assert not Path("runs").exists()
