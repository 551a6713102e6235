"""Why a worker returned no result, and what to do about it."""

import re
import signal
from contextlib import suppress

from kit.errors import KitError
from kit.members import Member
from kit.training.machine import missing_instructions
from kit.training.memory import memory

# TensorFlow's notes, as in "I0000 00:00:1 cudart_stub.cc:31] ...".
_NOTE = re.compile(r"[IW]\d{4} ")
_OTHER = "use another machine, or set KERAS_BACKEND to another backend"


class WorkerFailedError(KitError):
    """The training failed for a reason that the worker reports: a retry would fail in the same way.

    Args:
        what: the reason, in one line.
        log: what the worker wrote to stderr.
        hint: what to do.
    """

    def __init__(self, what: str, log: str, hint: str | None = None) -> None:
        super().__init__(what, hint=hint)
        self.log = log


class WorkerLostError(WorkerFailedError):
    """The worker ended without a result (killed, out of memory, crashed): a retry may succeed."""


def lost(member: Member, code: int, log: str) -> WorkerLostError:
    """Return the error of a worker that ended without a result.

    Args:
        member: the member that it trained.
        code: `subprocess.Popen.returncode`: the exit code, or minus the number of the signal that ended it.
        log: what it wrote to stderr.
    """
    lines = [line.strip() for line in log.splitlines() if line.strip() and not _NOTE.match(line)]
    last = f" ({lines[-1][:200]})" if lines else ""
    if code == -signal.SIGKILL:
        what = "its worker was killed (signal 9), as the system does when memory runs out"
        return WorkerLostError(f"{member}: {what}", log, _memory_hint())
    if code == -signal.SIGILL:
        missing = ", ".join(missing_instructions())
        what = "its worker used an instruction that this CPU lacks (signal 4)"
        what += f": the CPU lacks {missing}" if missing else last
        return WorkerLostError(f"{member}: {what}", log, _OTHER)
    if "bad_alloc" in log:
        return WorkerLostError(f"{member}: its worker ran out of memory{last}", log, _memory_hint())
    if code < 0:
        with suppress(ValueError):
            return WorkerLostError(
                f"{member}: its worker was ended by signal {-code}, {signal.Signals(-code).name}{last}", log
            )
    return WorkerLostError(f"{member}: its worker ended with code {code}{last}", log)


def _memory_hint() -> str:
    return f"{memory().text}; train one member at a time: --jobs 1"
