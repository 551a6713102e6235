"""Where a study is kept: checked before anything is created, and locked while trials are claimed."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kit import locks
from kit.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna import Study
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

HEARTBEAT, GRACE = 10, 30
"""Seconds between signs of life of a running trial, and from the last one until the trial counts as lost."""
BUSY_SECONDS = 60
"""How long SQLite waits for another process to finish writing."""
STORAGES = "as in sqlite:///FILE.db, or postgresql://USER:PASSWORD@HOST/DATABASE"


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

    Raises:
        UserError: it cannot be opened; nothing was created.
    """
    import sqlalchemy

    try:
        parsed = sqlalchemy.make_url(url)
        parsed.get_dialect()
    except (sqlalchemy.exc.ArgumentError, ValueError) as error:
        raise UserError("not an Optuna storage", where=f"--storage {url}", expected=STORAGES) from error
    if parsed.get_backend_name() != "sqlite":
        try:
            sqlalchemy.create_engine(parsed).connect().close()
        except ImportError as error:
            what = f"its driver {error.name} is not installed"
            raise UserError(what, where=_shown(url), hint=f"pip install {error.name}") from error
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise _refusal(url, error) from error
        return None
    file = parsed.database or ":memory:"
    if file.startswith((":memory:", "file:")):
        raise UserError("such a study would not be kept", where=f"--storage {url}", expected=STORAGES)
    _check_file(Path(file), folder)
    return Path(file)


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
    except (sqlalchemy.exc.SQLAlchemyError, StorageInternalError, RuntimeError) as error:
        raise _refusal(url, error) from error


def _refusal(url: str, error: Exception) -> UserError:
    cause = getattr(error.__cause__ or error, "orig", None) or error
    return UserError(
        f"the storage cannot be opened: {str(cause).splitlines()[0]}", where=_shown(url), expected=STORAGES
    )


def _shown(url: str) -> str:
    """Return the URL without its password."""
    import sqlalchemy

    return sqlalchemy.make_url(url).render_as_string(hide_password=True)
