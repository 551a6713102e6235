"""Jobs that one worker trains as one program: what comes of each, whatever happens to the worker."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kit.errors import KitError
from kit.members import MemberResult, pack
from kit.training.failures import (
    DataChangedError,
    DivergedError,
    OutOfMemoryError,
    WorkerFailedError,
    WorkerLostError,
)
from kit.training.job import Job
from kit.training.launch.base import Checkpoint, DataFolder, Event, Progress, Stamp
from kit.training.launch.local import LocalLauncher
from kit.training.launch.pool import WorkerPool
from kit.training.launch.watchdog import Patience, Watchdog
from tests.launchers import CPU, PRELUDE, FakeLauncher

MakeJob = Callable[..., Job]
Install = Callable[[str], None]
Outcomes = dict[int, MemberResult | KitError]

BUNDLE = (
    PRELUDE
    + """
while True:
    head, blobs = receive()
    count = head.get("jobs")
    jobs = [receive() for _ in range(count)] if count else [(head, blobs)]
    folds = [job["member"][1] for job, _ in jobs]
    def epoch(fold, number):
        send({"of": folds.index(fold), "epoch": number, "val_loss": 0.5, "val_score": 0.75})
    def finish(*chosen):
        for fold in chosen or folds:
            send({"of": folds.index(fold), "result": "member"}, (folder / "arrays").read_bytes(), b"net")
    def fail_one(fold, kind):
        send({"of": folds.index(fold), "failed": "no", "hint": None, "kind": kind})
    def die():
        os.kill(os.getpid(), signal.SIGKILL)
    seen = len(list(folder.glob("*.bundle")))
    (folder / f"{seen}.bundle").write_text(json.dumps(folds))
"""
)


class Watch:
    """A pool of one worker, and what it reported."""

    def __init__(
        self, launcher: LocalLauncher | FakeLauncher, data: DataFolder, watchdog: Watchdog | None = None
    ) -> None:
        self.events: list[tuple[Job, Event]] = []
        self.retries: list[tuple[int, str]] = []
        self.checkpoints: list[Checkpoint] = []
        self.pool = WorkerPool(
            launcher,
            [CPU],
            data,
            on_progress=lambda job, event: self.events.append((job, event)),
            on_retry=lambda job, reason: self.retries.append((job.member.fold, reason)),
            on_checkpoint=self.checkpoints.append,
            reseed=True,
            watchdog=watchdog,
        )

    def train(self, jobs: Sequence[Job], until: float | None = None) -> Outcomes:
        with self.pool.train(jobs, until) as outcomes:
            return {job.member.fold: outcome for job, outcome in outcomes}


@pytest.fixture
def watch(launcher: LocalLauncher, data: DataFolder) -> Watch:
    return Watch(launcher, data)


@pytest.fixture
def worker(tmp_path: Path, result: MemberResult) -> Install:
    """Return a function that makes workers run lines of code for each bundle."""
    (tmp_path / "arrays").write_bytes(pack(result))

    def install(code: str) -> None:
        lines = "".join(f"    {line}\n" for line in code.splitlines())
        (tmp_path / "worker.py").write_text(BUNDLE + lines)

    return install


@pytest.fixture
def jobs(make_job: MakeJob) -> list[Job]:
    return [replace(make_job(fold, epochs=2), together=3) for fold in range(3)]


def bundles(folder: Path) -> list[str]:
    """Return the folds of each bundle that a worker got, in the order of training."""
    return [path.read_text() for path in sorted(folder.glob("*.bundle"))]


def attempts(outcomes: Outcomes) -> list[int]:
    """Return the number of attempts by fold; 0 of a member that failed."""
    found = (outcomes[fold] for fold in sorted(outcomes))
    return [one.history.attempts if isinstance(one, MemberResult) else 0 for one in found]


def test_one_worker_gets_all_jobs(
    worker: Install, jobs: list[Job], watch: Watch, data: DataFolder, result: MemberResult
) -> None:
    worker("finish()")
    outcomes = watch.train(jobs)
    assert bundles(data.path) == ["[0, 1, 2]"]
    assert [type(outcomes[fold]) for fold in range(3)] == [MemberResult] * 3
    one = outcomes[1]
    assert isinstance(one, MemberResult)
    assert (one.val_probs.tobytes(), one.network) == (result.val_probs.tobytes(), b"net")


def test_progress_names_its_member(worker: Install, jobs: list[Job], watch: Watch) -> None:
    worker("epoch(2, 1); epoch(0, 1); finish()")
    watch.train(jobs)
    epochs = [(job, event) for job, event in watch.events if isinstance(event, Progress)]
    assert epochs == [(jobs[fold], Progress(jobs[fold].member, 1, 2, 0.5, 0.75)) for fold in (2, 0)]


def test_a_checkpoint_belongs_to_its_member(worker: Install, jobs: list[Job], watch: Watch) -> None:
    worker("send({'of': 1, 'checkpoint': 1}, b'state'); finish()")
    watch.train(jobs)
    assert watch.checkpoints == [Checkpoint(jobs[1].member, 1, b"state")]


def test_a_member_that_diverges_is_trained_again_after_the_others(
    worker: Install, jobs: list[Job], watch: Watch, data: DataFolder
) -> None:
    worker("fail_one(0, 'diverged') if len(folds) > 1 else None\nfinish(*(folds[1:] or folds))")
    outcomes = watch.train(jobs)
    assert bundles(data.path) == ["[0, 1, 2]", "[0]"]
    assert attempts(outcomes) == [2, 1, 1]
    again = outcomes[0]
    assert isinstance(again, MemberResult)
    assert again.history.seed_offset == 1
    assert watch.retries == [(0, "m-f0-s0: no; retrying with other random numbers")]


def test_a_member_that_diverges_twice_costs_no_other(worker: Install, jobs: list[Job], watch: Watch) -> None:
    worker("fail_one(0, 'diverged') if 0 in folds else None\nfinish(*folds[1:]) if len(folds) > 1 else None")
    outcomes = watch.train(jobs)
    assert attempts(outcomes) == [0, 1, 1]
    assert isinstance(outcomes[0], DivergedError)


def test_after_a_kill_only_members_without_a_result_are_trained_again(
    worker: Install, jobs: list[Job], watch: Watch, data: DataFolder
) -> None:
    worker("if seen == 0:\n    finish(1); die()\nfinish()")
    outcomes = watch.train(jobs)
    assert bundles(data.path) == ["[0, 1, 2]", "[0, 2]"]
    assert attempts(outcomes) == [2, 1, 2]
    assert [fold for fold, _ in watch.retries] == [0, 2]
    assert "m-f0-s0 and 2 more: its worker was killed (signal 9)" in watch.retries[0][1]


def test_they_continue_from_their_checkpoints(worker: Install, jobs: list[Job], watch: Watch) -> None:
    worker(
        "if seen == 0:\n"
        "    send({'of': 1, 'checkpoint': 1}, b'state'); die()\n"
        "(finish if [blobs[3] for _, blobs in jobs] == [b'', b'state', b''] else die)()"
    )
    assert attempts(watch.train(jobs)) == [2, 2, 2]


def test_a_worker_killed_twice_costs_the_members_without_a_result(
    worker: Install, jobs: list[Job], watch: Watch
) -> None:
    worker("finish(1) if 1 in folds else None\ndie()")
    outcomes = watch.train(jobs)
    assert attempts(outcomes) == [0, 1, 0]
    assert isinstance(outcomes[2], WorkerLostError)


def test_the_reason_of_a_failed_program_is_that_of_all_its_members(
    worker: Install, jobs: list[Job], watch: Watch, data: DataFolder
) -> None:
    worker("fail('ValueError: no')")
    outcomes = watch.train(jobs)
    assert [type(outcomes[fold]) for fold in range(3)] == [WorkerFailedError] * 3
    assert str(outcomes[2]) == "m-f0-s0 and 2 more: ValueError: no"
    assert len(bundles(data.path)) == 1


def test_without_enough_memory_they_are_trained_again_after_the_others(
    worker: Install, jobs: list[Job], make_job: MakeJob, watch: Watch, data: DataFolder
) -> None:
    worker("finish() if seen else send({'failed': 'no memory', 'hint': None, 'kind': 'memory'})")
    outcomes = watch.train([*jobs, replace(make_job(3, epochs=1), together=3)])
    assert bundles(data.path) == ["[0, 1, 2]", "[3]", "[0, 1, 2]"]
    assert attempts(outcomes) == [2, 2, 2, 1]


def test_too_little_memory_suggests_fewer_members_at_once(
    worker: Install, jobs: list[Job], watch: Watch
) -> None:
    worker("send({'failed': 'no memory', 'hint': None, 'kind': 'memory'})")
    outcomes = watch.train(jobs)
    assert [type(outcomes[fold]) for fold in range(3)] == [OutOfMemoryError] * 3
    assert "use a smaller together, model or training.batch_size" in str(outcomes[1])


def test_predictions_that_are_not_finite_are_no_result(
    worker: Install, jobs: list[Job], watch: Watch, tmp_path: Path, result: MemberResult
) -> None:
    (tmp_path / "bad").write_bytes(pack(replace(result, test_probs=result.test_probs * np.float32("nan"))))
    worker(
        "send({'of': 0, 'result': 'member'}, (folder / 'bad').read_bytes(), b'net')\n"
        "finish(*folds[1:]) if len(folds) > 1 else None"
    )
    outcomes = watch.train([replace(jobs[0], seed_offset=1), *jobs[1:]])
    assert isinstance(outcomes[0], DivergedError)
    assert attempts(outcomes) == [0, 1, 1]


def test_the_log_has_what_the_workers_of_all_attempts_wrote(
    worker: Install, jobs: list[Job], watch: Watch
) -> None:
    worker("print('line', seen, file=sys.stderr, flush=True)\ndie()")
    outcomes = watch.train(jobs)
    error = outcomes[2]
    assert isinstance(error, WorkerLostError)
    assert [line for line in error.log.splitlines() if line.startswith("line")] == ["line 0", "line 1"]


def test_after_a_kill_a_member_that_diverged_before_has_two_attempts_left_for_itself(
    worker: Install, jobs: list[Job], watch: Watch, data: DataFolder
) -> None:
    worker("if seen == 0:\n    fail_one(0, 'diverged'); die()\nfinish()")
    outcomes = watch.train(jobs)
    assert bundles(data.path) == ["[0, 1, 2]", "[1, 2]", "[0]"]
    assert attempts(outcomes) == [2, 2, 2]


def test_changed_data_end_all_of_them(
    worker: Install, jobs: list[Job], launcher: LocalLauncher, data: DataFolder
) -> None:
    array = data.path / "train_images.npy"
    array.touch()
    watch = Watch(launcher, replace(data, stamps=(Stamp.of(array),)))
    worker("os.utime(folder / 'train_images.npy', ns=(1, 1))\nfinish()")
    outcomes = watch.train(jobs)
    assert [type(outcomes[fold]) for fold in range(3)] == [DataChangedError] * 3


def test_a_worker_that_hangs_is_killed(
    worker: Install, jobs: list[Job], launcher: LocalLauncher, data: DataFolder
) -> None:
    patience = Patience(least=0.2, start=0.2, unknown=0.2, times=0.0, tick=0.05)
    watch = Watch(launcher, data, Watchdog(patience))
    worker("time.sleep(60) if seen == 0 else finish()")
    outcomes = watch.train(jobs)
    assert attempts(outcomes) == [2, 2, 2]
    assert "m-f0-s0 and 2 more: its worker hangs" in watch.retries[0][1]


def test_a_number_of_no_job_is_not_the_protocol(worker: Install, jobs: list[Job], watch: Watch) -> None:
    worker("send({'of': 7, 'epoch': 1, 'val_loss': 0.5, 'val_score': 0.75})")
    outcomes = watch.train(jobs)
    assert "and 2 more: its worker sent" in str(outcomes[0])
    assert attempts(outcomes) == [0, 0, 0]


def test_a_time_limit_ends_the_worker(worker: Install, jobs: list[Job], watch: Watch) -> None:
    worker("time.sleep(60)")
    started = time.monotonic()
    assert watch.train(jobs, started + 0.5) == {}
    assert time.monotonic() - started < 50


def test_more_results_than_may_wait_come_all(worker: Install, make_job: MakeJob, watch: Watch) -> None:
    worker("finish()")
    many = [replace(make_job(fold, epochs=1), together=7) for fold in range(40)]
    assert sorted(watch.train(many)) == list(range(40))


def test_a_worker_that_trains_one_at_a_time_says_so(jobs: list[Job], data: DataFolder) -> None:
    with pytest.raises(TypeError, match="FakeWorker trains one member at a time"):
        Watch(FakeLauncher(), data).train(jobs)
