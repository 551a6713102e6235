"""Why a worker returned no result, and what to do about it."""

import re
import signal
from contextlib import suppress

from kit.errors import KitError
from kit.training.machine import missing_instructions
from kit.training.memory import memory, shows_lack_of_memory

# TensorFlow's notes, as in "I0000 00:00:1 cudart_stub.cc:31] ...".
_NOTE = re.compile(r"[IW]\d{4} ")
_KILLER = "a person, a batch system or a memory daemon such as systemd-oomd may have killed it"
_OTHER = "use another machine, or set KERAS_BACKEND to another backend"


class WorkerFailedError(KitError):
    """The training failed for a reason that the worker reports: a retry would fail in the same way.

    Args:
        what: the reason, in one line.
        log: what the worker wrote to stderr.
        hint: what to do.

    Attributes:
        remedy: how the training is retried, if it is.
    """

    remedy = "retrying"

    def __init__(self, what: str, log: str = "", hint: str | None = None) -> None:
        super().__init__(what, hint=hint)
        self.log = log


class DataChangedError(WorkerFailedError):
    """The arrays of the data set are no longer those that the command opened."""


class DivergedError(WorkerFailedError):
    """The loss or a prediction is NaN or infinite: other random numbers may succeed."""

    remedy = "retrying with other random numbers"


class WorkerLostError(WorkerFailedError):
    """The worker ended without a result (killed, crashed): a retry may succeed."""


class WorkerHangsError(WorkerLostError):
    """The worker was killed because it sent nothing for too long."""


class OutOfMemoryError(WorkerLostError):
    """The memory did not suffice: a retry may succeed, above all one without other workers beside it."""


def lost(name: str, code: int, log: str, *, killed_for_memory: bool | None = None) -> WorkerLostError:
    """Return the error of a worker that ended without a result.

    Args:
        name: what it trained.
        code: `subprocess.Popen.returncode`: the exit code, or minus the number of the signal that ended it.
        log: what it wrote to stderr.
        killed_for_memory: whether the kernel killed processes for lack of memory while it ran; None: unknown.
    """
    lines = [line.strip() for line in log.splitlines() if line.strip() and not _NOTE.match(line)]
    last = f" ({lines[-1][:200]})" if lines else ""
    if code == -signal.SIGKILL:
        if killed_for_memory is False:
            what = "its worker was killed (signal 9), but not by the kernel for lack of memory"
            return WorkerLostError(f"{name}: {what}", log, _KILLER)
        what = "as the system does when memory runs out"
        if killed_for_memory:
            what = "and the kernel killed a process for lack of memory meanwhile"
        return OutOfMemoryError(f"{name}: its worker was killed (signal 9), {what}", log, memory_hint())
    if code == -signal.SIGILL:
        missing = ", ".join(missing_instructions())
        what = "its worker used an instruction that this CPU lacks (signal 4)"
        what += f": the CPU lacks {missing}" if missing else last
        return WorkerLostError(f"{name}: {what}", log, _OTHER)
    if shows_lack_of_memory(log):
        return OutOfMemoryError(f"{name}: its worker ran out of memory{last}", log, memory_hint())
    if code < 0:
        with suppress(ValueError):
            return WorkerLostError(
                f"{name}: its worker was ended by signal {-code}, {signal.Signals(-code).name}{last}", log
            )
    return WorkerLostError(f"{name}: its worker ended with code {code}{last}", log)


def failed_alone(error: WorkerFailedError, first: OutOfMemoryError, together: int) -> WorkerFailedError:
    """Return the error of a member for which the memory did not suffice, and that then failed alone too.

    Args:
        error: how it failed alone.
        first: how it failed beside other workers.
        together: how many members its program trains.
    """
    log = first.log + error.log
    if isinstance(error, OutOfMemoryError):
        smaller = "together, model" if together > 1 else "model"
        hint = (
            f"{memory().text}; use a smaller {smaller} or training.batch_size, or a machine with more memory"
        )
        return OutOfMemoryError(f"{error.what}, also when it was trained alone", log, hint)
    error.log = log
    return error


def memory_hint() -> str:
    """Return the memory that this process may use, what limits it, and what to do."""
    return f"{memory().text}; train one member at a time: --jobs 1"
