"""The temporary folder of this process: nothing of it remains, however the process ends."""

import atexit
import fcntl
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from kit.errors import UserError

PREFIX = "kit-"
_LOCK = "lock"


def scratch() -> Path:
    """Return a folder for temporary files, the same one on every call.

    It is removed when the process ends. A process that is killed leaves that to its training workers
    (`kit.training.worker`), or to the next process that calls this function.

    Raises:
        UserError: there is no temporary folder that can be written to.
    """
    return _folder_of(os.getpid())


@cache
def _folder_of(process: int) -> Path:
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        _hold(folder)
    except OSError as error:
        raise UserError(
            f"no temporary files can be written: {error.strerror}",
            where=error.filename,
            hint="set TMPDIR to a folder that can be written to",
        ) from error
    atexit.register(_remove, folder, process)
    _sweep(folder.parent)
    return folder


def _hold(folder: Path) -> None:
    """Lock `folder` for as long as this process lives."""
    handle = os.open(folder / f".{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        return  # Without locks nobody can know that the folder is left behind: it is never swept.
    # Under its name only once it is locked, so that no other process takes the folder for an abandoned one.
    (folder / f".{_LOCK}").rename(folder / _LOCK)


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # A fork inherits the exit handlers.
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove the folders that killed processes of this user left behind."""
    for lock in parent.glob(f"{PREFIX}*/{_LOCK}"):
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue  # Another user's, or gone by now.
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(handle).st_uid == os.getuid():
                shutil.rmtree(lock.parent, ignore_errors=True)
        except OSError:
            continue  # Its process lives.
        finally:
            os.close(handle)
