"""How the methods of an ensemble compare, and what each column is worth: part of report.json.

Units: nats for log losses. Differences are on the same rows; their intervals are paired by row, normal for
log losses and exact for errors.
"""

from typing import Literal

from kit.records.base import Interval, Record
from kit.records.score import Score


class Change(Record):
    """How one set of predictions differs from another."""

    loss: float
    """Difference of the log loss; negative is better."""
    loss_interval: Interval
    """95 % interval, normal."""
    errors: int
    """Difference of the number of errors; negative is better."""
    errors_interval: Interval
    """95 % interval, see `kit.metrics.discordant_interval`."""


class MethodReport(Record):
    """One method on all columns."""

    method: str
    """One of `kit.ensembling.methods.METHODS`."""
    score: Score
    """Of a method that fits weights: each row is scored by weights that were fitted without its fold."""
    fitted_score: Score | None
    """On the rows that the weights were fitted on, too good; None if the method fits nothing."""
    over_mean: Change
    """Against `mean`."""
    over_best: Change
    """Against `best`, the column that is chosen on the other folds."""
    corrected_interval: Interval
    """Interval of `over_mean.loss` at the confidence `Combination.confidence`."""


class ColumnValue(Record):
    """What one column adds to the ensemble."""

    column: str
    """Name, as in `ColumnReport`: model and seed."""
    weight: float
    change: Change
    """The ensemble without the column compared with the ensemble; positive: the column helps."""
    verdict: Literal["helps", "nothing", "hurts"]
    """By the intervals of `change`. One that excludes 0 decides: above 0, the column helps; below 0, it
    hurts. If neither excludes 0, or the two contradict each other: nothing."""


class Combination(Record):
    """How the columns of an ensemble were combined, and how else they could be."""

    requested: str
    """`ensemble.method` of the configuration, or `--method`: a method, or auto."""
    method: str
    """The method that was used."""
    methods: tuple[MethodReport, ...]
    """Every method, in a fixed order."""
    confidence: float
    """Of `MethodReport.corrected_interval`: 95 %, corrected for the number of methods (Bonferroni)."""
    columns: tuple[ColumnValue, ...]
    folds: int
    """Number of folds of cross-fitting."""
    same_folds: bool
    """Whether all columns were trained on these folds."""

    @property
    def used(self) -> MethodReport:
        """The method that was used."""
        return next(one for one in self.methods if one.method == self.method)
