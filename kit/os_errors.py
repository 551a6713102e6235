"""Errors of the operating system in words: what the user can do about each."""

import errno
import os

_PERMISSIONS = "look at the permissions"
_FULL = "free space on this disk, then rerun the same command"
_GONE = "the folder was moved or deleted, or its disk is no longer there; rerun the same command"
_DISK = "look at the disk and its connection, then rerun the same command"
_LOCAL = "work in a folder on a local disk"
_FILES = "raise the limit of open files (`ulimit -n`), or close other programs"

_HINTS = {
    errno.EACCES: _PERMISSIONS,
    errno.EPERM: _PERMISSIONS,
    errno.EROFS: "work in a writable folder",
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.ENOENT: _GONE,
    errno.ESTALE: _GONE,
    errno.ENOTCONN: _GONE,
    errno.EIO: _DISK,
    errno.ETIMEDOUT: _DISK,
    errno.EHOSTDOWN: _DISK,
    errno.ENOSYS: _LOCAL,
    errno.EOPNOTSUPP: _LOCAL,
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.ENOTDIR: "move the file away that has the name of a folder",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def hint(error: OSError) -> str:
    """Return what to do about an error of the operating system."""
    return _HINTS.get(error.errno or 0, "rerun the same command; --debug shows where it failed")


def reason(error: OSError) -> str:
    """Return what the operating system says, as in "No space left on device"."""
    return error.strerror or (str(error).splitlines() or [type(error).__name__])[0]


def name_file(error: OSError, path: str | os.PathLike[str], *instead: str) -> None:
    """Make `error` name the file `path` if it names none, or one of `instead`: a temporary file."""
    if error.errno is not None and (error.filename is None or os.fspath(error.filename) in instead):
        error.filename, error.filename2 = os.fspath(path), None


def explained(error: OSError) -> str:
    """Return an error as one line: which file, what is wrong, and what to do."""
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{reason(error)}; {hint(error)}"


def exit_code(error: OSError) -> int:
    """Return 2 if the user can mend it, 1 if a disk failed or the cause is unknown."""
    return 1 if _HINTS.get(error.errno or 0, _DISK) == _DISK else 2
