"""The records of a study: its trials, its confirmation, and report.json."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from pydantic import Field

from kit.records.base import Record

ParamValue = bool | int | float | str | None
"""One value of a trial as Optuna stores it; a list or a mapping is its JSON text."""
Params = Mapping[str, ParamValue]
"""The values of a trial by key of the configuration."""


class Replicate(NamedTuple):
    """One training of a confirmation: the seed, and the fold that is held out."""

    seed: int
    fold: int


class ReplicateResult(Record):
    """Result of one configuration in one replicate: a loss, or the reason of its failure."""

    loss: float | None = None
    seconds: float = 0.0
    failed: str | None = None


class Comparison(Record):
    """A trial against the baseline in the same replicates.

    Attributes:
        trial: number of the trial.
        losses: one per replicate; None if the training failed.
        mean, low, high: the mean difference of the losses, trial minus baseline, each fold weighted equally,
            and its corrected interval; None if a training failed or there are too few folds.
        better: whether the interval is below zero.
    """

    trial: int
    losses: tuple[float | None, ...]
    mean: float | None
    low: float | None
    high: float | None
    better: bool


class Confirmation(Record):
    """The best trials and the baseline, trained again on folds and seeds that the search did not use.

    Losses are those of the metric that decides (`kit.metrics.Metric.loss`).

    Attributes:
        seeds, folds_seed: of the training, and of the shuffle that makes the folds.
        level: family-wise error rate.
        corrected_for: number of comparisons that the intervals are corrected for.
        winner: number of the best trial that is better than the baseline.
        failed: reason by trial number, or "baseline".
        seconds: duration, over all calls.
        needed_seconds: estimated duration of the first round for one candidate.
        enough_seconds: time limit of a call that is enough for all candidates.
        left_out: number of candidates that there was no time for.
        config_path: the configuration that was written.
    """

    version: Literal[2] = 2
    status: Literal["confirmed", "none better", "no candidate", "no time"]
    seeds: tuple[int, ...]
    folds_seed: int
    level: float
    corrected_for: int
    needed_seconds: float | None
    enough_seconds: float | None = None
    left_out: int = 0
    replicates: tuple[Replicate, ...] = ()
    baseline_losses: tuple[float | None, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    winner: int | None = None
    failed: dict[str, str] = Field({})
    seconds: float = 0.0
    config_path: str | None = None

    @property
    def confidence(self) -> float:
        """Confidence of each interval."""
        return 1 - self.level / self.corrected_for

    @property
    def won(self) -> Comparison | None:
        """The comparison of the winner."""
        return next((one for one in self.comparisons if one.trial == self.winner), None)

    @property
    def baseline_loss(self) -> float | None:
        """Mean loss of the baseline; None if a training failed."""
        return mean_loss(self.baseline_losses)


def mean_loss(losses: Sequence[float | None]) -> float | None:
    """Return the mean; None if there is no loss, or one is missing."""
    known = [loss for loss in losses if loss is not None]
    return sum(known) / len(known) if known and len(known) == len(losses) else None


class TrialCounts(Record):
    """Number of trials by state; a trial that was queued again counts once."""

    total: int
    complete: int
    pruned: int
    failed: int
    running: int
    waiting: int
    repeats: int


class FailedTrial(Record):
    """A trial without a value, and the number of the trial that retries it, if any."""

    trial: int
    reason: str
    retry: int | None = None


class TrialFigures(Record):
    """Figures of one trial.

    Attributes:
        baseline: whether it is the configuration that is tuned.
        value: value of the metric that decides.
        gain: the baseline's loss minus the trial's; positive is better.
        relative_gain: as a fraction of the baseline's loss.
        score: value of the competition's metric.
        seconds: duration.
        params: its values by key of the configuration.
    """

    trial: int
    baseline: bool
    value: float | None
    gain: float | None
    relative_gain: float | None
    score: float | None
    seconds: float | None
    params: dict[str, ParamValue]


class StudyTime(Record):
    """Time of all trials, and an estimate of what pruning saved, in seconds."""

    trial_seconds: float
    saved_seconds: float | None


StudyStatus = Literal["running", "complete", "interrupted"]


class StudyFacts(Record):
    """What a study is about.

    Attributes:
        study, config: their names.
        storage, command: with secrets masked.
        started: UTC; empty for a study of an earlier version.
        limit_seconds: time limit of the last call; None: no limit.
        sample: whether the data is the bundled sample.
        metric, score: names of the metric that decides and of the competition's metric.
    """

    version: Literal[2] = 2
    study: str
    config: str
    storage: str
    command: str
    started: str = ""
    limit_seconds: float | None = None
    sample: bool
    metric: str
    score: str


class StudyOrigin(StudyFacts):
    """study.json: what a study is about, and the status of the last call of `kit tune`.

    Attributes:
        confirmation: of the last call that ended.
    """

    status: StudyStatus
    confirmation: Confirmation | None = None


class StudyReport(StudyFacts):
    """report.json of a study.

    Attributes:
        status: of the study when the report was made.
        failed: trials without a value that are not retried.
        retried: trials that were lost or stopped, and queued again.
        confirm_trainings: number of trainings of the confirmation that are stored.
        importance: share of the variance of the loss by parameter, largest first.
        importance_missing: why there is no importance.
        importance_trials: number of trials that importance is computed from.
    """

    status: StudyStatus = "complete"
    trials: TrialCounts
    failed: tuple[FailedTrial, ...]
    retried: tuple[FailedTrial, ...]
    baseline: TrialFigures | None
    best: tuple[TrialFigures, ...]
    importance: dict[str, float | None]
    importance_missing: str | None
    importance_trials: int
    time: StudyTime
    confirm_trainings: int = 0
    confirmation: Confirmation | None
    notes: tuple[str, ...]
