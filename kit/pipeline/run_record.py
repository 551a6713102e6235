"""Create the record of a run, track its status, and compare it with an existing run."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from kit.config import Config, validate
from kit.config.root import HASH_VERSION
from kit.data.dataset import Dataset
from kit.errors import UserError
from kit.interrupts import is_interrupt
from kit.records import RunRecord
from kit.run_folder import Run
from kit.training import machine
from kit.training.plan import Numerics, plan


class OpenRecord:
    """The record of a run in progress, written to disk at each change."""

    def __init__(self, run: Run, record: RunRecord) -> None:
        self.run, self.record = run, record

    def check_folder(self) -> None:
        """Check that the run's folder is still there: it would be created again, on another disk perhaps.

        Raises:
            UserError: it was moved or deleted, or its disk is gone.
        """
        if not self.run.exists():
            what = "the run's folder was moved or deleted while its members were trained"
            hint = "bring it back, then rerun the same command to resume"
            raise UserError(what, where=str(self.run.path), hint=hint)

    def update(self, **changes: object) -> None:
        """Change fields and write run.json; see `check_folder` for errors."""
        self.check_folder()
        self.record = self.record.model_copy(update=changes)
        self.run.write_record(self.record)


def new_record(config: Config, config_name: str, dataset: Dataset, numerics: Numerics) -> RunRecord:
    """Return the record of a run that starts now, with an empty name."""
    return RunRecord(
        config_name=config_name,
        config=config.model_dump(mode="json"),
        hash_version=HASH_VERSION,
        hash=config.digest(fingerprint=dataset.fingerprint, **numerics.hash_fields(), **_groups(dataset)),
        fingerprint=dataset.fingerprint,
        labels=dataset.task.labels.labels,
        sample=dataset.sample,
        source=dataset.source,
        rows=len(dataset.train_labels),
        test_rows=len(dataset.test_images),
        test_ids=hashlib.sha256("\n".join(dataset.test_ids).encode()).hexdigest(),
        backend=numerics.backend,
        precision=numerics.precisions,
        versions=machine.versions(),
        machine=machine.describe(),
        started=now(),
        members_planned=len(plan(config)),
    )


def _groups(dataset: Dataset) -> dict[str, str]:
    """Return what the hash covers of the groups."""
    if dataset.groups is None:
        return {}
    return {"groups": hashlib.sha256(dataset.groups.astype("<i8").tobytes()).hexdigest()}


@contextmanager
def track_status(run: Run, record: RunRecord) -> Iterator[OpenRecord]:
    """Write the record as `running`, and after the block as `complete`, `interrupted` or `failed`.

    Raises:
        UserError: a file could not be written because the run's folder is gone.
    """
    run.write_record(record := record.model_copy(update={"status": "running"}))
    tracked = OpenRecord(run, record)
    try:
        yield tracked
    except BaseException as error:
        with suppress(OSError, UserError):  # The first error is the reason.
            tracked.update(status="interrupted" if is_interrupt(error) else "failed")
        if isinstance(error, OSError):
            tracked.check_folder()
        raise
    tracked.update(status="complete", finished=now())


def mark_interrupted(run: Run) -> None:
    """Change the status of a run that this process writes from `running` to `interrupted`.

    Ctrl-C may come after `track_status` has written the record, but before its block begins.
    """
    with suppress(OSError, UserError):
        record = run.read_record()
        if record.status == "running":
            run.write_record(record.model_copy(update={"status": "interrupted"}))


def check_same_settings(run: Run, old: RunRecord, new: RunRecord) -> None:
    """Check that an existing run has the same data and configuration.

    Args:
        run: the existing run.
        old: its record.
        new: the record of the run that starts.

    Raises:
        UserError: the settings differ; the message names them.
    """
    if old.sources:
        raise UserError(
            "there is an ensemble of this name",
            where=str(run.path),
            hint="choose another --run NAME, or --fresh to delete the ensemble",
        )
    if old.hash == new.hash:
        return
    if old.hash_version != new.hash_version:
        raise UserError(
            "this run was made by another version of kit: it can be reported and submitted, but not resumed",
            where=str(run.path),
            hint="choose another --run NAME, or --fresh to delete this run and retrain it",
        )
    stored, requested = _hashed(old), _hashed(new)
    differing = [key for key in sorted(stored | requested) if stored.get(key) != requested.get(key)]
    shown = [
        f"{key}: {stored.get(key, 'none')} in the run, {requested.get(key, 'none')} requested"
        for key in differing[:3]
    ]
    more = [f"{len(differing) - 3} more"] if len(differing) > 3 else []
    details = "; ".join(shown + more) or "see run.json"
    raise UserError(
        f"this run used different settings ({details})",
        where=str(run.path),
        hint="choose another --run NAME, or --fresh to delete this run and retrain it",
    )


def _hashed(record: RunRecord) -> dict[str, Any]:
    """Return the settings that the hash covers, as flat keys, to compare two runs."""
    try:
        # Keys that are newer than the run get their defaults.
        config = validate(record.config).model_dump(mode="json")
    except UserError:
        config = record.config
    competition = config.get("competition", {})
    parts = {
        **{part: config.get(part) for part in ("folds", "models", "image")},
        "competition": {key: competition.get(key) for key in ("image_shape", "classes", "labels")},
        "together": config.get("together", 1),
        "backend": record.backend,
        "precision": record.precision,
        "data": record.fingerprint[:8],
    }
    return {key: value for key, value in _flat(parts).items() if not key.endswith(".training.precision")}


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = {str(index): part for index, part in enumerate(value)}
    if not isinstance(value, dict):
        return {key: value}
    parts = [_flat(part, f"{key}.{name}" if key else name) for name, part in value.items()]
    return {name: leaf for part in parts for name, leaf in part.items()}


def now() -> str:
    """Return the time, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
