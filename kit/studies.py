"""Studies on disk. The only module that knows file names under runs/tune-<study>/."""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kit import locks
from kit.errors import KitError, UserError
from kit.names import RUNS
from kit.os_errors import name_file
from kit.records import Confirmation, StudyFacts, StudyOrigin, StudyReport, StudyStatus
from kit.records.files import read_record, write_record

PREFIX = "tune-"
"""The folder of a study is its name after this."""


class StudyFolder:
    """The folder of one study."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def named(cls, name: str) -> "StudyFolder":
        """Return the folder of the study with this name; it may not exist."""
        return cls(RUNS / f"{PREFIX}{name}")

    @property
    def name(self) -> str:
        """The folder's name without "tune-"."""
        return self.path.name.removeprefix(PREFIX)

    @property
    def database(self) -> Path:
        """Optuna's SQLite storage, unless the study has another storage."""
        return self.path / "study.db"

    @property
    def origin_path(self) -> Path:
        """Command, configuration and status of the last call of `kit tune`."""
        return self.path / "study.json"

    @property
    def report_path(self) -> Path:
        """Every figure of the report."""
        return self.path / "report.json"

    @property
    def page_path(self) -> Path:
        """The report as a page."""
        return self.path / "report.html"

    def exists(self) -> bool:
        """Return whether a study was started in this folder; False if the folder cannot be read."""
        with suppress(PermissionError):
            return any(path.is_file() for path in (self.origin_path, self.database, self.report_path))
        return False

    def status(self) -> StudyStatus:
        """Return the status of the last call; one whose process was killed is interrupted."""
        if any(locks.held(path) is not False for path in self._process_files()):
            return "running"
        try:
            return "complete" if self.read_origin().status == "complete" else "interrupted"
        except UserError:  # A study of an earlier version: its report was written at the end.
            return "complete" if self.report_path.is_file() else "interrupted"

    def read_origin(self) -> StudyOrigin:
        """Return study.json; from report.json if an earlier version of kit wrote none.

        Raises:
            UserError: both are missing or damaged.
        """
        repair = "rerun the `kit tune` command that made the study"
        if not self.origin_path.is_file() and self.report_path.is_file():
            report = self.read_report()
            facts = report.model_dump(include=set(StudyFacts.model_fields))
            return StudyOrigin(status="complete", confirmation=report.confirmation, **facts)
        return read_record(self.origin_path, StudyOrigin, repair=repair)

    def write_origin(self, origin: StudyOrigin) -> None:
        """Replace study.json."""
        write_record(self.origin_path, origin)

    def read_report(self) -> StudyReport:
        """Return report.json.

        Raises:
            UserError: it is missing, damaged, or was written by another version.
        """
        again = "delete it and compute it again" if self.report_path.exists() else "compute it"
        return read_record(
            self.report_path, StudyReport, repair=f"{again}: `kit report {shlex.quote(self.path.name)}`"
        )

    def write_report(self, report: StudyReport) -> None:
        """Replace report.json."""
        write_record(self.report_path, report)

    def how_to_train(self) -> str:
        """Return how to get a run with what the study found, in a few words."""
        confirmed: Confirmation | None = None
        with suppress(UserError):
            confirmed = self.read_origin().confirmation
        if confirmed is None or confirmed.config_path is None:
            return "it has confirmed no configuration yet"
        return f"train what it found: `kit cv -c {shlex.quote(Path(confirmed.config_path).stem)}`"

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Mark the study as running in the block; the mark ends with the process, even if it is killed."""
        self.path.mkdir(parents=True, exist_ok=True)
        for path in self._process_files():
            if locks.held(path) is False:
                path.unlink(missing_ok=True)
        mark = self.path / f".process-{os.getpid()}"
        try:
            with locks.locked(mark, wait=False):
                yield
        except OSError as error:
            name_file(error, self.path, str(mark))
            raise
        finally:
            with suppress(OSError):  # The next call removes it.
                mark.unlink(missing_ok=True)

    def _process_files(self) -> list[Path]:
        with suppress(OSError):
            return list(self.path.glob(".process-*"))
        return []


def all_studies() -> list[StudyFolder]:
    """Return the studies in this working directory, the newest first."""
    folders = RUNS.glob(f"{PREFIX}*") if RUNS.is_dir() else ()
    return sorted(filter(StudyFolder.exists, map(StudyFolder, folders)), key=_started, reverse=True)


def _started(study: StudyFolder) -> str:
    try:
        return study.read_origin().started
    except KitError:
        return ""  # Unreadable studies sort as the oldest.


def find_study(name: str) -> StudyFolder | None:
    """Return the study with this name, with "tune-" or without, or with this path of its folder."""
    for path in (RUNS / f"{PREFIX}{name}", RUNS / name, Path(name)):
        # Path.resolve raises where links make a circle.
        if Path(os.path.realpath(path)).name.startswith(PREFIX) and StudyFolder(path).exists():
            return StudyFolder(path)
    return None


def refuse_study(name: str) -> None:
    """Refuse a study where a run is needed.

    Raises:
        UserError: the name is one of a study, and what to do instead.
    """
    study = find_study(name)
    if study is None:
        return
    raise UserError(
        "this is a study of `kit tune`, not a run",
        where=str(study.path),
        hint=f"`kit report {shlex.quote(study.name)}` shows it; {study.how_to_train()}",
    )
