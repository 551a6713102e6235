import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.training.failures import DivergedError, WorkerLostError
from kit.training.job import Job
from kit.training.launch.base import Activity, Checkpoint, DataFolder, Event, Progress
from kit.training.launch.local import LocalLauncher
from kit.training.launch.session import Session
from tests.launchers import CPU

MakeJob = Callable[..., Job]
Install = Callable[[str], None]
MANY = "while True:\n    (folder / 'pids').open('a').write(f'{os.getpid()}\\n'); finish(); job, _ = receive()"


def pids(folder: Path) -> list[str]:
    return (folder / "pids").read_text().split()


def ignore(_: Event) -> None: ...


@pytest.fixture
def session(launcher: LocalLauncher, data: DataFolder) -> Session:
    return Session(launcher, CPU, data)


def test_one_worker_trains_all_jobs(
    worker: Install, make_job: MakeJob, session: Session, tmp_path: Path
) -> None:
    worker(MANY)
    with session:
        for fold in range(3):
            assert session.train(make_job(fold), ignore).history.attempts == 1
    assert len(pids(tmp_path)) == 3
    assert len(set(pids(tmp_path))) == 1


def test_the_start_of_a_worker_is_reported_once(worker: Install, make_job: MakeJob, session: Session) -> None:
    worker(MANY)
    events: list[Event] = []
    with session:
        for fold in range(2):
            session.train(make_job(fold), events.append)
    starts = [event for event in events if not isinstance(event, Progress)]
    assert starts == [Activity(make_job(0).member, "starting")]


def test_a_session_that_is_entered_again_starts_another_worker(
    worker: Install, make_job: MakeJob, session: Session, tmp_path: Path
) -> None:
    worker(MANY)
    for _ in range(2):
        with session:
            session.train(make_job(), ignore)
    assert len(set(pids(tmp_path))) == 2


def test_a_lost_worker_is_replaced_once(
    worker: Install, make_job: MakeJob, launcher: LocalLauncher, data: DataFolder
) -> None:
    worker("die() if first_time() else finish()")
    retries: list[str] = []
    with Session(
        launcher, CPU, data, lambda job, reason: retries.append(f"{job.member} {reason}")
    ) as session:
        assert session.train(make_job(), ignore).history.attempts == 2
    [retry] = retries
    assert retry.startswith("m-f0-s0 m-f0-s0: its worker was killed")


@pytest.mark.parametrize("lost_after", [1, 2, 3])
def test_a_second_worker_continues_from_the_latest_checkpoint(
    worker: Install, make_job: MakeJob, session: Session, tmp_path: Path, lost_after: int
) -> None:
    worker(
        f"""
start = int(_[-1] or 0)
for number in range(start + 1, 5):
    (folder / "epochs").open("a").write(f"{{number}} ")
    epoch(number)
    send({{"checkpoint": number}}, str(number).encode())
    if number == {lost_after} and not start:
        die()
finish()
"""
    )
    kept: list[Checkpoint] = []
    with session:
        assert session.train(make_job(epochs=4), ignore, kept.append).history.attempts == 2
    assert (tmp_path / "epochs").read_text() == "1 2 3 4 "
    assert kept == [Checkpoint(make_job().member, epoch, b"%d" % epoch) for epoch in (1, 2, 3, 4)]


DIVERGES = (
    "send({'failed': 'diverged', 'hint': None, 'kind': 'diverged'}) if not job['seed_offset'] else finish()"
)


def test_a_member_that_diverges_gets_other_random_numbers_in_another_worker(
    worker: Install, make_job: MakeJob, launcher: LocalLauncher, data: DataFolder
) -> None:
    worker(DIVERGES)
    with Session(launcher, CPU, data, reseed=True) as session:
        history = session.train(make_job(), ignore).history
    assert (history.seed_offset, history.attempts) == (1, 2)


def test_a_trial_that_diverges_is_not_trained_again(
    worker: Install, make_job: MakeJob, session: Session
) -> None:
    worker(DIVERGES)
    with session, pytest.raises(DivergedError):
        session.train(make_job(), ignore)


def test_a_job_whose_worker_is_lost_twice_fails(worker: Install, make_job: MakeJob, session: Session) -> None:
    worker("die()")
    with session, pytest.raises(WorkerLostError, match="killed"):
        session.train(make_job(), ignore)


def test_a_stopped_session_ends_its_training_and_starts_no_other(
    worker: Install, make_job: MakeJob, session: Session, tmp_path: Path
) -> None:
    worker("(folder / 'pids').open('a').write(f'{os.getpid()}\\n'); epoch(1); time.sleep(600)")
    with session, pytest.raises(WorkerLostError):
        session.train(make_job(), lambda event: session.stop() if isinstance(event, Progress) else None)
    with session, pytest.raises(WorkerLostError, match="m-f0-s0: stopped"):
        session.train(make_job(), ignore)
    [pid] = pids(tmp_path)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
