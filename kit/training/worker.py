"""A worker process, which trains one job after the other: `python -m kit.training.worker`.

Messages have the format of `kit.training.wire`. The environment names the folder of the arrays, KIT_DATA.
stdin: jobs; {"jobs": n} says that the next n of them are trained as one program. Once stdin closes, the
driver has ended: the worker exits, and removes the driver's temporary folder, KIT_SCRATCH, which a driver
that was killed cannot do.
stdout: for each job what the worker does, one message per epoch, and checkpoints, each with one blob
(`kit.training.checkpoint`); then the result, which has two blobs, arrays and network, or the reason why the
training failed. The key "of" is the number of the job among those that are trained together, from 0; a reason
without it is that of all jobs that have no result. Output of libraries goes to stderr.
"""

import os
import queue
import shutil
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import IO, Any, NoReturn

from kit.training.wire import FailureKind, Message, Phase, pack_message, read_message

STARTED = time.monotonic()
PAUSE = 0.5
"""Seconds, at least, between two messages about the same phase of the same epoch."""


def main() -> NoReturn:
    """Train the jobs from stdin and send their results, until stdin closes."""
    # Keras imports matplotlib if it is installed; no worker draws plots, and the import takes 0.6 s.
    sys.modules["matplotlib"] = None  # type: ignore[assignment]  # the documented way to make an import fail
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    jobs: queue.SimpleQueue[Message] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(jobs,), daemon=True).start()
    started = STARTED
    while True:
        first = jobs.get()
        count = first.fields.get("jobs")
        _answer([first] if count is None else [jobs.get() for _ in range(count)], out, started)
        started = time.monotonic()


def _receive(jobs: "queue.SimpleQueue[Message]") -> NoReturn:
    try:
        while (message := read_message(sys.stdin.buffer)) is not None:
            jobs.put(message)
    finally:
        # The driver has ended: a running training ends here, and so does the interpreter, whose orderly
        # shutdown takes libraries up to a second.
        if folder := os.environ.get("KIT_SCRATCH"):
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)


def _answer(messages: list[Message], out: IO[bytes], started: float) -> None:
    from kit.errors import KitError
    from kit.training.memory import shows_lack_of_memory

    try:
        _train(messages, out, started)
    except KitError as error:
        _send_failure(out, error.what, error.hint)
    except Exception as error:
        traceback.print_exc()
        reason = traceback.format_exception_only(error)[-1].strip()[:200]
        if shows_lack_of_memory(reason):
            _send_failure(out, f"not enough memory ({reason})", kind="memory")
        else:
            _send_failure(out, reason)
    sys.stderr.flush()


def _send_failure(out: IO[bytes], reason: str, hint: str | None = None, kind: FailureKind = "other") -> None:
    _send(out, {"failed": reason, "hint": hint, "kind": kind})


def _send(out: IO[bytes], fields: dict[str, Any], *blobs: bytes) -> None:
    out.write(pack_message(fields, *blobs))
    out.flush()


class _Sender:
    """Sends the progress of one job; what the worker does, not more often than people can read it."""

    def __init__(self, out: IO[bytes], number: int) -> None:
        self._out, self._number, self._sent, self._at = out, number, ("", 0), 0.0

    def send(self, fields: dict[str, Any], *blobs: bytes) -> None:
        _send(self._out, {**fields, "of": self._number}, *blobs)

    def activity(self, phase: Phase, epoch: int, share: float) -> None:
        now = time.monotonic()
        if (phase, epoch) != self._sent or now - self._at >= PAUSE:
            self.send({"phase": phase, "epoch": epoch, "share": share})
            self._sent, self._at = (phase, epoch), now

    def epoch(self, epoch: int, loss: float, score: float) -> None:
        self.send({"epoch": epoch, "val_loss": loss, "val_score": score})

    def checkpoint(self, epoch: int, content: bytes) -> None:
        self.send({"checkpoint": epoch}, content)


def _train(messages: list[Message], out: IO[bytes], started: float) -> None:
    senders = [_Sender(out, number) for number in range(len(messages))]
    for one in senders:
        one.activity("loading", 0, 0.0)  # before the imports, which take seconds
    from kit.members import MemberResult, pack
    from kit.training.failures import DivergedError
    from kit.training.job import Job
    from kit.training.member import Report, train_members

    reports = [Report(one.epoch, one.activity, one.checkpoint) for one in senders]
    folder = Path(os.environ["KIT_DATA"])

    def on_outcome(number: int, outcome: MemberResult | DivergedError) -> None:
        if isinstance(outcome, MemberResult):
            senders[number].send({"result": "member"}, pack(outcome), outcome.network or b"")
        else:
            fields = {"failed": outcome.what, "hint": outcome.hint, "kind": "diverged"}
            senders[number].send(fields)

    train_members([Job.from_message(one) for one in messages], folder, reports, started, on_outcome)


if __name__ == "__main__":
    main()
