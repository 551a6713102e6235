"""The search space: the keys of `tune.space`, expanded and checked before anything is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from itertools import product
from typing import TYPE_CHECKING, Any

from kit.config import Choices, Config, Dimension, IntRange, Source
from kit.config.errors import nearest
from kit.errors import UserError
from kit.records import Params, ParamValue
from kit.tuning.keys import Base, as_text, expand_patterns, explicit, values_by_key

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


@dataclass(frozen=True)
class Parameter:
    """One parameter of a trial.

    Attributes:
        key: of the configuration, without `*`.
        dimension: its values; a stepped range ends on a step.
        when: conditions: other keys of the space, and the values at which this parameter is active.
    """

    key: str
    dimension: Dimension
    when: Mapping[str, tuple[Any, ...]]

    def is_active(self, params: Params) -> bool:
        """Return whether these parameters meet the conditions."""
        return all(
            key in params and params[key] in [stored(value) for value in values]
            for key, values in self.when.items()
        )

    def suggest(self, trial: "BaseTrial") -> ParamValue:
        """Let the trial choose a value."""
        given = self.dimension
        if isinstance(given, Choices):
            return trial.suggest_categorical(self.key, [stored(choice) for choice in given.choices])
        if isinstance(given, IntRange):
            return trial.suggest_int(self.key, given.low, given.high, step=given.step, log=given.log)
        return trial.suggest_float(self.key, given.low, given.high, step=given.step, log=given.log)

    def change(self, value: ParamValue) -> str:
        """Return "key=value" for `Source.with_changes`; `value` as Optuna stores it."""
        is_json = isinstance(self.dimension, Choices) and value not in self.dimension.choices
        return f"{self.key}={value if is_json else as_text(value)}"


@dataclass(frozen=True)
class Space:
    """The search space of a study.

    Attributes:
        parameters: each after those in its conditions.
        baseline: parameters of the configuration itself: those whose value is in the space and whose
            conditions are met.
        conditional: whether some trials lack some parameters.
    """

    parameters: tuple[Parameter, ...]
    baseline: dict[str, ParamValue]
    conditional: bool

    def suggest(self, trial: "BaseTrial") -> dict[str, ParamValue]:
        """Let the trial choose its active parameters; the baseline trial those of the baseline.

        Returns:
            Values by key; a choice that is a list or a mapping is its JSON text.
        """
        known = self.baseline if trial.user_attrs.get("baseline") else None
        params: dict[str, ParamValue] = {}
        for parameter in self.parameters:
            if (known is None or parameter.key in known) and parameter.is_active(params):
                params[parameter.key] = parameter.suggest(trial)
        return params

    def changes(self, params: Params) -> list[str]:
        """Return parameters as "key=value" texts for `Source.with_changes`."""
        return [one.change(params[one.key]) for one in self.parameters if one.key in params]


def make_space(source: Source) -> Space:
    """Resolve the keys of `tune.space`, and try both ends of each range and each choice.

    A key with fewer `*` overrides a pattern that it refines.

    Args:
        source: the configuration.

    Raises:
        UserError: a network has teachers; a key is unknown, cannot be tuned, changes nothing, or is given
            twice; a value is not valid for its key; conditions cannot be met.
    """
    _check_untaught(source.config)
    base = Base(source, values_by_key(source.config))
    dimensions = {key: (pattern, _end_on_step(one)) for key, (pattern, one) in expand_patterns(base).items()}
    when = {key: _conditions(base, key, dimensions) for key in dimensions}
    try:
        order = list(TopologicalSorter(when).static_order())
    except CycleError as error:
        circle = error.args[1]
        what = f"circular conditions: {', '.join(circle)}"
        raise base.error(dimensions[circle[0]][0], what) from error
    parameters = tuple(Parameter(key, dimensions[key][1], when[key]) for key in order)
    needed: dict[str, dict[str, list[Any]]] = {}
    for parameter in parameters:
        pattern = dimensions[parameter.key][0]
        needed[parameter.key] = _required_values(base, pattern, parameter, needed)
        _check(base, pattern, parameter, needed[parameter.key], parameters)
    baseline: dict[str, ParamValue] = {}
    for parameter in parameters:
        if parameter.is_active(baseline):
            baseline |= _baseline_value(base, parameter)
    conditional = any(when.values()) or len(baseline) < len(parameters)
    return Space(parameters, baseline, conditional)


def _check_untaught(config: Config) -> None:
    for name, model in config.models.items():
        if model.teachers:
            raise UserError(
                "networks with teachers cannot be tuned",
                where=f"models.{name}.teachers",
                received=", ".join(model.teachers),
                hint="tune the teachers in a separate configuration",
            )


def _conditions(
    base: Base, key: str, dimensions: Mapping[str, tuple[str, Dimension]]
) -> dict[str, tuple[Any, ...]]:
    pattern, dimension = dimensions[key]
    taken = {
        place: part
        for place, (part, star) in enumerate(zip(key.split("."), pattern.split("."), strict=True))
        if star == "*"
    }
    when = {}
    for name, given in dimension.when.items():
        other = ".".join(
            taken.get(place, part) if part == "*" else part for place, part in enumerate(name.split("."))
        )
        if other not in dimensions:
            what = f"{key}: when: {other} is not in the space{nearest(other, dimensions)}"
            raise base.error(pattern, what)
        waited = dimensions[other][1]
        values = (given,) if _accepts(waited, given) or not isinstance(given, list) else tuple(given)
        if not values or not all(_accepts(waited, value) for value in values):
            raise base.error(
                pattern,
                f"{key}: when: not a value of {other}",
                expected=_allowed_values(waited),
                received=as_text(given),
            )
        when[other] = values
    return when


def _accepts(dimension: Dimension, value: object) -> bool:
    if isinstance(dimension, Choices):
        return value in dimension.choices
    if isinstance(dimension, IntRange):
        return type(value) is int and value in range(dimension.low, dimension.high + 1, dimension.step)
    # No condition on a float: a trial would almost never meet it.
    return False


def _allowed_values(dimension: Dimension) -> str:
    if isinstance(dimension, Choices):
        return f"one of {', '.join(map(as_text, dimension.choices))}"
    if isinstance(dimension, IntRange):
        return f"{dimension.low} to {dimension.high}, every {dimension.step}"
    return "a condition on a categorical or int key"


def _required_values(
    base: Base, pattern: str, parameter: Parameter, earlier: Mapping[str, Mapping[str, list[Any]]]
) -> dict[str, list[Any]]:
    """Return the values of other keys at which the parameter is active, including their own conditions."""
    needed: dict[str, list[Any]] = {}
    for other, values in parameter.when.items():
        for key, allowed in ((other, values), *earlier[other].items()):
            needed[key] = [value for value in allowed if value in needed.get(key, allowed)]
    if not all(needed.values()):
        raise base.error(pattern, f"{parameter.key}: its conditions exclude each other")
    return needed


def _check(
    base: Base,
    pattern: str,
    parameter: Parameter,
    needed: Mapping[str, Sequence[Any]],
    parameters: Sequence[Parameter],
) -> None:
    """Check that all values are valid, and that the key has an effect, whenever its conditions are met."""
    key, given = parameter.key, parameter.dimension
    # Keys that every trial sets may override this one, as models.cnn.training.epochs does training.epochs.
    always = [
        f"{one.key}={as_text(base.values[one.key])}"
        for one in parameters
        if one.key in base.values
        and one.key != key
        and not one.when
        and not isinstance(one.dimension, Choices)
    ]
    changes_something = False
    for values in product(*needed.values()):
        others = [f"{other}={as_text(value)}" for other, value in zip(needed, values, strict=True)]
        tried = given.choices if isinstance(given, Choices) else (given.low, given.high)
        found = [base.with_changes(pattern, *always, *others, f"{key}={as_text(value)}") for value in tried]
        for one in found:
            _check_untaught(one)
        # Another spelling of a key, such as stages.00, could be in the space twice.
        if not any(key in values_by_key(one) for one in found):
            raise base.error(pattern, f"unknown key {key}")
        changes_something |= len({one.digest() for one in found}) > 1
    if not changes_something:
        top = key.startswith(("training.", "augmentation."))
        hint = f"every model overrides it; use models.*.{key}" if top else None
        raise base.error(pattern, f"{key} has no effect", hint=hint)


def _baseline_value(base: Base, parameter: Parameter) -> dict[str, ParamValue]:
    """Return the configuration's own value by key; nothing if it is not in the space."""
    key, given = parameter.key, parameter.dimension
    if isinstance(given, Choices):
        own = explicit(base.config).digest()
        for choice in given.choices:
            if explicit(base.with_changes(key, f"{key}={as_text(choice)}")).digest() == own:
                return {key: stored(choice)}
        return {}
    value = base.values.get(key)
    if not isinstance(value, int | float) or not given.low <= value <= given.high:
        return {}
    steps = (value - given.low) / given.step if given.step else 0.0
    if abs(steps - round(steps)) > 1e-8:
        return {}
    return {key: round(value) if isinstance(given, IntRange) else float(value)}


def _end_on_step(dimension: Dimension) -> Dimension:
    """Return the dimension with its high end on a step."""
    if isinstance(dimension, Choices) or dimension.step is None:
        return dimension
    low, high, step = (Decimal(str(one)) for one in (dimension.low, dimension.high, dimension.step))
    last = low + (high - low) // step * step
    return dimension.model_copy(update={"high": type(dimension.high)(last)})


def stored(value: object) -> ParamValue:
    """Return a choice as Optuna stores it."""
    return value if value is None or isinstance(value, str | int | float) else as_text(value)
