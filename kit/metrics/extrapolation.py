"""Expected losses of ensembles that are larger than the trained one.

The expected loss of the mean of k exchangeable units is taken as a + b / k. This is exact for the Brier
score: N. Ueda and R. Nakano (1996), Proc. ICNN, 90-95. Log loss and errors can fall more slowly, by a power
of k above -1: E. Lobacheva et al. (2020), On Power Laws in Deep Ensembles, NeurIPS 33. The band includes the
difference between a + b / k and a + b / sqrt(k).
"""

from __future__ import annotations

from math import hypot, sqrt
from typing import TYPE_CHECKING, NamedTuple

from kit.lazy import LazyModule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Subsets = Sequence[Sequence[tuple[int, ...]]]
    """Numbers of units, by size of the subset, ascending."""
else:
    np = LazyModule("numpy")

LEVEL = 0.9
"""How often a band is meant to contain the expected loss."""


class Curve(NamedTuple):
    """Losses of ensembles.

    Attributes:
        subsets: the ensembles.
        losses: (ensembles,) for each size.
        rows: with 2 units, (sizes, rows) mean row losses; else, or if the metric has none, None.
    """

    subsets: Subsets
    losses: Sequence[NDArray[np.float64]]
    rows: NDArray[np.float64] | None

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.subsets[-1][0])


def extrapolate(curve: Curve, at: Mapping[int, float]) -> tuple[float, float]:
    """Return a sum of expected losses, and half the width of its 90 % band.

    The band adds two variances: of the units, and the difference between two laws of growth.

    Args:
        curve: losses of at least 2 units.
        at: factors in the sum, by number of units.
    """
    means = np.array([losses.mean() for losses in curve.losses])
    sizes = [len(of_size[0]) for of_size in curve.subsets]
    value = float(_fitted(sizes, means, at))
    law = value - float(_fitted(sizes, means, at, power=0.5))
    return value, hypot(_half_width(curve, sizes, at), law)


def _half_width(curve: Curve, sizes: Sequence[int], at: Mapping[int, float]) -> float:
    """Return half the width of the 90 % band that the differences between units give.

    3 or more units: jackknife with Student's t; J. N. Arvesen (1969), Ann. Math. Stat. 40, 2076-2100.
    2 units: variance of their mean plus that of sampling rows, which is larger than what one row adds in
    training; if the metric has no row losses, the variance of the mean with Student's t.
    """
    from scipy.special import ndtri, stdtrit

    student, normal = float(stdtrit(curve.units - 1, (1 + LEVEL) / 2)), float(ndtri((1 + LEVEL) / 2))
    if curve.units > 2:
        values = [_fitted(*_without(unit, curve), at) for unit in range(curve.units)]
        return student * sqrt((curve.units - 1) * float(np.var(values)))
    first, second = curve.losses[0]
    single = max(abs(factor) for factor in at.values()) * abs(float(first - second)) / 2
    if curve.rows is None:
        return student * single
    rows = _fitted(sizes, curve.rows, at)
    return normal * hypot(single, sqrt(float(np.sum(rows**2))) / len(rows))


def _without(unit: int, curve: Curve) -> tuple[list[int], NDArray[np.float64]]:
    """Return the sizes and mean losses of ensembles without one unit."""
    left = [
        losses[[unit not in subset for subset in of_size]]
        for of_size, losses in zip(curve.subsets, curve.losses, strict=True)
    ]
    kept = [
        (len(of_size[0]), some.mean()) for of_size, some in zip(curve.subsets, left, strict=True) if some.size
    ]
    return [size for size, _ in kept], np.array([mean for _, mean in kept])


def _fitted(
    sizes: Sequence[int], losses: NDArray[np.float64], at: Mapping[int, float], power: float = 1.0
) -> NDArray[np.float64]:
    """Return the sum of factors times a + b / size^power; a, b by least squares with weights size².

    Args:
        sizes: numbers of units.
        losses: (sizes, …) losses to fit.
        at: factors by number of units.
        power: of the law.
    """
    known = np.array(sizes, np.float64)[:, None]
    design = known * np.hstack([np.ones_like(known), known**-power])
    a, b = np.linalg.lstsq(design, losses * known.reshape(-1, *[1] * (losses.ndim - 1)))[0]
    return np.asarray(sum(factor * (a + b * size**-power) for size, factor in at.items()))
