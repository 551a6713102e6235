"""One worker process: start it, follow it, take its result."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kit.errors import KitError
from kit.store import Member, MemberResult, unpack
from kit.training.job import Job

Process = subprocess.Popen[bytes]

WORKER = [sys.executable, "-m", "kit.training.worker"]
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
"""Variables that say how many threads a library may start."""


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


def run_worker(
    job: Job,
    core: int | None,
    on_progress: Callable[[Progress], None],
    on_start: Callable[[Process], None],
) -> MemberResult:
    """Train `job` in a fresh interpreter and return its result.

    Args:
        job: what to train.
        core: with a number, the worker has one thread, on that core; without, it takes what it likes.
        on_progress: called after each epoch.
        on_start: called with the process, so that another thread can kill it.

    Raises:
        WorkerLostError: it ended without a result.
        WorkerFailedError: it said why.
    """
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            WORKER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=os.environ | environment(job.backend, core),
            # Ctrl-C in a terminal reaches the driver alone, which ends its workers in good order.
            start_new_session=True,
        )
        answer: MemberResult | dict[str, Any] | None = None
        try:
            with process:
                try:
                    on_start(process)
                    if core is not None and hasattr(os, "sched_setaffinity"):
                        os.sched_setaffinity(process.pid, {core})
                    answer = _follow(job, process, on_progress)
                    if answer is None:
                        process.wait()
                finally:
                    process.kill()
        except (BrokenPipeError, ProcessLookupError):
            pass  # It was gone before it had its job.
        if isinstance(answer, MemberResult):
            return answer
        stderr.seek(0)
        log = stderr.read().decode(errors="replace")
    if answer is not None:
        raise WorkerFailedError(f"{job.member}: {answer['failed']}", log, answer.get("hint"))
    raise WorkerLostError(_epitaph(job.member, process.returncode, log), log)


def environment(backend: str, core: int | None) -> dict[str, str]:
    """Return what has to be set before a backend is imported."""
    wanted = {
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # Reproducible matrix products on a GPU; PyTorch asks for it by name.
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    }
    flags = ["--xla_gpu_deterministic_ops=true"]
    if core is not None:
        wanted |= dict.fromkeys(THREADS, "1")
        flags.append("--xla_cpu_multi_thread_eigen=false")
    if backend == "jax":
        wanted["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *flags]).strip()
    return wanted


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
