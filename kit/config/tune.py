"""The section `tune`: search space, sampler, pruner, metric, trials and confirmation."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from kit.config.base import Count, Flag, MetricName, Real, Section, Seed, Whole

Conditions = dict[str, JsonValue]


def _check_range(low: float, high: float, log: bool, step: float | None) -> None:
    if not low < high:
        raise ValueError(f"impossible range; low must be less than high, received {low:g} to {high:g}")
    if log and low <= 0:
        raise ValueError(f"impossible range; on a logarithmic scale low must be above 0, received {low:g}")
    if log and step:
        raise ValueError("a logarithmic range has no step")
    # Rounding must not reject 0.1 to 0.3 in one step of 0.2.
    if step and step > (high - low) * (1 + 1e-9):
        raise ValueError(f"impossible range; a step of {step:g} goes past high, {high:g}")


def _check_prior(prior: float | None, low: float, high: float, step: float | None) -> None:
    if prior is None:
        return
    if not low <= prior <= high:
        raise ValueError(f"the prior must be from {low} to {high}, received {prior}")
    steps = (prior - low) / step if step else 0.0
    if abs(steps - round(steps)) > 1e-8:
        raise ValueError(f"the prior must be on a step: {low} plus a multiple of {step}, received {prior}")


class FloatRange(Section):
    """Any number from low to high."""

    kind: Literal["float"]
    """A number."""
    low: Real
    """Lowest value."""
    high: Real
    """Highest value."""
    log: Flag = False
    """Draw on a logarithmic scale."""
    step: Annotated[Real, Field(gt=0)] | None = None
    """Step from one value to the next, starting at low; null: any number."""
    prior: Real | None = None
    """Centre of the first trials; null: the configuration's own value."""
    when: Conditions = Field({})
    """Other keys of the space, with the value (or a list of values) at which this key is active."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _check_range(self.low, self.high, self.log, self.step)
        _check_prior(self.prior, self.low, self.high, self.step)
        return self


class IntRange(Section):
    """Any whole number from low to high."""

    kind: Literal["int"]
    """A whole number."""
    low: Whole
    """Lowest value."""
    high: Whole
    """Highest value."""
    log: Flag = False
    """Draw on a logarithmic scale."""
    step: Count = 1
    """Step from one value to the next, starting at low."""
    prior: Whole | None = None
    """Centre of the first trials; null: the configuration's own value."""
    when: Conditions = Field({})
    """Other keys of the space, with the value (or a list of values) at which this key is active."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _check_range(self.low, self.high, self.log, self.step if self.step > 1 else None)
        _check_prior(self.prior, self.low, self.high, self.step)
        return self


class Choices(Section):
    """One of a list of values."""

    kind: Literal["categorical"]
    """A list of values without an order."""
    choices: Annotated[tuple[Any, ...], Field(min_length=2)]
    """The values: anything that is valid for the key."""
    prior: Any = None
    """Centre of the first trials; null: the configuration's own value."""
    when: Conditions = Field({})
    """Other keys of the space, with the value (or a list of values) at which this key is active."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if any(one in self.choices[:index] for index, one in enumerate(self.choices)):
            raise ValueError("duplicate choice")
        # 1 and True are equal, but not the same choice.
        same = (type(one) is type(self.prior) and one == self.prior for one in self.choices)
        if self.prior is not None and not any(same):
            known = ", ".join(map(str, self.choices))
            raise ValueError(f"the prior must be one of {known}, received {self.prior}")
        return self


Dimension = Annotated[FloatRange | IntRange | Choices, Field(discriminator="kind")]


class Tune(Section):
    """Settings of `kit tune`."""

    space: dict[str, Dimension] = Field({})
    """Search space by key; `*` means every model or every stage of one; null removes a key.

    Empty: dropout and batch normalisation of each network, or of each stage if it has stages, and
    the learning rate."""
    sampler: Literal["tpe", "random"] = "tpe"
    """Proposes the next trial; tpe: multivariate tree-structured Parzen estimator."""
    start: Literal["near", "random"] = "near"
    """First trials of the sampler tpe; near: near the configuration, or the priors of the space; random:
    anywhere in the space."""
    metric: MetricName = "log_loss"
    """Metric that decides which trial is better, on held-out rows."""
    # None: half-way the loss ranks the best trials like dice, and a pruner ends every second of them
    # (docs/replay.md).
    pruner: Literal["median", "halving", "wilcoxon", "none"] = "none"
    """Stops trials early; none: never; median: worse than the median of earlier trials; halving: successive
    halving; wilcoxon: signed-rank test of its folds against the best trial's."""
    seed: Seed = 0
    """Seed of the sampler."""
    # Two: half of the rows held out has less noise than a fifth, and training takes 0.63 of the time.
    # Replayed studies gain 13.3 % an hour, with three folds 12.3 %, with five 11.6 % (docs/replay.md).
    split: Annotated[Whole, Field(ge=2, le=100)] | None = 2
    """Number of folds in the search and the confirmation, at least `tune.folds`; null: `folds.count`."""
    # One: over 26 random configurations of lenet-regularized the loss of one fold ranks like the mean of two
    # others (rank correlation 0.97), so a second fold gains less than twice as many trials.
    folds: Count = 1
    """Folds per trial, at most `folds.count`."""
    rows: Count | None = None
    """Most training rows of a trial, and most rows that it holds out; null: all."""
    epoch_share: Annotated[Real, Field(gt=0, le=1)] = 1.0
    """Share of a network's epochs that a trial trains."""
    trials: Count | None = None
    """Trials of a study, over all calls; null: as many as time allows."""
    minutes: Annotated[Real, Field(gt=0)] = 60.0
    """Time limit of one call, confirmation included."""
    confirm_seeds: Annotated[Whole, Field(ge=2, le=100)] = 3
    """Seeds until the first look at a comparison with the baseline; the search uses none of them."""

    @field_validator("space", mode="before")
    @classmethod
    def _without_nulls(cls, raw: Any) -> Any:
        return {key: one for key, one in raw.items() if one is not None} if isinstance(raw, Mapping) else raw
