"""Scores of seeds, folds, models and columns."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.ensembling.columns import Column
from kit.metrics import Metric
from kit.records import (
    ColumnReport,
    Folds,
    FoldScore,
    MemberReport,
    ModelReport,
    Score,
    Seeds,
    SeedScore,
    Spread,
)
from kit.reports.run.parts import Parts

Labels = NDArray[np.integer]


class Scores:
    """Scores of groups of columns: per seed, per model, per column.

    Args:
        metric: of the competition.
        labels: (training rows,) from 0.
        columns: of the ensemble.
        parts: ensembles of some of these columns.
    """

    def __init__(self, metric: Metric, labels: Labels, columns: Sequence[Column], parts: Parts) -> None:
        self._metric, self._labels, self._columns, self._parts = metric, labels, columns, parts

    def _score(self, columns: Sequence[Column]) -> Score:
        return Score.of(self._metric, self._parts.combined(columns), self._labels)

    def seeds(self) -> Seeds:
        """Return the score of each seed's columns; without seeds if they have different models."""
        each = [SeedScore(seed=seed, score=self._score(own)) for seed, own in self._parts.by_seed().items()]
        return Seeds(each=tuple(each), **_mean_sd(one.score.value for one in each))

    def models(self, trained: Sequence[MemberReport]) -> tuple[ModelReport, ...]:
        """Return the figures of each model, from those of its members."""
        reports = []
        for model in sorted({one.model for one in trained}):
            own = [one for one in trained if one.model == model]
            judged = [one for one in own if one.score is not None]
            reports.append(
                ModelReport(
                    model=model,
                    members=len(own),
                    score=self._score([one for one in self._columns if one.key.model == model]),
                    folds=Spread(**_mean_sd(one.score.value for one in judged if one.score)),
                    train_score=_mean(one.train_score for one in judged),
                    gap=_mean(one.gap for one in own),
                    seconds=sum(one.seconds or 0.0 for one in own),
                    parameters=own[0].parameters,
                    multiply_adds=own[0].multiply_adds,
                )
            )
        return tuple(reports)

    def columns(self, weights: Sequence[float], trained: Sequence[MemberReport]) -> tuple[ColumnReport, ...]:
        """Return the figures of each column, with its weight in the ensemble."""
        scores: dict[tuple[str, int], list[float | None]] = defaultdict(list)
        for one in trained:
            if one.score:
                scores[one.model, one.seed].append(one.score.value)
        return tuple(
            ColumnReport(
                model=column.key.model,
                seed=column.key.seed,
                weight=weight,
                temperature=column.temperature,
                score=Score.of(self._metric, column.oof, self._labels),
                folds=Spread(**_mean_sd(scores[column.key.model, column.key.seed])),
            )
            for column, weight in zip(self._columns, weights, strict=True)
        )


def folds_of(judged: Sequence[MemberReport]) -> Folds:
    """Return the score of each fold: the mean of its members."""
    each = []
    for fold in sorted({one.fold for one in judged if one.fold is not None}):
        values = [one.score.value for one in judged if one.fold == fold and one.score]
        each.append(FoldScore(fold=fold, members=len(values), **_mean_sd(values)))
    return Folds(each=tuple(each), **_mean_sd(one.mean for one in each))


def _mean_sd(values: Iterable[float | None]) -> dict[str, float | None]:
    known = [value for value in values if value is not None]
    mean, sd = metrics.mean_sd(known) if known else (None, None)
    return {"mean": mean, "sd": sd}


def _mean(values: Iterable[float | None]) -> float | None:
    return _mean_sd(values)["mean"]
