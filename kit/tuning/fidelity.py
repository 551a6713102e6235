"""A trial is a cheap measurement: fewer training rows and fewer epochs than `kit cv` would use."""

import math

import numpy as np
from numpy.typing import NDArray

from kit.config import Config, Folds, Model, Tune
from kit.training.plan import UNUSED


def search_folds(config: Config) -> Folds:
    """Return the folds of the search and of the confirmation: `tune.split`, or more for a trial."""
    own, tune = config.folds, config.tune
    count = max(tune.split or own.count, min(tune.folds, own.count))
    return own.model_copy(update={"count": count})


def shortened(config: Config) -> Config:
    """Return `config` with `tune.epoch_share` of its epochs."""
    share = config.tune.epoch_share
    return config.model_copy(
        update={"models": {name: _shortened(model, share) for name, model in config.models.items()}}
    )


def trial_folds(folds: NDArray[np.int8], fold: int, rows: int | None) -> NDArray[np.int8]:
    """Return (rows,) int8: the rows of a trial that holds `fold` out, and UNUSED for all others.

    The same rows whatever the trial: the first `rows` of a permutation that do not belong to the fold, and as
    many of the fold.

    Args:
        folds: (rows,) int8, the fold that holds each row out.
        fold: the one that is held out.
        rows: most training rows; None: all.
    """
    if rows is None:
        return folds
    order = np.random.default_rng(0).permutation(len(folds))
    part = np.full_like(folds, UNUSED)
    for mask in (folds == fold, folds != fold):
        chosen = order[mask[order]][:rows]
        part[chosen] = folds[chosen]
    return part


def work_share(folds: NDArray[np.int8], fold: int, tune: Tune) -> float:
    """Return how many images a trial that holds `fold` out learns from, as a share of those of a member."""
    used, every = trial_folds(folds, fold, tune.rows), np.count_nonzero(folds != fold)
    return tune.epoch_share * np.count_nonzero((used != fold) & (used != UNUSED)) / every


def _shortened(model: Model, share: float) -> Model:
    if not model.needs_backend or share == 1:
        return model
    epochs = math.ceil(share * model.training.epochs)
    return model.model_copy(update={"training": model.training.model_copy(update={"epochs": epochs})})
