import sys
import threading
import types
from typing import Any

import pytest

from kit.cli.progress import Terminal
from kit.notebook import progress


class Display:
    """IPython's `display`, which keeps what it shows."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.drawn = threading.Event()

    def __call__(self, bundle: dict[str, str], **options: Any) -> "Display":
        assert options == {"raw": True, "display_id": True}
        return self.update(bundle, raw=True)

    def update(self, bundle: dict[str, str], *, raw: bool) -> "Display":
        assert raw
        self.shown.append(bundle["text/plain"])
        if len(self.shown) > 2:
            self.drawn.set()
        return self


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Display:
    display = Display()
    package, module = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    module.display = display  # type: ignore[attr-defined]
    package.get_ipython = lambda: types.SimpleNamespace(kernel=True)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr(progress, "REFRESH", 0.01)
    return display


def test_one_output_changes_in_place_and_its_lines_stay(display: Display) -> None:
    with progress.run_progress() as shown:
        shown.stage("reading data/train.csv")
        shown.say("a line <that> stays")
        assert display.drawn.wait(10)
    assert display.shown[0] == ""
    assert any("reading data/train.csv" in text for text in display.shown)
    assert display.shown[-1] == "a line <that> stays"


def test_it_ends_with_an_error_too(display: Display) -> None:
    with pytest.raises(KeyboardInterrupt):
        _interrupted()
    count = len(display.shown)
    assert display.shown[-1] == "before"
    assert not any(thread.name == "kit-notebook" for thread in threading.enumerate())
    assert len(display.shown) == count


def _interrupted() -> None:
    with progress.run_progress() as shown:
        shown.say("before")
        raise KeyboardInterrupt


def test_outside_of_a_notebook_it_is_that_of_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert isinstance(progress.run_progress(), Terminal)
