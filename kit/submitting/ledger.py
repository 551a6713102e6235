"""The ledger: every submission, as append-only events in submissions/ledger.jsonl.

An event is one line of JSON with everything known about one submission; the last event of a tag wins.
"""

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import click

from kit import locks
from kit.errors import UserError
from kit.files import where_offered
from kit.masking import masked
from kit.os_errors import hint, name_file, reason
from kit.submitting.events import from_line, is_event, to_line
from kit.typed import in_typed_form

FOLDER = Path("submissions")
_LOCK_INTERVAL = 0.2
"""Seconds between two attempts to take the lock."""

Status = Literal["uploading", "sending", "pending", "complete", "error", "failed"]
"""uploading: not submitted yet; sending: it may have arrived; pending, complete, error: Kaggle's status;
failed: it never became a submission."""
_TEXTS = (
    "tag",
    "status",
    "competition",
    "file",
    "sha256",
    "message",
    "public_score",
    "private_score",
    "error",
)


_RENAMED = {"oof_accuracy": "oof_score"}
"""New field name by the name that earlier versions wrote."""


@dataclass(frozen=True)
class Record:
    """Everything known about one submission.

    Attributes:
        tag: part of the description; identifies the submission in Kaggle's list.
        status: see `Status`.
        competition: slug of the competition.
        run: name of the run; None for a file that belongs to no run.
        file: path of the copy that was sent.
        sha256: of the content.
        message: the description without the tag.
        metric: the run's metric, a key of `kit.metrics.METRICS`; empty if unknown.
        oof_score, oof_interval: the run's OOF score in that metric, with its 95 % confidence interval.
        expected_score: low and high, from the run's report.
        sources: hash of each run that an ensemble combines, by name; empty for other runs.
        ref: Kaggle's number of the submission.
        public_score, private_score: as Kaggle writes them; empty if there is none.
        error: reason of a failure.
        begun, updated: time of the first and the last event (ISO 8601, UTC).
    """

    tag: str
    status: Status
    competition: str
    run: str | None
    file: str
    sha256: str
    message: str
    metric: str = ""
    oof_score: float | None = None
    oof_interval: tuple[float, float] | None = None
    expected_score: tuple[float, float] | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    ref: int | None = None
    public_score: str = ""
    private_score: str = ""
    error: str = ""
    begun: str = ""
    updated: str = ""

    @property
    def name(self) -> str:
        """Display name: the run, or the file."""
        return self.run or Path(self.file).name.replace(f"-{self.tag}", "")

    @property
    def sent(self) -> bool:
        """Whether Kaggle has it, or may have it."""
        return self.status not in ("uploading", "failed")

    @property
    def score(self) -> float | None:
        """The public score as a number; None if it is not one."""
        try:
            return float(self.public_score)
        except ValueError:
            return None

    @property
    def score_position(self) -> str:
        """The score against the expected range: inside, above, below, or empty if either is unknown."""
        if self.score is None or self.expected_score is None:
            return ""
        low, high = self.expected_score
        return "below" if self.score < low else "above" if self.score > high else "inside"

    @property
    def result(self) -> str:
        """The score and the expected range, as a sentence."""
        if not self.public_score:
            return f"submission {self.ref} is scored; Kaggle shows no public score"
        if self.expected_score is None or self.oof_score is None or not self.score_position:
            return f"score {self.public_score}"
        low, high = self.expected_score
        expected = f"{self.score_position} the expected range {low:.5f} to {high:.5f}"
        return f"score {self.public_score}, {expected} (OOF {self.oof_score:.5f})"

    @property
    def age(self) -> float:
        """Seconds since the last event; infinite if its time is unknown.

        A time in the future counts as unknown: the clock was set back.
        """
        try:
            seconds = (datetime.now(UTC) - datetime.fromisoformat(self.updated)).total_seconds()
        except (ValueError, TypeError):  # No time, or no time zone.
            return math.inf
        return seconds if seconds >= 0 else math.inf


class Ledger:
    """The file of all submissions made from this working directory."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder, self.path = folder, folder / "ledger.jsonl"

    def records(self) -> list[Record]:
        """Return every submission, oldest first.

        A damaged line is not used, and is named once per command on stderr.

        Raises:
            UserError: the file cannot be read.
        """
        records: dict[str, Record] = {}
        for number, line in self._lines():
            if (record := _record_in(line)) is None:
                _announce(self.path, number)
                continue
            earlier = records.get(record.tag, record)
            records[record.tag] = replace(record, begun=earlier.begun)
        return list(records.values())

    def damaged(self) -> list[str]:
        """Return the damaged lines: cut off by a crash, changed, or not records.

        Raises:
            UserError: the file cannot be read.
        """
        return [line for _, line in self._lines() if _record_in(line) is None]

    def _lines(self) -> Iterator[tuple[int, str]]:
        """Yield the lines that should hold an event, with their numbers from 1."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            what = f"not readable: {reason(error)}"
            raise UserError(what, where=str(self.path), hint=hint(error)) from error
        # Not splitlines: a changed byte may be one of its other line ends.
        for number, line in enumerate(content.decode(errors="replace").split("\n"), 1):
            if is_event(line):
                yield number, line

    def append(self, record: Record) -> Record:
        """Append an event with everything known about a submission; return the record with its times.

        Raises:
            OSError: it cannot be written; the error names the ledger.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        record = replace(record, begun=record.begun or now, updated=now, error=masked(record.error))
        event = {"time": now} | asdict(record)
        del event["begun"], event["updated"]
        line = to_line(event)
        self._make_folder()
        try:
            # A single append: events stay whole and in order, even with other writers.
            with self.path.open("a+b", buffering=0) as file:
                size = file.seek(0, os.SEEK_END)
                torn = size and os.pread(file.fileno(), 1, size - 1) != b"\n"
                file.write(b"\n" * bool(torn) + line)
                with where_offered():
                    os.fsync(file.fileno())
        except OSError as error:
            name_file(error, self.path)
            raise
        return record

    @contextmanager
    def locked(self, waiting: Callable[[], None] | None = None, *, patience: float = 0.0) -> Iterator[bool]:
        """Keep other processes from sending; the lock ends with the process, even if it is killed.

        Args:
            waiting: called once before waiting for another process; None: do not wait.
            patience: longest wait in seconds: the other process may be stopped, or hang.

        Yields:
            Whether the lock is held; always true with `waiting`.

        Raises:
            UserError: the file system has no locks, or the other process keeps the lock.
        """
        self._make_folder()
        end = None
        while True:
            with locks.locked(self.path, wait=False) as held:
                # The process that had the lock may have removed the file.
                if (held and self.path.exists()) or waiting is None:
                    try:
                        yield held
                    finally:
                        if held:
                            self._remove_if_empty()
                    return
            if end is None:
                waiting()
                end = time.monotonic() + patience
            elif time.monotonic() >= end:
                what = f"another `kit submit` is still running after {patience:.0f} s"
                raise UserError(
                    what, where=str(self.path), hint="stop that process; this one has sent nothing"
                )
            time.sleep(_LOCK_INTERVAL)

    def remove_partial_copies(self) -> None:
        """Remove the copies that killed processes were writing; the caller holds the lock."""
        with suppress(OSError):
            for path in self.folder.glob(".*.csv.????????"):
                path.unlink()

    def _remove_if_empty(self) -> None:
        """Remove the ledger and its folder if nothing was recorded."""
        with suppress(OSError):
            if self.path.stat().st_size == 0:
                self.path.unlink()
                self.folder.rmdir()

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise UserError("not a folder", where=str(self.folder), hint="move it away") from None


def _record_in(line: str) -> Record | None:
    """Return the record of a line; None if the line is damaged."""
    known = {one.name for one in fields(Record)}
    try:
        event = {_RENAMED.get(name, name): value for name, value in from_line(line).items()}
        given: Any = {name: _frozen(value) for name, value in event.items() if name in known}
        when = str(event.get("time") or "")
        record = Record(**given | {"begun": when, "updated": when})
    except (ValueError, TypeError):
        return None
    return record if _is_sound(record) else None


@cache
def _announce(path: Path, number: int) -> None:
    hint = "`kit submissions` asks Kaggle whether its submission arrived; then delete the line"
    click.echo(in_typed_form(f"{path}, line {number}: damaged, not used; {hint}"), err=True)


def _is_sound(record: Record) -> bool:
    """Return whether every field has its type: an edited line may have anything."""
    texts = [getattr(record, name) for name in _TEXTS] + [record.metric, record.run or ""]
    ranges = [one for one in (record.oof_interval, record.expected_score) if one is not None]
    numbers = [record.oof_score] if record.oof_score is not None else []
    if not all(isinstance(text, str) for text in texts):
        return False
    if not all(isinstance(one, tuple) and len(one) == 2 for one in ranges):
        return False
    numbers += [end for one in ranges for end in one]
    sources = record.sources if isinstance(record.sources, dict) else {"": None}
    return (
        all(type(number) in (int, float) for number in numbers)
        and all(isinstance(one, str) for one in sources.values())
        and (record.ref is None or type(record.ref) is int)
    )


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
