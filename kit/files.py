"""Expand `~` in paths, and write files atomically.

A file is written under a temporary name in the same folder, flushed to disk, and renamed.
"""

import errno
import fcntl
import glob
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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

_ABANDONED_SECONDS = 1.0
"""Age from which a temporary file that no process has locked is left by a killed one."""


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
    _remove_abandoned(path, handle)
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


def _remove_abandoned(path: Path, handle: int) -> None:
    """Lock an open temporary file, and remove those of killed processes that were to replace `path` too."""
    with suppress(OSError):  # Without locks, one that is written now cannot be told from an abandoned one.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        now = os.fstat(handle).st_mtime
        for left in path.parent.glob(f".{glob.escape(path.name)}.????????"):
            # A file that was closed a moment ago is about to be renamed.
            if now - left.stat().st_mtime >= _ABANDONED_SECONDS:
                with suppress(OSError), left.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    left.unlink()


def read_json(path: Path, *, repair: str | None = None) -> dict[str, Any]:
    """Return the JSON object in a file of a run.

    Args:
        path: of the file.
        repair: what to do if it is missing or damaged.

    Raises:
        UserError: the file is missing or unreadable, or does not contain a JSON object.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
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
