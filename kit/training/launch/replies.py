"""What a worker process sends, as the driver sees it."""

import json
from dataclasses import dataclass
from zipfile import BadZipFile

from kit.members import MemberResult, unpack
from kit.training.failures import DivergedError, OutOfMemoryError, WorkerFailedError, memory_hint
from kit.training.job import Job
from kit.training.launch.base import Activity, Checkpoint, Event, Progress
from kit.training.wire import FailureKind, Message, NotAMessageError


@dataclass(frozen=True)
class Failure:
    """Why a training failed, and what to do, as the worker puts it."""

    reason: str
    hint: str | None
    kind: FailureKind

    def error(self, name: str, log: str) -> WorkerFailedError:
        """Return the error of a training.

        Args:
            name: what was trained.
            log: what the worker wrote to stderr.
        """
        what = f"{name}: {self.reason}"
        if self.kind == "memory":
            return OutOfMemoryError(what, log, memory_hint())
        return (DivergedError if self.kind == "diverged" else WorkerFailedError)(what, log, self.hint)


def parsed(message: Message, job: Job) -> Event | Checkpoint | MemberResult | Failure:
    """Return what a message about a job says.

    Raises:
        NotAMessageError: it is not the protocol.
    """
    fields = message.fields
    try:
        if "failed" in fields:
            return Failure(str(fields["failed"]), fields.get("hint"), fields.get("kind", "other"))
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
