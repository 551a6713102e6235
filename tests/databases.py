"""Database servers of the tests' own: on a free port of this machine, in a temporary folder."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy

USER, PASSWORD = "kit", "S3rverPassw0rd"
OWNERS = "postgres", "mysql", "nobody"
"""Who runs a server where the tests run as root, which servers refuse; the first one that exists."""


class NoServerError(Exception):
    """There is no server; the message is the reason."""


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        kind: "postgresql" or "mysql".
        driver: in the scheme of its URLs.
        home: the database that always exists.
        port: on 127.0.0.1.
    """

    kind: str
    driver: str
    home: str
    port: int
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, database: str, password: str = PASSWORD) -> str:
        """Return the URL of one of its databases."""
        return f"{self.kind}+{self.driver}://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Create an empty database and return its URL."""
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str) -> Sequence[Any]:
        """Execute a statement outside of any transaction; return the first column of its rows."""
        engine = sqlalchemy.create_engine(
            self.url(self.home), isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool
        )
        with engine.connect() as connection:
            done = connection.execute(sqlalchemy.text(statement))
            return done.scalars().all() if done.returns_rows else ()

    def connections(self, url: str) -> list[int]:
        """Return the server's numbers of the connections to a database."""
        name = sqlalchemy.make_url(url).database
        if self.kind == "postgresql":
            query = f"SELECT pid FROM pg_stat_activity WHERE datname = '{name}'"
        else:
            query = f"SELECT id FROM information_schema.processlist WHERE db = '{name}'"
        return list(self.execute(query))

    def end_connections(self, url: str) -> None:
        """End every connection to a database."""
        end = "SELECT pg_terminate_backend({})" if self.kind == "postgresql" else "KILL {}"
        for number in self.connections(url):
            self.execute(end.format(number))


@contextmanager
def database_server(kind: str) -> Iterator[Server]:
    """Start a server, and stop it at the end.

    Raises:
        NoServerError: the server or its driver is not installed, or it does not start.
    """
    # Not pytest's folder, which only its own user may enter.
    folder = Path(tempfile.mkdtemp(prefix="kit-database-"))
    try:
        if owner := _owner():
            shutil.chown(folder, owner)
        with _KINDS[kind](folder) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _postgresql(folder: Path) -> Iterator[Server]:
    initdb = _program("initdb", sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))
    if initdb is None:
        raise NoServerError("PostgreSQL is not installed (on Debian: the package postgresql)")
    server = Server("postgresql", "psycopg", "postgres", _free_port())
    (folder / "password").write_text(PASSWORD)
    secret = f"--pwfile={folder / 'password'}"
    options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", f"--username={USER}"]
    _run([initdb, "-D", folder / "data", secret, *options], folder)
    # Without fsync a commit takes a tenth of the time.
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": server.port,
        "unix_socket_directories": "",
        "fsync": "off",
    }
    with _running([initdb.with_name("postgres"), "-D", folder / "data"], settings, server, folder) as running:
        yield running


@contextmanager
def _mysql(folder: Path) -> Iterator[Server]:
    program = _program("mariadbd", [Path("/usr/sbin")])
    if program is None:
        raise NoServerError("MariaDB is not installed (on Debian: the package mariadb-server)")
    server = Server("mysql", "pymysql", "mysql", _free_port())
    base = program.parent.parent
    places = [f"--basedir={base}", f"--datadir={folder / 'data'}"]
    options = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
    _run([base / "bin/mariadb-install-db", "--no-defaults", *places, *options], folder)
    user = f"'{USER}'@'127.0.0.1'"
    (folder / "start.sql").write_text(
        f"CREATE USER {user} IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO {user};\n"
    )
    settings = {
        "basedir": base,
        "datadir": folder / "data",
        "bind-address": "127.0.0.1",
        "port": server.port,
        "socket": folder / "socket",
        "pid-file": folder / "pid",
        "init-file": folder / "start.sql",
        "innodb-flush-log-at-trx-commit": 0,
        "skip-name-resolve": "ON",
    }
    with _running([program, "--no-defaults"], settings, server, folder) as running:
        yield running


_KINDS: dict[str, Callable[[Path], Any]] = {"postgresql": _postgresql, "mysql": _mysql}
KINDS = tuple(_KINDS)


@contextmanager
def _running(
    command: Sequence[str | Path], settings: Mapping[str, object], server: Server, folder: Path
) -> Iterator[Server]:
    words = [f"--{name}={value}" for name, value in settings.items()]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, *words], stdout=log, stderr=log, cwd=folder, **_as_owner())
    try:
        _await(server, process, folder / "log")
        yield server
    finally:
        # At once, because nothing is kept; PostgreSQL ends its children at SIGQUIT only.
        process.send_signal(signal.SIGQUIT if server.kind == "postgresql" else signal.SIGKILL)
        process.wait(60)


def _await(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(300):
        try:
            server.execute("SELECT 1")
        except ImportError as error:
            process.kill()
            raise NoServerError(f"the package {server.driver} is not installed") from error
        except sqlalchemy.exc.DBAPIError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
        else:
            return
    raise NoServerError(f"the server does not start: {log.read_text(errors='replace').strip()[-500:]}")


def _run(command: Sequence[str | Path], folder: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, **_as_owner())
    if done.returncode:
        raise NoServerError(f"{Path(command[0]).name} failed: {done.stderr.strip()[-500:]}")


def _as_owner() -> dict[str, Any]:
    owner = _owner()
    if owner is None:
        return {}
    return {"user": owner, "group": pwd.getpwnam(owner).pw_gid, "extra_groups": []}


def _owner() -> str | None:
    if os.geteuid():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in OWNERS if name in known)


def _program(name: str, folders: Sequence[Path]) -> Path | None:
    """Return the path of a program, which Debian does not put on everybody's PATH."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, folders)])
    found = shutil.which(name, path=path)
    return Path(found).resolve() if found else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
