import io
import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from kit.cli.progress import FIRST_LINE, OTHER_LINES, Terminal, cropped, drawn, line
from kit.config import Cnn, Stage, Training
from kit.errors import KitError
from kit.members import Member, MemberResult
from kit.records import History
from kit.reports.progress import RunProgress
from kit.run_folder import Run
from kit.training.estimate import Expected
from kit.training.job import Job
from kit.training.launch.base import Activity, Progress
from kit.training.wire import Phase

EPOCHS = 4
RESULT = MemberResult(
    np.arange(1), np.ones((1, 2), np.float32), np.ones((1, 2), np.float32), History(seconds=72.0)
)
LONG = "a-network-with-a-rather-long-name"


def job(fold: int, model: str = "cnn") -> Job:
    network = Cnn(stages=(Stage(filters=8),), training=Training(epochs=EPOCHS))
    return Job(
        Member(model, fold, 0),
        network,
        (28, 28, 1),
        10,
        "data",
        2,
        np.zeros(3, bool),
        "tensorflow",
        "bfloat16",
        "accuracy",
    )


DATASET: Any = SimpleNamespace(
    train_labels=np.zeros(42_000), test_images=np.zeros(28_000), source="data/", sample=False, warnings=()
)


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


class Shown:
    """A run's progress, its clock, and what a terminal of 80 columns shows."""

    def __init__(self, *jobs: Job, known: bool = True) -> None:
        self.seconds = 0.0
        self.lines: list[str] = []
        self.progress = RunProgress(self.lines.append, clock=lambda: self.seconds)
        if jobs:
            times = [Expected(8, 40, 2, doubt=0.3 if known else math.inf)] * len(jobs)
            self.progress.begun(Run(Path("runs/mine")), DATASET, jobs, 0, expected=times, workers=2)

    def act(self, one: Job, phase: Phase, epoch: int = 0, share: float = 0.0) -> None:
        self.progress.progressed(Activity(one.member, phase, epoch, share))

    def score(self, one: Job, epoch: int, score: float) -> None:
        self.progress.progressed(Progress(one.member, epoch, EPOCHS, 0.1, score))

    @property
    def text(self) -> list[str]:
        file = io.StringIO()
        Console(file=file, width=80).print(drawn(self.progress.snapshot(), 24 - OTHER_LINES))
        return [row.rstrip() for row in file.getvalue().splitlines()]

    @property
    def line(self) -> str:
        return line(self.progress.snapshot())


def test_before_the_training_the_table_says_what_the_command_does() -> None:
    shown = Shown()
    shown.progress.stage("reading train.csv")
    shown.seconds = 3.0
    assert shown.text == ["reading train.csv … 0:03"]
    assert shown.line == "3.0 s: reading train.csv"


def test_the_columns_are_labelled_and_the_last_row_is_of_all_members() -> None:
    shown = Shown(job(0), job(1), job(2))
    shown.act(job(0), "loading")
    shown.act(job(1), "training", 2, 0.5)
    shown.score(job(1), 1, 0.98765)
    shown.act(job(1), "training", 2, 0.5)
    shown.seconds = 65.0
    head, first, second, every, left = shown.text
    assert head.split() == ["member", "now", "progress", "time", "accuracy"]
    assert re.fullmatch(r"cnn-f0-s0 loading TensorFlow 65 s \S+ +\d+% 1:05 +-", first)
    assert re.fullmatch(r"cnn-f1-s0 epoch 2 of 4, 50% +\S+ +\d+% 1:05 98.765 %", second)
    assert re.fullmatch(r"all +0 of 3 members +\S+ +\d+% 1:05", every)
    assert left.endswith(" left")


def test_long_names_neither_wrap_nor_hide_fold_and_seed() -> None:
    long = job(3, LONG)
    shown = Shown(long)
    shown.act(long, "loading")
    shown.score(long, 1, 0.98765)
    assert len(shown.text) == 4
    assert all(len(row) <= 80 for row in shown.text)
    assert shown.text[1].startswith("a-network…name-f3-s0 ")


def test_without_bars_the_table_fits_into_60_columns() -> None:
    long = job(3, LONG)
    shown = Shown(long)
    shown.act(long, "loading")
    shown.score(long, 1, 0.98765)
    shown.seconds = 12.0
    file = io.StringIO()
    Console(file=file, width=60).print(drawn(shown.progress.snapshot(), 2, bars=False))
    head, row, *_ = file.getvalue().splitlines()
    assert head.split() == ["member", "now", "done", "time", "accuracy"]
    assert re.fullmatch(r"a-net…-f3-s0 loading TensorFlow 12 s +\d+% 0:12 98.765 % *", row)


def test_a_short_name_is_not_cropped() -> None:
    assert cropped("cnn-f0-s0") == "cnn-f0-s0"
    assert cropped("0123456789", 5) == "01…89"


def test_many_members_fit_into_the_height_of_the_terminal() -> None:
    jobs = [job(fold) for fold in range(40)]
    shown = Shown(*jobs)
    for second, one in enumerate(jobs):
        shown.seconds = second
        shown.act(one, "starting")
    assert len(shown.text) < 24
    assert any(row.startswith("cnn-f39-s0 ") for row in shown.text)
    assert not any(row.startswith("cnn-f0-s0 ") for row in shown.text)


@pytest.mark.parametrize("phase", ["starting", "loading", "preparing", "compiling", "predicting"])
def test_the_progress_of_a_phase_without_steps_changes_every_two_seconds(phase: Phase) -> None:
    shown = Shown(job(0))
    shown.act(job(0), "starting")
    if phase == "predicting":
        shown.act(job(0), "training", EPOCHS, 1.0)
    shown.act(job(0), phase)
    frames = []
    for second in range(0, 9, 2):
        shown.seconds = second
        frames.append(re.sub(r"\d:\d\d", "", "\n".join(shown.text)))
    assert len(set(frames)) == 5


def test_a_line_names_the_phase_of_each_worker() -> None:
    shown = Shown(job(0), job(1))
    shown.act(job(0), "compiling", 1)
    shown.act(job(1), "training", 3, 0.5)
    shown.seconds = 10.0
    assert re.fullmatch(
        r"10.0 s: 0 of 2 members, \d+%, .+ left; cnn-f0-s0 compiling 10 s; cnn-f1-s0 epoch 3 of 4, 50%",
        shown.line,
    )


def test_the_remaining_time_of_an_unknown_model_is_not_guessed() -> None:
    shown = Shown(job(0), known=False)
    assert shown.lines[-1].startswith("the time will be known soon: ")
    assert "remaining time: measuring the speed" in shown.line


def terminal(*, live: bool, first_line: float = FIRST_LINE) -> tuple[Terminal, io.StringIO]:
    file = Screen() if live else io.StringIO()
    console = Console(file=file, force_terminal=live, width=80, height=24, no_color=not live)
    return Terminal(console, first_line), file


@pytest.mark.parametrize("live", [False, True])
def test_every_ended_member_leaves_a_line(live: bool) -> None:
    shown, file = terminal(live=live)
    with shown:
        times = [Expected(8, 40, 2, doubt=0.3)] * 2
        shown.begun(Run(Path("runs/mine")), DATASET, [job(0), job(1)], 0, expected=times, workers=2)
        shown.progressed(Progress(Member("cnn", 0, 0), EPOCHS, EPOCHS, 0.1, 0.98765))
        shown.ended(job(0), RESULT)
        shown.ended(job(1), KitError("cnn-f1-s0: it diverged"))
    assert "cnn-f0-s0: trained in 1m 12s, held-out accuracy 98.765 %" in file.getvalue()
    assert "failed: cnn-f1-s0: it diverged" in file.getvalue()
    assert ("\x1b" in file.getvalue()) == live


@pytest.mark.parametrize("live", [False, True])
def test_nothing_to_train_is_not_an_error(live: bool) -> None:
    shown, file = terminal(live=live)
    with shown:
        shown.begun(Run(Path("runs/mine")), DATASET, [], 5, expected=[], workers=1)
    assert "5 of 5 members are already trained" in file.getvalue()
    assert "nan" not in file.getvalue().lower()


def test_plain_lines_are_written_while_the_run_lasts() -> None:
    shown, file = terminal(live=False, first_line=0.01)
    with shown:
        shown.stage("reading train.csv")
        for _ in range(2000):
            if "reading train.csv\n" in file.getvalue():
                break
            shown._over.wait(0.01)
    assert re.match(r"[\d.]+ s: reading train.csv\n", file.getvalue())
