from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kit.config import Cnn, KNearest, Stage, Training
from kit.errors import KitError
from kit.members import Member, MemberResult
from kit.records import History
from kit.reports.member_progress import MemberState
from kit.reports.progress import RunProgress, Snapshot
from kit.run_folder import Run
from kit.training.estimate import Expected
from kit.training.job import Job
from kit.training.launch.base import Activity, Progress
from kit.training.wire import Phase

EPOCHS = 4
TIMES = Expected(before=10, training=80, after=10, doubt=0.3)
RESULT = MemberResult(
    np.arange(1), np.ones((1, 2), np.float32), np.ones((1, 2), np.float32), History(seconds=72.0)
)


def job(fold: int, model: Any = None) -> Job:
    network = Cnn(stages=(Stage(filters=8),), training=Training(epochs=EPOCHS))
    member = Member("cnn" if model is None else "knn", fold, 0)
    held_out = np.zeros(3, bool)
    return Job(
        member, model or network, (28, 28, 1), 10, "data", 2, held_out, "tensorflow", "bfloat16", "accuracy"
    )


def dataset(**changes: Any) -> Any:
    known = {"train_labels": np.zeros(42_000), "test_images": np.zeros(28_000), "source": "data/"}
    return SimpleNamespace(**(known | {"sample": False, "warnings": ()} | changes))


class Followed:
    """A run's progress with a clock that the test sets."""

    def __init__(self, *jobs: Job, kept: int = 0, data: Any = None) -> None:
        self.seconds, self.lines = 0.0, list[str]()
        self.progress = RunProgress(self.lines.append, clock=lambda: self.seconds)
        run, times = Run(Path("runs/mine")), [TIMES] * len(jobs)
        self.progress.begun(run, data or dataset(), jobs, kept, expected=times, workers=2)

    def act(self, at: float, fold: int, phase: Phase, epoch: int = 0, share: float = 0.0) -> None:
        self.seconds = at
        self.progress.progressed(Activity(Member("cnn", fold, 0), phase, epoch, share))

    def now(self, at: float) -> Snapshot:
        self.seconds = at
        return self.progress.snapshot()

    def member(self, at: float, number: int = 0) -> MemberState:
        return self.now(at).members[number]


def test_the_opening_shows_data_members_and_time() -> None:
    network = Cnn(stages=(Stage(filters=8),), teachers=("knn", "forest"))
    followed = Followed(job(0), job(1), job(0, KNearest(kind="knn")), kept=3)
    assert followed.lines == [
        "mine: 42,000 training rows, 28,000 test rows from data/",
        "3 of 6 members are already trained",
        # (9 + 1) * 8 for the convolution, (6272 + 1) * 10 for the softmax.
        "cnn: 2 members of 4 epochs in bfloat16; 62,810 parameters, 0.1 million multiply-adds per image",
        "knn: 1 member",
        # Three members of 100 s on two workers, with a doubt of 0.55.
        "about 2 to 5.5 min",
    ]
    assert "20 epochs in bfloat16, teachers knn, forest; " in Followed(job(0, network)).lines[1]


def test_the_sample_and_warnings_are_shown() -> None:
    odd = dataset(sample=True, warnings=("2 rows of [train.csv] are copies",))
    lines = Followed(data=odd).lines
    assert lines[1:] == [
        "This is the bundled sample; for real data: kit data fetch --source FILE.zip",
        "warning: 2 rows of [train.csv] are copies",
    ]


def test_a_member_passes_through_its_phases() -> None:
    followed, seen = Followed(job(0)), []
    for phase in ("starting", "loading", "preparing", "compiling", "predicting", "storing"):
        if phase == "predicting":
            followed.act(0, 0, "training", 2, 0.5)
            seen.append(followed.member(0).doing(0))
        followed.act(0, 0, phase)
        seen.append(followed.member(0).doing(0))
    followed.progress.ended(job(0), RESULT)
    assert [*seen, followed.member(0).doing(0)] == [
        "starting",
        "loading TensorFlow",
        "preparing",
        "compiling",
        "epoch 2 of 4, 50%",
        "predicting",
        "storing",
        "done",
    ]


def test_a_phase_shows_its_seconds() -> None:
    followed = Followed(job(0))
    followed.act(0, 0, "starting")
    followed.act(2, 0, "loading")
    assert followed.member(2.9).doing(2.9) == "loading TensorFlow"
    followed.act(4, 0, "loading")
    assert followed.member(5).doing(5) == "loading TensorFlow 3 s"
    followed.act(6, 0, "compiling", 1)
    assert followed.member(9.5).doing(9.5) == "compiling 3 s"


def test_the_share_counts_expected_time_and_never_falls() -> None:
    followed, shares = Followed(job(0)), []
    followed.act(0, 0, "starting")
    shares += [followed.member(at).share(at) for at in (0, 5, 20)]
    followed.act(20, 0, "training", 1, 0.0)
    shares.append(followed.member(20).share(20))
    followed.act(60, 0, "training", 3, 0.0)
    shares.append(followed.member(60).share(60))
    followed.act(100, 0, "predicting", 0, 0.5)
    shares.append(followed.member(100).share(100))
    assert shares == sorted(shares)
    assert shares[3:] == pytest.approx([0.1, 0.5, 0.95])


def test_the_share_of_a_model_without_epochs_grows_with_time() -> None:
    fit = job(0, KNearest(kind="knn"))
    followed = Followed(fit)
    followed.progress.progressed(Activity(fit.member, "fitting"))
    one = followed.member(0)
    assert (one.epochs, one.doing(0)) == (0, "fitting")
    shares = [one.share(at) for at in (0, 40, 80, 800)]
    assert shares == sorted(shares)
    assert shares[0] < shares[1] < shares[-1] < 1


def test_the_score_is_that_of_the_latest_epoch() -> None:
    followed = Followed(job(0))
    followed.act(0, 0, "training", 1, 1.0)
    for epoch, score in ((1, 0.9), (2, 0.95)):
        followed.progress.progressed(Progress(Member("cnn", 0, 0), epoch, EPOCHS, 0.1, score))
    assert followed.member(0).score == 0.95


def test_a_lost_worker_starts_its_member_again() -> None:
    followed = Followed(job(0))
    followed.act(0, 0, "training", 3, 1.0)
    followed.progress.retried(job(0), "cnn-f0-s0: its worker was killed by signal 9; retrying")
    assert followed.lines[-1] == "warning: cnn-f0-s0: its worker was killed by signal 9; retrying"
    assert (followed.member(1).state, followed.now(1).share) == ("waiting", 0.0)


def test_ended_members_leave_a_line_and_count_as_over() -> None:
    followed = Followed(job(0), job(1))
    followed.progress.progressed(Progress(Member("cnn", 0, 0), EPOCHS, EPOCHS, 0.1, 0.98765))
    followed.progress.ended(job(0), RESULT)
    followed.progress.ended(job(1), KitError("cnn-f1-s0: it diverged", hint="lower it"))
    assert followed.lines[-2:] == [
        "cnn-f0-s0: trained in 1m 12s, held-out accuracy 98.765 %",
        "failed: cnn-f1-s0: it diverged",
    ]
    assert (followed.now(1).over, followed.now(1).share) == (2, 1.0)


def test_running_members_are_in_the_order_of_their_start() -> None:
    followed = Followed(job(0), job(1), job(2))
    followed.act(1, 2, "starting")
    followed.act(2, 0, "starting")
    assert [str(one.member) for one in followed.now(3).running] == ["cnn-f2-s0", "cnn-f0-s0"]


def test_a_member_that_continues_starts_at_its_epoch() -> None:
    followed = Followed(job(0))
    before = followed.now(0).left
    followed.act(10, 0, "compiling", 3)
    assert followed.member(10).trained_share(10) == 0.5
    followed.act(10, 0, "training", 3, 0.0)
    # Of 80 s for 4 epochs, those of 2 are left.
    left = followed.now(10).left
    assert before is not None
    assert left is not None
    assert (followed.member(10).share(10), followed.now(10).share) == pytest.approx((0.5, 0.5))
    assert left.low < 40 + 10 < left.high < before.high
    followed.act(30, 0, "training", 4, 0.0)
    assert followed.member(30).course(30).share == 0.5
    assert followed.member(30).share(30) == pytest.approx(0.7)


def test_a_network_that_compiles_for_its_second_phase_has_kept_no_epochs() -> None:
    followed = Followed(job(0))
    followed.act(0, 0, "training", 1, 0.0)
    followed.act(50, 0, "compiling", 3)
    assert followed.member(50).kept == 0
