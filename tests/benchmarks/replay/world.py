"""What a simulated study measures: true losses, their noise, and learning curves."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kit.metrics import BLOCKS
from kit.records import Params
from kit.tuning.space import Space
from tests.benchmarks.replay.strategies import ROWS, Search
from tests.benchmarks.replay.surrogate import FOLDS, Floats, Surrogate, encode

Effect = Literal["table", "equal", "none better"]
"""Which configurations differ: all, as in the table; none; only the worse ones."""
TENTHS = 10
"""Reports of a trial, as in the product."""


ROW_SHARE, SEED_SHARE = 0.03, 0.6
"""Measured by tests.benchmarks.replay.rows. Rows give a training a noise of 3.4 %; the folds of the table
differ by 5.8 %, so 0.66 of the variance is that of the seed. What trainings of a configuration have in common
is 0.013 of it, with a 95 % interval from 0.002 to 0.026. With a fifth of the rows held out, the noise is then
7.3 %; 6.2 % was measured, and 6.3 % follow from the 5.0 % of the first 80 configurations."""


@dataclass(frozen=True)
class Noise:
    """The noise of the log loss of a training.

    Attributes:
        half: its standard deviation with half of the rows held out.
        row_share: share of this variance that all trainings of a configuration have in common, by block.
        seed_share: share of this variance that all blocks of a training have in common.
    """

    half: float
    row_share: float = ROW_SHARE
    seed_share: float = SEED_SHARE

    @property
    def of_seed(self) -> float:
        """The variance that does not depend on the number of held-out rows."""
        return self.half**2 * self.seed_share

    def ratio(self, rows: int) -> float:
        """Return the noise with `rows` held out, as a multiple of that with half of the rows."""
        return math.sqrt(self.seed_share + (1 - self.seed_share) * ROWS / FOLDS / rows)

    def of_rows(self, rows: int) -> float:
        """Return the variance of `rows` held-out rows, without the part that trainings have in common."""
        return self.half**2 * max(0.0, (1 - self.seed_share) * ROWS / FOLDS / rows - self.row_share)


@dataclass(frozen=True)
class World:
    """True losses and learning curves.

    Attributes:
        space: the search space.
        surrogate: predicts losses.
        effect: which configurations differ.
        noise: of trainings.
        scale: the differences between configurations are multiplied by it.
    """

    space: Space
    surrogate: Surrogate
    effect: Effect
    noise: Noise
    scale: float = 1.0

    def gain(self, params: Params) -> float:
        """Return how much lower the log of the true loss is than the baseline's."""
        if self.effect == "equal":
            return 0.0
        surrogate = self.surrogate
        found = self.scale * (surrogate.log_loss(self.space.baseline) - surrogate.log_loss(params))
        return min(0.0, found) if self.effect == "none better" else found

    def loss(self, params: Params) -> float:
        """Return the true loss, in units of the baseline's."""
        return math.exp(-self.gain(params))

    def curve_shape(self, params: Params) -> Floats:
        """Return (TENTHS,) log of the loss after each tenth, relative to the last: of the nearest record."""
        curves = self.surrogate.table.curves.mean(axis=1)
        return _tenths(curves[self.surrogate.nearest(params)])


@dataclass(frozen=True)
class CurveNoise:
    """Noise of the log loss at each tenth of a training: `slope` times that of its last loss, and its own.

    Attributes:
        slope: (TENTHS,).
        own: (TENTHS,) standard deviation, with half of the rows held out.
    """

    slope: Floats
    own: Floats

    @classmethod
    def of(cls, surrogate: Surrogate) -> "CurveNoise":
        """Measure it by the differences between the folds of each configuration."""
        curves = surrogate.table.without_folds
        differences = np.stack([_tenths(one, relative=False) for one in curves[:, 0] - curves[:, 1]])
        last = differences[:, -1]
        slope = differences.T @ last / (last @ last)
        rest = differences - last[:, None] * slope
        return cls(slope, np.sqrt(np.mean(rest**2, axis=0) / 2))


class Draws:
    """The random part of the trainings of one study.

    Args:
        world: its noise.
        seed: of the study.
    """

    def __init__(self, world: World, seed: int) -> None:
        self._noise, self._seed = world.noise, seed
        self._common: dict[int, Floats] = {}

    def stream(self, number: int) -> np.random.Generator:
        """Return random numbers that depend on the study and `number` alone."""
        return np.random.default_rng([self._seed, number])

    def common(self, trial: int) -> Floats:
        """Return (BLOCKS,) the error that all trainings of a trial have in common."""
        if trial not in self._common:
            spread = self._noise.half * math.sqrt(self._noise.row_share * BLOCKS)
            self._common[trial] = spread * self.stream(1000 + trial).standard_normal(BLOCKS)
        return self._common[trial]

    def blocks(self, trial: int, rows: int, random: np.random.Generator) -> Floats:
        """Return (BLOCKS,) relative errors of a training that holds out `rows`; their mean is its error."""
        own = math.sqrt(self._noise.of_rows(rows) * BLOCKS) * random.standard_normal(BLOCKS)
        seed = math.sqrt(self._noise.of_seed) * random.standard_normal()
        return np.asarray(self.common(trial) + own + seed, np.float64)


@dataclass(frozen=True)
class TrialLosses:
    """The losses of a trial: watched after each tenth, and of all held-out rows at the end."""

    watched: Floats
    final: float


class TrialDraws:
    """Draws the losses of the trials of a search.

    Args:
        world: true losses.
        search: how trials are trained.
        draws: of the study.
        curves: noise of the learning curves.
    """

    def __init__(self, world: World, search: Search, draws: Draws, curves: CurveNoise) -> None:
        self._world, self._search, self._draws, self._curves = world, search, draws, curves
        self._random, self._bias = draws.stream(0), _bias(world, search.bias, draws.stream(1))

    def losses(self, trial: int, params: Params) -> TrialLosses:
        """Return the losses of a trial."""
        random, noise = self._random, self._world.noise
        true = self._bias(params) - self._world.gain(params)
        held_out, watched = self._search.held_out, self._search.watched_rows
        error = float(self._draws.blocks(trial, held_out, random).mean())
        part = error + math.sqrt(noise.of_rows(watched) - noise.of_rows(held_out)) * random.normal()
        own = self._curves.own * noise.ratio(watched) * random.standard_normal(TENTHS)
        curve = true + self._world.curve_shape(params) + self._curves.slope * part + own
        return TrialLosses(np.exp(curve), math.exp(true + error))


def _bias(world: World, spread: float, random: np.random.Generator) -> Callable[[Params], float]:
    """Return a random linear function of the parameters with this standard deviation over the table."""
    points = world.surrogate.points
    weights = random.standard_normal(points.shape[1])
    values = points @ weights
    scale = spread / float(np.std(values)) if spread else 0.0
    origin = encode(world.space, world.space.baseline) @ weights
    return lambda params: scale * float(encode(world.space, params) @ weights - origin) if scale else 0.0


def _tenths(curve: Floats, *, relative: bool = True) -> Floats:
    """Return (TENTHS,) of a curve of any number of epochs."""
    places = np.ceil(np.arange(1, TENTHS + 1) * len(curve) / TENTHS).astype(int) - 1
    return np.asarray(curve[places] - (curve[-1] if relative else 0.0), np.float64)
