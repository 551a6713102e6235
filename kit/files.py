"""Paths as users name them, and files that are complete or absent.

Files are written under a temporary name in their own folder, flushed to disk, and renamed.
"""

import errno
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from kit.errors import UserError


def expanded(path: str) -> str:
    """Return `path` with the home folder in place of a leading `~` or `~user`, as a shell has it.

    Raises:
        UserError: that home folder is not known.
    """
    if not path.startswith("~"):
        return path
    try:
        # An empty HOME would make /data of ~/data.
        if not os.environ.get("HOME", "unset"):
            raise RuntimeError
        return str(Path(path).expanduser())
    except RuntimeError:
        user = path.partition("/")[0].removeprefix("~")
        if user and os.path.lexists(path):
            return path
        what = f"there is no user {user!r}" if user else "the home folder is not known"
        hint = "write the whole path" if user else "set HOME, or write the whole path"
        raise UserError(what, where=path, hint=hint) from None


_NOT_OFFERED = {errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


@contextmanager
def where_offered() -> Iterator[None]:
    """Pass over a `chmod` or `fsync` in the block that the file system does not offer (SMB, S3, WSL)."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NOT_OFFERED:
            raise


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file that becomes `path` once the block ends well, and nothing if it does not."""
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


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object that a run's file holds.

    Raises:
        UserError: the file is absent, or holds something else.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("no object")
    except FileNotFoundError:
        raise UserError(
            "this run has no such file yet", where=str(path), hint="finish it with kit cv"
        ) from None
    except OSError as error:
        raise UserError(
            f"cannot be read: {error.strerror}", where=str(path), hint="look at the permissions"
        ) from error
    except ValueError as error:
        raise UserError(
            f"not readable as JSON: {error}", where=str(path), hint="train the run again: kit cv --fresh"
        ) from error
    return content


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file by `content` as JSON."""
    with atomic(path) as file:
        file.write(json.dumps(content, indent=2, allow_nan=False).encode() + b"\n")
