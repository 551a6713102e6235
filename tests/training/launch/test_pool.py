import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

import numpy as np
import psutil
import pytest

from kit.errors import KitError
from kit.members import MemberResult
from kit.records import History
from kit.training.failures import OutOfMemoryError, WorkerFailedError, WorkerLostError, memory_hint
from kit.training.job import Job
from kit.training.launch import devices
from kit.training.launch import pool as pools
from kit.training.launch.base import DataFolder, Device, Event, Launcher, Progress
from kit.training.launch.local import LocalLauncher
from kit.training.launch.pool import WorkerPool
from tests.launchers import CPU, FakeLauncher, FakeWorker

MakeJob = Callable[..., Job]
MakePool = Callable[..., "Watch"]
Install = Callable[[str], None]
RESULT = MemberResult(np.arange(1), np.ones((1, 3), np.float32), np.ones((1, 3), np.float32), History())
HINT = memory_hint()
KILLED = "m-f1-s0: its worker was killed (signal 9), but not by the kernel for lack of memory; retrying"


def running() -> list[psutil.Process]:
    """Return the workers; other tests may have left other child processes, such as a browser."""
    children = [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]
    return [one for one in children if any(word.endswith("worker.py") for word in one.cmdline())]


class Watch:
    """A pool, and what it reported."""

    def __init__(self, launcher: Launcher, data: DataFolder, device: Device = CPU, workers: int = 2) -> None:
        self.epochs: list[Progress] = []
        self.retries: list[tuple[Job, str]] = []
        self.pool = WorkerPool(
            launcher,
            [device] * workers,
            data,
            on_progress=self.follow,
            on_retry=lambda job, reason: self.retries.append((job, reason)),
        )

    def follow(self, job: Job, event: Event) -> None:
        assert event.member == job.member
        if isinstance(event, Progress):
            self.epochs.append(event)

    def train(self, jobs: Sequence[Job]) -> dict[int, MemberResult | KitError]:
        with self.pool.train(jobs) as outcomes:
            return {job.member.fold: outcome for job, outcome in outcomes}


@pytest.fixture
def pool(launcher: LocalLauncher, data: DataFolder) -> MakePool:
    """Return a function that makes a pool of the workers that `worker` describes."""
    return partial(Watch, launcher, data)


def attempts(outcome: MemberResult | KitError) -> int:
    assert isinstance(outcome, MemberResult)
    made: int = outcome.history.attempts
    return made


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_every_member_is_trained_once(
    jobs: int, worker: Install, make_job: MakeJob, pool: MakePool, result: MemberResult
) -> None:
    worker("epoch(1); finish()")
    watch = pool(workers=jobs)
    outcomes = watch.train([make_job(fold) for fold in range(5)])
    assert sorted(outcomes) == [0, 1, 2, 3, 4]
    assert sorted(progress.member.fold for progress in watch.epochs) == [0, 1, 2, 3, 4]
    for outcome in outcomes.values():
        assert attempts(outcome) == 1
        assert isinstance(outcome, MemberResult)
        np.testing.assert_array_equal(outcome.val_probs, result.val_probs)


def test_a_pool_without_work_ends(pool: MakePool) -> None:
    assert pool().train([]) == {}


def test_members_come_as_they_finish(
    worker: Install, make_job: MakeJob, pool: MakePool, data: DataFolder
) -> None:
    # Fold 0 waits until fold 1 has come out.
    worker("while name == 'm-0-0' and not (folder / 'go').exists(): time.sleep(0.01)\nfinish()")
    with pool().pool.train([make_job(), make_job(1)]) as outcomes:
        assert next(outcomes)[0].member.fold == 1
        (data.path / "go").touch()
        assert next(outcomes)[0].member.fold == 0


@pytest.mark.parametrize("seconds", [-1.0, 0.3])
def test_a_time_limit_ends_the_workers(
    seconds: float, worker: Install, make_job: MakeJob, pool: MakePool
) -> None:
    worker("while True: time.sleep(0.01)")
    with pool().pool.train([make_job(), make_job(1)], time.monotonic() + seconds) as outcomes:
        assert list(outcomes) == []
    assert not running()


def test_a_killed_worker_is_started_once_more(worker: Install, make_job: MakeJob, pool: MakePool) -> None:
    worker("die() if name == 'm-1-0' and first_time() else finish()")
    watch = pool()
    outcomes = watch.train([make_job(fold) for fold in range(3)])
    assert [attempts(outcomes[fold]) for fold in range(3)] == [1, 2, 1]
    (job, reason), *others = watch.retries
    assert not others
    assert (job.member.fold, reason) == (1, KILLED)


def test_a_worker_killed_twice_costs_its_member_alone(
    worker: Install, make_job: MakeJob, pool: MakePool
) -> None:
    worker("die() if name == 'm-1-0' else finish()")
    watch = pool()
    outcomes = watch.train([make_job(fold) for fold in range(3)])
    assert isinstance(outcomes[1], WorkerLostError)
    assert [attempts(outcomes[fold]) for fold in (0, 2)] == [1, 1]
    assert len(watch.retries) == 1


def test_members_beyond_the_memory_are_trained_again_alone_after_the_others(
    worker: Install, make_job: MakeJob, pool: MakePool, data: DataFolder
) -> None:
    worker(
        "open(folder / 'order', 'a').write(name)\n"
        "short = name in ('m-0-0', 'm-2-0') and first_time()\n"
        "send({'failed': 'no', 'hint': None, 'kind': 'memory'}) if short or name == 'm-2-0' else finish()"
    )
    watch = pool()
    outcomes = watch.train([make_job(fold) for fold in range(4)])
    order = (data.path / "order").read_text()
    assert sorted((order[-10:-5], order[-5:])) == ["m-0-0", "m-2-0"]
    assert [attempts(outcomes[fold]) for fold in (0, 1, 3)] == [2, 1, 1]
    assert isinstance(outcomes[2], OutOfMemoryError)
    assert outcomes[2].what == "m-f2-s0: no, also when it was trained alone"
    assert outcomes[2].log == "".join(f"attempt {n}: m-f2-s0: no\n{HINT}\n" for n in (1, 2))
    assert sorted(reason for _, reason in watch.retries) == [
        f"m-f{fold}-s0: no; retrying alone, after the other members" for fold in (0, 2)
    ]


def test_a_worker_that_says_why_it_failed_is_not_started_again(
    worker: Install, make_job: MakeJob, pool: MakePool
) -> None:
    worker("fail('no') if name == 'm-0-0' else finish()")
    watch = pool(workers=1)
    outcomes = watch.train([make_job(0), make_job(1)])
    assert isinstance(outcomes[0], WorkerFailedError)
    assert attempts(outcomes[1]) == 1
    assert not watch.retries


def test_leaving_early_ends_every_worker_at_once(worker: Install, make_job: MakeJob, pool: MakePool) -> None:
    worker("epoch(1)\nif name != 'm-0-0': time.sleep(600)\nfinish()")
    watch = pool(workers=3)

    def interrupted() -> None:
        with watch.pool.train([make_job(fold) for fold in range(9)]) as outcomes:
            next(outcomes)
            while len(watch.epochs) < 3:
                time.sleep(0.01)
            assert len(running()) >= 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not running()
    # None of those that were killed was started again, none that waited was begun.
    assert not watch.retries
    assert len(watch.epochs) <= 4


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="this system sends no signals to threads")
def test_a_signal_that_does_not_wake_the_main_thread_is_seen_while_workers_train(
    worker: Install, make_job: MakeJob, pool: MakePool
) -> None:
    worker("epoch(1)\ntime.sleep(600)")
    watch = pool(workers=1)

    def interrupt() -> None:
        while not watch.epochs:
            time.sleep(0.01)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        watch.train([make_job()])
    thread.join()
    assert not running()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no CPU affinity")
def test_workers_at_once_use_different_cores(
    worker: Install, make_job: MakeJob, pool: MakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "CLAIM", f"kit-test-{os.getpid()}")
    # Each waits for the other, so that both run at once.
    worker(
        "(folder / f'{name}.here').touch()\n"
        "while len(list(folder.glob('*.here'))) < 2: time.sleep(0.01)\n"
        "fail(str(os.sched_getaffinity(0)))"
    )
    outcomes = pool(Device("core"), 2).train([make_job(0), make_job(1)])
    said = {str(outcome).partition(": ")[2] for outcome in outcomes.values()}
    assert len(said) == min(2, len(os.sched_getaffinity(0)))
    assert said <= {str({core}) for core in os.sched_getaffinity(0)}


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no CPU affinity")
def test_more_jobs_than_cores_share_them(worker: Install, make_job: MakeJob, pool: MakePool) -> None:
    worker("fail(str(len(os.sched_getaffinity(0))))")
    many = 2 * len(os.sched_getaffinity(0)) + 1
    outcomes = pool(Device("core"), many).train([make_job(fold) for fold in range(many)])
    assert {str(outcome).partition(": ")[2] for outcome in outcomes.values()} == {"1"}


def test_each_worker_uses_a_device_of_its_own(make_job: MakeJob, data: DataFolder) -> None:
    both = threading.Barrier(2, timeout=30)

    class Noting(FakeLauncher):
        used: ClassVar[list[Device]] = []

        def start(self, device: Device, backend: str, data: DataFolder) -> FakeWorker:
            self.used.append(device)
            both.wait()
            return super().start(device, backend, data)

    launcher = Noting(lambda *_: RESULT)
    devices = [Device("gpu", "0"), Device("gpu", "1")]
    pool = WorkerPool(launcher, devices, data, on_progress=lambda *_: None, on_retry=lambda *_: None)
    with pool.train([make_job(fold) for fold in range(6)]) as outcomes:
        assert len(list(outcomes)) == 6
    assert [set(launcher.used[start : start + 2]) for start in (0, 2, 4)] == [set(devices)] * 3


def test_a_bug_in_kit_is_not_hidden(make_job: MakeJob, data: DataFolder) -> None:
    def broken(*_: object) -> MemberResult:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        Watch(FakeLauncher(broken), data).train([make_job()])


def test_no_more_members_are_trained_than_wait_to_be_stored(make_job: MakeJob, data: DataFolder) -> None:
    trained: list[Job] = []

    def train(job: Job, *_: object) -> MemberResult:
        trained.append(job)
        return RESULT

    jobs = [make_job(fold=fold) for fold in range(20)]
    with Watch(FakeLauncher(train), data).pool.train(jobs) as outcomes:
        for taken in range(1, len(jobs) + 1):
            next(outcomes)
            time.sleep(0.02)  # Without the limit, all are trained by now.
            assert len(trained) <= taken + 4


class Growing(FakeLauncher):
    """A launcher that has three machines soon after the start."""

    def more(self, running: int) -> list[Device]:
        return [CPU] * (3 - running)


@pytest.mark.parametrize(("most", "workers"), [(3, 3), (2, 2), (None, 1)])
def test_machines_that_join_are_used_up_to_a_limit(
    make_job: MakeJob, data: DataFolder, most: int | None, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "LOOK_SECONDS", 0.02)
    both = threading.Barrier(workers, timeout=30)
    threads = set[int]()

    def train(*_: object) -> MemberResult:
        threads.add(threading.get_ident())
        both.wait()
        return RESULT

    pool = WorkerPool(
        Growing(train), [CPU], data, on_progress=lambda *_: None, on_retry=lambda *_: None, most=most
    )
    with pool.train([make_job(fold) for fold in range(6)]) as outcomes:
        assert len(list(outcomes)) == 6
    assert len(threads) == workers


class Counting(FakeLauncher):
    """A launcher that counts the workers it starts, and those that are closed."""

    started = closed = 0

    def start(self, device: Device, backend: str, data: DataFolder) -> FakeWorker:
        self.started += 1
        worker = super().start(device, backend, data)
        close = worker.close

        def counted() -> None:
            self.closed += 1
            close()

        worker.close = counted  # type: ignore[method-assign]
        return worker


def reusing(launcher: FakeLauncher, data: DataFolder, jobs_per_worker: int) -> WorkerPool:
    return WorkerPool(
        launcher,
        [CPU],
        data,
        on_progress=lambda *_: None,
        on_retry=lambda *_: None,
        jobs_per_worker=jobs_per_worker,
    )


@pytest.mark.parametrize(("jobs_per_worker", "workers"), [(1, 5), (2, 3), (8, 1)])
def test_a_worker_trains_its_number_of_jobs(
    make_job: MakeJob, data: DataFolder, jobs_per_worker: int, workers: int
) -> None:
    launcher = Counting(lambda *_: RESULT)
    with reusing(launcher, data, jobs_per_worker).train([make_job(fold) for fold in range(5)]) as outcomes:
        assert len(list(outcomes)) == 5
    assert (launcher.started, launcher.closed) == (workers, workers)


def test_after_a_failure_a_worker_trains_no_other_job(make_job: MakeJob, data: DataFolder) -> None:
    def train(job: Job, *_: object) -> MemberResult:
        if job.member.fold == 1:
            raise WorkerFailedError("no", "")
        return RESULT

    launcher = Counting(train)
    with reusing(launcher, data, 8).train([make_job(fold) for fold in range(4)]) as outcomes:
        failed = [job.member.fold for job, outcome in outcomes if isinstance(outcome, KitError)]
    assert (failed, launcher.started) == ([1], 2)
