"""A run's record, run.json: what the run is made of, and how it stands."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from kit.config import Config
from kit.data.dataset import Dataset
from kit.errors import UserError
from kit.interrupts import is_interrupt
from kit.runs import Run
from kit.training import machine
from kit.training.plan import Numerics, plan


def new_record(config: Config, config_name: str, dataset: Dataset, chosen: Numerics) -> dict[str, Any]:
    """Return the record of a run that starts now, without its name."""
    return {
        "config_name": config_name,
        "config": config.model_dump(mode="json"),
        "hash": config.digest(fingerprint=dataset.fingerprint, **chosen.hash_fields()),
        "fingerprint": dataset.fingerprint,
        "sample": dataset.sample,
        "source": dataset.source,
        "rows": len(dataset.train_labels),
        "test_rows": len(dataset.test_images),
        "backend": chosen.backend,
        "precision": chosen.precisions,
        "versions": machine.versions(),
        "machine": machine.describe().model_dump(mode="json"),
        "started": _now(),
        "finished": None,
        "members_planned": len(plan(config)),
        "wall_seconds": 0.0,
    }


@contextmanager
def track_status(run: Run, record: dict[str, Any]) -> Iterator[None]:
    """Write the record with the status `running`, and once the block ends, with how it ended."""
    record["status"] = "running"
    run.write_info(record)
    try:
        yield
    except BaseException as error:
        record["status"] = "interrupted" if is_interrupt(error) else "failed"
        run.write_info(record)
        raise
    record |= {"status": "complete", "finished": _now()}
    run.write_info(record)


def check_same_settings(run: Run, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Check that a run in the way was made by the same data and configuration.

    Args:
        run: it.
        old: its record.
        new: the record that would replace it.

    Raises:
        UserError: it was made otherwise; the message names what differs.
    """
    if old.get("hash") == new["hash"]:
        return
    there, now = _decisive(old), _decisive(new)
    differing = [key for key in sorted(there | now) if there.get(key) != now.get(key)]
    shown = [f"{key}: {there.get(key, 'none')} there, {now.get(key, 'none')} now" for key in differing[:3]]
    more = [f"{len(differing) - 3} more"] if len(differing) > 3 else []
    raise UserError(
        f"this run was made otherwise ({'; '.join(shown + more)})",
        where=str(run.path),
        hint="choose another --run NAME, or --fresh to throw this one away",
    )


def _decisive(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the hash covers, flat, so that two runs can be held against each other."""
    config = record.get("config", {})
    competition = config.get("competition", {})
    parts = {
        **{part: config.get(part) for part in ("folds", "models")},
        "competition": {key: competition.get(key) for key in ("image_shape", "classes")},
        **{key: record.get(key) for key in ("backend", "precision")},
        "data": str(record.get("fingerprint"))[:8],
    }
    return {key: value for key, value in _flat(parts).items() if not key.endswith(".training.precision")}


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = {str(index): part for index, part in enumerate(value)}
    if not isinstance(value, dict):
        return {key: value}
    parts = [_flat(part, f"{key}.{name}" if key else name) for name, part in value.items()]
    return {name: leaf for part in parts for name, leaf in part.items()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
