"""Failures of a study's storage in words: a full disk, a damaged database, a server that refuses."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote

from kit.errors import KitError, UserError
from kit.masking import masked

RESTORE = "restore the file, or delete the study's folder and search again"
_LOGIN = "check user and password of the URL"
_CREATE = "check the names in the URL; kit creates the tables, but no database"
_CONNECTIONS = "raise the server's limit of connections (max_connections), or start fewer processes"
_SQLITE = "sqlite:///"
_HINTS = {
    "database or disk is full": "free space on this disk, then rerun the same command to resume",
    "attempt to write a readonly database": "look at the permissions",
    "unable to open database file": "its folder was moved or deleted, or is not writable",
    "disk i/o error": "look at the disk and its space, then rerun the same command to resume",
    "malformed": RESTORE,
    "file is not a database": RESTORE,
    "password authentication failed": _LOGIN,
    "access denied for user": _LOGIN,
    "does not exist": _CREATE,
    "unknown database": _CREATE,
    "connection refused": "check host and port, and whether the server is running",
    "too many clients": _CONNECTIONS,
    "too many connections": _CONNECTIONS,
    "remaining connection slots": _CONNECTIONS,
}
"""What to do, by a part of the message of SQLite, PostgreSQL or MySQL."""


def place(url: str) -> str:
    """Return how messages name a storage: the file of an SQLite database, or the URL without secrets."""
    return unquote(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else masked(url)


@contextmanager
def storage_failures(url: str) -> Iterator[None]:
    """Turn a failure of the storage in the block into a message.

    Raises:
        KitError: the storage failed.
    """
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        why = reason(error)
        hint = hint_of(why) or "rerun the same command to resume"
        raise KitError(f"the study's storage failed: {masked(why)}", where=place(url), hint=hint) from error


def hint_of(why: str) -> str | None:
    """Return what to do about a message of a database; None if kit does not know."""
    return next((hint for part, hint in _HINTS.items() if part in why.lower()), None)


def reason(error: Exception) -> str:
    """Return the first line of what the driver of the database says."""
    # Optuna's error has SQLAlchemy's as its cause, and that one has the driver's.
    cause = error.__cause__ or error
    cause = getattr(cause, "orig", None) or cause
    return (str(cause).splitlines() or [type(cause).__name__])[0]


def check_database(file: Path, patience: float) -> None:
    """Check the structure of an SQLite database; a journal left by a killed process is applied.

    SQLite stores no checksums: a changed figure in an intact structure is not found.

    Args:
        file: of the database.
        patience: longest wait in seconds for a process that writes.

    Raises:
        UserError: the file is damaged, or cannot be read.
    """
    try:
        with closing(sqlite3.connect(file, timeout=patience)) as connection:
            [found] = connection.execute("PRAGMA quick_check(1)").fetchone()
    except (sqlite3.Error, TypeError, UnicodeDecodeError) as error:
        if "locked" in str(error):  # Another process writes all the time: it can read the file.
            return
        raise _damaged(file, str(error)) from error
    if found != "ok":
        raise _damaged(file, found.replace("\n", " "))


@contextmanager
def damage_named(url: str) -> Iterator[None]:
    """Turn a failure to read a study in the block into a message.

    Raises:
        UserError: a value in the storage cannot be read.
        KitError: the storage failed.
    """
    try:
        with storage_failures(url):
            yield
    # Optuna decodes JSON, dates and names of states, and asserts; a damaged cell raises any of them.
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        raise _damaged(Path(place(url)), f"a value that cannot be read ({type(error).__name__})") from error


def _damaged(file: Path, received: str) -> UserError:
    return UserError(
        "the study's storage is damaged",
        where=str(file),
        expected="an SQLite database of Optuna",
        received=received,
        hint=RESTORE,
    )
