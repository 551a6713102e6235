r"""Compare rules that choose the predicted class, for the table of docs/results.md.

\b
    python tools/simulate_decisions.py
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import click
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, f1_score

from kit.metrics import METRICS, most_probable

ROWS, REPEATS = 4000, 6
CLEAR = 0.001
"""Smallest difference that counts."""

Probabilities = NDArray[np.float64]
Labels = NDArray[np.integer]
Choose = Callable[[Probabilities, Labels], NDArray[np.integer]]


@dataclass(frozen=True)
class Case:
    """Classes at distances of `separation` standard deviations.

    Their shares fall by a factor of exp(`skew`) from class to class. A model's logits are `sharpness` times
    the correct ones, and noise of deviation `noise` is added.
    """

    classes: int
    skew: float
    separation: float
    sharpness: float
    noise: float

    def drawn(self, rng: np.random.Generator, *, ordered: bool) -> tuple[Probabilities, Labels]:
        """Return (ROWS, classes) probabilities and the labels; ordered classes are on a line."""
        order = np.arange(self.classes)
        shares = np.exp(-self.skew * np.abs(order - (self.classes / 3 if ordered else 0)))
        shares /= shares.sum()
        labels = rng.choice(self.classes, ROWS, p=shares)
        centres = self.separation * (order[:, None] if ordered else np.eye(self.classes))
        seen = centres[labels] + rng.normal(size=(ROWS, centres.shape[1]))
        logits = np.log(shares) - ((seen[:, None] - centres) ** 2).sum(axis=2) / 2
        return softmax(self.sharpness * logits + rng.normal(0, self.noise, logits.shape), axis=1), labels


CASES = [
    Case(classes, skew, separation, *model)
    for classes, skew, separation, model in product(
        (3, 5, 10), (0, 0.3, 0.8), (1, 2, 3), ((1, 0), (1.5, 0.5), (0.7, 0.3))
    )
]


def _kappa(labels: Labels, predicted: Labels) -> float:
    return float(cohen_kappa_score(labels, predicted, weights="quadratic"))


def _macro_f1(labels: Labels, predicted: Labels) -> float:
    return float(f1_score(labels, predicted, average="macro", zero_division=0))


def _shares(labels: Labels, classes: int) -> NDArray[np.float64]:
    # At least one row, as in training rows.
    return np.maximum(np.bincount(labels, minlength=classes), 1) / len(labels)


RULES: dict[str, tuple[Callable[[Labels, Labels], float], Choose]] = {
    "balanced accuracy: probability / share": (
        lambda labels, predicted: float(balanced_accuracy_score(labels, predicted)),
        METRICS["balanced_accuracy"].decisions,
    ),
    "kappa: expected class, scaled": (_kappa, METRICS["quadratic_weighted_kappa"].decisions),
    "kappa: expected class": (
        _kappa,
        lambda probs, _: np.rint(probs @ np.arange(probs.shape[1])).astype(int),
    ),
    "macro F1: probability / share": (
        _macro_f1,
        lambda probs, labels: most_probable(probs / _shares(labels, probs.shape[1])),
    ),
    "macro F1: probability / √share": (
        _macro_f1,
        lambda probs, labels: most_probable(probs / np.sqrt(_shares(labels, probs.shape[1]))),
    ),
}
"""By name: the score of labels and predictions, and the rule."""


def gains(rule: str) -> Iterator[float]:
    """Yield for each case the mean score of a rule minus that of the most probable class."""
    score, choose = RULES[rule]
    for number, case in enumerate(CASES):
        rng, found = np.random.default_rng(number), []
        for _ in range(REPEATS):
            probs, labels = case.drawn(rng, ordered=score is _kappa)
            found.append(score(labels, choose(probs, labels)) - score(labels, most_probable(probs)))
        yield float(np.mean(found))


@click.command(help=__doc__)
def main() -> None:
    """Print the table."""
    click.echo(f"| rule | mean gain | better by {CLEAR} | worse by {CLEAR} | range |")
    click.echo("| --- | --- | --- | --- | --- |")
    for rule in RULES:
        found = np.array(list(gains(rule)))
        better, worse = int((found > CLEAR).sum()), int((found < -CLEAR).sum())
        extent = f"{found.min():+.3f} to {found.max():+.3f}"
        click.echo(f"| {rule} | {found.mean():+.3f} | {better} | {worse} | {extent} |")


if __name__ == "__main__":
    main()
