"""Workers as child processes on this machine."""

import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from zipfile import BadZipFile

from kit import interrupts
from kit.members import MemberResult, unpack
from kit.processes import command, environment
from kit.records import ClusterRecord
from kit.scratch import scratch
from kit.training import memory
from kit.training.failures import (
    DivergedError,
    OutOfMemoryError,
    WorkerFailedError,
    WorkerLostError,
    lost,
    memory_hint,
)
from kit.training.job import Job
from kit.training.launch import devices
from kit.training.launch.base import Activity, Checkpoint, DataFolder, Device, Event, Progress
from kit.training.wire import FailureKind, Message, NotAMessageError, read_message

Process = subprocess.Popen[bytes]

WORKER = tuple(command("kit.training.worker"))


class LocalLauncher:
    """Starts workers as child processes on the CPU cores and GPUs of this machine.

    Args:
        command: the program of a worker, with its arguments.
    """

    def __init__(self, command: Sequence[str] = WORKER) -> None:
        self._command = command
        self._running: set[Process] = set()
        interrupts.at_once(lambda: self._send_all(signal.SIGKILL))

    def devices(self, backend: str | None) -> list[Device]:
        """Return the GPUs that `backend` can use; without any, the CPU cores."""
        return devices.available(backend)

    def more(self, running: int) -> list[Device]:
        """Return no devices: those of this machine do not change."""
        del running
        return []

    def cluster(self) -> ClusterRecord | None:
        """Return None: all members are trained on this machine."""
        return None

    def start(self, device: Device, backend: str, data: DataFolder) -> "LocalWorker":
        """Start a worker."""
        return LocalWorker(self._command, device, backend, data, self._running)

    @contextmanager
    def suspended_together(self) -> Iterator[None]:
        """Suspend the workers with this process (Ctrl-Z), and resume them with it (`fg`), in the block.

        Workers have sessions of their own, so the terminal does not send them its signals.
        """

        def suspend(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the handler's signature
            self._send_all(signal.SIGSTOP)
            os.kill(os.getpid(), signal.SIGSTOP)
            self._send_all(signal.SIGCONT)

        if threading.current_thread() is not threading.main_thread():
            yield  # Other threads cannot set a handler.
            return
        before = signal.signal(signal.SIGTSTP, suspend)
        try:
            yield
        finally:
            signal.signal(signal.SIGTSTP, before)

    def _send_all(self, number: signal.Signals) -> None:
        for process in tuple(self._running):
            process.send_signal(number)


class LocalWorker:
    """A worker process; see `WorkerHandle`.

    Args:
        command: its program, with arguments.
        device: what it computes on.
        backend: Keras's.
        data: the arrays that its jobs refer to.
        running: the launcher's running processes; this one is in it until it is closed.
    """

    def __init__(
        self, command: Sequence[str], device: Device, backend: str, data: DataFolder, running: set[Process]
    ) -> None:
        self._backend, self._data, self._running = backend, data, running
        self._kills = memory.kills()
        with ExitStack() as held:
            core = held.enter_context(devices.reserve_core()) if device.kind == "core" else None
            self._log = held.enter_context(tempfile.TemporaryFile())
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                cwd=scratch(),
                env=environment(
                    "training",
                    backend=backend,
                    data=data.path,
                    one_thread=core is not None,
                    gpu=device.gpu,
                    shared_gpu=device.shared,
                ),
                # Ctrl-C in a terminal reaches the driver alone, which ends its workers in good order.
                start_new_session=True,
            )
            running.add(self._process)
            self._held = held.pop_all()
        if core is not None and hasattr(os, "sched_setaffinity"):
            with suppress(ProcessLookupError):
                os.sched_setaffinity(self._process.pid, {core})

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def kill(self) -> None:
        """End the worker at once, from any thread."""
        self._process.kill()

    def close(self) -> None:
        """End the worker, and free its device."""
        self._process.kill()
        # Before its stdin closes, which a living worker takes for the end of the driver.
        self._process.wait()
        with suppress(BrokenPipeError):
            self._process.__exit__(None, None, None)
        self._running.discard(self._process)
        self._held.close()

    def train(self, job: Job, on_progress: Callable[[Event | Checkpoint], None]) -> MemberResult:
        """Train `job` and return its result; see `WorkerHandle`."""
        if (job.backend, job.data) != (self._backend, self._data.fingerprint):
            raise ValueError(f"{job.member}: its worker was started with another backend or data set")
        answer: MemberResult | _Failure | None = None
        try:
            with suppress(BrokenPipeError):  # It ended before it read its job.
                answer = _follow(job, self._process, on_progress)
        except NotAMessageError as error:
            self._process.kill()
            what = f"{job.member}: its worker sent {error} in place of a result"
            raise WorkerLostError(what, self._read_log()) from None
        if isinstance(answer, MemberResult):
            return answer
        if answer is not None:
            raise answer.error(job, self._read_log())
        self._process.wait()
        kills = memory.kills()
        for_memory = None if kills is None else kills != self._kills
        raise lost(job.member, self._process.returncode, self._read_log(), killed_for_memory=for_memory)

    def _read_log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")


@dataclass(frozen=True)
class _Failure:
    """Why a training failed, and what to do, as the worker puts it."""

    reason: str
    hint: str | None
    kind: FailureKind

    def error(self, job: Job, log: str) -> WorkerFailedError:
        """Return the error to raise for a job, with what the worker wrote to stderr."""
        what = f"{job.member}: {self.reason}"
        if self.kind == "memory":
            return OutOfMemoryError(what, log, memory_hint())
        return (DivergedError if self.kind == "diverged" else WorkerFailedError)(what, log, self.hint)


def _follow(
    job: Job, process: Process, on_progress: Callable[[Event | Checkpoint], None]
) -> MemberResult | _Failure | None:
    """Return the worker's result, or why the training failed; None if the worker ended without either.

    Raises:
        NotAMessageError: the worker sent something that is not the protocol.
    """
    if process.stdin is None or process.stdout is None:
        return None
    process.stdin.write(job.to_bytes())
    process.stdin.flush()
    while (message := read_message(process.stdout)) is not None:
        answer = _parsed(message, job)
        if isinstance(answer, MemberResult | _Failure):
            return answer
        on_progress(answer)
    return None


def _parsed(message: Message, job: Job) -> Event | Checkpoint | MemberResult | _Failure:
    fields = message.fields
    try:
        if "failed" in fields:
            return _Failure(str(fields["failed"]), fields.get("hint"), fields.get("kind", "other"))
        if "result" in fields:
            arrays, network = message.blobs
            return unpack(arrays, network or None)
        if "phase" in fields:
            return Activity(job.member, **fields)
        if "checkpoint" in fields:
            [content] = message.blobs
            return Checkpoint(job.member, int(fields["checkpoint"]), content)
        return Progress(job.member, epochs=job.epochs, **fields)
    except (ValueError, LookupError, TypeError, BadZipFile):
        raise NotAMessageError(repr(json.dumps(fields)[:80])) from None
