"""One worker process: start it, follow it, take its result."""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from kit.errors import KitError
from kit.processes import command, environment
from kit.scratch import scratch
from kit.store import Member, MemberResult, unpack
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


class WorkerFailedError(KitError):
    """The worker said why it failed: it would fail in the same way again.

    Args:
        what: the reason, in a line.
        log: all that the worker wrote on stderr.
        hint: what to do.
    """

    def __init__(self, what: str, log: str, hint: str | None = None) -> None:
        super().__init__(what, hint=hint)
        self.log = log


class WorkerLostError(WorkerFailedError):
    """The worker ended without a word (killed, out of memory, crashed): another try may do better."""


class Worker:
    """A worker process, which trains one job after the other; a context manager that ends it.

    Args:
        backend: Keras's, the same for all of its jobs.
        core: with a number, the worker has one thread, on that core; without, it takes what it likes.
        on_start: called with the process, so that another thread can kill it.
    """

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
        answer: MemberResult | dict[str, Any] | None = None
        with suppress(BrokenPipeError):  # It was gone before it had its job.
            answer = _follow(job, self._process, on_progress)
        if isinstance(answer, MemberResult):
            return answer
        if answer is None:
            self._process.wait()
        self._log.seek(0)
        log = self._log.read().decode(errors="replace")
        if answer is not None:
            raise WorkerFailedError(f"{job.member}: {answer['failed']}", log, answer.get("hint"))
        raise WorkerLostError(_epitaph(job.member, self._process.returncode, log), log)


def run_worker(
    job: Job,
    core: int | None,
    on_progress: Callable[[Progress], None],
    on_start: Callable[[Process], None],
) -> MemberResult:
    """Train `job` in a fresh interpreter and return its result; see `Worker`."""
    with Worker(job.backend, core, on_start) as worker:
        return worker.train(job, on_progress)


def _follow(
    job: Job, process: Process, on_progress: Callable[[Progress], None]
) -> MemberResult | dict[str, Any] | None:
    """Return the worker's result, or why it failed; None where it ended without either."""
    if process.stdin is None or process.stdout is None:
        return None
    process.stdin.write(job.to_json().encode() + b"\n")
    process.stdin.flush()
    for line in process.stdout:
        if not line.endswith(b"\n"):
            break  # Cut off.
        event: dict[str, Any] = json.loads(line)
        if "failed" in event:
            return event
        if "arrays" in event:
            arrays, network = process.stdout.read(event["arrays"]), process.stdout.read(event["network"])
            if len(arrays) + len(network) < event["arrays"] + event["network"]:
                break
            return unpack(arrays, network or None)
        on_progress(Progress(job.member, epochs=job.epochs, **event))
    return None


def _epitaph(member: Member, code: int, log: str) -> str:
    if code < 0:
        return f"{member}: its worker was killed by signal {-code}"
    said = [line for line in log.splitlines() if line.strip()]
    return f"{member}: its worker ended with code {code}" + (f" ({said[-1][:200]})" if said else "")
