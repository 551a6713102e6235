"""The ledger: every submission, as append-only events in submissions/ledger.jsonl.

An event is a line of JSON that says all that is known of a submission; the last event of a tag wins.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from kit.errors import UserError
from kit.masking import masked

FOLDER = Path("submissions")

Status = Literal["uploading", "sending", "pending", "complete", "error", "failed"]
"""uploading: nothing is submitted yet; sending: it may have arrived; pending, complete, error: Kaggle's own;
failed: it never became a submission."""


@dataclass(frozen=True)
class Record:
    """What is known of one submission.

    Attributes:
        tag: stands in the description, and finds the submission in Kaggle's list.
        status: how far it came.
        competition: its slug.
        run: name of the run; None for a file from elsewhere.
        file: the copy of what was sent.
        sha256: of the content.
        message: the description without the tag.
        oof_accuracy, oof_interval: of the run, as fractions.
        expected_score: low and high, from the run's report.
        ref: Kaggle's number of the submission.
        public_score, private_score: Kaggle's own strings; empty where there is none.
        error: why it failed.
        begun, updated: time of the first and the last event (ISO 8601, UTC).
    """

    tag: str
    status: Status
    competition: str
    run: str | None
    file: str
    sha256: str
    message: str
    oof_accuracy: float | None = None
    oof_interval: tuple[float, float] | None = None
    expected_score: tuple[float, float] | None = None
    ref: int | None = None
    public_score: str = ""
    private_score: str = ""
    error: str = ""
    begun: str = ""
    updated: str = ""

    @property
    def name(self) -> str:
        """What people call it: the run, or the file."""
        return self.run or Path(self.file).name

    @property
    def sent(self) -> bool:
        """Whether it is, or may be, at Kaggle."""
        return self.status not in ("uploading", "failed")

    @property
    def score(self) -> float | None:
        """The public score as a number, where it is one."""
        try:
            return float(self.public_score)
        except ValueError:
            return None

    @property
    def place(self) -> str:
        """Where the score lies, inside, above or below the expected range; empty where one is not known."""
        if self.score is None or self.expected_score is None:
            return ""
        low, high = self.expected_score
        return "below" if self.score < low else "above" if self.score > high else "inside"

    @property
    def result(self) -> str:
        """The score beside what was expected, a sentence."""
        if not self.public_score:
            return f"submission {self.ref} is scored; Kaggle shows no public score"
        if self.expected_score is None or not self.place:
            return f"score {self.public_score}"
        low, high = self.expected_score
        expected = f"{self.place} the expected range {low:.5f} to {high:.5f}"
        return f"score {self.public_score}, {expected} (OOF {self.oof_accuracy:.5f})"

    @property
    def age(self) -> float:
        """Seconds since the last event."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.updated)).total_seconds()


class Ledger:
    """The file of all submissions made from this working directory."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder, self.path = folder, folder / "ledger.jsonl"

    def records(self) -> list[Record]:
        """Return every submission, the oldest first.

        A line that is no JSON (torn by a crash, or left by a merge) counts for nothing.

        Raises:
            UserError: the file cannot be read.
        """
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UserError(f"not readable: {error.strerror}", where=str(self.path)) from error
        known = {field.name for field in fields(Record)}
        records: dict[str, Record] = {}
        for line in lines:
            try:
                event = json.loads(line)
                begun = records[event["tag"]].begun if event["tag"] in records else event["time"]
                told: Any = {name: _frozen(value) for name, value in event.items() if name in known}
                records[event["tag"]] = Record(**told, begun=begun, updated=event["time"])
            except (ValueError, TypeError, KeyError):
                continue
        return list(records.values())

    def append(self, record: Record) -> Record:
        """Write an event with all that is known of a submission; return it with its times."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        record = replace(record, begun=record.begun or now, updated=now, error=masked(record.error))
        event = {"time": now} | asdict(record)
        del event["begun"], event["updated"]
        line = json.dumps(event, allow_nan=False).encode() + b"\n"
        self.folder.mkdir(parents=True, exist_ok=True)
        # One write at the end of the file: whole and in order, whoever else writes.
        with self.path.open("a+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            torn = size and os.pread(file.fileno(), 1, size - 1) != b"\n"
            file.write(b"\n" * bool(torn) + line)
            os.fsync(file.fileno())
        return record

    @contextmanager
    def locked(self, waiting: Callable[[], None] | None = None) -> Iterator[bool]:
        """Keep other processes from sending; the lock goes with the process, however it ends.

        Args:
            waiting: called before a wait for another process; None: do not wait.

        Yields:
            Whether the lock is held.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held = True
            except BlockingIOError:
                held = waiting is not None
                if waiting is not None:
                    waiting()
                    fcntl.flock(file, fcntl.LOCK_EX)
            yield held


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
