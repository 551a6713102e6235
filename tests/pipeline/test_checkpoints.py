from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.errors import InterruptedRunError
from kit.members import Member, MemberResult
from kit.pipeline.checkpoints import kept_text
from kit.run_folder import RUNS, Run
from kit.training.checkpoint import SavedTraining, digest
from kit.training.job import Job
from kit.training.launch.base import Checkpoint
from tests.launchers import FakeLauncher

Cv = Callable[..., Any]
MEMBER = Member("knn", 0, 0)
RUN = Run(RUNS / "mine")


def state(job: Job, epochs: int = 3) -> bytes:
    """Return a checkpoint of `job` after so many epochs, without variables."""
    figures = np.zeros((epochs, 5))
    return SavedTraining(digest(job), job.seed_offset, figures, (0,), 1.0, [], [], []).to_bytes()


class Worker:
    """Sends a checkpoint for each member before its result.

    Attributes:
        jobs: what it was given.
        epochs: number of epochs of each checkpoint, by fold.
        ends_at: fold after whose checkpoint it is interrupted; None: it is not.
    """

    def __init__(self, train: Any) -> None:
        self.train = train
        self.jobs: dict[Member, Job] = {}
        self.epochs = {0: 3, 1: 3, 2: 4, 3: 5}
        self.ends_at: int | None = None
        self.ended = False

    def __call__(self, job: Job, folder: Path, on_progress: Any) -> MemberResult:
        if self.ended:  # The next job may be given to it before the driver stops.
            raise KeyboardInterrupt
        self.jobs[job.member] = job
        on_progress(Checkpoint(job.member, 3, state(job, self.epochs[job.member.fold])))
        if job.member.fold == self.ends_at:
            self.ended = True
            raise KeyboardInterrupt
        return self.train(job, folder, on_progress)  # type: ignore[no-any-return]


@pytest.fixture
def worker(launcher: FakeLauncher) -> Worker:
    launcher.train = worker = Worker(launcher.train)
    return worker


def stop(cv: Cv, worker: Worker, fold: int = 0, **also: Any) -> str:
    """Interrupt a run during the training of a fold; return the message."""
    worker.ends_at = fold
    with pytest.raises(InterruptedRunError) as error:
        cv(name="mine", jobs=1, **also)
    worker.ends_at, worker.ended = None, False
    return error.value.what


def test_the_checkpoint_of_an_interrupted_member_is_kept_and_the_message_says_so(
    cv: Cv, worker: Worker
) -> None:
    kept = "1 of 4 members are stored, 1 more is kept up to epoch 3"
    assert stop(cv, worker, 1) == f"interrupted; {kept}; rerun the same command to resume"
    assert [path.name for path in RUN.path.glob("members/*")] == ["knn-f0-s0.npz", "knn-f1-s0.checkpoint"]


@pytest.mark.parametrize(
    ("folds", "epochs"), [((0, 1), "epoch 3"), ((1, 2), "epochs 3 and 4"), ((1, 2, 3), "epochs 3 to 5")]
)
def test_the_message_names_the_epochs_of_all_members(
    cv: Cv, worker: Worker, folds: tuple[int, ...], epochs: str
) -> None:
    stop(cv, worker)
    RUN.checkpoint_path(MEMBER).unlink()
    for fold in folds:
        RUN.write_checkpoint(Member("knn", fold, 0), state(worker.jobs[MEMBER], worker.epochs[fold]))
    members = [Member("knn", fold, 0) for fold in range(4)]
    assert kept_text(RUN, members) == (
        f"0 of 4 members are stored, {len(folds)} more are kept up to {epochs}"
    )


def test_the_next_call_continues_from_the_checkpoint_and_deletes_it(cv: Cv, worker: Worker) -> None:
    stop(cv, worker, checkpoint=7.0)
    content = RUN.checkpoint_path(MEMBER).read_bytes()
    assert worker.jobs[MEMBER].checkpoint_seconds == 7.0
    worker.jobs.clear()
    _, complete, record = cv(name="mine", jobs=1)
    assert not complete
    assert worker.jobs.pop(MEMBER).checkpoint == content
    assert [job.checkpoint for job in worker.jobs.values()] == [None] * 3
    assert record.said == []
    assert list(RUN.path.glob("members/*.checkpoint")) == []


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def test_a_damaged_checkpoint_is_named_and_the_member_starts_again(cv: Cv, worker: Worker) -> None:
    stop(cv, worker)
    damage(RUN.checkpoint_path(MEMBER))
    worker.jobs.clear()
    _, _, record = cv(name="mine")
    assert record.said == [
        "warning: runs/mine/members/knn-f0-s0.checkpoint: it is damaged; knn-f0-s0 is trained from the "
        "beginning"
    ]
    assert worker.jobs[MEMBER].checkpoint is None
    assert RUN.has(MEMBER)


def test_a_checkpoint_of_another_job_is_named_and_the_member_starts_again(cv: Cv, worker: Worker) -> None:
    stop(cv, worker)
    other = replace(worker.jobs[MEMBER], test_rows=1)
    RUN.write_checkpoint(MEMBER, state(other))
    worker.jobs.clear()
    _, _, record = cv(name="mine")
    [line] = record.said
    assert line == (
        "warning: runs/mine/members/knn-f0-s0.checkpoint: it belongs to another configuration, data set or "
        "version of a library; knn-f0-s0 is trained from the beginning"
    )
    assert worker.jobs[MEMBER].checkpoint is None


def test_a_checkpoint_beside_a_complete_member_is_deleted(cv: Cv, worker: Worker) -> None:
    cv(name="mine")
    RUN.write_checkpoint(MEMBER, state(worker.jobs[MEMBER]))
    _, complete, _ = cv(name="mine")
    assert complete
    assert not RUN.checkpoint_path(MEMBER).exists()


def test_a_checkpoint_that_cannot_be_written_is_said_once_and_the_run_goes_on(
    cv: Cv, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Run, "write_checkpoint", fails)
    _, _, record = cv(name="mine", jobs=1)
    assert len(worker.jobs) == 4
    assert record.said == [
        "warning: runs/mine/members/knn-f0-s0.checkpoint: cannot be written (No space left on device); an "
        "interrupt loses the epochs of this member"
    ]
