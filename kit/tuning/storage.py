"""Where a study is kept: checked before anything is created, and locked while trials are claimed."""

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kit import locks
from kit.errors import UserError
from kit.masking import learn, learn_from, masked
from kit.tuning.drivers import check_driver

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna import Study
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial
    from sqlalchemy import URL

HEARTBEAT, GRACE = 10, 30
"""Seconds between signs of life of a running trial, and from the last one until the trial counts as lost."""
BUSY_SECONDS = 60
"""How long SQLite waits for another process to finish writing."""
STORAGES = "as in sqlite:///FILE.db, or postgresql://USER:<password>@HOST/DATABASE"
SQLITE = ("sqlite", "sqlite+pysqlite")
SQLITE_OPTIONS = {"timeout", "isolation_level", "detect_types", "check_same_thread", "cached_statements"}
PASSWORDS = ("PGPASSWORD", "MYSQL_PWD")
"""Variables that a driver reads a password from."""


def storage_url(folder: Path, given: str | None) -> str:
    """Return the storage that was asked for, else SQLite in the study's folder.

    Its scheme is as SQLAlchemy knows it: in small letters, and `postgresql` for `postgres`. What is secret in
    it is never shown from now on.
    """
    learn(*(os.environ.get(name) for name in PASSWORDS))
    if given is None:
        return "sqlite:///" + str(folder / "study.db").replace("%", "%25").replace("?", "%3F")
    learn_from(given, is_url=True)
    scheme, colon, rest = given.partition("://")
    return re.sub(r"^postgres(?=$|\+)", "postgresql", scheme.lower()) + colon + rest if colon else given


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep other threads, and other processes of this machine, out; hide Optuna's experimental warnings."""
    from optuna.exceptions import ExperimentalWarning

    # Filters are the process's, not the thread's: they are changed under the lock only.
    with locks.locked(file), warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def check_storage(url: str, folder: Path) -> Path | None:
    """Return the file of an SQLite database; None for a server that answers.

    Args:
        url: as `storage_url` returns it.
        folder: of the study, which need not exist yet.

    Raises:
        UserError: it cannot be opened; nothing was created.
    """
    import sqlalchemy

    shown = masked(url)
    try:
        parsed = sqlalchemy.make_url(url)
        parsed.get_dialect()
    except (sqlalchemy.exc.ArgumentError, ValueError) as error:
        raise UserError("not an Optuna storage", where=f"--storage {shown}", expected=STORAGES) from error
    _check_written(parsed, url, shown)
    check_driver(parsed, shown)
    if parsed.get_backend_name() != "sqlite":
        try:
            sqlalchemy.create_engine(parsed).connect().close()
        # A driver raises what it likes.
        except Exception as error:
            raise _refusal(url, error) from error
        return None
    file = parsed.database or ":memory:"
    if file.startswith((":memory:", "file:")):
        raise UserError("such a study would not be kept", where=f"--storage {shown}", expected=STORAGES)
    _check_file(Path(file), folder)
    return Path(file)


def _check_written(parsed: "URL", url: str, shown: str) -> None:
    """Refuse letters that end a password or a file's name too early: the rest would become something else."""
    rest = url.partition("@")[2] if parsed.username is not None else url
    front, _, query = rest.partition("?")
    has_options = not query or all("=" in option for option in query.split("&"))
    if parsed.username is not None and "@" in (front if has_options else rest):
        raise UserError(
            "user and password may hold no @",
            where=f"--storage {shown}",
            hint="write %40 for each @ in them, %2F for /, %3F for ?, %23 for #, and %25 for %",
        )
    unknown = parsed.query.keys() - SQLITE_OPTIONS if parsed.drivername in SQLITE else set()
    if not has_options or unknown:
        raise UserError(
            f"what follows the ? is no option of {parsed.get_backend_name()}",
            where=f"--storage {shown}",
            hint="write %3F for a ? that is part of a name, and %25 for %",
        )


def _check_file(file: Path, folder: Path) -> None:
    if not file.parent.is_dir() and file.parent != folder:
        raise UserError("there is no such folder", where=str(file.parent))
    if file.exists():
        try:
            with file.open("rb") as opened:
                start = opened.read(15)
        except OSError as error:
            raise UserError(f"cannot be read: {error.strerror}", where=str(file)) from error
        if start not in {b"", b"SQLite format 3"}:
            raise UserError("not an SQLite database", where=str(file))
    for path in (file, file.parent):
        if path.exists() and not os.access(path, os.W_OK):
            raise UserError("may not be written", where=str(path))


def open_storage(url: str, on_lost: "Callable[[Study, FrozenTrial], None]", *, local: bool) -> "RDBStorage":
    """Open a storage, and create its tables where they are missing.

    Args:
        url: checked by `check_storage`.
        on_lost: called with each trial that was failed since its process gave no sign of life.
        local: whether it is an SQLite file.

    Raises:
        UserError: it cannot be opened.
    """
    import sqlalchemy
    from optuna.exceptions import StorageInternalError
    from optuna.storages import RDBStorage

    more = {"connect_args": {"timeout": BUSY_SECONDS}} if local else {}
    try:
        return RDBStorage(
            # Optuna fills in what stands in braces.
            url.replace("{", "{{").replace("}", "}}"),
            # A server may hang up in the hours of a trial.
            engine_kwargs={"pool_pre_ping": True, **more},
            heartbeat_interval=HEARTBEAT,
            grace_period=GRACE,
            heartbeat_stale_trial_callback=on_lost,
        )
    except (sqlalchemy.exc.SQLAlchemyError, StorageInternalError, RuntimeError, TypeError) as error:
        raise _refusal(url, error) from error


def _refusal(url: str, error: Exception) -> UserError:
    cause = getattr(error.__cause__ or error, "orig", None) or error
    reason = (str(cause).splitlines() or [type(cause).__name__])[0]
    return UserError(f"the storage cannot be opened: {masked(reason)}", where=masked(url), expected=STORAGES)
