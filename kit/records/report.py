"""report.json: every figure of a finished run, the source of all reports.

Units: fractions for accuracies, gaps and probabilities; nats for log losses; seconds; 0-based rows.
"""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from kit.metrics import METRICS
from kit.records import upgrades
from kit.records.base import Figure, Interval, Record
from kit.records.combination import Combination
from kit.records.details import Details
from kit.records.run import Curves, SourceRun
from kit.records.score import Score


class ExpectedScore(Record):
    """95 % prediction interval of the leaderboard score."""

    low: float
    high: float
    rows: int | None = None
    """Test rows behind the public score."""


class Spread(Record):
    """Mean and sample standard deviation of scores; the deviation of a single score is None."""

    mean: Figure
    sd: Figure


class FoldScore(Spread):
    """Mean and deviation over the members of one fold."""

    fold: int
    members: int


class SeedScore(Record):
    """Score of the ensemble of one seed's columns."""

    seed: int
    score: Score


class Folds(Spread):
    """Mean and deviation over folds; a fold's score is the mean of its members."""

    each: tuple[FoldScore, ...]
    """Empty if the runs of an ensemble have different folds."""


class Seeds(Spread):
    """Mean and deviation over seeds."""

    each: tuple[SeedScore, ...]
    """Empty if the seeds of an ensemble of runs do not have the same models."""


class ModelReport(Record):
    """Figures of one model; its score is that of the ensemble of its columns."""

    model: str
    members: int
    score: Score
    folds: Spread
    """Mean and deviation over its members."""
    train_score: Figure
    gap: Figure
    """Train score minus held-out score, with the sign of the metric's direction: positive if it overfits."""
    seconds: float
    parameters: int | None
    multiply_adds: int | None


class ColumnReport(Record):
    """Figures of one column: the members of one model and seed."""

    model: str
    seed: int
    weight: float
    temperature: float
    score: Score
    folds: Spread | None = None
    """Mean and deviation over its members; None in reports of earlier versions."""


class MemberReport(Record):
    """Figures of one member."""

    member: str
    model: str
    fold: int | None
    """None if it was trained on all rows."""
    seed: int
    score: Score | None
    """None if it was trained on all rows."""
    train_score: Figure
    gap: Figure
    retried: bool
    """Whether a worker of it was lost."""
    diverged: bool = False
    """Whether it was trained again, with other random numbers."""
    seconds: float | None
    parameters: int | None
    multiply_adds: int | None
    epochs: Curves = Field(default_factory=Curves)
    """Empty for a model without epochs."""


class ViewsReport(Record):
    """The ensemble without and with test-time augmentation; differences are with minus without."""

    used: bool
    without_views: Score
    with_views: Score
    loss_difference: float
    loss_interval: Interval
    right_only_with: int
    right_only_without: int
    p: float
    """p-value of the exact McNemar test."""


class Confusion(Record):
    """Number of rows of one label that are predicted as another."""

    label: str
    predicted: str
    count: int


class HardRow(Record):
    """A training row whose label has a low OOF probability."""

    row: int
    label: str
    predicted: str
    probability: float


class DataSize(Record):
    """Size of the data."""

    rows: int
    test_rows: int
    classes: int


class Times(Record):
    """Time of a run, in seconds."""

    wall_seconds: float | None = None
    member_seconds: float
    startup_seconds: float


class Report(Record):
    """report.json."""

    version: Literal[2] = 2
    run: str
    config: str
    hash: str | None
    sample: bool
    source: str | None
    backend: str | None
    precision: dict[str, str] = Field({})
    """By network."""
    metric: str
    """The competition's metric, a key of `kit.metrics.METRICS`."""
    data: DataSize
    oof: Score
    """Score of the ensemble."""
    expected_score: ExpectedScore
    ensemble: str
    """The method, one of `kit.ensembling.methods.METHODS`."""
    tta: ViewsReport | None
    folds: Folds
    seeds: Seeds
    models: tuple[ModelReport, ...]
    columns: tuple[ColumnReport, ...]
    members: tuple[MemberReport, ...]
    confusions: tuple[Confusion, ...]
    worst: tuple[HardRow, ...]
    time: Times
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    sources: tuple[SourceRun, ...] = ()
    """Runs whose columns an ensemble of runs combines; empty for a cross-validation."""
    combination: Combination | None = None
    """Methods and columns compared; None with a single column, and in reports of earlier versions."""
    details: Details | None = None
    """None in reports of earlier versions; `kit report` adds them."""

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, name: str) -> str:
        if name not in METRICS:
            raise ValueError(f"unknown metric {name!r}")
        return name

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, raw: Any) -> Any:
        return upgrades.report(raw)
