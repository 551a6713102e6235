"""One worker process: start it, follow it, take its result."""

import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import IO, ClassVar, Self
from zipfile import BadZipFile

from kit.members import Member, MemberResult, unpack
from kit.processes import command, environment
from kit.scratch import scratch
from kit.training.failures import WorkerFailedError, WorkerLostError, lost
from kit.training.job import Job

Process = subprocess.Popen[bytes]

WORKER = command("kit.training.worker")


@dataclass(frozen=True)
class Progress:
    """One epoch of one member is over."""

    member: Member
    epoch: int
    epochs: int
    val_loss: float
    val_accuracy: float


class Worker:
    """A worker process, which trains one job after the other; a context manager that ends it.

    Class attributes:
        living: the processes that have not been ended yet.

    Args:
        backend: Keras's, the same for all of its jobs.
        core: with a number, the worker has one thread, on that core; without, it takes what it likes.
        on_start: called with the process, so that another thread can kill it.
    """

    living: ClassVar[set[Process]] = set()

    def __init__(self, backend: str, core: int | None, on_start: Callable[[Process], None]) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._process = subprocess.Popen(
            WORKER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=scratch(),
            env=environment("training", backend=backend, one_thread=core is not None),
            # Ctrl-C in a terminal reaches the driver alone, which ends its workers in good order.
            start_new_session=True,
        )
        self.living.add(self._process)
        on_start(self._process)
        if core is not None and hasattr(os, "sched_setaffinity"):
            with suppress(ProcessLookupError):
                os.sched_setaffinity(self._process.pid, {core})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        with suppress(BrokenPipeError):
            self._process.__exit__(None, None, None)
        self.living.discard(self._process)
        self._log.close()

    def train(self, job: Job, on_progress: Callable[[Progress], None]) -> MemberResult:
        """Train `job` and return its result.

        Args:
            job: what to train.
            on_progress: called after each epoch.

        Raises:
            WorkerLostError: the worker ended without a result.
            WorkerFailedError: it said why; it can take another job.
        """
        answer: MemberResult | _Failure | None = None
        try:
            with suppress(BrokenPipeError):  # It was gone before it had its job.
                answer = _follow(job, self._process, on_progress)
        except _GarbledError as error:
            self._process.kill()
            what = f"{job.member}: its worker sent {error} in place of a result"
            raise WorkerLostError(what, self._read_log()) from None
        if isinstance(answer, MemberResult):
            return answer
        if answer is not None:
            raise WorkerFailedError(f"{job.member}: {answer.reason}", self._read_log(), answer.hint)
        self._process.wait()
        raise lost(job.member, self._process.returncode, self._read_log())

    def _read_log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")


def run_worker(
    job: Job,
    core: int | None,
    on_progress: Callable[[Progress], None],
    on_start: Callable[[Process], None],
) -> MemberResult:
    """Train `job` in a fresh interpreter and return its result; see `Worker`."""
    with Worker(job.backend, core, on_start) as worker:
        return worker.train(job, on_progress)


@contextmanager
def stopped_together() -> Iterator[None]:
    """Make Ctrl-Z stop the workers as well as this process, and `fg` continue them, within the block.

    Workers have sessions of their own, so that the terminal does not send them its signals.
    """

    def stop(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the handler's signature
        _send_all(signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        _send_all(signal.SIGCONT)

    if threading.current_thread() is not threading.main_thread():
        yield  # Other threads cannot set a handler.
        return
    before = signal.signal(signal.SIGTSTP, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)


def _send_all(number: signal.Signals) -> None:
    for process in tuple(Worker.living):
        process.send_signal(number)


@dataclass(frozen=True)
class _Failure:
    """Why a worker failed, and what to do, in the worker's own words."""

    reason: str
    hint: str | None


class _GarbledError(Exception):
    """A worker sent something that is not the protocol; `str` shows it."""


def _follow(
    job: Job, process: Process, on_progress: Callable[[Progress], None]
) -> MemberResult | _Failure | None:
    """Return the worker's result, or why it failed; None where it ended without either.

    Raises:
        _GarbledError: the worker does not keep to the protocol.
    """
    if process.stdin is None or process.stdout is None:
        return None
    process.stdin.write(job.to_json().encode() + b"\n")
    process.stdin.flush()
    for line in process.stdout:
        if not line.endswith(b"\n"):
            break  # Cut off.
        try:
            answer = _understood(line, process.stdout, job)
        except (ValueError, LookupError, TypeError, BadZipFile):
            raise _GarbledError(repr(line[:80].decode(errors="replace").strip())) from None
        if not isinstance(answer, Progress):
            return answer
        on_progress(answer)
    return None


def _understood(line: bytes, rest: IO[bytes], job: Job) -> Progress | MemberResult | _Failure | None:
    """Return what a line of the worker says, with the bytes of a result that follow it; None if they are cut.

    Raises:
        ValueError, LookupError, TypeError, BadZipFile: it is not the protocol.
    """
    event = json.loads(line)
    if "failed" in event:
        return _Failure(str(event["failed"]), event.get("hint"))
    if "arrays" in event:
        arrays, network = rest.read(event["arrays"]), rest.read(event["network"])
        whole = len(arrays) + len(network) == event["arrays"] + event["network"]
        return unpack(arrays, network or None) if whole else None
    return Progress(job.member, epochs=job.epochs, **event)
