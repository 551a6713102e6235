"""The storage of a study: check it before anything is created, and open it."""

import os
import re
import sqlite3
from contextlib import closing
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kit.errors import UserError
from kit.masking import learn, learn_from, masked
from kit.tuning.drivers import check_driver
from kit.tuning.failures import RESTORE, check_database, damage_named, hint_of, place, reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna import Study
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial
    from sqlalchemy import URL

STUDY_VERSION = "2"
"""Changes when a study of the previous version cannot be resumed."""
HEARTBEAT, GRACE = 10, 30
"""Seconds between heartbeats of a running trial, and from the last one until the trial counts as lost."""
BUSY_SECONDS = 60
"""Timeout of SQLite while another process writes."""
STORAGES = "as in sqlite:///FILE.db, or postgresql+psycopg://USER:<password>@HOST/DATABASE"
SQLITE = ("sqlite", "sqlite+pysqlite")
SQLITE_OPTIONS = {"timeout", "isolation_level", "detect_types", "check_same_thread", "cached_statements"}
PASSWORDS = ("PGPASSWORD", "MYSQL_PWD")
"""Environment variables from which drivers read a password."""


def storage_url(folder: Path, given: str | None) -> str:
    """Return the URL of the storage; by default SQLite in the study's folder.

    The scheme is normalised for SQLAlchemy: lower case, `postgresql` instead of `postgres`. From now on its
    secrets are masked in all output.
    """
    learn(*(os.environ.get(name) for name in PASSWORDS))
    if given is None:
        return "sqlite:///" + str(folder / "study.db").replace("%", "%25").replace("?", "%3F")
    learn_from(given, is_url=True)
    scheme, colon, rest = given.partition("://")
    return re.sub(r"^postgres(?=$|\+)", "postgresql", scheme.lower()) + colon + rest if colon else given


def check_storage(url: str, folder: Path) -> Path | None:
    """Return the file of an SQLite database; None for a reachable server.

    Args:
        url: as `storage_url` returns it.
        folder: of the study; it may not exist yet.

    Raises:
        UserError: it cannot be opened; nothing was created.
    """
    import sqlalchemy

    shown = masked(url)
    if re.match(r"grpc|journal", url):
        raise UserError(
            "Optuna's gRPC proxy and journal storage have no heartbeats, so lost trials would stay lost",
            where=f"--storage {shown}",
            hint="share a database, as in postgresql+psycopg://USER:<password>@HOST/DATABASE",
        )
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
        # A driver may raise any exception.
        except Exception as error:
            raise _refusal(url, error) from error
        return None
    file = parsed.database or ":memory:"
    if file.startswith((":memory:", "file:")):
        raise UserError("an in-memory study is not stored", where=f"--storage {shown}", expected=STORAGES)
    _check_file(Path(file), folder)
    return Path(file)


def _check_written(parsed: "URL", url: str, shown: str) -> None:
    """Refuse characters that end a password or a file name too early."""
    rest = url.partition("@")[2] if parsed.username is not None else url
    front, _, query = rest.partition("?")
    has_options = not query or all("=" in option for option in query.split("&"))
    if parsed.username is not None and "@" in (front if has_options else rest):
        raise UserError(
            "@ is not allowed in user and password",
            where=f"--storage {shown}",
            hint="write %40 for @, %2F for /, %3F for ?, %23 for #, and %25 for %",
        )
    unknown = parsed.query.keys() - SQLITE_OPTIONS if parsed.drivername in SQLITE else set()
    if not has_options or unknown:
        raise UserError(
            f"unknown option of {parsed.get_backend_name()} after ?",
            where=f"--storage {shown}",
            hint="write %3F for a ? in a name, and %25 for %",
        )


def _check_file(file: Path, folder: Path) -> None:
    if not file.parent.is_dir() and file.parent != folder:
        raise UserError("no such folder", where=str(file.parent))
    if file.exists():
        try:
            with file.open("rb") as opened:
                start = opened.read(15)
        except OSError as error:
            raise UserError(f"cannot be read: {error.strerror}", where=str(file)) from error
        if start not in {b"", b"SQLite format 3"}:
            raise UserError("not an SQLite database", where=str(file))
        if start:
            check_database(file, BUSY_SECONDS)
    for path in (file, file.parent):
        if path.exists() and not os.access(path, os.W_OK):
            raise UserError("not writable", where=str(path))


def open_storage(url: str, on_lost: "Callable[[Study, FrozenTrial], None]", *, local: bool) -> "RDBStorage":
    """Open a storage, and create missing tables.

    Args:
        url: checked by `check_storage`.
        on_lost: called with each trial that is failed because its heartbeats stopped.
        local: whether it is an SQLite file.

    Raises:
        UserError: it cannot be opened.
    """
    import sqlalchemy
    from optuna.exceptions import StorageInternalError
    from optuna.storages import RDBStorage

    more = {"connect_args": {"timeout": BUSY_SECONDS}} if local else {}
    new, old = "heartbeat_stale_trial_callback", "failed_trial_callback"  # old: before Optuna 4.9
    callback: dict[str, Any] = {new if new in signature(RDBStorage).parameters else old: on_lost}
    try:
        return RDBStorage(
            # Optuna replaces {names}.
            url.replace("{", "{{").replace("}", "}}"),
            # A server may close the connection during a long trial.
            engine_kwargs={"pool_pre_ping": True, **more},
            heartbeat_interval=HEARTBEAT,
            grace_period=GRACE,
            **callback,
        )
    except (sqlalchemy.exc.SQLAlchemyError, StorageInternalError, RuntimeError, TypeError) as error:
        raise _refusal(url, error) from error


def load_study(url: str, name: str) -> "Study":
    """Return a stored study, for reading; nothing is created.

    Args:
        url: of its storage.
        name: of the study; if the storage is an SQLite file with one study, that one, whatever its name.

    Raises:
        UserError: there is no such study, or another program or another version of kit made it.
    """
    import optuna
    import sqlalchemy

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    parsed = sqlalchemy.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        known = _study_names(Path(parsed.database or ""))
        name = known[0] if len(known) == 1 else name
    try:
        # Optuna replaces {names}.
        storage = optuna.storages.RDBStorage(url.replace("{", "{{").replace("}", "}}"))
        study = optuna.load_study(study_name=name, storage=storage)
    except KeyError as error:
        raise UserError(f"there is no study {name!r}", where=masked(url)) from error
    except (
        sqlalchemy.exc.SQLAlchemyError,
        optuna.exceptions.StorageInternalError,
        RuntimeError,
        ImportError,
    ) as error:
        raise _refusal(url, error) from error
    with damage_named(url):
        made_of = study.user_attrs.get("kit")
        study.get_trials(deepcopy=False)  # Damage is found before anything is computed.
    if not isinstance(made_of, dict):
        raise UserError("`kit tune` did not create this study", where=masked(url))
    if made_of.get("version") != STUDY_VERSION:
        raise UserError("another version of kit created this study", where=masked(url))
    return study


def _study_names(file: Path) -> list[str]:
    """Return the studies in an SQLite file.

    Raises:
        UserError: the file is missing, damaged, or not an Optuna storage.
    """
    if not file.is_file():
        raise UserError("the study's storage is missing", where=str(file), hint=RESTORE)
    check_database(file, BUSY_SECONDS)
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            names = [row[0] for row in connection.execute("SELECT study_name FROM studies")]
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise UserError(
            "the study's storage cannot be read",
            where=str(file),
            expected="an SQLite database of Optuna",
            received=str(error),
            hint=RESTORE,
        ) from error
    return names


def _refusal(url: str, error: Exception) -> UserError:
    why = reason(error)
    what, hint = f"the storage cannot be opened: {masked(why)}", hint_of(why)
    return UserError(what, where=place(url), expected=None if hint else STORAGES, hint=hint)
