"""`kit report`: the report and the page of a finished run, made again where they are out of date.

An up-to-date report is shown without numpy: imports of what computes and draws are local.
"""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from kit.checksums import is_sealed
from kit.errors import KitError, UserError
from kit.interrupts import is_interrupt
from kit.reports.run.page import PAGE_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from kit.records import Report
    from kit.run_folder import Run
    from kit.tables import Predictions

_DAMAGED = (KitError, OSError, EOFError, ValueError, LookupError, BadZipFile, zlib.error)
"""Errors of reading a missing or damaged file."""
_HEAD = 2000
"""Bytes of the page that name its version."""


def current(run: Run, say: Callable[[str], None]) -> Report:
    """Return the report of a finished run; compute it, and draw report.html, where these are out of date.

    Everything comes from the folder of the run. Without its members, the page shows what report.json has.
    Also writes test.csv and history.csv if they are missing: earlier versions wrote neither.

    Args:
        run: the run.
        say: receives what is missing on the page, or why a file cannot be written, one line each.

    Raises:
        UserError: report.json is damaged; or it is missing and cannot be computed.
    """
    stored = run.read_report() if run.report_path.is_file() else None
    if stored and is_drawn(run):
        return _with_tables(run, stored, say)
    if stored and stored.details and not run.page_path.is_file() and not _is_older(run):
        report = _with_tables(run, stored, say)
    else:
        report = _computed(run, stored, say)
    try:
        with run.updating():
            if report is not stored:
                run.write_report(report)
            _draw(run, report)
    except OSError as error:
        say(f"the report cannot be written to {run.path}/: {error.strerror}")
    except KitError as error:
        say(f"the report cannot be written: {_cause(error)}")
    except Exception as error:
        if is_interrupt(error):  # within an import, whose error replaces it
            raise KeyboardInterrupt from error
        # The run is complete, whatever is wrong with its page.
        say(f"the page cannot be drawn: {type(error).__name__}: {error}")
    return report


def is_drawn(run: Run) -> bool:
    """Return whether report.html is newer than its sources, of this version, and undamaged."""
    try:
        drawn = run.page_path.stat().st_mtime
        if drawn > time.time():
            return False  # The clock was set back: the files may have changed since.
        page = run.page_path.read_bytes()
        this_version = f'page {PAGE_VERSION}"'.encode() in page[:_HEAD]
        return (
            this_version
            and is_sealed(page)
            and all(path.stat().st_mtime <= drawn for path in (run.info_path, run.oof_path, run.report_path))
        )
    except OSError:
        return False


def _is_older(run: Run) -> bool:
    """Return whether report.json is older than the predictions that it describes."""
    return run.oof_path.is_file() and run.report_path.stat().st_mtime < run.oof_path.stat().st_mtime


def _with_tables(run: Run, report: Report, say: Callable[[str], None]) -> Report:
    """Return `report`, and write test.csv and history.csv if they are missing."""
    try:
        if not run.history_path.is_file():
            with run.updating():
                run.write_history(report)
        if not run.test_path.is_file():
            from kit.pipeline.rebuild import computed

            _write_test(run, computed(run, ())[1])
    except _DAMAGED as error:
        say(f"test.csv cannot be written: {_cause(error)}")
    return report


def _computed(run: Run, stored: Report | None, say: Callable[[str], None]) -> Report:
    from kit.pipeline.rebuild import computed

    try:
        report, table = computed(run, stored.warnings if stored else ())
    except _DAMAGED as error:
        cause = _cause(error)
        if stored is None:
            record = run.read_record()
            again = (
                "combine its runs again" if record.sources else "rerun its command to train what is missing"
            )
            raise UserError(
                "there is no report.json, and it cannot be computed",
                where=str(run.path),
                received=cause,
                hint=f"{again}: `{record.command}{' --fresh' * bool(record.sources)}`",
            ) from error
        say(f"the page shows only what report.json has: {cause}")
        return stored
    try:
        with run.updating():
            run.write_history(report)
        _write_test(run, table)
    except _DAMAGED as error:
        say(f"test.csv cannot be written: {_cause(error)}")
    return report


def _write_test(run: Run, table: Predictions) -> None:
    from kit.pipeline.rebuild import check_test

    check_test(run, table)
    with run.updating():
        run.write_test(table)


def _cause(error: Exception) -> str:
    if isinstance(error, KitError):
        return str(error).partition("\n")[0]
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return "members, folds or oof.csv are damaged, or do not fit together"


def _draw(run: Run, report: Report) -> None:
    from kit.pipeline.rebuild import find_images
    from kit.reports.run.page import write_page

    images, new = find_images(run, report)
    if new:
        run.write_images(images)
    write_page(run.page_path, report, images)
