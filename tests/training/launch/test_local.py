import os
import signal
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import psutil
import pytest

from kit.members import Member, MemberResult
from kit.training.failures import WorkerFailedError, WorkerLostError
from kit.training.job import Job
from kit.training.launch import local
from kit.training.launch.local import Process, Progress, run_worker, stopped_together

MakeJob = Callable[..., Job]
Install = Callable[[str], None]


def run(job: Job, core: int | None = None) -> tuple[MemberResult, list[Progress]]:
    seen: list[Progress] = []
    return run_worker(job, core, seen.append, lambda process: None), seen  # noqa: ARG005 - nobody to kill


def told(job: Job, core: int | None = None) -> str:
    """Return what the worker says in place of a result."""
    with pytest.raises(WorkerFailedError) as error:
        run(job, core)
    return error.value.what.removeprefix("m-f0-s0: ")


def test_the_result_comes_back_bit_for_bit(worker: Install, make_job: MakeJob, result: MemberResult) -> None:
    worker("finish()")
    back, _ = run(make_job())
    for name in ("val_rows", "val_probs", "test_probs"):
        np.testing.assert_array_equal(getattr(back, name), getattr(result, name), strict=True)
    assert (back.history, back.network) == (result.history, b"net")


def test_epochs_are_told_as_they_end(worker: Install, make_job: MakeJob) -> None:
    worker("epoch(1); epoch(2); finish()")
    _, seen = run(make_job(epochs=2))
    assert seen == [Progress(Member("m", 0, 0), number, 2, 0.5, 0.75) for number in (1, 2)]


def test_the_worker_has_the_whole_job(worker: Install, make_job: MakeJob) -> None:
    worker("send({'failed': line.strip()})")
    job = make_job(rows=3_000_000)
    assert told(job) == job.to_json()


def test_a_killed_worker_is_lost(worker: Install, make_job: MakeJob) -> None:
    worker("epoch(1); die()")
    with pytest.raises(
        WorkerLostError, match=r"m-f0-s0: its worker was killed \(signal 9\), as the system does when memory"
    ):
        run(make_job())


def test_a_crashed_worker_is_lost_with_its_last_words(worker: Install, make_job: MakeJob) -> None:
    worker("sys.exit('first line\\nout of something\\n\\n')")
    with pytest.raises(WorkerLostError, match=r"its worker ended with code 1 \(out of something\)") as error:
        run(make_job())
    assert error.value.log.startswith("first line\n")


@pytest.mark.parametrize(
    "code",
    [
        "sys.exit(0)",
        'out.write(b\'{"epoch": 1, "val\'); out.flush()',
        "send({'arrays': 1000, 'network': 0}, b'short')",
    ],
    ids=["nothing", "half a line", "half a result"],
)
def test_half_an_answer_is_none(code: str, worker: Install, make_job: MakeJob) -> None:
    worker(code)
    with pytest.raises(WorkerLostError):
        run(make_job())


@pytest.mark.parametrize(
    "line",
    [
        b"my own script",
        b"[1, 2]",
        b'{"epoch": 1}',
        b'{"arrays": 3, "network": 0}\nnot an archive',
        b"\xff\xfe",
    ],
)
def test_output_that_is_not_the_protocol_is_a_lost_worker_with_its_log(
    line: bytes, worker: Install, make_job: MakeJob
) -> None:
    worker(
        "print('in the log', file=sys.stderr, flush=True)\n"
        f"out.write({line!r} + b'\\n'); out.flush(); time.sleep(60)"
    )
    with pytest.raises(
        WorkerLostError, match=r"^m-f0-s0: its worker sent '.*' in place of a result$"
    ) as error:
        run(make_job())
    assert error.value.log == "in the log\n"


def test_ctrl_z_stops_the_workers_and_fg_continues_them(worker: Install, make_job: MakeJob) -> None:
    # The worker is stopped with this process, so that nobody but a third process can look and continue.
    worker("epoch(1); (folder / 'go').exists() or time.sleep(0.5); finish()")
    look = """
import os, signal, sys, time, psutil
driver, worker = psutil.Process(int(sys.argv[1])), psutil.Process(int(sys.argv[2]))
while {driver.status(), worker.status()} != {"stopped"}: time.sleep(0.01)
driver.send_signal(signal.SIGCONT)
"""

    def suspend(_: Progress) -> None:
        arguments = [sys.executable, "-c", look, str(os.getpid()), str(started[0].pid)]
        with subprocess.Popen(arguments):
            os.kill(os.getpid(), signal.SIGTSTP)

    started: list[Process] = []
    with stopped_together():
        result = run_worker(make_job(), None, suspend, started.append)
    assert len(result.val_rows) == 4


def test_a_worker_that_never_reads_its_job_is_lost(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "WORKER", [sys.executable, "-SE", "-c", "import os; os.close(0)"])
    with pytest.raises(WorkerLostError):
        run(make_job(rows=3_000_000))


def test_a_worker_that_says_why_it_failed_is_not_lost(worker: Install, make_job: MakeJob) -> None:
    worker("print('details', file=sys.stderr); send({'failed': 'it diverged', 'hint': 'lower the rate'})")
    with pytest.raises(WorkerFailedError) as error:
        run(make_job())
    assert not isinstance(error.value, WorkerLostError)
    assert str(error.value) == "m-f0-s0: it diverged\nlower the rate"
    assert error.value.log == "details\n"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system pins no process")
def test_a_pinned_worker_has_one_core_and_one_thread(worker: Install, make_job: MakeJob) -> None:
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    worker(
        f"time.sleep(0.1); send({{'failed': str([os.sched_getaffinity(0), *map(os.environ.get, {names})])}})"
    )
    for core in sorted(os.sched_getaffinity(0))[:2]:
        assert told(make_job(), core) == str([{core}, "1", "1", "1"])


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system pins no process")
def test_a_free_worker_takes_what_it_likes(
    worker: Install, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    worker("send({'failed': str([os.sched_getaffinity(0), os.environ.get('OMP_NUM_THREADS')])})")
    assert told(make_job()) == str([os.sched_getaffinity(0), None])


def test_ctrl_c_in_the_terminal_does_not_reach_workers(worker: Install, make_job: MakeJob) -> None:
    worker("send({'failed': str(os.getsid(0) == os.getpid())})")
    assert told(make_job()) == "True"


def test_a_worker_does_not_outlive_an_error_of_its_driver(worker: Install, make_job: MakeJob) -> None:
    worker("epoch(1); time.sleep(60)")
    started: list[Process] = []

    def broken(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_worker(make_job(), None, broken, started.append)
    assert not psutil.pid_exists(started[0].pid)
