"""What the parts of an ensemble contribute: models, seeds and columns."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.config.root import FITTED_METHODS
from kit.ensembling.calibration import calibrate
from kit.ensembling.columns import Column
from kit.ensembling.methods import combine
from kit.metrics import Difference, Metric
from kit.metrics.growth import growth
from kit.records import Diversity, Forecast, Growth, GrowthPoint

ONE_SEED = "a run with one seed does not show what more seeds give"
OTHER_SEEDS = "the runs have different numbers of seeds"
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
        method: one of `kit.ensembling.methods.METHODS`.
        metric: of the competition.
    """

    def __init__(self, columns: Sequence[Column], labels: Labels, method: str, metric: Metric) -> None:
        self._columns, self._labels = columns, labels
        self._method, self._metric = method, metric

    @property
    def _fitted(self) -> bool:
        return self._method in FITTED_METHODS

    def combined(self, columns: Sequence[Column]) -> Probabilities:
        """Return the OOF matrix (training rows, classes) of some columns, combined.

        In place of a fitted method, by `mean`: its weights are for all columns.
        """
        return combine(columns, self._labels, "mean" if self._fitted else self._method, self._metric).oof

    def by_model(self) -> dict[str, Probabilities]:
        """Return the OOF matrix of each model's columns, combined."""
        groups = groupby(self._columns, key=lambda column: column.key.model)
        return {model: self.combined(list(own)) for model, own in groups}

    def by_seed(self) -> dict[int, list[Column]]:
        """Return the columns of each seed; empty if they are not of the same models."""
        seeds = dict.fromkeys(column.key.seed for column in self._columns)
        groups = {seed: [one for one in self._columns if one.key.seed == seed] for seed in seeds}
        same = len({tuple(one.key.model for one in group) for group in groups.values()}) == 1
        return groups if same else {}

    def without(self, probs: Probabilities) -> dict[str, Difference]:
        """Return how the metric changes without each model, by its name.

        Empty with a single model, and if the method fits weights: they show what a model is worth.

        Args:
            probs: (training rows, classes) of the ensemble of all columns.
        """
        models = dict.fromkeys(column.key.model for column in self._columns)
        if len(models) == 1 or self._fitted:
            return {}
        left = {name: [one for one in self._columns if one.key.model != name] for name in models}
        return {
            name: self._metric.difference(self.combined(others), probs, self._labels)
            for name, others in left.items()
        }

    def calibration(self, probs: Probabilities) -> Calibration:
        """Return what the calibration of each column before they are combined would change.

        Args:
            probs: (training rows, classes) of the ensemble of all columns.
        """
        columns = [calibrate(one, self._labels) for one in self._columns]
        both = probs, combine(columns, self._labels, self._method, self._metric).oof
        before, after = (metrics.row_losses(one, self._labels) for one in both)
        first, second = (self._metric.value(one, self._labels) for one in both)
        return Calibration(
            temperatures=tuple(one.temperature for one in columns),
            log_loss=(float(before.mean()), float(after.mean())),
            score=(first, second),
            clear=clearly_lower(after, before),
        )

    def growth(self) -> Growth | None:
        """Return the score of means against the number of seeds; with one seed, of columns.

        Columns of different models do not show what more seeds give: without a second seed, there is no
        forecast. None with a single column.
        """
        columns = self._columns
        if len(columns) == 1:
            return None
        groups = list(self.by_seed().values())
        of_seeds = len(groups) > 1
        units = groups if of_seeds else [[column] for column in columns]
        found = growth([self.combined(unit) for unit in units], self._labels, self._metric)
        per_unit = len(units[0])
        points = tuple(GrowthPoint(**one._asdict(), members=one.units * per_unit) for one in found.points)
        if not of_seeds:
            return Growth(unit="column", metric=self._metric.name, points=points, missing=self._no_seeds())
        return Growth(
            unit="seed",
            metric=self._metric.name,
            points=points,
            forecast=tuple(
                Forecast(**one._asdict(), members=one.units * per_unit) for one in found.forecasts
            ),
            missing=found.missing,
            errors_saved=found.errors_saved,
            errors_saved_band=found.errors_saved_band,
        )

    def _no_seeds(self) -> str:
        return ONE_SEED if self.by_seed() else OTHER_SEEDS

    def diversity(self) -> Diversity | None:
        """Return how different the columns are; None with a single column."""
        if len(self._columns) == 1:
            return None
        predicted = np.stack([self._metric.decisions(column.oof, self._labels) for column in self._columns])
        return Diversity(
            columns=tuple(column.key.column for column in self._columns),
            disagreement=metrics.disagreement(predicted).tolist(),
            error_correlation=metrics.error_correlation(predicted != self._labels).tolist(),
        )


def clearly_lower(losses: NDArray[np.float64], others: NDArray[np.float64]) -> bool:
    """Return whether the mean of (rows,) losses is below that of others by more than two standard errors."""
    gains = others - losses
    return bool(gains.mean() > 2 * gains.std() / np.sqrt(len(gains)))
