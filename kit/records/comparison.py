"""What `kit compare` finds: runs on the same rows, and the rows that change sides.

Units as in `kit.records.report`. Classes are indices into `RunComparison.labels`; runs are in the order in
which they were named.
"""

from typing import Literal

from kit.records.base import Record
from kit.records.details import Pair
from kit.records.score import Score


class Contender(Record):
    """One of the runs."""

    run: str
    """Its name; its path if two runs have the same name."""
    config: str
    models: tuple[str, ...]
    members: int
    ensemble: str
    """The method, a key of `kit.ensembling.methods.METHODS`."""
    score: Score
    """On the shared rows."""
    wall_seconds: float | None
    training_seconds: float
    """Sum over the members."""


class Prediction(Record):
    """What one run predicts for one row."""

    predicted: int
    confidence: float
    """OOF probability of the predicted class."""
    probability: float
    """OOF probability of the label."""
    correct: bool


class ChangedRow(Record):
    """A row that some of the runs predict correctly, and others not."""

    row: int
    """0-based, as in oof.csv; line `row + 2` of train.csv."""
    label: int
    predictions: tuple[Prediction, ...]
    """One per run."""
    loss_change: float
    """Largest difference between two runs in the row's log loss."""


class RunComparison(Record):
    """Two or more runs, compared on the rows that all of them have."""

    version: Literal[2] = 2
    metric: str
    """Key of `kit.metrics.METRICS`."""
    rows: int
    """Shared rows."""
    labels: tuple[str, ...]
    """Name of class 0, 1, …"""
    fingerprint: str
    """SHA-256 of the data."""
    sample: bool
    """Whether the data is the bundled sample."""
    contenders: tuple[Contender, ...]
    pairs: tuple[Pair, ...]
    """Each run with each later one."""
    changed: tuple[ChangedRow, ...]
    """The largest change of loss first."""
    notes: tuple[str, ...]
