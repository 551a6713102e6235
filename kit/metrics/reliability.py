"""Whether predictions of a confidence of 0.9 are correct in 90 % of the rows.

The confidence of a row is the probability of its most probable class (top-label calibration).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kit.lazy import LazyModule
from kit.metrics.intervals import Interval, wilson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kit.metrics.metric import Labels, Probabilities
else:
    np = LazyModule("numpy")

BINS = 15


class Bin(NamedTuple):
    """Rows of similar confidence: their number, mean confidence, and accuracy with its Wilson interval."""

    rows: int
    confidence: float
    accuracy: float
    interval: Interval


class CalibrationError(NamedTuple):
    """Mean distance between confidence and accuracy, with its 95 % interval."""

    value: float
    interval: Interval


def reliability_bins(probs: Probabilities, labels: Labels, bins: int = BINS) -> list[Bin]:
    """Return bins of about equally many rows, in ascending order of confidence.

    Rows of one confidence are in one bin, so that the order of rows does not matter: there are fewer bins
    where many rows have the same confidence.

    Args:
        probs: (rows, classes).
        labels: (rows,) from 0.
        bins: maximum number of bins.
    """
    confidence, correct = _outcomes(probs, labels)
    place = _bins_of(confidence, bins)
    return [_bin(confidence[place == one], correct[place == one]) for one in np.unique(place)]


def ece(
    probs: Probabilities, labels: Labels, bins: int = BINS, *, draws: int = 500, seed: int = 0
) -> CalibrationError:
    """Return the expected calibration error (ECE) with its 95 % bootstrap interval over rows.

    ECE is the mean over `reliability_bins` of the distance between confidence and accuracy, weighted by rows.
    Source: M. P. Naeini, G. F. Cooper and M. Hauskrecht (2015), AAAI 29, 2901-2907, with bins of equal width.

    Distances do not cancel, so that ECE is too high on few rows, and higher still on resamples. This bias is
    estimated as the mean of the resamples minus ECE. It is subtracted once from their 97.5 % quantile, and
    twice from their 2.5 % quantile, as ECE itself has it, too. The interval begins at 0 unless ECE is above
    the 97.5 % quantile of calibrated predictions with these confidences (J. Bröcker and L. A. Smith (2007),
    Weather and Forecasting 22, 651-661).

    Args:
        probs: (rows, classes).
        labels: (rows,) from 0.
        bins: maximum number of bins.
        draws: resamples of the bootstrap; their rows stay in their bins.
        seed: of the draws.
    """
    confidence, correct = _outcomes(probs, labels)
    place, gap = _bins_of(confidence, bins), correct - confidence
    rng, rows = np.random.default_rng(seed), len(gap)

    def error(place: NDArray[np.intp], gap: NDArray[np.float64]) -> float:
        return float(np.abs(np.bincount(place, gap)).sum()) / rows

    value = error(place, gap)
    drawn = (rng.integers(rows, size=rows, dtype=np.int32) for _ in range(draws))
    resampled = [error(place[chosen], gap[chosen]) for chosen in drawn]
    calibrated = [error(place, (rng.random(rows) < confidence) - confidence) for _ in range(draws)]
    low, high = np.percentile(resampled, [2.5, 97.5])
    bias = max(0.0, float(np.mean(resampled)) - value)
    low = 0.0 if value <= np.percentile(calibrated, 97.5) else max(0.0, float(low) - 2 * bias)
    return CalibrationError(value, Interval(min(value, low), max(value, float(high) - bias)))


def _outcomes(probs: Probabilities, labels: Labels) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return probs.max(axis=1).astype(np.float64), probs.argmax(axis=1) == labels


def _bins_of(confidence: NDArray[np.float64], bins: int) -> NDArray[np.intp]:
    """Return (rows,) the bin of each row, from 0: by its rank, which equal confidences share."""
    _, value, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - counts / 2
    return np.asarray(ranks[value] * bins / len(confidence), np.intp)


def _bin(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> Bin:
    rows, right = len(correct), int(correct.sum())
    return Bin(rows, float(confidence.mean()), right / rows, Interval(*wilson(rows - right, rows)))
