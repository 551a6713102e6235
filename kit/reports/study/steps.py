"""What a report of a study proposes to do next."""

import math
import re
import shlex
from pathlib import Path

from kit.records import StudyReport
from kit.reports.study.wording import minutes

ROUNDING = ((1800.0, 60.0), (4 * 3600.0, 300.0), (math.inf, 1800.0))
"""Steps of a proposed time limit, by the longest limit that they are for; in seconds."""


def next_steps(report: StudyReport) -> list[tuple[str, str]]:
    """Return what to do next: the purpose, and the command; the most useful step is the first."""
    return [_main_step(report), ("Explore", f"optuna-dashboard {shlex.quote(report.storage)}")]


def _main_step(report: StudyReport) -> tuple[str, str]:
    confirmed = report.confirmation
    if confirmed and confirmed.status == "confirmed" and confirmed.config_path:
        return "Train it", f"kit cv -c {shlex.quote(Path(confirmed.config_path).stem)}"
    if confirmed is None or report.status != "complete":
        return "Resume", report.command
    enough = confirmed.enough_seconds
    if confirmed.status == "no time":
        return "Confirm it", with_timeout(report.command, enough) if enough else report.command
    if confirmed.more_seconds is not None:
        seconds = (report.limit_seconds or 0.0) + confirmed.more_seconds
        return "Confirm it", with_timeout(report.command, _rounded_up(seconds))
    if report.limit_seconds is None:
        return "Search more", "the same command with more --trials"
    return "Search more", with_timeout(report.command, max(enough or 0.0, 2 * report.limit_seconds))


def _rounded_up(seconds: float) -> float:
    """Return a time limit that is easy to read and a little longer: its source is an estimate."""
    step = next(step for limit, step in ROUNDING if seconds <= limit)
    return math.ceil(seconds / step) * step


def with_timeout(command: str, seconds: float) -> str:
    """Return a command of `kit tune` with this time limit in place of its own."""
    other = re.sub(r" --timeout[ =]\S+", "", command)
    return f"{other} --timeout {minutes(seconds)}"
