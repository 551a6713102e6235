"""The locks of a study: a file for the processes of this machine, and the database for other machines."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kit import locks
from kit.tuning.database_lock import DatabaseLock


@dataclass(frozen=True)
class StudyLock:
    """The locks of one study.

    Attributes:
        study: its name.
        file: what the processes of this machine lock.
        database: locks of the server; None for SQLite, and for servers whose locks kit does not use.
        is_server: whether the storage is a server, which other machines may use.
    """

    study: str
    file: Path
    database: DatabaseLock | None
    is_server: bool

    @property
    def exclusive(self) -> bool:
        """Whether the locks exclude every other process of the study, on all machines."""
        return self.database is not None or not self.is_server

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Be the only one who creates or joins a study in this storage, and creates its tables."""
        with self._both("open"):
            yield

    @contextmanager
    def claiming(self) -> Iterator[None]:
        """Be the only one who takes a trial of the study, or looks for lost ones."""
        with self._both(f"claim {self.study}"):
            yield

    @contextmanager
    def confirming(self, file: Path) -> Iterator[bool]:
        """Yield whether this process is the only one that confirms the study; do not wait for others.

        Args:
            file: what the processes of this machine lock.
        """
        with locks.locked(file, wait=False) as alone:
            if not alone or self.database is None:
                yield alone
                return
            with self.database.locked(f"confirm {self.study}", wait=False) as alone_of_all:
                yield alone_of_all

    @contextmanager
    def _both(self, name: str) -> Iterator[None]:
        """Wait for both locks, and hide Optuna's experimental warnings while holding them."""
        from optuna.exceptions import ExperimentalWarning

        # Warning filters are shared by all threads, so they change under the lock only. The file comes first,
        # so that a process with many threads has one connection for locks.
        with locks.locked(self.file), warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            if self.database is None:
                yield
                return
            with self.database.locked(name):
                yield
