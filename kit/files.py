"""Expand `~` in paths, and write files atomically.

A file is written under a temporary name in the same folder, flushed to disk, and renamed.
"""

import errno
import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from kit.errors import UserError

TRAIN_AGAIN = "train the run again: `kit cv --fresh`"
"""What to do about a damaged file of a run."""


def expanded(path: str) -> str:
    """Return `path` with a leading `~` or `~user` replaced by the home folder, as in a shell.

    Raises:
        UserError: the home folder is unknown.
    """
    if not path.startswith("~"):
        return path
    try:
        # An empty HOME would turn ~/data into /data.
        if not os.environ.get("HOME", "unset"):
            raise RuntimeError
        return str(Path(path).expanduser())
    except RuntimeError:
        user = path.partition("/")[0].removeprefix("~")
        if user and os.path.lexists(path):
            return path
        what = f"there is no user {user!r}" if user else "the home folder is unknown"
        hint = "write the full path" if user else "set HOME, or write the full path"
        raise UserError(what, where=path, hint=hint) from None


_UNSUPPORTED = {errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


@contextmanager
def where_offered() -> Iterator[None]:
    """Ignore a `chmod` or `fsync` in the block if the file system does not support it (SMB, S3, WSL)."""
    try:
        yield
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file that replaces `path` if the block succeeds, and is deleted if it fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            with where_offered():
                os.fsync(file.fileno())
        with where_offered():
            Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def parsed_json(text: str) -> Any:
    """Return the content of JSON.

    Raises:
        ValueError: it is not JSON, has a key twice, a number that is not finite, half a character (a lone
            surrogate), or too many brackets. Python reads all of these but the first and the last.
    """
    try:
        content = json.loads(
            text, object_pairs_hook=_with_distinct_keys, parse_constant=_finite, parse_float=_finite
        )
    except RecursionError:
        raise ValueError("too many brackets within each other") from None
    if "\\u" in text:
        json.dumps(content, ensure_ascii=False).encode()
    return content


def _with_distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        again = next(key for place, (key, _) in enumerate(pairs) if key in dict(pairs[:place]))
        raise ValueError(f"duplicate key {again[:40]!r}")
    return content


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not a finite number")
    return number


def read_json(path: Path, *, repair: str | None = None) -> dict[str, Any]:
    """Return the JSON object in a file of a run.

    Args:
        path: of the file.
        repair: what to do if it is missing or damaged.

    Raises:
        UserError: the file is missing or unreadable, or does not contain a JSON object.
    """
    try:
        content: dict[str, Any] = parsed_json(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("not an object")
    except FileNotFoundError:
        raise UserError(
            "this run has no such file yet", where=str(path), hint=repair or "finish it with `kit cv`"
        ) from None
    except OSError as error:
        raise UserError(
            f"cannot be read: {error.strerror}", where=str(path), hint="look at the permissions"
        ) from error
    except ValueError as error:
        raise UserError(
            f"not readable as JSON: {error}", where=str(path), hint=repair or TRAIN_AGAIN
        ) from error
    return content


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` to `path` as JSON, atomically."""
    with atomic(path) as file:
        file.write(json.dumps(content, indent=2, allow_nan=False).encode() + b"\n")
