"""Workers as child processes on this machine."""

import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

from kit import interrupts
from kit.members import MemberResult
from kit.processes import command, environment
from kit.records import ClusterRecord
from kit.scratch import scratch
from kit.training import memory
from kit.training.bundles import named
from kit.training.failures import WorkerFailedError, WorkerLostError, lost
from kit.training.job import Job
from kit.training.launch import devices
from kit.training.launch.base import Checkpoint, DataFolder, Device, Event, OnOutcome
from kit.training.launch.replies import Failure, parsed
from kit.training.wire import NotAMessageError, pack_message, read_message

Process = subprocess.Popen[bytes]

WORKER = tuple(command("kit.training.worker"))


class LocalLauncher:
    """Starts workers as child processes on the CPU cores and GPUs of this machine.

    Args:
        command: the program of a worker, with its arguments.
    """

    trains_together = True

    def __init__(self, command: Sequence[str] = WORKER) -> None:
        self._command = command
        self._running: set[Process] = set()
        self._starting = threading.RLock()
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
        with self._starting:
            return LocalWorker(self._command, device, backend, data, self._running)

    @contextmanager
    def suspended_together(self) -> Iterator[None]:
        """Suspend the workers with this process (Ctrl-Z), and resume them with it (`fg`), in the block.

        Workers have sessions of their own, so the terminal does not send them its signals.
        """

        def suspend(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the handler's signature
            with self._starting:  # A worker that a thread is just starting would miss the signal.
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
        outcomes: list[MemberResult | WorkerFailedError] = []
        self.train_together([job], on_progress, lambda _, outcome: outcomes.append(outcome))
        [outcome] = outcomes
        if isinstance(outcome, WorkerFailedError):
            raise outcome
        return outcome

    def train_together(
        self, jobs: Sequence[Job], on_progress: Callable[[Event | Checkpoint], None], on_outcome: OnOutcome
    ) -> None:
        """Train `jobs` as one program; see `WorkerHandle`."""
        for job in jobs:
            if (job.backend, job.data) != (self._backend, self._data.fingerprint):
                raise ValueError(f"{job.member}: its worker was started with another backend or data set")
        left = dict(enumerate(jobs))
        try:
            with suppress(BrokenPipeError):  # It ended before it read its jobs.
                self._follow(left, on_progress, on_outcome)
        except NotAMessageError as error:
            self._process.kill()
            what = f"{named(jobs)}: its worker sent {error} in place of a result"
            raise WorkerLostError(what, self._read_log()) from None
        if left:
            self._process.wait()
            kills = memory.kills()
            for_memory = None if kills is None else kills != self._kills
            code, log = self._process.returncode, self._read_log()
            raise lost(named(jobs), code, log, killed_for_memory=for_memory)

    def _follow(
        self,
        left: dict[int, Job],
        on_progress: Callable[[Event | Checkpoint], None],
        on_outcome: OnOutcome,
    ) -> None:
        """Send jobs, and pass on what comes; `left` loses each job that has its outcome.

        Raises:
            NotAMessageError: the worker sent something that is not the protocol.
            WorkerFailedError: the training of all jobs failed.
        """
        if self._process.stdin is None or self._process.stdout is None:
            return
        if len(left) > 1:
            self._process.stdin.write(pack_message({"jobs": len(left)}))
        for job in left.values():
            self._process.stdin.write(job.to_bytes())
        self._process.stdin.flush()
        while left and (message := read_message(self._process.stdout)) is not None:
            number = message.fields.pop("of", None)
            place = next(iter(left)) if number is None else number
            if not isinstance(place, int) or place not in left:
                raise NotAMessageError(repr(json.dumps(message.fields)[:80]))
            answer = parsed(message, left[place])
            if isinstance(answer, Failure) and number is None:
                raise answer.error(named(left.values()), self._read_log())
            if isinstance(answer, Failure):
                job = left.pop(place)
                on_outcome(job, answer.error(str(job.member), self._read_log()))
            elif isinstance(answer, MemberResult):
                on_outcome(left.pop(place), answer)
            else:
                on_progress(answer)

    def _read_log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")
