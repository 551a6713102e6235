"""Temporary folder of this process; it is removed however the process ends."""

import atexit
import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from kit import interrupts
from kit.errors import UserError
from kit.os_errors import reason

PREFIX = "kit-"
_LOCK = "lock"


def scratch() -> Path:
    """Return the folder for temporary files, the same one on every call.

    It is removed when the process ends. If the process is killed, its training workers
    (`kit.training.worker`) remove the folder, or the next `kit` does (`sweep`).

    Raises:
        UserError: no temporary folder is writable.
    """
    return _folder_of(os.getpid())


@cache
def _folder_of(process: int) -> Path:
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        atexit.register(_remove, folder, process)
        _hold(folder)
    except OSError as error:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        raise UserError(
            f"no temporary files can be written: {reason(error)}",
            where=str(folder.parent if folder else error.filename or tempfile.gettempdir()),
            hint="set TMPDIR to a writable folder",
        ) from error
    interrupts.at_once(lambda: _remove(folder, process))
    sweep()
    return folder


def _hold(folder: Path) -> None:
    """Lock `folder` until this process ends."""
    handle = os.open(folder / f".{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        return  # Without locks an abandoned folder cannot be detected: it is never removed.
    # Renamed only when locked, so that no other process removes the folder as abandoned.
    (folder / f".{_LOCK}").rename(folder / _LOCK)


def explained(error: OSError) -> str | None:
    """Return an error of a file in the temporary folder as one line; None if it is of another file."""
    folder = Path(tempfile.gettempdir())
    path = Path(os.fsdecode(error.filename or "."))
    if path == folder or not path.is_relative_to(folder):
        return None
    if not (folder / path.relative_to(folder).parts[0] / _LOCK).exists():
        return None
    return f"{folder}: {reason(error)}; set TMPDIR to a writable folder with free space"


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # A forked child inherits the exit handlers.
        _delete(folder)


def _delete(folder: Path) -> None:
    """Remove a folder, its lock last: if this process is killed meanwhile, the next one removes the rest."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != _LOCK:
                path.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove the folders that killed processes of this user left."""
    try:
        locks = list(Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{_LOCK}"))
    except OSError:
        return  # No temporary folder is writable, or this one cannot be read.
    for lock in locks:
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue  # Owned by another user, or removed by now.
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(handle).st_uid == os.getuid():
                _delete(lock.parent)
        except OSError:
            continue  # Its process is running.
        finally:
            os.close(handle)
