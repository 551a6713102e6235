"""The progress of a run in words."""

import math
from collections.abc import Sequence

from kit.data.dataset import Dataset
from kit.metrics import Metric
from kit.models.families import cost
from kit.reports.formatting import network_size
from kit.run_folder import Run
from kit.training.checkpoint import finished_epochs
from kit.training.job import Job
from kit.training.remaining import Range
from kit.typed import in_typed_form

SAMPLE = "This is the bundled sample; for real data: `kit data fetch --source FILE.zip`"


def score_text(metric: Metric, score: float) -> str:
    """Return a score with the name of its metric, as in "accuracy 99.310 %"."""
    return f"{metric.title} {metric.format(score)}{metric.unit}"


def clock_time(seconds: float) -> str:
    """Return seconds as 0:42 or 1:05:00."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def time_range(left: Range) -> str:
    """Return a range of time in words, as in "6 to 8 min"; its ends are rounded as coarsely as it is wide."""
    if left.high < 10:
        return "a few seconds"
    _, step, unit, name = next(one for one in _STEPS if left.high >= one[0])
    low, high = math.floor(left.low / step) * step / unit, math.ceil(left.high / step) * step / unit
    if not low:
        return f"up to {high:g} {name}"
    return f"{low:g} to {high:g} {name}" if low != high else f"{high:g} {name}"


_STEPS = (
    (14400, 1800, 3600, "h"),
    (3600, 300, 60, "min"),
    (600, 60, 60, "min"),
    (120, 30, 60, "min"),
    (0, 5, 1, "s"),
)
"""From so many seconds: the step of rounding, the unit, both in seconds, and its name."""


def opening(run: Run, dataset: Dataset, jobs: Sequence[Job], kept: int) -> list[str]:
    """Return the lines about the data and the members that are to be trained."""
    rows = f"{len(dataset.train_labels):,} training rows, {len(dataset.test_images):,} test rows"
    lines = [f"{run.name}: {rows} from {dataset.source}"]
    if dataset.sample:
        lines.append(in_typed_form(SAMPLE))
    lines += [f"warning: {warning}" for warning in dataset.warnings]
    if kept:
        lines.append(f"{kept} of {kept + len(jobs)} members are already trained")
    for job in jobs:
        if finished := finished_epochs(job):
            lines.append(f"{job.member} continues after epoch {finished} of {job.epochs}")
    for model in dict.fromkeys(job.member.model for job in jobs):
        lines.append(_described([job for job in jobs if job.member.model == model]))
    return lines


def _described(jobs: Sequence[Job]) -> str:
    """Return the number of members, epochs and the cost of one model, in words."""
    job, members = jobs[0], f"{len(jobs)} member{'s' if len(jobs) > 1 else ''}"
    size = cost(job.model, job.shape, job.classes)
    if size is None:
        return f"{job.member.model}: {members}"
    costs = network_size(size.parameters, size.multiply_adds)
    teachers = f", teachers {', '.join(job.model.teachers)}" if job.model.teachers else ""
    return f"{job.member.model}: {members} of {job.epochs} epochs in {job.precision}{teachers}; {costs}"
