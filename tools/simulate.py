r"""Check forecasts and comparisons on simulated networks, for the tables of docs/results.md.

\b
    python tools/simulate.py growth
    python tools/simulate.py compare
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, product
from typing import NamedTuple

import click
import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from kit import metrics
from kit.metrics.growth import growth

CLASSES = 10
UNITS = (2, 3, 4, 8)
METRICS = ("accuracy", "log_loss")
ALPHA = 0.05

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class Setting:
    """Rows of varying difficulty, and networks that err at random.

    A row's true logits are standard normal. To that of its label, `margin` + `spread` times a t-distributed
    number (4 degrees of freedom) is added. A network adds normal noise of deviation `noise` to every logit;
    `variation` is the deviation of the logarithm of `noise` between networks.
    """

    rows: int
    margin: float
    spread: float
    noise: float
    variation: float = 0.0


SETTINGS = (
    Setting(2000, 9, 2, 1.5, 0.05),
    Setting(5000, 8, 2.2, 1.5, 0.1),
    Setting(10_000, 10, 2, 1.5, 0.2),
    Setting(20_000, 16, 3, 1.2, 0.05),
    Setting(42_000, 14.2, 2.1, 1.4, 0.05),
)
"""About 3, 6, 2, 0.6 and 0.3 % errors of a single network."""
PAIR = Setting(42_000, 14.2, 2.1, 1.4)
"""Two of these share two errors in three."""
UNEQUAL = replace(PAIR, variation=0.05)
"""Networks of one configuration that differ in quality: their errors deviate by 9 in place of 6."""


class Problem:
    """Labelled rows, and an endless supply of networks for them."""

    def __init__(self, setting: Setting, seed: int) -> None:
        self.setting = setting
        rng, rows = np.random.default_rng(seed), setting.rows
        self.labels = rng.integers(CLASSES, size=rows)
        logits = rng.normal(size=(rows, CLASSES))
        logits[np.arange(rows), self.labels] += setting.margin + setting.spread * rng.standard_t(4, size=rows)
        self._logits = logits.astype(np.float32)

    def network(self, rng: np.random.Generator) -> Probabilities:
        """Return the (rows, classes) probabilities of another network."""
        noise = np.float32(self.setting.noise * np.exp(self.setting.variation * rng.normal()))
        logits = self._logits + noise * rng.standard_normal(self._logits.shape, np.float32)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def expected(self, sizes: Sequence[int], networks: int, seed: int) -> dict[tuple[str, int], float]:
        """Return the mean value by metric and number of networks, over disjoint ensembles of fresh ones."""
        rng, values = np.random.default_rng(seed), {key: list[float]() for key in product(METRICS, sizes)}
        sums = {size: np.zeros(self._logits.shape) for size in sizes}
        for number in range(1, networks + 1):
            network = self.network(rng)
            for size, total in sums.items():
                np.add(total, network, out=total)
                if number % size == 0:
                    for name in METRICS:
                        value = metrics.METRICS[name].value(total / size, self.labels)
                        values[name, size].append(value)
                    total[:] = 0
        return {key: float(np.mean(some)) for key, some in values.items()}


class Outcome(NamedTuple):
    """One forecast against the truth.

    Attributes:
        target: "2 S", "4 S" or "errors saved".
        inside: whether the band contains the truth.
        error: of the forecast, relative to the true loss or to the true number of errors saved.
        width: half the band, relative likewise.
    """

    metric: str
    units: int
    target: str
    inside: bool
    error: float
    width: float


def outcomes(
    setting: Setting, repeats: int, seed: int = 0, networks: int = 640, units: Sequence[int] = UNITS
) -> Iterator[Outcome]:
    """Yield the outcomes of forecasts from `repeats` sets of networks, for each number of units.

    Args:
        setting: of the rows and the networks.
        repeats: how many forecasts.
        seed: of everything random.
        networks: how many decide the true curve.
        units: S.
    """
    problem, rng = Problem(setting, seed), np.random.default_rng(seed + 1)
    sizes = sorted({factor * count for factor in (1, 2, 4) for count in units})
    truth = problem.expected(sizes, networks, seed + 2)
    for count, _ in product(units, range(repeats)):
        members = [problem.network(rng) for _ in range(count)]
        for name in METRICS:
            yield from _judge(problem, members, name, truth)


def _judge(
    problem: Problem, members: Sequence[Probabilities], name: str, truth: Mapping[tuple[str, int], float]
) -> Iterator[Outcome]:
    metric, count = metrics.METRICS[name], len(members)
    estimate = growth(members, problem.labels, metric)
    for target, forecast in zip(("2 S", "4 S"), estimate.forecasts, strict=True):
        true = truth[name, forecast.units]
        inside = forecast.low <= true <= forecast.high
        relative = np.array([forecast.value - true, (forecast.high - forecast.low) / 2]) / metric.loss(true)
        yield Outcome(name, count, target, inside, *relative.tolist())
    if name == "accuracy" and estimate.errors_saved is not None and estimate.errors_saved_band is not None:
        true = problem.setting.rows * (truth[name, 2 * count] - truth[name, count])
        low, high = estimate.errors_saved_band
        relative = np.array([estimate.errors_saved - true, (high - low) / 2]) / true
        yield Outcome(name, count, "errors saved", low <= true <= high, *relative.tolist())


class Pair(NamedTuple):
    """Two networks on the same rows.

    Attributes:
        errors: of the first.
        shared: by both.
        p: exact McNemar.
        better_p: the same when some errors of the second are corrected.
        loss_differs: whether the 95 % interval of the difference in log loss excludes 0.
    """

    errors: int
    shared: int
    p: float
    better_p: float
    loss_differs: bool


def pairs(
    setting: Setting, count: int, seed: int = 0, corrected: int = 25, draws: int = 1000
) -> Iterator[Pair]:
    """Yield pairs of networks of the same kind.

    Args:
        setting: of the rows and the networks.
        count: how many pairs.
        seed: of everything random.
        corrected: how many errors of the second, chosen at random, `better_p` corrects.
        draws: of the bootstrap.
    """
    problem, rng = Problem(setting, seed), np.random.default_rng(seed + 1)
    labels = problem.labels
    for number in range(count):
        a, b = problem.network(rng), problem.network(rng)
        right_a, right_b = a.argmax(axis=1) == labels, b.argmax(axis=1) == labels
        better = right_b.copy()
        better[rng.choice(np.flatnonzero(~right_b), corrected, replace=False)] = True
        losses = metrics.row_losses(a, labels), metrics.row_losses(b, labels)
        _, low, high = metrics.paired_bootstrap(*losses, seed=number, draws=draws)
        yield Pair(
            errors=int(np.sum(~right_a)),
            shared=int(np.sum(~right_a & ~right_b)),
            p=metrics.mcnemar(right_a, right_b).p,
            better_p=metrics.mcnemar(right_a, better).p,
            loss_differs=not low <= 0 <= high,
        )


def power(discordant: int, difference: int) -> float:
    """Return how often exact McNemar gives p < ALPHA.

    Args:
        discordant: rows that exactly one of two runs predicts correctly.
        difference: expected difference of their errors.
    """
    only_a = np.arange(discordant + 1)
    share = (1 + difference / discordant) / 2
    p = 2 * binom.cdf(np.minimum(only_a, discordant - only_a), discordant, 0.5)
    return float(binom.pmf(only_a, discordant, share)[p < ALPHA].sum())


@click.group(help=__doc__)
def main() -> None:
    """Print a table."""


@main.command("growth")
@click.option("--repeats", default=40, show_default=True, help="Forecasts per setting and number of units.")
def growth_table(repeats: int) -> None:
    """Print how often the 90 % band of a forecast contains the true score."""
    found = [(at, one) for at, setting in enumerate(SETTINGS) for one in outcomes(setting, repeats, seed=at)]
    click.echo("| metric | S | forecast | coverage | lowest of a setting | mean error | half width |")
    click.echo("| --- | --- | --- | --- | --- | --- | --- |")
    key = lambda pair: (pair[1].metric, pair[1].target, pair[1].units)  # noqa: E731
    for (name, target, units), group in groupby(sorted(found, key=key), key):
        some = list(group)
        each = [np.mean([one.inside for of, one in some if of == at]) for at in range(len(SETTINGS))]
        error, width = np.mean([(one.error, one.width) for _, one in some], axis=0)
        share = np.mean([one.inside for _, one in some])
        click.echo(
            f"| {metrics.METRICS[name].title} | {units} | {target} | {share:.0%} | {min(each):.0%} "
            f"| {error:+.1%} | {width:.0%} |"
        )


@main.command("compare")
@click.option("--count", default=400, show_default=True, help="Pairs of networks.")
def compare_table(count: int) -> None:
    """Print how often pairs of networks are called different."""
    found = list(pairs(PAIR, count))
    errors, shared = np.mean([(one.errors, one.shared) for one in found], axis=0)
    click.echo(f"{count} pairs, {errors:.0f} errors of {PAIR.rows:,} rows, {shared:.0f} shared")
    click.echo(f"called different (McNemar): {np.mean([one.p < ALPHA for one in found]):.1%}")
    click.echo(f"log loss called different: {np.mean([one.loss_differs for one in found]):.1%}")
    click.echo(f"25 errors fewer, detected: {np.mean([one.better_p < ALPHA for one in found]):.1%}")
    unequal = [one.p < ALPHA for one in pairs(UNEQUAL, count, draws=1)]
    click.echo(f"networks of unequal quality called different (McNemar): {np.mean(unequal):.1%}")
    click.echo("| discordant rows | 10 fewer | 25 fewer | 40 fewer |")
    click.echo("| --- | --- | --- | --- |")
    for discordant in (50, 75, 100, 150, 200):
        rates = " | ".join(f"{power(discordant, difference):.0%}" for difference in (10, 25, 40))
        click.echo(f"| {discordant} | {rates} |")


if __name__ == "__main__":
    main()
