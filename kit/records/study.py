"""The records of a study: its trials, its confirmation, and report.json."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from kit.records.base import Record
from kit.records.run import ClusterRecord

ParamValue = bool | int | float | str | None
"""One value of a trial as Optuna stores it; a list or a mapping is its JSON text."""
Params = Mapping[str, ParamValue]
"""The values of a trial by key of the configuration."""


class Replicate(NamedTuple):
    """One training of a confirmation: the seed, and the fold that is held out."""

    seed: int
    fold: int


class ReplicateResult(Record):
    """Result of one configuration in one replicate: a loss, or the reason of its failure.

    Attributes:
        blocks: pseudo-values of the loss, one per block of rows: see `kit.metrics.blocks`.
    """

    loss: float | None = None
    blocks: tuple[float, ...] = ()
    seconds: float = 0.0
    failed: str | None = None


class Screened(Record):
    """A candidate in the rounds that choose which one is compared with the baseline.

    Attributes:
        trial: its number.
        losses: one per round that it took part in; None if the training failed.
        mean: of its losses in the search and in these rounds; None if a training failed.
    """

    trial: int
    losses: tuple[float | None, ...]
    mean: float | None


class Comparison(Record):
    """A trial against the baseline in the same replicates.

    Attributes:
        trial: number of the trial.
        replicates: seed and held-out fold of each.
        losses, baseline_losses: one per replicate; None if the training failed.
        mean, low, high: the mean difference of the losses, trial minus baseline, and its interval; None if a
            training failed or there are too few replicates.
        error_rate: greatest probability that a trial that is no better gets `better`.
        better: whether the interval is below zero.
        probability: that the trial is better, if nothing else is known about it; None if unknown.
        needed: number of replicates that would show a difference of this size in 4 of 5 studies; None if the
            trial looks no better, or unknown.
        status: "stopped": halfway it looked no better.
    """

    trial: int
    replicates: tuple[Replicate, ...]
    losses: tuple[float | None, ...]
    baseline_losses: tuple[float | None, ...]
    mean: float | None
    low: float | None
    high: float | None
    error_rate: float
    better: bool
    probability: float | None = None
    needed: int | None = None
    status: Literal["complete", "stopped", "failed"] = "complete"

    @property
    def confidence(self) -> float:
        """Confidence of the interval, which has both sides."""
        return 1 - 2 * self.error_rate

    @property
    def baseline_loss(self) -> float | None:
        """Mean loss of the baseline; None if a training failed."""
        return mean_loss(self.baseline_losses)

    @property
    def relative_gain(self) -> float | None:
        """The gain as a share of the baseline's loss."""
        if self.mean is None or not self.baseline_loss:
            return None
        return -self.mean / self.baseline_loss


class Confirmation(Record):
    """The best trials and the baseline, trained again on folds and seeds that the search did not use.

    Losses are those of the metric that decides (`kit.metrics.Metric.loss`).

    Attributes:
        seeds: of the training and of the shuffles that make the folds, over all calls.
        folds: number of folds of each shuffle.
        shuffle: seed of a shuffle that no training has used.
        level: greatest share of studies without any better trial that confirm one.
        screened: the candidates of the last call, best first.
        comparisons: with the baseline, over all calls, in this order.
        winner: number of the trial that is better than the baseline.
        failed: reason by trial number, or "baseline".
        seconds: duration, over all calls.
        needed_seconds: estimated duration of the shortest one.
        enough_seconds: time limit of a call that is enough for a thorough one.
        more_seconds: estimated time in which the last trial would be confirmed, if its gain is what it seems.
        left_out: number of candidates that there was no time for.
        config_path: the configuration that was written.
    """

    version: Literal[3] = 3
    status: Literal["confirmed", "none better", "no candidate", "no time"]
    seeds: tuple[int, ...] = ()
    folds: int
    shuffle: int
    level: float
    screened: tuple[Screened, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    winner: int | None = None
    failed: dict[str, str] = Field({})
    seconds: float = 0.0
    needed_seconds: float | None = None
    enough_seconds: float | None = None
    more_seconds: float | None = None
    left_out: int = 0
    config_path: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_version_2(cls, stored: object) -> object:
        if isinstance(stored, dict) and stored.get("version") == 2:
            # A damaged one is not converted: its validation says what is wrong.
            with suppress(LookupError, TypeError, ValueError, ArithmeticError):
                return _upgraded(stored)
        return stored

    @property
    def won(self) -> Comparison | None:
        """The comparison of the winner."""
        return next((one for one in self.comparisons if one.better and one.trial == self.winner), None)


def _upgraded(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a confirmation of version 2, whose comparisons shared their replicates and error rate."""
    shared = {"replicates": stored["replicates"], "baseline_losses": stored["baseline_losses"]}
    rate = stored["level"] / stored["corrected_for"] / 2
    old = {"corrected_for", "folds_seed", "replicates", "baseline_losses"}
    return {key: value for key, value in stored.items() if key not in old} | {
        "version": 3,
        "folds": 1 + max((fold for _, fold in stored["replicates"]), default=0),
        "shuffle": stored["folds_seed"] + 1,
        "comparisons": [shared | one | {"error_rate": rate} for one in stored["comparisons"]],
    }


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
        cluster: the Dask cluster that trained; None if all was trained on the driver's machine.
    """

    status: StudyStatus
    cluster: ClusterRecord | None = None
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
