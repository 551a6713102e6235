"""Expand `~` in paths, and write files atomically.

A file is written under a temporary name in the same folder, flushed to disk, and renamed.
"""

import errno
import fcntl
import glob
import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from kit.errors import UserError
from kit.os_errors import hint, name_file, reason

_UMASK = os.umask(0)
os.umask(_UMASK)
FILE_MODE, FOLDER_MODE = 0o666 & ~_UMASK, 0o777 & ~_UMASK
"""Permissions of new files and folders, as the user wants them: temporary ones are private at first."""
REPAIR = "rerun the run's `kit cv` command: it makes again only what is missing or damaged"
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

ABANDONED_SECONDS = 1.0
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
    """Open a temporary file that replaces `path` if the block succeeds, and is deleted if it fails.

    Raises:
        OSError: the file cannot be written; the error names `path`, not the temporary file.
    """
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        _remove_abandoned(path, handle)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            with where_offered():
                os.fsync(file.fileno())
        with where_offered():
            Path(temporary).chmod(FILE_MODE)
        Path(temporary).replace(path)
    except BaseException as error:
        if temporary:
            with suppress(OSError):  # The first error is the reason.
                Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is None:
            # NumPy does not pass on why an array could not be written.
            raise OSError(errno.EIO, f"not written completely ({error})", str(path)) from error
        if isinstance(error, OSError):
            _name_target(error, path)
        raise


def _name_target(error: OSError, path: Path) -> None:
    """Make the error of a temporary file name the file that it would have become."""
    name = Path(os.fsdecode(error.filename)).name if isinstance(error.filename, str | bytes) else ""
    name_file(error, path, *([os.fsdecode(error.filename)] if name.startswith(f".{path.name}.") else []))


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


def _remove_abandoned(path: Path, handle: int) -> None:
    """Lock an open temporary file, and remove those of killed processes that were to replace `path` too."""
    with suppress(OSError):  # Without locks, one that is written now cannot be told from an abandoned one.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        now = os.fstat(handle).st_mtime
        for left in path.parent.glob(f".{glob.escape(path.name)}.????????"):
            # A file that was closed a moment ago is about to be renamed.
            if now - left.stat().st_mtime >= ABANDONED_SECONDS:
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
        content: dict[str, Any] = parsed_json(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("not an object")
    except FileNotFoundError:
        raise UserError(
            "this run has no such file yet", where=str(path), hint=repair or "finish it with `kit cv`"
        ) from None
    except OSError as error:
        raise UserError(f"cannot be read: {reason(error)}", where=str(path), hint=hint(error)) from error
    except ValueError as error:
        raise UserError(f"not readable as JSON: {error}", where=str(path), hint=repair or REPAIR) from error
    return content


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` to `path` as JSON, atomically."""
    with atomic(path) as file:
        file.write(json.dumps(content, indent=2, allow_nan=False).encode() + b"\n")
