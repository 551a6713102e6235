import json
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import psutil
import pytest

from kit.members import Member, MemberResult
from kit.training.failures import WorkerFailedError, WorkerLostError
from kit.training.job import Job
from kit.training.launch.base import Activity, Checkpoint, DataFolder, Device, Event, Progress
from kit.training.launch.local import LocalLauncher
from kit.training.wire import read_message
from tests.driving import wait_for
from tests.launchers import CPU

MakeJob = Callable[..., Job]
Install = Callable[[str], None]
CORE = Device("core")
GPU = "CUDA_VISIBLE_DEVICES", "TF_FORCE_GPU_ALLOW_GROWTH", "XLA_PYTHON_CLIENT_PREALLOCATE"
PINS = hasattr(os, "sched_getaffinity")


class Driver:
    """Trains jobs, each in a worker of its own."""

    def __init__(self, launcher: LocalLauncher, data: DataFolder) -> None:
        self.launcher, self.data = launcher, data
        self.pids: list[int] = []
        self.seen: list[Event | Checkpoint] = []

    def run(
        self, job: Job, device: Device = CPU, on_progress: Callable[[Event | Checkpoint], None] | None = None
    ) -> MemberResult:
        worker = self.launcher.start(device, job.backend, self.data)
        self.pids.append(worker.pid)
        try:
            return worker.train(job, on_progress or self.seen.append)
        finally:
            worker.close()

    def reply(self, job: Job, device: Device = CPU) -> str:
        """Return the reason for which the worker says it failed."""
        with pytest.raises(WorkerFailedError) as error:
            self.run(job, device)
        return error.value.what.removeprefix("m-f0-s0: ")


@pytest.fixture
def no_gpu_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GPU:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def driver(launcher: LocalLauncher, data: DataFolder) -> Driver:
    return Driver(launcher, data)


def test_the_result_comes_back_bit_for_bit(
    worker: Install, make_job: MakeJob, driver: Driver, result: MemberResult
) -> None:
    worker("finish()")
    back = driver.run(make_job())
    for name in ("val_rows", "val_probs", "test_probs"):
        np.testing.assert_array_equal(getattr(back, name), getattr(result, name), strict=True)
    assert (back.history, back.network) == (result.history, b"net")


def test_epochs_are_reported_as_they_end(worker: Install, make_job: MakeJob, driver: Driver) -> None:
    worker("epoch(1); epoch(2); finish()")
    driver.run(make_job(epochs=2))
    assert driver.seen == [Progress(Member("m", 0, 0), number, 2, 0.5, 0.75) for number in (1, 2)]


def test_what_the_worker_does_is_reported(worker: Install, make_job: MakeJob, driver: Driver) -> None:
    worker("send({'phase': 'training', 'epoch': 2, 'share': 0.25}); finish()")
    driver.run(make_job())
    assert driver.seen == [Activity(Member("m", 0, 0), "training", 2, 0.25)]


def test_a_checkpoint_comes_back_bit_for_bit(worker: Install, make_job: MakeJob, driver: Driver) -> None:
    worker(r"send({'checkpoint': 2}, b'\x00state\n'); finish()")
    driver.run(make_job())
    assert driver.seen == [Checkpoint(Member("m", 0, 0), 2, b"\x00state\n")]


def test_the_worker_has_the_whole_job(worker: Install, make_job: MakeJob, driver: Driver) -> None:
    worker("job.pop('blobs'); fail(json.dumps(job) + str([len(_[0]), sum(_[0])]))")
    job = make_job(rows=3_000_000)
    message = read_message(BytesIO(job.to_bytes()))
    assert message
    packed, *_ = message.blobs
    assert driver.reply(job) == json.dumps(message.fields) + str([len(packed), sum(packed)])


def test_a_killed_worker_is_lost(worker: Install, make_job: MakeJob, driver: Driver) -> None:
    worker("epoch(1); die()")
    with pytest.raises(
        WorkerLostError,
        match=r"m-f0-s0: its worker was killed \(signal 9\), but not by the kernel for lack of memory",
    ):
        driver.run(make_job())


def test_a_crashed_worker_is_lost_with_the_last_line_of_its_log(
    worker: Install, make_job: MakeJob, driver: Driver
) -> None:
    worker("sys.exit('first line\\nout of something\\n\\n')")
    with pytest.raises(WorkerLostError, match=r"its worker ended with code 1 \(out of something\)") as error:
        driver.run(make_job())
    assert error.value.log.startswith("first line\n")


@pytest.mark.parametrize(
    "code",
    [
        "sys.exit(0)",
        'out.write(b\'{"epoch": 1, "val\'); out.flush()',
        'out.write(b\'{"result": "member", "blobs": [1000, 0]}\\nshort\'); out.flush()',
    ],
    ids=["nothing", "half a line", "half a result"],
)
def test_half_an_answer_is_a_lost_worker(
    code: str, worker: Install, make_job: MakeJob, driver: Driver
) -> None:
    worker(code)
    with pytest.raises(WorkerLostError):
        driver.run(make_job())


@pytest.mark.parametrize(
    "line",
    [
        b"my own script",
        b"[1, 2]",
        b'{"epoch": 1}',
        b'{"epoch": 1, "blobs": []}',
        b'{"result": "member", "blobs": [14, 0]}\nnot an archive',
        b"\xff\xfe",
    ],
)
def test_output_that_is_not_the_protocol_is_a_lost_worker_with_its_log(
    line: bytes, worker: Install, make_job: MakeJob, driver: Driver
) -> None:
    worker(
        "print('in the log', file=sys.stderr, flush=True)\n"
        f"out.write({line!r} + b'\\n'); out.flush(); time.sleep(60)"
    )
    with pytest.raises(
        WorkerLostError, match=r"^m-f0-s0: its worker sent '.*' in place of a result$"
    ) as error:
        driver.run(make_job())
    assert error.value.log == "in the log\n"


def test_ctrl_z_suspends_the_workers_and_fg_resumes_them(
    worker: Install, make_job: MakeJob, driver: Driver, data: DataFolder
) -> None:
    # The worker is suspended with this process, so only a third process can look and resume them.
    worker("epoch(1)\nwhile not (folder / 'go').exists(): time.sleep(0.01)\nfinish()")
    look = """
import os, signal, sys, time, psutil
driver, worker = psutil.Process(int(sys.argv[1])), psutil.Process(int(sys.argv[2]))
try:
    while {driver.status(), worker.status()} != {"stopped"}: time.sleep(0.01)
finally:
    driver.send_signal(signal.SIGCONT)
"""

    def suspend(_: Event | Checkpoint) -> None:
        arguments = [sys.executable, "-c", look, str(os.getpid()), str(driver.pids[0])]
        with subprocess.Popen(arguments) as looking:
            os.kill(os.getpid(), signal.SIGTSTP)
        assert looking.returncode == 0
        (data.path / "go").touch()

    with driver.launcher.suspended_together():
        result = driver.run(make_job(), on_progress=suspend)
    assert len(result.val_rows) == 4


def test_ctrl_z_suspends_a_worker_that_is_just_being_started(
    worker: Install, driver: Driver, data: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker("time.sleep(600)")
    begun, popen, kill = queue.SimpleQueue[psutil.Process](), subprocess.Popen, os.kill

    def slowly(*arguments: Any, **options: Any) -> "subprocess.Popen[bytes]":
        process = popen(*arguments, **options)
        begun.put(psutil.Process(process.pid))
        time.sleep(0.5)
        return process

    def look_in_place_of_stopping(pid: int, number: int) -> None:
        if pid != os.getpid():
            kill(pid, number)
        else:
            wait_for(lambda: one.status() == psutil.STATUS_STOPPED)

    monkeypatch.setattr(subprocess, "Popen", slowly)
    with ThreadPoolExecutor() as pool, driver.launcher.suspended_together():
        started = pool.submit(driver.launcher.start, CPU, "none", data)
        one = begun.get()
        with monkeypatch.context() as patched:
            patched.setattr(os, "kill", look_in_place_of_stopping)
            signal.raise_signal(signal.SIGTSTP)
        started.result().close()


def test_a_worker_that_never_reads_its_job_is_lost(make_job: MakeJob, data: DataFolder) -> None:
    launcher = LocalLauncher([sys.executable, "-SE", "-c", "import os; os.close(0)"])
    with pytest.raises(WorkerLostError):
        Driver(launcher, data).run(make_job(rows=3_000_000))


def test_a_job_of_other_data_is_refused(worker: Install, make_job: MakeJob, driver: Driver) -> None:
    worker("finish()")
    with pytest.raises(ValueError, match="m-f0-s0: its worker was started with another backend or data set"):
        driver.run(replace(make_job(), data="other"))


def test_a_worker_that_says_why_it_failed_is_not_lost(
    worker: Install, make_job: MakeJob, driver: Driver
) -> None:
    worker("print('details', file=sys.stderr); send({'failed': 'it diverged', 'hint': 'lower the rate'})")
    with pytest.raises(WorkerFailedError) as error:
        driver.run(make_job())
    assert not isinstance(error.value, WorkerLostError)
    assert str(error.value) == "m-f0-s0: it diverged\nlower the rate"
    assert error.value.log == "details\n"


@pytest.mark.skipif(not PINS, reason="this system has no CPU affinity")
def test_a_pinned_worker_has_one_core_and_one_thread(
    worker: Install, make_job: MakeJob, driver: Driver
) -> None:
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    worker(f"time.sleep(0.1); fail(str([len(os.sched_getaffinity(0)), *map(os.environ.get, {names})]))")
    assert driver.reply(make_job(), CORE) == str([1, "1", "1", "1"])


@pytest.mark.skipif(not PINS, reason="this system has no CPU affinity")
def test_a_worker_on_the_whole_cpu_is_not_pinned(
    worker: Install, make_job: MakeJob, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    worker("fail(str([os.sched_getaffinity(0), os.environ.get('OMP_NUM_THREADS')]))")
    assert driver.reply(make_job()) == str([os.sched_getaffinity(0), None])


def test_ctrl_c_in_the_terminal_does_not_reach_workers(
    worker: Install, make_job: MakeJob, driver: Driver
) -> None:
    worker("fail(str(os.getsid(0) == os.getpid()))")
    assert driver.reply(make_job()) == "True"


def test_a_worker_does_not_outlive_an_error_of_its_driver(
    worker: Install, make_job: MakeJob, driver: Driver
) -> None:
    worker("epoch(1); time.sleep(60)")

    def broken(_: Event | Checkpoint) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        driver.run(make_job(), on_progress=broken)
    assert not psutil.pid_exists(driver.pids[0])


@pytest.mark.parametrize(
    ("device", "variables"),
    [
        (Device("gpu"), [None, None, None]),
        (Device("gpu", "GPU-1a"), ["GPU-1a", None, None]),
        (Device("gpu", "GPU-1a", shared=True), ["GPU-1a", "true", "false"]),
        (Device("gpu", shared=True), [None, "true", "false"]),
    ],
)
@pytest.mark.usefixtures("no_gpu_variables")
def test_a_worker_on_a_gpu_sees_that_gpu_and_shares_its_memory(
    device: Device, variables: list[str | None], worker: Install, make_job: MakeJob, driver: Driver
) -> None:
    worker(f"fail(str([*map(os.environ.get, {GPU}), os.sched_getaffinity(0)]))")
    assert driver.reply(make_job(), device) == str([*variables, os.sched_getaffinity(0)])


def test_workers_take_another_job_after_one_that_failed(
    launcher: LocalLauncher, data: DataFolder, make_job: MakeJob, worker: Install
) -> None:
    worker("fail('no'); receive(); finish()")
    one = launcher.start(CPU, "tensorflow", data)
    with pytest.raises(WorkerFailedError, match="m-f0-s0: no"):
        one.train(make_job(), lambda _: None)
    assert len(one.train(make_job(1), lambda _: None).val_rows) == 4
    one.close()
