"""What would be submitted, from files alone: nothing here talks to Kaggle."""

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kit.checksums import DIFFERS, known
from kit.config import Config, validate
from kit.ensembling.sources import changed
from kit.errors import UserError
from kit.records import RunRecord
from kit.run_folder import Run, find_run
from kit.submitting import expected
from kit.submitting.expected import Expected
from kit.submitting.ledger import Ledger, Record
from kit.task.labels import LabelEncoder
from kit.task.submission import CheckedSubmission, check_submission, predictions_of
from kit.task.task import Task, make_task

_MESSAGE = 400
"""Letters of a message: the tag behind it must not be cut off."""
_CLASSES = 20
"""Classes whose counts are shown."""
_STEM = 100
"""Bytes of a file's name that its copy keeps: a name has 255 bytes at most."""


@dataclass(frozen=True)
class Plan:
    """A submission file that passed every check, and what goes with it.

    Attributes:
        source: the file.
        checked: its content.
        task: labels and format of the submission.
        record: what the ledger would say first.
        warnings: what is odd but allowed, a sentence each.
    """

    source: Path
    task: Task
    checked: CheckedSubmission
    record: Record
    warnings: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """What Kaggle shows beside the submission."""
        return f"{self.record.message} [{self.record.tag}]".lstrip()


def make_plan(target: str | None, config: Config, message: str | None, ledger: Ledger) -> Plan:
    """Find and check what `target` means.

    Args:
        target: a run's name or path, a CSV file, or None: the newest finished run on competition data. A file
            in a run's folder counts as the run's.
        config: describes the competition for a file of no run; a run brings its own.
        message: for the description; None: run, OOF accuracy and configuration hash.
        ledger: decides where the copy goes.

    Raises:
        UserError: no such run or file, a run that is not finished or on the bundled sample, a wrong file.
    """
    run, source = _find(target)
    figures: dict[str, Any] = {}
    words = source.name
    if run is None:
        task = expected.task_of_file(config)
        rows = expected.of_file(config, task.submission)
    else:
        try:
            task, figures, words, rows = _of_run(run)
        except (LookupError, TypeError) as error:
            raise UserError(f"damaged, or of another version ({error!r})", where=str(run.path)) from error
    # A name that is not UTF-8 would not reach Kaggle.
    message = " ".join((words if message is None else message).encode(errors="replace").decode().split())
    if len(message) > _MESSAGE:
        raise UserError("the message is too long", where="-m", expected=f"at most {_MESSAGE} letters")
    checked = check_submission(source, task.submission, ids=rows.ids, source=rows.source, ordered=False)
    tag = f"kit-{secrets.token_hex(6)}"
    record = Record(
        tag=tag,
        status="uploading",
        competition=task.slug,
        run=run.name if run else None,
        file=str(ledger.folder / _copy_name(run.name if run else source.stem, tag)),
        sha256=checked.sha256,
        message=message,
        **figures,
    )
    changes = changed(run.read_record()) if run else ()
    doubts = _doubts(source, task, checked, rows.example)
    warnings = (*doubts, *_edited(run, source, checked), *rows.warnings, *changes)
    return Plan(source, task, checked, record, warnings)


def _copy_name(stem: str, tag: str) -> str:
    """Return a name that no other file has, of characters that every file system takes."""
    stem = re.sub(r"(-kit-[0-9a-f]{12})+$", "", stem)  # where a copy is sent once more
    stem = re.sub(r"[^\w.-]+", "_", stem).lstrip(".-") or "submission"
    return f"{stem.encode()[:_STEM].decode(errors='ignore')}-{tag}.csv"


def _doubts(
    source: Path, task: Task, checked: CheckedSubmission, example: dict[str, str] | None
) -> Iterator[str]:
    predicted = np.flatnonzero(checked.counts)
    if len(predicted) == 1 and checked.rows > 1:
        yield f"{source} predicts class {task.labels.labels[predicted[0]]} for every row"
    if example == checked.predictions:
        yield f"{source} is the same as the competition's sample submission"


def _edited(run: Run | None, source: Path, checked: CheckedSubmission) -> Iterator[str]:
    """Yield a warning if the submission of a run is not as the run wrote it."""
    sums = (known(run.path) if run else None) or {}
    if sums.get(source.name, checked.sha256) != checked.sha256:
        yield f"{source} was edited or damaged after its run wrote it: {DIFFERS}"


def _of_run(run: Run) -> tuple[Task, dict[str, Any], str, Expected]:
    """Return a run's task, figures for the ledger, default message, and the ids it must have."""
    record = run.read_record()
    if record.sample:
        hint = "bring the competition's data (`kit data fetch`), then `kit cv`"
        raise UserError(
            "trained on the bundled sample, not on the competition", where=str(run.path), hint=hint
        )
    if not run.is_finished():
        raise UserError("this run is not finished", where=str(run.path), hint=run.how_to_finish())
    config = validate(record.config)
    task = _task_of_run(config, record)
    report = run.read_report()
    if not report.data.test_rows:
        hint = "competition.test and competition.test_images name the test rows"
        raise UserError("there are no test rows to submit", where=str(run.path), hint=hint)
    oof, score = report.oof, report.expected_score
    figures = {
        "metric": report.metric,
        "oof_score": oof.value,
        "oof_interval": oof.interval,
        "expected_score": (score.low, score.high),
        "sources": {source.name: source.hash for source in record.sources},
    }
    words = f"{run.name} OOF {oof.value:.5f} {record.hash[:8]}"
    return task, figures, words, expected.of_run(config, task.submission, run.name, record.test_rows)


def _task_of_run(config: Config, record: RunRecord) -> Task:
    if not record.labels:  # version 1: the configuration states them
        return expected.task_of_file(config)
    return make_task(config.competition, LabelEncoder(record.labels))


def _find(target: str | None) -> tuple[Run | None, Path]:
    """Return the run, if there is one, and the file."""
    if target is not None and (Path(target).is_file() or target.endswith(".csv")):
        source = Path(target)
        run = Run(Path(os.path.realpath(source)).parent)  # Path.resolve raises where links make a circle.
        return (run if run.exists() else None), source
    run = find_run(target, on_sample=False)
    return run, run.submission_path


def describe(plan: Plan, ledger: Ledger) -> list[str]:
    """Return what will be sent, a line each: file, classes, OOF score, what changed since the last time."""
    record, checked = plan.record, plan.checked
    lines = {
        "competition": record.competition,
        "file": f"{plan.source}, {checked.rows:,} rows, SHA-256 {checked.sha256[:8]}",
        "classes": _counts(plan),
        "OOF score": "not known: the file belongs to no run",
        "changed": _changed(plan, ledger),
        "message": plan.description,
    }
    if record.sources:
        lines["sources"] = ", ".join(f"{name} ({digest[:8]})" for name, digest in record.sources.items())
    if record.oof_score is not None and record.oof_interval and record.expected_score:
        low, high = record.oof_interval
        least, most = record.expected_score
        lines["OOF score"] = (
            f"{record.oof_score:.5f} ({low:.5f} to {high:.5f}); expected {least:.5f} to {most:.5f}"
        )
    warnings = [f"{'warning:':12} {text}" for text in plan.warnings]
    return [*(f"{name + ':':12} {text}" for name, text in lines.items()), *warnings]


def _counts(plan: Plan) -> str:
    """Return how many rows predict each class, the most frequent ones of many classes."""
    counts = list(zip(plan.task.labels.labels, plan.checked.counts.tolist(), strict=True))
    if len(counts) <= _CLASSES:
        return "  ".join(f"{label}: {count:,}" for label, count in counts)
    most = sorted(counts, key=lambda one: -one[1])[:_CLASSES]
    return "  ".join(f"{label}: {count:,}" for label, count in most) + f"  and {len(counts) - len(most)} more"


def _changed(plan: Plan, ledger: Ledger) -> str:
    sent = [
        record for record in ledger.records() if record.sent and record.competition == plan.record.competition
    ]
    if not sent:
        return "this is the first submission from here"
    last = sent[-1]
    since = f"since {last.name} of {last.begun[:10]}" + (
        f", score {last.public_score}" if last.public_score else ""
    )
    copy, now = Path(last.file), plan.checked.predictions
    try:
        content = copy.read_bytes()
    except OSError:
        return f"not known {since}: its copy is missing"
    if hashlib.sha256(content).hexdigest() != last.sha256:
        return f"not known {since}: its copy is another file now"
    try:
        before = predictions_of(content, str(copy), plan.task.submission)
    except UserError:
        return f"not known {since}: it has other columns"
    if before.keys() != now.keys():
        return f"not known {since}: it has other ids"
    count = sum(before[identity] != prediction for identity, prediction in now.items())
    return f"{count:,} of {len(now):,} rows ({100 * count / len(now):.2f} %) {since}"
