"""Read and write records."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from kit.errors import UserError
from kit.files import REPAIR, read_json, write_json
from kit.records.base import Record

VERSION = 2
"""File version that this version of kit writes; it also reads version 1."""

AnyRecord = TypeVar("AnyRecord", bound=Record)


def read_record(path: Path, kind: type[AnyRecord], *, repair: str | None = None) -> AnyRecord:
    """Return the record in a file.

    Args:
        path: of the file.
        kind: of the record.
        repair: what to do if the file is missing or damaged.

    Raises:
        UserError: the file is missing, unreadable, not a record of this kind, or of a later version of kit.
    """
    raw = read_json(path, repair=repair)
    version = raw.get("version", 1)
    if type(version) is not int or version not in {1, VERSION}:
        raise UserError(
            "written by another version of kit",
            where=str(path),
            expected=f"version 1 to {VERSION}",
            received=repr(version)[:40],
            hint=f"update kit, or {repair or REPAIR}",
        )
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))[:80] or "the file"
        key = key if key.isprintable() else repr(key)
        raise UserError(
            f"damaged: {key}: {first['msg'].lower()}",
            where=str(path),
            hint=repair or REPAIR,
        ) from error


def write_record(path: Path, record: Record) -> None:
    """Write a record as JSON, replacing the file."""
    write_json(path, record.model_dump(mode="json"))
