import io
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from kit.cli.progress import FIRST_LINE, Terminal
from kit.config import Cnn, KNearest, Stage, Training
from kit.errors import KitError
from kit.members import Member, MemberResult
from kit.runs import Run
from kit.training.job import Job
from kit.training.launch.base import Progress

EPOCHS = 4
HISTORY = {"seconds": 72.0}
RESULT = MemberResult(np.arange(1), np.ones((1, 2), np.float32), np.ones((1, 2), np.float32), HISTORY)


def job(fold: int, model: Any = None) -> Job:
    network = Cnn(stages=(Stage(filters=8),), training=Training(epochs=EPOCHS))
    held_out = np.zeros(3, bool)
    member = Member("cnn" if model is None else "knn", fold, 0)
    return Job(member, model or network, (28, 28, 1), 10, "data", 2, held_out, "tensorflow", "bfloat16")


def dataset(**changes: Any) -> Any:
    known = {"train_labels": np.zeros(42_000), "test_images": np.zeros(28_000), "source": "data/"}
    return SimpleNamespace(**(known | {"sample": False, "warnings": ()} | changes))


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


class Shown:
    """A Terminal and its output."""

    def __init__(self, *, live: bool = False, first_line: float = FIRST_LINE) -> None:
        self.file = Screen() if live else io.StringIO()
        console = Console(file=self.file, force_terminal=live, width=100, no_color=not live)
        self.terminal = Terminal(console, first_line)

    def begin(self, *jobs: Job, **also: Any) -> None:
        self.terminal.begun(Run(Path("runs/mine")), dataset(), jobs, **({"kept": 0, "seconds": None} | also))

    def epoch(self, fold: int, number: int) -> None:
        self.terminal.progressed(Progress(Member("cnn", fold, 0), number, EPOCHS, 0.1, 0.98765))

    def line(self, spent: float = 60.0) -> str:
        """Return the plain line that is written after `spent` seconds."""
        return self.terminal._line(spent)

    @property
    def text(self) -> str:
        return self.file.getvalue()


def test_it_first_shows_data_and_members() -> None:
    shown = Shown()
    shown.begin(job(0), job(1), job(0, KNearest(kind="knn")), kept=3)
    assert shown.text.splitlines()[:4] == [
        "mine: 42,000 training rows, 28,000 test rows from data/",
        "3 of 6 members are already trained",
        # (9 + 1) * 8 for the convolution, (6272 + 1) * 10 for the softmax.
        "cnn: 2 members of 4 epochs in bfloat16; 62,810 parameters, 0.1 million multiply-adds per image",
        "knn: 1 member",
    ]


def test_the_teachers_of_a_network_are_named() -> None:
    shown = Shown()
    shown.begin(job(0, Cnn(stages=(Stage(filters=8),), teachers=("knn", "forest"))))
    assert ": 1 member of 20 epochs in bfloat16, teachers knn, forest; 62,810 parameters" in shown.text


def test_the_sample_and_warnings_are_shown() -> None:
    shown = Shown()
    odd = dataset(sample=True, warnings=("2 rows of [train.csv] are copies",))
    shown.terminal.begun(Run(Path("runs/mine")), odd, [], 0)
    assert "This is the bundled sample; kit data fetch downloads the competition's data." in shown.text
    assert "warning: 2 rows of [train.csv] are copies\n" in shown.text


def test_the_first_plain_line_comes_after_ten_seconds() -> None:
    assert FIRST_LINE == 10
    shown = Shown(first_line=0.05)
    with shown.terminal:
        shown.begin(job(0))
        before = shown.text
        deadline = time.monotonic() + 20
        while shown.text == before and time.monotonic() < deadline:
            time.sleep(0.01)
    assert re.match(r"\d+\.\d s: 0 of 1 members, 0% of the epochs\n", shown.text.removeprefix(before))


def test_plain_lines_become_rarer_and_end_with_the_run() -> None:
    shown = Shown(first_line=0.05)
    with shown.terminal:
        shown.begin(job(0))
        time.sleep(1)
    lines = shown.text.count("members, ")
    # After 0.05, 0.125, 0.24, 0.41, 0.66 and 1.04 seconds, on an idle machine.
    assert 1 <= lines <= 6
    time.sleep(0.2)
    assert shown.text.count("members, ") <= lines + 1


def test_a_plain_line_shows_progress_and_remaining_time() -> None:
    shown = Shown()
    shown.begin(job(0), job(1), kept=7)
    assert shown.line(5) == "5.0 s: 0 of 2 members, 0% of the epochs"
    shown.epoch(0, 1)
    shown.epoch(0, 2)
    assert shown.line(60) == "1m 00s: 0 of 2 members, 25% of the epochs, about 3m 00s left"
    for number in (3, 4):
        shown.epoch(0, number)
    shown.terminal.ended(job(0), RESULT)
    assert shown.line(60) == "1m 00s: 1 of 2 members, 50% of the epochs, about 1m 00s left"


def test_no_remaining_time_is_shown_while_start_up_dominates() -> None:
    shown = Shown()
    shown.begin(*map(job, range(15)))
    shown.epoch(0, 1)
    assert shown.line() == "1m 00s: 0 of 15 members, 2% of the epochs"  # 1 of 60
    shown.epoch(0, 2)
    assert shown.line() == "1m 00s: 0 of 15 members, 3% of the epochs, about 29m 00s left"


def test_epochs_of_a_lost_worker_do_not_count() -> None:
    shown = Shown()
    shown.begin(job(0), job(1))
    shown.epoch(0, 1)
    shown.epoch(1, 3)
    shown.terminal.retried(job(1), "cnn-f1-s0: its worker was killed by signal 9")
    text = "warning: cnn-f1-s0: its worker was killed by signal 9; retrying\n"
    assert shown.text.endswith(text)
    assert "12% of the epochs" in shown.line()
    shown.epoch(1, 1)
    assert "25% of the epochs" in shown.line()


def test_a_failed_member_is_reported_and_counts_as_done() -> None:
    shown = Shown()
    shown.begin(job(0), job(1))
    shown.epoch(0, 1)
    shown.terminal.ended(job(0), KitError("cnn-f0-s0: it diverged", hint="lower it"))
    assert shown.text.endswith("failed: cnn-f0-s0: it diverged\n")
    assert shown.line(60) == "1m 00s: 1 of 2 members, 50% of the epochs, about 1m 00s left"


@pytest.mark.parametrize("live", [False, True])
def test_nothing_to_train_is_not_an_error(live: bool) -> None:
    shown = Shown(live=live)
    with shown.terminal:
        shown.begin(kept=5)
    assert "5 of 5 members are already trained" in shown.text
    assert "nan" not in shown.text.lower()


def test_off_a_terminal_there_are_no_bars_and_no_escape_codes() -> None:
    shown = Shown()
    with shown.terminal:
        shown.begin(job(0))
        for number in range(1, EPOCHS + 1):
            shown.epoch(0, number)
        shown.terminal.ended(job(0), RESULT)
    assert "\x1b" not in shown.text
    assert "━" not in shown.text
    assert "nan" not in shown.text.lower()


def test_on_a_terminal_every_running_member_has_a_bar() -> None:
    shown = Shown(live=True)
    with shown.terminal:
        shown.begin(job(0), job(1))
        shown.epoch(0, 1)
        shown.epoch(1, 2)
        shown.terminal.bars.refresh()
        under_way = shown.text
        shown.terminal.ended(job(0), RESULT)
        shown.terminal.bars.refresh()
        tasks = [task.description for task in shown.terminal.bars.tasks]
    assert "cnn-f0-s0" in under_way
    assert "98.765 %" in under_way
    assert tasks == ["all epochs", "cnn-f1-s0"]
    assert "cnn-f0-s0: trained in 1m 12s" in shown.text
    assert re.search(r"6/8\x1b.* 1 of 2 members, about [\d.]+ s left", shown.text)
    assert "nan" not in shown.text.lower()
