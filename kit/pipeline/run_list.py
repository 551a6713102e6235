"""What is worth knowing of a run in a list of runs."""

from kit.errors import KitError
from kit.metrics import METRICS, Metric
from kit.records import Record, Score
from kit.run_folder import Run


class RunSummary(Record):
    """One run in the list; unknown values are None."""

    name: str
    status: str
    sample: bool | None = None
    started: str | None = None
    wall_seconds: float | None = None
    members: int | None = None
    members_planned: int | None = None
    sources: tuple[str, ...] = ()
    """Names of the runs that an ensemble combines."""
    metric: str | None = None
    oof: Score | None = None
    error: str | None = None

    @property
    def scored(self) -> tuple[Metric, Score] | None:
        """The metric and the score of a finished run."""
        return (METRICS[self.metric], self.oof) if self.oof and self.metric else None


def summary_of(run: Run) -> RunSummary:
    """Return the list entry of a run."""
    try:
        record, planned = run.read_record(), run.planned()
        of_sources = sum(one.members for one in record.sources)
        report = run.read_report() if run.is_finished() and run.report_path.is_file() else None
        return RunSummary(
            name=run.name,
            status=run.status(),
            sample=record.sample,
            started=record.started,
            wall_seconds=record.wall_seconds or None,
            members=sum(run.has(member) for member in planned) + of_sources,
            members_planned=len(planned) + of_sources,
            sources=tuple(one.name for one in record.sources),
            metric=report.metric if report else None,
            oof=report.oof if report else None,
        )
    except KitError as error:
        # An unreadable run does not hide the others.
        return RunSummary(name=run.name, status="unreadable", error=str(error))
