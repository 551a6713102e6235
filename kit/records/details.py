"""What report.html shows beyond the summary: part of report.json, so that every number of the page is in it.

Units as in `kit.records.report`. Classes are indices into `Details.labels`.
"""

from typing import Literal

from kit.records.base import Figure, Interval, Record
from kit.records.run import Setting


class Finding(Record):
    """Something worth knowing or doing, with its evidence."""

    kind: Literal["sample", "method", "seeds", "overfit", "labels", "calibration", "model", "column", "none"]
    text: str
    """One clause, as in "more seeds: about 6 errors fewer"."""
    evidence: str
    """The figures behind it, and what to do: one or a few sentences."""
    anchor: str
    """Section of the page that shows the evidence."""


class GrowthPoint(Record):
    """Scores of ensembles of this many units, over subsets of the run's units."""

    units: int
    members: int
    """Members that predict one row: units times members per unit."""
    median: float
    low: float
    """5 % quantile over the subsets."""
    high: float
    """95 % quantile over the subsets."""
    subsets: int


class Forecast(Record):
    """Extrapolated score of an ensemble of this many units, with its 90 % band."""

    units: int
    members: int
    value: float
    low: float
    high: float


class Growth(Record):
    """Score against the number of members averaged: each row is predicted by members that did not see it."""

    unit: Literal["seed", "column"]
    """What is added: a seed (one column of every model), or, with one seed, a column."""
    metric: str
    """Key of `kit.metrics.METRICS`."""
    points: tuple[GrowthPoint, ...]
    forecast: tuple[Forecast, ...] = ()
    missing: str | None = None
    """Why there is no forecast."""
    errors_saved: Figure = None
    """Errors that twice the units would save on the training rows; negative if they would add some."""
    errors_saved_band: Interval | None = None
    """90 % band of `errors_saved`."""


class ClassShare(Record):
    """A class and its probability."""

    label: int
    probability: float


class GalleryRow(Record):
    """One training row that is hard, suspicious or disputed."""

    row: int
    """0-based, as in oof.csv; line `row + 2` of train.csv."""
    label: int
    predicted: int
    probability: float
    """OOF probability of the label."""
    loss: float
    top: tuple[ClassShare, ...]
    """The most probable classes, descending."""
    agree: int
    """Columns that predict what the ensemble predicts."""
    columns: int
    disagreement: float
    """Mean over columns of the total variation distance to their mean, from 0 (all equal) to 1."""
    suspicion: float
    """1 - the probability of the label at a temperature of its own; nearly the order of `loss`. See
    `kit.metrics.label_errors`."""
    suspect: bool
    """Whether it is among the first `LabelErrors.expected` of `LabelErrors.suspects`."""
    name: str = ""
    """Name of the image, or id; empty if the files have none."""


class Suspect(Record):
    """A training row whose label may be wrong."""

    row: int
    label: int
    suggested: int
    suspicion: float


class LabelErrors(Record):
    """Labels that may be wrong, by confident learning on OOF probabilities at a temperature of their own."""

    expected: float
    """Estimated number of wrong labels."""
    interval: Interval
    """From the unexplained contradictions to all of them, 95 % bootstrap; see `kit.metrics.label_errors`.

    From 0 without networks, or with many errors.
    """
    suspects: tuple[Suspect, ...]
    """The most suspicious first."""


class ReliabilityBin(Record):
    """Rows of similar confidence."""

    rows: int
    confidence: float
    """Mean probability of the predicted class."""
    accuracy: float
    interval: Interval
    """Wilson interval of `accuracy`."""


class Reliability(Record):
    """Whether a probability of 0.9 is right in 90 % of the rows."""

    bins: tuple[ReliabilityBin, ...]
    """Ascending confidence, about equally many rows each."""
    ece: float
    """Expected calibration error: mean distance between confidence and accuracy, weighted by rows."""
    ece_interval: Interval
    """95 % bootstrap interval over rows."""
    temperature: float
    """Of the lowest log loss; above 1: the probabilities are too extreme."""
    log_loss: float
    scaled_log_loss: float
    """Log loss at that temperature, cross-fitted."""
    clear: bool
    """Whether that is lower than `log_loss` by more than two standard errors over rows."""


class Diversity(Record):
    """How different the columns are; symmetric matrices in the order of `columns`."""

    columns: tuple[str, ...]
    disagreement: tuple[tuple[float, ...], ...]
    """Share of rows with different predictions."""
    error_correlation: tuple[tuple[Figure, ...], ...]
    """Correlation (phi) of the errors; None where a column has no errors."""


class TestClass(Record):
    """Shares of one class."""

    __test__ = False  # Not a pytest class.

    label: int
    train_rows: int
    test_rows: int
    """Test rows that are predicted as this class."""
    train_share: float
    """Share of the training labels."""
    oof_share: float
    """Share of the OOF predictions, which have the systematic errors of the test predictions, too."""
    test_share: float
    """Share of the test predictions."""
    test_interval: Interval
    """Where the test share is expected from the OOF share, 95 % for all classes together; see
    `kit.metrics.share_intervals`."""

    @property
    def is_expected(self) -> bool:
        """Whether the test share is inside the interval."""
        return self.test_interval[0] <= self.test_share <= self.test_interval[1]


class UncertainRow(Record):
    """A test row with a low probability of the predicted class."""

    row: int
    """0-based row of test.csv."""
    id: str
    top: tuple[ClassShare, ...]
    agree: int
    columns: int


class TestPredictions(Record):
    """What the ensemble predicts for the test rows."""

    __test__ = False

    classes: tuple[TestClass, ...]
    uncertain: tuple[UncertainRow, ...]
    """The least certain first."""


class Provenance(Record):
    """Where the run comes from, and how to repeat it."""

    command: str
    base: str
    """Configuration that `differences` refers to; empty if unknown."""
    differences: tuple[Setting, ...]
    versions: dict[str, str]
    machine: str
    fingerprint: str
    """SHA-256 of the data."""
    started: str
    finished: str | None


class Pair(Record):
    """Two columns of predictions on the same rows: `b` compared with `a`."""

    a: str
    b: str
    rows: int
    verdict: Literal["better", "worse", "no difference"]
    """Of `b`, in the metric."""
    difference: Figure
    """Metric of `b` minus metric of `a`."""
    interval: Interval
    """95 % interval of `difference`."""
    p: float
    """Exact McNemar for accuracy; else from the interval's normal approximation."""
    p_corrected: float
    """After Holm, over all pairs."""
    gained: int
    """Rows that only `b` predicts correctly."""
    lost: int
    """Rows that only `a` predicts correctly."""
    loss_difference: float
    """Log loss of `b` minus that of `a`."""
    loss_interval: Interval
    """95 % interval by paired bootstrap."""
    seconds_difference: float | None = None
    """Training time of `b` minus that of `a`."""


class Details(Record):
    """Everything on the page beyond the summary."""

    labels: tuple[str, ...]
    """Name of class 0, 1, …"""
    findings: tuple[Finding, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Rows by label (outer) and prediction (inner); empty with more than 60 classes, for which
    `Report.confusions` has the most confused pairs."""
    growth: Growth | None
    """None with a single column."""
    gallery: tuple[GalleryRow, ...]
    """Hardest first."""
    gallery_complete: bool
    """Whether every error is in the gallery."""
    label_errors: LabelErrors
    reliability: Reliability
    diversity: Diversity | None
    """None with a single column."""
    pairs: tuple[Pair, ...] = ()
    """Models of the run against each other: the best ones, if there are many."""
    test: TestPredictions
    provenance: Provenance
