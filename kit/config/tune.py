"""How `kit tune` searches: the space, the sampler, what a trial is, and how the best are confirmed."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from kit.config.base import Count, Flag, Real, Section, Seed, Whole

Conditions = dict[str, Any]


def _check_range(low: float, high: float, log: bool, step: float | None) -> None:
    if not low < high:
        raise ValueError(f"impossible range; low must be less than high, received {low:g} to {high:g}")
    if log and low <= 0:
        raise ValueError(f"impossible range; on a logarithmic scale low must be above 0, received {low:g}")
    if log and step:
        raise ValueError("a logarithmic range takes no step")
    # Rounding must not refuse 0.1 to 0.3 in one step of 0.2.
    if step and step > (high - low) * (1 + 1e-9):
        raise ValueError(f"impossible range; a step of {step:g} leads past high, {high:g}")


class FloatRange(Section):
    """Any number from low to high."""

    kind: Literal["float"]
    """A number."""
    low: Real
    """Least value."""
    high: Real
    """Greatest value."""
    log: Flag = False
    """Draw on a logarithmic scale."""
    step: Annotated[Real, Field(gt=0)] | None = None
    """Take every so many only, counted from low; null: any number."""
    when: Conditions = Field({})
    """Other keys of the space, with the value (or a list of values) at which this one counts."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _check_range(self.low, self.high, self.log, self.step)
        return self


class IntRange(Section):
    """Any whole number from low to high."""

    kind: Literal["int"]
    """A whole number."""
    low: Whole
    """Least value."""
    high: Whole
    """Greatest value."""
    log: Flag = False
    """Draw on a logarithmic scale."""
    step: Count = 1
    """Take every so many only, counted from low."""
    when: Conditions = Field({})
    """Other keys of the space, with the value (or a list of values) at which this one counts."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _check_range(self.low, self.high, self.log, self.step if self.step > 1 else None)
        return self


class Choices(Section):
    """One of a list of values."""

    kind: Literal["categorical"]
    """A list of values without an order."""
    choices: Annotated[tuple[Any, ...], Field(min_length=2)]
    """The values: anything that the key may hold."""
    when: Conditions = Field({})
    """Other keys of the space, with the value (or a list of values) at which this one counts."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if any(one in self.choices[:place] for place, one in enumerate(self.choices)):
            raise ValueError("every choice may stand once only")
        return self


Dimension = Annotated[FloatRange | IntRange | Choices, Field(discriminator="kind")]

# Of a configuration that does not say: what regularises each stage, and the learning rate.
SPACE: dict[str, Any] = {
    "models.*.stages.*.dropout": FloatRange(kind="float", low=0.0, high=0.5),
    "models.*.stages.*.batch_norm": Choices(
        kind="categorical", choices=("none", "before_activation", "after_activation")
    ),
    "training.learning_rate": FloatRange(kind="float", low=3e-4, high=1e-2, log=True),
}


class Tune(Section):
    """What `kit tune` does."""

    space: Annotated[dict[str, Dimension], Field(min_length=1)] = SPACE
    """What to try, by key; `*` stands for every model or every stage of one; null takes a key away."""
    sampler: Literal["tpe", "random"] = "tpe"
    """What proposes the next trial; tpe: multivariate tree-structured Parzen estimator."""
    pruner: Literal["median", "halving", "wilcoxon", "none"] = "median"
    """What stops a trial that is losing; median: it is worse than most were; halving: successive halving;
    wilcoxon: a test of its folds against the best trial's."""
    seed: Seed = 0
    """Of the sampler."""
    # One: over 26 random configurations of lenet-regularized the loss of one fold ranks as the mean of two
    # others does (rank correlation 0.97), so that a second would buy less than twice as many trials do.
    folds: Count = 1
    """Folds that a trial trains, of those that `folds` makes."""
    trials: Count | None = None
    """Trials of a study, over all calls; null: as many as there is time for."""
    minutes: Annotated[Real, Field(gt=0)] = 60.0
    """Time of one call, confirmation included."""
    confirm_seeds: Annotated[Whole, Field(ge=3, le=100)] = 3
    """Seeds of the confirmation, none of which the search uses."""

    @field_validator("space", mode="before")
    @classmethod
    def _without_nulls(cls, raw: Any) -> Any:
        return {key: one for key, one in raw.items() if one is not None} if isinstance(raw, Mapping) else raw
