"""`kit report STUDY`: the report and the page of a study, made again where they are out of date.

An up-to-date report is shown without Optuna and without numpy: imports of what computes are local.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from kit.errors import UserError
from kit.masking import MASK
from kit.reports.study.page import PAGE_VERSION, write_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna import Study

    from kit.records import StudyReport
    from kit.studies import StudyFolder

_HEAD = 2000
"""Characters of the page that name its version."""


def current(files: StudyFolder, say: Callable[[str], None]) -> StudyReport:
    """Return the report of a study; compute it, and draw its page, where these are out of date.

    A study that is not finished is reported with what it has so far.

    Args:
        files: the folder of the study.
        say: receives why something cannot be written.

    Raises:
        UserError: the study cannot be read, or another version of kit made it.
    """
    if is_drawn(files):
        return files.read_report()
    study, report = computed(files)
    try:
        files.write_report(report)
        write_page(files.page_path, study, report)
    except OSError as error:
        say(f"the report cannot be written to {files.path}/: {error.strerror}")
    return report


def listed(files: StudyFolder) -> StudyReport | None:
    """Return the report for a list of studies: the stored one, else computed from a database file.

    None if there is neither: a list does not wait for a server.

    Raises:
        UserError: the study cannot be read, or another version of kit made it.
    """
    return _stored(files) or (computed(files)[1] if _database(files) else None)


def is_drawn(files: StudyFolder) -> bool:
    """Return whether report.json is up to date, and report.html is newer and of this version."""
    try:
        with files.page_path.open(encoding="utf-8") as file:
            this_version = f'kit study page {PAGE_VERSION}"' in file.read(_HEAD)
        drawn = files.page_path.stat().st_mtime
        if drawn > time.time():
            return False  # The clock was set back: the study may have changed since.
        return this_version and bool(_stored(files)) and files.report_path.stat().st_mtime <= drawn
    except (OSError, UnicodeDecodeError):
        return False


def _stored(files: StudyFolder) -> StudyReport | None:
    """Return report.json; None if it is missing, damaged, out of date, or of another version or status."""
    try:
        report = files.read_report()
        database = _database(files)
        computed_at = files.report_path.stat().st_mtime
        if database and (database.stat().st_mtime > computed_at or computed_at > time.time()):
            return None
    except UserError:
        return None
    return report if report.status == files.status() else None


def _database(files: StudyFolder) -> Path | None:
    """Return the file of the study's storage; None if it is missing, or the storage is a server."""
    _, _, path = files.read_origin().storage.partition("sqlite:///")
    for file in (files.database, Path(unquote(path))):
        if file.is_file():
            return file
    return None


def computed(files: StudyFolder) -> tuple[Study, StudyReport]:
    """Return a study from its storage, and its report.

    Raises:
        UserError: the study cannot be read, or another version of kit made it.
    """
    from kit.reports.study.figures import summarise_study
    from kit.tuning.failures import storage_failures
    from kit.tuning.storage import load_study, storage_url

    origin = files.read_origin()
    own = files.database.is_file()
    if not own and MASK in origin.storage:
        raise UserError(
            "the report is out of date, and study.json does not have the password of the storage",
            where=str(files.path),
            hint=f"rerun the command that started it: `{origin.command}`",
        )
    url = storage_url(files.path, None if own else origin.storage)
    with storage_failures(url):
        study = load_study(url, origin.study)
    # The folder may have been moved.
    facts = origin.model_copy(update={"storage": url})
    return study, summarise_study(study, origin.confirmation, facts, files.status())
