import io
import sys

import pytest

from kit.cli.busy import Busy


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_what_is_done_and_then_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with Busy() as busy:
        busy("drawing the page")
        assert screen.getvalue().endswith("drawing the page …")
    assert screen.getvalue().endswith("\r\x1b[2K")


def test_a_line_that_stays_is_not_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with Busy() as busy:
        busy("drawing the page")
        busy.say("no images")
    assert "\x1b[2Kno images\n" in screen.getvalue()


def test_elsewhere_only_lines_that_stay_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    with Busy() as busy:
        busy("drawing the page")
        busy.say("no images")
    assert file.getvalue() == "no images\n"


def test_a_long_text_stays_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "40")
    with Busy() as busy:
        busy("reading the report of a run with a name " * 3)
        assert len(screen.getvalue().removeprefix("\r\x1b[2K")) < 40
        assert screen.getvalue().endswith(" …")
