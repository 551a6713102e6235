"""P-values: of a difference from its interval, and corrected for several comparisons."""

from __future__ import annotations

from math import erfc, isnan, sqrt
from typing import TYPE_CHECKING

from kit.metrics.intervals import Z95

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kit.metrics.intervals import Difference


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, in the given order.

    The smallest of n is multiplied by n, the next by n - 1, …; none is below a smaller one's, none above 1.
    With these, the probability that any true null hypothesis is rejected at 0.05 is at most 0.05, whatever
    the dependence of the tests. Source: S. Holm (1979), Scand. J. Stat. 6, 65-70.

    Args:
        p: p-values of single tests, from 0 to 1.
    """
    corrected, highest = [0.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        corrected[place] = highest
    return corrected


def normal_p(difference: Difference) -> float:
    """Return the two-sided p-value of a difference, by the normal approximation from its 95 % interval.

    The standard error is the width of the interval over 2 · 1.96, also where the interval is not symmetric.
    p is 1 if the difference is 0 or NaN; any other difference has p 0 if its interval has no width.
    """
    mean, low, high = difference
    if mean == 0 or isnan(mean):
        return 1.0
    if high == low:
        return 0.0
    return erfc(abs(mean) * 2 * Z95 / (high - low) / sqrt(2))
