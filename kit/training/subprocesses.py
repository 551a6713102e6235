"""One worker process: start it, follow it, take its result."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from kit.errors import KitError
from kit.store import Member, MemberResult, unpack
from kit.training.job import Job


@dataclass(frozen=True)
class Progress:
    """One epoch of one member is over."""

    member: Member
    epoch: int
    epochs: int
    val_loss: float
    val_accuracy: float


class WorkerLostError(KitError):
    """The worker ended without a word: killed, out of memory, or crashed."""


def run_worker(
    job: Job,
    core: int | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_start: Callable[["subprocess.Popen[bytes]"], None] = lambda process: None,
) -> MemberResult:
    """Train `job` in a fresh interpreter and return its result.

    Args:
        job: what to train.
        core: with a number, the worker is single-threaded and pinned to that core; without, it takes what it likes.
        on_progress: called after each epoch.
        on_start: called with the process, so that another thread can kill it.

    Raises:
        WorkerLostError: it ended without a result; training it again may help.
        KitError: it said why it failed; training it again would fail in the same way.
    """
    with tempfile.TemporaryFile() as chatter:
        process = subprocess.Popen(
            [sys.executable, "-m", "kit.training.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=chatter,
            env=os.environ | _environment(job, core),
            # Ctrl-C in a terminal reaches the driver alone, which ends its workers in good order.
            start_new_session=True,
        )
        with process:
            try:
                on_start(process)
                if core is not None and hasattr(os, "sched_setaffinity"):
                    os.sched_setaffinity(process.pid, {core})
                return _follow(job, process, on_progress)
            except (BrokenPipeError, ProcessLookupError):
                pass
            finally:
                process.kill()
        chatter.seek(0)
        raise WorkerLostError(_epitaph(job.member, process.returncode, chatter))


def _follow(
    job: Job, process: "subprocess.Popen[bytes]", on_progress: Callable[[Progress], None]
) -> MemberResult:
    if process.stdin is None or process.stdout is None:
        raise BrokenPipeError
    process.stdin.write(job.to_json().encode() + b"\n")
    process.stdin.flush()
    for line in process.stdout:
        event: dict[str, Any] = json.loads(line)
        if "failed" in event:
            raise KitError(event["failed"])
        if "arrays" in event:
            arrays, network = process.stdout.read(event["arrays"]), process.stdout.read(event["network"])
            if len(arrays) + len(network) < event["arrays"] + event["network"]:
                break
            return unpack(arrays, network or None)
        on_progress(
            Progress(job.member, event["epoch"], job.epochs, event["val_loss"], event["val_accuracy"])
        )
    process.wait()
    raise BrokenPipeError


def _environment(job: Job, core: int | None) -> dict[str, str]:
    quiet = {"KERAS_BACKEND": job.backend, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": "1"}
    if core is None:
        return quiet
    threads = (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
    )
    return quiet | dict.fromkeys(threads, "1")


def _epitaph(member: Member, code: int, chatter: IO[bytes]) -> str:
    said = [line for line in chatter.read().decode(errors="replace").splitlines() if line.strip()]
    cause = f"killed by signal {-code}" if code < 0 else f"ended with code {code}"
    return f"{member}: the worker was {cause}" + (f": {said[-1][:300]}" if said and code > 0 else "")
