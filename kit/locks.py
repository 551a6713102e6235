"""Exclusive locks on files and folders; the system releases them when the process ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.errors import UserError

_PROBE_SECONDS = 0.05
"""Time after which `held`, which acquires a shared lock as a probe, has released it."""


class NoLocksError(UserError):
    """The file system does not support locks."""


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock on `path`, a folder or a file; a missing file is created.

    The lock also excludes other threads of this process.

    Args:
        path: the file or folder to lock; its content is not changed.
        wait: whether to wait while another process holds the lock.

    Yields:
        Whether this process holds the lock; always true with `wait`.

    Raises:
        NoLocksError: the file system does not support locks (some NFS, SMB and cloud mounts).
        OSError: `path` cannot be opened.
    """
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield _acquire(handle, path, wait=wait)
    finally:
        os.close(handle)


def held(path: Path) -> bool | None:
    """Return whether a process holds the lock on `path` now; None if that cannot be determined."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(handle)
    return False


def _acquire(handle: int, path: Path, *, wait: bool) -> bool:
    try:
        if wait:
            fcntl.flock(handle, fcntl.LOCK_EX)
            return True
        if _try_acquire(handle):
            return True
        time.sleep(_PROBE_SECONDS)
        return _try_acquire(handle)
    except OSError as error:
        raise NoLocksError(
            f"this file system does not support locks ({error.strerror})",
            where=str(path if path.is_dir() else path.parent),
            hint="without locks a second kit process could damage the files: use a folder on a local disk",
        ) from error


def _try_acquire(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
