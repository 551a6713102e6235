"""What proposes the parameters of a trial: first values near the configuration, later TPE."""

import math
from typing import TYPE_CHECKING

import numpy as np

from kit.config import Choices, IntRange, Tune
from kit.records import ParamValue
from kit.tuning.space import Parameter, Space, stored

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

FIRST_TRIALS = 8
"""Trials after the baseline that no earlier trial influences; queued trials count."""
TPE_TRIALS = 5
"""Complete and pruned trials that TPE needs; with fewer, because others failed or are still running, it draws
at random."""
KEPT = 0.5
"""Probability that a trial near the centre keeps the centre of a parameter."""
SPREAD = 0.2
"""Standard deviation of the distance from the centre, as a share of the range."""
REDRAWS = 100
"""How often parameters are drawn again because they are those of the baseline."""


def sampler_at(position: int, tune: Tune, space: Space) -> "BaseSampler":
    """Return the sampler of the trial at a position; the baseline has position 0.

    Seeded by the position: an interrupted study resumes with the same proposals, and two processes with one
    seed never propose the same.
    """
    from optuna.samplers import PartialFixedSampler, RandomSampler, TPESampler

    seed = int(np.random.SeedSequence([tune.seed, position]).generate_state(1)[0])
    uniform = RandomSampler(seed)
    if tune.sampler == "random":
        return uniform
    if position > FIRST_TRIALS:
        return TPESampler(n_startup_trials=TPE_TRIALS, multivariate=True, group=space.conditional, seed=seed)
    if tune.start == "random":
        return uniform
    return PartialFixedSampler(near_params(space, np.random.default_rng(seed)), uniform)


def near_params(space: Space, rng: np.random.Generator) -> dict[str, ParamValue]:
    """Return parameters near their centres, but not those of the baseline.

    Parameters without a centre are missing.
    """
    centres = centres_of(space)
    params: dict[str, ParamValue] = {}
    for _ in range(REDRAWS):
        params = {one.key: near(one, centres[one.key], rng) for one in space.parameters if one.key in centres}
        if params != space.baseline:
            break
    return params


def centres_of(space: Space) -> dict[str, ParamValue]:
    """Return the prior of each parameter, or else the configuration's own value; without either, nothing."""
    priors = {one.key: one.dimension.prior for one in space.parameters}
    return space.baseline | {key: stored(prior) for key, prior in priors.items() if prior is not None}


def near(parameter: Parameter, centre: ParamValue, rng: np.random.Generator) -> ParamValue:
    """Return the centre with probability KEPT, else a random value: a number near it, or any choice."""
    given = parameter.dimension
    if rng.random() < KEPT:
        return centre
    if isinstance(given, Choices):
        return stored(given.choices[rng.integers(len(given.choices))])
    if not isinstance(centre, int | float):
        raise TypeError(f"{parameter.key}: not a number: {centre!r}")
    scale, back = (math.log, math.exp) if given.log else (float, float)
    low, high = scale(given.low), scale(given.high)
    moved = back(float(np.clip(rng.normal(scale(centre), SPREAD * (high - low)), low, high)))
    if given.step:
        moved = given.low + given.step * round((moved - given.low) / given.step)
    # Rounding may leave the range by the last digit.
    moved = min(max(moved, given.low), given.high)
    return round(moved) if isinstance(given, IntRange) else float(moved)
