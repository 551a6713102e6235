"""A small made-up table for the tests of the replay."""

import numpy as np

from kit.config import Source
from kit.records import Params
from kit.tuning.space import Space, make_space
from tests.benchmarks.replay.record import Measured, Training, random_params
from tests.benchmarks.replay.strategies import Search
from tests.benchmarks.replay.surrogate import Surrogate, Table
from tests.benchmarks.replay.world import Effect, Noise, World

CONFIGURATIONS, EPOCHS = 24, 10
DROPOUT = "models.lenet.stages.0.dropout"
BEST = 0.4
"""The dropout with the lowest loss."""


def space() -> Space:
    """Return the space of lenet-regularized; its baseline has a dropout of 0.1."""
    return make_space(Source.read("lenet-regularized"))


def true_log_loss(params: Params) -> float:
    """Return the log loss of the made-up table: dropout alone counts."""
    return -3.5 + 2 * abs(float(str(params[DROPOUT])) - BEST)


def lines(noise: float = 0.0) -> list[Measured]:
    """Return the lines of a file: curves that halve four times, fold 1 worse by a tenth."""
    random = np.random.default_rng(0)
    return [
        Measured(Training(number, 2, fold, 0, 0, EPOCHS), 40.0, _losses(params, fold, noise, random), params)
        for number, params in enumerate(random_params(space(), CONFIGURATIONS))
        for fold in (0, 1)
    ]


def world(effect: Effect = "table", half: float = 0.05) -> World:
    """Return the world of the made-up table."""
    return World(space(), Surrogate(Table.of(lines()), space()), effect, Noise(half))


def quick(**changes: str | int) -> Search:
    """Return a search of random trials without pruning."""
    plain = Search(sampler="random", start="random", start_trials=0, pruner="none")
    return Search.model_validate(plain.model_dump() | changes)


def _losses(params: Params, fold: int, noise: float, random: np.random.Generator) -> tuple[float, ...]:
    epochs = np.linspace(4 * np.log(2), 0, EPOCHS)
    curve = true_log_loss(params) + epochs + 0.1 * fold + noise * random.standard_normal(EPOCHS)
    return tuple(np.exp(curve).tolist())
