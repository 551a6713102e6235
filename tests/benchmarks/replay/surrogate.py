"""The loss of any configuration, from a table of recorded trainings: a Gaussian process.

The recorded trainings are shorter than those of a study: 10 epochs on half of the rows. They stand for full
ones: the simulation assumes that full trainings differ by as much.
"""

import math
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from kit.config.tune import Choices
from kit.records import Params
from kit.tuning.space import Parameter, Space, stored
from tests.benchmarks.replay.record import Measured

if TYPE_CHECKING:
    from sklearn.gaussian_process import GaussianProcessRegressor

Floats = NDArray[np.float64]
FOLDS = 2
"""Folds of the trainings that are used, all of them of each configuration."""


@dataclass(frozen=True)
class Table:
    """Configurations that were trained on every fold.

    Attributes:
        params: of each configuration; the first one is the baseline.
        curves: (configurations, folds, epochs) log of the held-out loss.
    """

    params: Sequence[Params]
    curves: Floats

    @classmethod
    def of(cls, lines: Sequence[Measured]) -> Self:
        """Return the configurations of a recorded file that have all folds, the baseline first.

        Raises:
            ValueError: the baseline is missing.
        """
        found: dict[int, dict[int, Measured]] = defaultdict(dict)
        for one in lines:
            if one.training.folds == FOLDS and one.training.seed == 0 and not one.training.rows:
                found[one.training.configuration][one.training.fold] = one
        whole = {number: folds for number, folds in sorted(found.items()) if len(folds) == FOLDS}
        if 0 not in whole:
            raise ValueError("configuration 0, the baseline, is missing")
        curves = [[folds[fold].losses for fold in range(FOLDS)] for folds in whole.values()]
        return cls([folds[0].params for folds in whole.values()], np.log(np.array(curves)))

    @cached_property
    def without_folds(self) -> Floats:
        """The curves without the mean effect of each fold at each epoch."""
        return np.asarray(self.curves - self.curves.mean(axis=0) + self.curves.mean(axis=(0, 1)), np.float64)

    @cached_property
    def final(self) -> Floats:
        """(configurations, folds) log of the last loss, without the effects of folds."""
        return self.without_folds[:, :, -1]

    @cached_property
    def noise(self) -> float:
        """Standard deviation of the log loss of one training that holds out a fold."""
        return float(np.sqrt(np.mean(np.var(self.final, axis=1, ddof=1))))


def encoded(parameter: Parameter, params: Params) -> list[float]:
    """Return a number from 0 to 1 on the parameter's scale, or one-hot columns of its choices."""
    given, value = parameter.dimension, params[parameter.key]
    if isinstance(given, Choices):
        return [float(stored(one) == value) for one in given.choices]
    if not isinstance(value, int | float):
        raise TypeError(f"not a number: {value!r}")
    scale = math.log if given.log else float
    return [(scale(value) - scale(given.low)) / (scale(given.high) - scale(given.low))]


def encode(space: Space, params: Params) -> Floats:
    """Return the parameters as one vector."""
    return np.array([column for one in space.parameters for column in encoded(one, params)])


class Surrogate:
    """The log loss of any configuration: the posterior mean of a Gaussian process.

    Attributes:
        table: what it was fitted to.
        points: (configurations, columns) the encoded parameters.
    """

    def __init__(self, table: Table, space: Space) -> None:
        self.table, self._space = table, space
        self.points = np.array([encode(space, one) for one in table.params])
        self._process = _fitted(self.points, table.final.mean(axis=1))
        smooth = self._process.kernel_.k1
        self._height, self._scales = float(smooth.k1.constant_value), np.asarray(smooth.k2.length_scale)

    def log_loss(self, params: Params) -> float:
        """Return the log of the held-out loss."""
        # The same as `predict`, whose checks of its input take longer than a proposal of TPE.
        process = self._process
        mean = float(self._kernel(params) @ process.alpha_)
        return mean * float(process._y_train_std) + float(process._y_train_mean)

    def nearest(self, params: Params) -> int:
        """Return the index of the recorded configuration whose kernel value is the largest."""
        return int(np.argmax(self._kernel(params)))

    def _kernel(self, params: Params) -> Floats:
        """Return (configurations,) the values of the kernel."""
        distances = np.sqrt(
            5 * np.sum(((encode(self._space, params) - self.points) / self._scales) ** 2, axis=1)
        )
        return np.asarray(self._height * (1 + distances + distances**2 / 3) * np.exp(-distances), np.float64)

    def left_out(self) -> Floats:
        """Return the prediction of each configuration from all others, with the same kernel.

        In closed form: C. E. Rasmussen and C. K. I. Williams (2006), Gaussian Processes for Machine Learning,
        equation 5.12.
        """
        measured = self.table.final.mean(axis=1)
        inverse = np.linalg.inv(self._process.kernel_(self.points))
        residuals = inverse @ (measured - measured.mean()) / np.diag(inverse)
        return np.asarray(measured - residuals, np.float64)


def _fitted(points: Floats, values: Floats) -> "GaussianProcessRegressor":
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    scales = np.full(points.shape[1], 1.0)
    kernel = ConstantKernel(1.0, (1e-3, 1e3)) * Matern(scales, (0.1, 100.0), nu=2.5)
    kernel += WhiteKernel(0.05, (1e-5, 1.0))
    process = GaussianProcessRegressor(kernel, normalize_y=True, n_restarts_optimizer=2, random_state=0)
    with warnings.catch_warnings():
        # A length scale at its bound is that of a parameter without an effect.
        warnings.simplefilter("ignore")
        return process.fit(points, values)


@dataclass(frozen=True)
class Check:
    """How well the surrogate predicts, and how much noise one training has.

    Attributes:
        prediction: rank correlation of the prediction from all other configurations with the measured mean.
        near: the same among the best third of the configurations.
        folds: rank correlation of the two folds.
        epochs: rank correlation of each epoch with the last, both of the mean of the folds.
        near_epochs: the same among the best third.
    """

    prediction: float
    near: float
    folds: float
    epochs: tuple[float, ...]
    near_epochs: tuple[float, ...]


def checked(surrogate: Surrogate) -> Check:
    """Return the figures of a surrogate."""
    final, predicted = surrogate.table.final, surrogate.left_out()
    measured = final.mean(axis=1)
    better = measured <= np.quantile(measured, 1 / 3)
    means = surrogate.table.without_folds.mean(axis=1)
    return Check(
        _rank_correlation(predicted, measured),
        _rank_correlation(predicted[better], measured[better]),
        _rank_correlation(final[:, 0], final[:, 1]),
        tuple(_rank_correlation(epoch, means[:, -1]) for epoch in means.T),
        tuple(_rank_correlation(epoch, means[better, -1]) for epoch in means[better].T),
    )


def _rank_correlation(first: Floats, second: Floats) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(first, second).statistic)
