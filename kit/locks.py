"""Locks of files and folders: held by one process at a time, and gone with it, however it ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.errors import UserError

_GLANCE = 0.05
"""Seconds after which `held`, which takes a lock to look at it, has let it go."""


class NoLocksError(UserError):
    """The file system has no locks: two processes could not be kept apart."""


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of `path`, a folder or a file that is created where it is missing.

    Threads of one process exclude each other too.

    Args:
        path: what is locked; its content stays as it is.
        wait: whether to wait for a process that holds the lock.

    Yields:
        Whether the lock is held; always true with `wait`.

    Raises:
        NoLocksError: the file system has none (some NFS, SMB and cloud mounts).
        OSError: `path` cannot be opened.
    """
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield _taken(handle, path, wait=wait)
    finally:
        os.close(handle)


def held(path: Path) -> bool | None:
    """Say whether a process holds the lock of `path` right now; None where that cannot be known."""
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


def _taken(handle: int, path: Path, *, wait: bool) -> bool:
    try:
        if wait:
            fcntl.flock(handle, fcntl.LOCK_EX)
            return True
        if _at_once(handle):
            return True
        time.sleep(_GLANCE)
        return _at_once(handle)
    except OSError as error:
        raise NoLocksError(
            f"this file system has no locks ({error.strerror})",
            where=str(path if path.is_dir() else path.parent),
            hint="without them a second kit could damage what is there: work in a folder on a local disk",
        ) from error


def _at_once(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
