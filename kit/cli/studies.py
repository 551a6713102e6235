"""The studies in `kit runs`."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import click

from kit.errors import KitError
from kit.metrics import METRICS
from kit.records import Record, StudyReport
from kit.studies import StudyFolder, all_studies


class StudySummary(Record):
    """One study in the list; unknown values are None.

    Attributes:
        name: of the study; "tune-" and the name is its folder.
        metric: name of the metric that decides.
        trials, complete, pruned: numbers of trials.
        baseline, best: value of the metric for the configuration itself, and the best value in the search.
        verdict: of the confirmation; None: not made yet.
        confirmed_gain, interval: share of the baseline's loss, and its interval; None: nothing is confirmed.
        config_path: the configuration that was written.
        trial_seconds: time of all trials and of the confirmation.
    """

    name: str
    status: str
    config: str | None = None
    sample: bool | None = None
    started: str | None = None
    metric: str | None = None
    trials: int | None = None
    complete: int | None = None
    pruned: int | None = None
    baseline: float | None = None
    best: float | None = None
    verdict: str | None = None
    confirmed_gain: float | None = None
    interval: tuple[float, float] | None = None
    config_path: str | None = None
    trial_seconds: float | None = None
    error: str | None = None

    @property
    def loss(self) -> float:
        """Loss of the best trial; infinity if there is none."""
        return METRICS[self.metric].loss(self.best) if self.metric and self.best is not None else math.inf


def _by_value(study: StudySummary) -> tuple[bool, float, bool, str, float]:
    """The largest confirmed gain first, then the best value; values of two metrics cannot be compared."""
    return (
        bool(study.sample),
        -(study.confirmed_gain or 0.0),
        study.best is None,
        study.metric or "",
        study.loss,
    )


_ORDERS: dict[str, Callable[[StudySummary], Any]] = {
    "score": _by_value,
    "loss": _by_value,
    "time": lambda study: study.trial_seconds or math.inf,
    "started": lambda _: 0,  # `all_studies` has this order.
    "name": lambda study: study.name,
}
"""Sort keys by the value of --sort."""


def read_summaries(order: str) -> list[StudySummary]:
    """Return the studies of this folder in an order of `kit runs --sort`; unreadable ones are the last."""
    found = sorted(map(_summary, all_studies()), key=_ORDERS[order])
    return sorted(found, key=lambda study: study.error is not None)


def _summary(files: StudyFolder) -> StudySummary:
    from kit.pipeline.study_report import listed

    try:
        origin, report = files.read_origin(), listed(files)
        facts: dict[str, Any] = origin.model_dump(include={"config", "sample", "started", "metric"})
        facts["started"] = facts["started"] or None
        return StudySummary(
            name=files.name, status=files.status(), **facts, **(_figures(report) if report else {})
        )
    except KitError as error:
        # An unreadable study does not hide the others.
        return StudySummary(name=files.name, status="unreadable", error=str(error))


def _figures(report: StudyReport) -> dict[str, Any]:
    from kit.reports.study.comparisons import relative_interval

    confirmed = report.confirmation
    figures: dict[str, Any] = {
        "trials": report.trials.total,
        "complete": report.trials.complete,
        "pruned": report.trials.pruned,
        "baseline": report.baseline.value if report.baseline else None,
        "best": report.best[0].value if report.best else None,
        "trial_seconds": report.time.trial_seconds + (confirmed.seconds if confirmed else 0.0),
    }
    if confirmed is None:
        return figures
    figures |= {"verdict": confirmed.status, "config_path": confirmed.config_path}
    if won := confirmed.won:
        figures |= {"confirmed_gain": won.relative_gain, "interval": relative_interval(won)}
    return figures


def show_studies(studies: Sequence[StudySummary]) -> None:
    """Print a table of studies, and why some are unreadable."""
    from rich.console import Console

    from kit.reports.formatting import duration, print_table
    from kit.terminals import is_terminal

    console = Console()
    if not is_terminal(console):
        console.width = 200  # One line per study, for grep.
    cells = {
        "Study": [one.name for one in studies],
        "Configuration": [one.config or "-" for one in studies],
        "Trials": ["-" if one.trials is None else str(one.trials) for one in studies],
        "Baseline": [_value(one, one.baseline) for one in studies],
        "Best": [_value(one, one.best) for one in studies],
        "Metric": [METRICS[one.metric].title if one.metric else "-" for one in studies],
        "Confirmed": [_confirmed(one) for one in studies],
        "Time": [duration(one.trial_seconds) for one in studies],
        "Status": [one.status for one in studies],
        "Sample": [{True: "yes", False: "no", None: "-"}[one.sample] for one in studies],
        "Started": [(one.started or "-")[:16].replace("T", " ") for one in studies],
    }
    dispensable = ["Metric", "Started", "Configuration", "Time", "Sample", "Baseline"]
    print_table(console, cells, dispensable)
    for one in studies:
        if one.error:
            click.echo(one.error, err=True)


def _value(study: StudySummary, value: float | None) -> str:
    return METRICS[study.metric].format(value) if study.metric else "-"


def _confirmed(study: StudySummary) -> str:
    if study.confirmed_gain is not None:
        return f"{100 * study.confirmed_gain:+.1f} %"
    return {None: "-", "no time": "no time"}.get(study.verdict, "nothing")
