"""What the parts of an ensemble contribute: models, seeds and columns."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.ensembling.calibration import calibrate
from kit.ensembling.columns import Column
from kit.ensembling.methods import combine
from kit.metrics import Difference, Metric
from kit.metrics.growth import growth
from kit.records import Diversity, Forecast, Growth, GrowthPoint

ONE_SEED = "a run with one seed does not show what more seeds give"
Labels = NDArray[np.integer]
Probabilities = NDArray[np.float64]


class Calibration(NamedTuple):
    """What `ensemble.calibrate` changes.

    Attributes:
        temperatures: of each column.
        log_loss: of the ensemble, without it and with it (cross-fitted).
        score: the metric of the competition, without and with it.
        clear: whether it lowers the log loss by more than two standard errors over rows.
    """

    temperatures: tuple[float, ...]
    log_loss: tuple[float, float]
    score: tuple[float, float]
    clear: bool


class Parts:
    """Ensembles of some of a run's columns.

    Args:
        columns: of the run.
        labels: (training rows,) from 0.
        held_out: the fold that holds each training row out, by seed.
        method: a key of `kit.ensembling.methods.METHODS`.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        labels: Labels,
        held_out: dict[int, NDArray[np.int8]],
        method: str,
    ) -> None:
        self._columns, self._labels = columns, labels
        self._held_out, self._method = held_out, method

    def combined(self, columns: Sequence[Column]) -> Probabilities:
        """Return the OOF matrix (training rows, classes) of some columns, combined."""
        folds = np.stack([self._held_out[column.key.seed] for column in columns])
        return combine(columns, self._labels, folds, self._method).oof

    def by_model(self) -> dict[str, Probabilities]:
        """Return the OOF matrix of each model's columns, combined."""
        groups = groupby(self._columns, key=lambda column: column.key.model)
        return {model: self.combined(list(own)) for model, own in groups}

    def without(self, metric: Metric, probs: Probabilities) -> dict[str, Difference]:
        """Return how the metric changes without each model, by its name; empty with a single model.

        Args:
            metric: of the competition.
            probs: (training rows, classes) of the ensemble of all columns.
        """
        models = dict.fromkeys(column.key.model for column in self._columns)
        if len(models) == 1:
            return {}
        left = {name: [one for one in self._columns if one.key.model != name] for name in models}
        return {
            name: metric.difference(self.combined(others), probs, self._labels)
            for name, others in left.items()
        }

    def calibration(self, metric: Metric, probs: Probabilities) -> Calibration:
        """Return what the calibration of each column before they are combined would change.

        Args:
            metric: of the competition.
            probs: (training rows, classes) of the ensemble of all columns.
        """
        columns = [calibrate(one, self._labels, self._held_out[one.key.seed]) for one in self._columns]
        both = probs, self.combined(columns)
        before, after = (metrics.row_losses(one, self._labels) for one in both)
        first, second = (metric.value(one, self._labels) for one in both)
        return Calibration(
            temperatures=tuple(one.temperature for one in columns),
            log_loss=(float(before.mean()), float(after.mean())),
            score=(first, second),
            clear=clearly_lower(after, before),
        )

    def growth(self, metric: Metric) -> Growth | None:
        """Return the score against the number of seeds; with one seed, against the number of columns.

        Columns of different models do not show what more seeds give: without a second seed, there is no
        forecast. None with a single column.
        """
        columns = self._columns
        if len(columns) == 1:
            return None
        seeds = dict.fromkeys(column.key.seed for column in columns)
        of_seeds = len(seeds) > 1
        groups = [[one for one in columns if one.key.seed == seed] for seed in seeds]
        units = groups if of_seeds else [[column] for column in columns]
        found = growth([self.combined(unit) for unit in units], self._labels, metric)
        per_unit = len(units[0])
        points = tuple(GrowthPoint(**one._asdict(), members=one.units * per_unit) for one in found.points)
        if not of_seeds:
            return Growth(unit="column", metric=metric.name, points=points, missing=ONE_SEED)
        return Growth(
            unit="seed",
            metric=metric.name,
            points=points,
            forecast=tuple(
                Forecast(**one._asdict(), members=one.units * per_unit) for one in found.forecasts
            ),
            missing=found.missing,
            errors_saved=found.errors_saved,
            errors_saved_band=found.errors_saved_band,
        )

    def diversity(self) -> Diversity | None:
        """Return how different the columns are; None with a single column."""
        if len(self._columns) == 1:
            return None
        predicted = np.stack([column.oof.argmax(axis=1) for column in self._columns])
        return Diversity(
            columns=tuple(f"{column.key.model}-s{column.key.seed}" for column in self._columns),
            disagreement=metrics.disagreement(predicted).tolist(),
            error_correlation=metrics.error_correlation(predicted != self._labels).tolist(),
        )


def clearly_lower(losses: NDArray[np.float64], others: NDArray[np.float64]) -> bool:
    """Return whether the mean of (rows,) losses is below that of others by more than two standard errors."""
    gains = others - losses
    return bool(gains.mean() > 2 * gains.std() / np.sqrt(len(gains)))
