"""Locks that a database server keeps, for processes on several machines.

A lock belongs to a connection of its own. The server releases it when the connection ends, as when the
process is killed, and after a minute of silence, as when its machine is suspended or has lost its network.
"""

import hashlib
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

KEEP_ALIVE = 10.0
"""Seconds between the signs of life of a process that holds a lock."""
IDLE_SECONDS = 60
"""Seconds without one, after which the server ends the connection."""
POLL_SECONDS = 0.01, 0.05
"""Shortest and longest pause between two attempts to acquire a lock."""


@dataclass(frozen=True)
class _Statements:
    """SQL of one kind of server.

    Attributes:
        limit: makes the server end this connection after `{seconds}` of silence.
        acquire: returns whether the lock `:key` was free.
        release: ends it.
        numeric: whether keys are numbers of 64 bits; else they are text.
    """

    limit: str
    acquire: str
    release: str
    numeric: bool


_POSTGRESQL = _Statements(
    # Versions before 14 lack this setting; setting it by name would fail there.
    "SELECT set_config(name, '{seconds}s', false) FROM pg_settings WHERE name = 'idle_session_timeout'",
    "SELECT pg_try_advisory_lock(:key)",
    "SELECT pg_advisory_unlock(:key)",
    numeric=True,
)
_MYSQL = _Statements(
    "SET SESSION wait_timeout = {seconds}",
    "SELECT GET_LOCK(:key, 0)",
    "SELECT RELEASE_LOCK(:key)",
    numeric=False,
)
_KINDS = {"postgresql": _POSTGRESQL, "mysql": _MYSQL, "mariadb": _MYSQL}


@dataclass(frozen=True)
class DatabaseLock:
    """The locks of one database; see `of`."""

    _engine: "Engine"
    _statements: _Statements

    @classmethod
    def of(cls, url: str) -> Self | None:
        """Return the locks of the database at `url`; None if kit uses none of this kind of database."""
        import sqlalchemy

        parsed = sqlalchemy.make_url(url)
        statements = _KINDS.get(parsed.get_backend_name())
        if statements is None:
            return None
        # Without a pool, whose connections would keep their locks.
        engine = sqlalchemy.create_engine(parsed, poolclass=sqlalchemy.NullPool, isolation_level="AUTOCOMMIT")
        return cls(engine, statements)

    @contextmanager
    def locked(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """Hold the lock `name` of the database.

        Args:
            name: of the lock.
            wait: whether to wait while another process holds it.

        Yields:
            Whether this process holds it; always true with `wait`.

        Raises:
            SQLAlchemyError: the server cannot be reached.
        """
        connection, key = self._connect(), self._key(name)
        try:
            # Polling: a server's own wait would ignore Ctrl-C, and end at the server's timeouts.
            while not (acquired := self._acquire(connection, key)) and wait:
                time.sleep(random.uniform(*POLL_SECONDS))
            if not acquired:
                yield False
                return
            keeper = _Keeper(self, connection, key)
            try:
                yield True
            finally:
                connection = keeper.end()
                self._release(connection, key)
        finally:
            connection.close()

    def _connect(self) -> "Connection":
        import sqlalchemy

        connection = self._engine.connect()
        connection.execute(sqlalchemy.text(self._statements.limit.format(seconds=IDLE_SECONDS)))
        return connection

    def _acquire(self, connection: "Connection", key: int | str) -> bool:
        import sqlalchemy

        return bool(connection.execute(sqlalchemy.text(self._statements.acquire), {"key": key}).scalar())

    def _release(self, connection: "Connection", key: int | str) -> None:
        import sqlalchemy

        # A connection that is lost has no lock. Closing it would release the lock too, but a moment later.
        with suppress(sqlalchemy.exc.SQLAlchemyError):
            connection.execute(sqlalchemy.text(self._statements.release), {"key": key})

    def _key(self, name: str) -> int | str:
        # The locks of MySQL belong to the server, not to a database; their names have 64 characters at most.
        digest = hashlib.sha256(f"kit {self._engine.url.database} {name}".encode())
        if self._statements.numeric:
            return int.from_bytes(digest.digest()[:8], signed=True)
        return f"kit-{digest.hexdigest()[:40]}"


class _Keeper:
    """Sends signs of life for a lock, and acquires it again after the connection was lost.

    Another process may be faster; then both believe that they hold the lock.
    """

    def __init__(self, lock: DatabaseLock, connection: "Connection", key: int | str) -> None:
        self._lock, self._connection, self._key, self._holds = lock, connection, key, True
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="kit-lock", daemon=True)
        self._thread.start()

    def end(self) -> "Connection":
        """Stop, and return the connection that has the lock."""
        self._ended.set()
        self._thread.join()
        return self._connection

    def _keep(self) -> None:
        import sqlalchemy

        while not self._ended.wait(KEEP_ALIVE):
            try:
                if self._holds:
                    self._connection.execute(sqlalchemy.text("SELECT 1"))
                else:
                    self._holds = self._lock._acquire(self._connection, self._key)
            except sqlalchemy.exc.SQLAlchemyError:
                self._holds = False
                self._connection.close()
                with suppress(sqlalchemy.exc.SQLAlchemyError):
                    self._connection = self._lock._connect()
                    self._holds = self._lock._acquire(self._connection, self._key)
