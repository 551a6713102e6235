"""The search space: the keys of `tune.space` written out, and checked before anything is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from itertools import product
from typing import TYPE_CHECKING, Any

from kit.config import Choices, Config, Dimension, IntRange, resolve
from kit.config.errors import nearest
from kit.errors import UserError
from kit.tuning.keys import Base, as_text, explicit, values_by_key, written_out

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


@dataclass(frozen=True)
class Parameter:
    """One thing that a trial chooses.

    Attributes:
        key: of the configuration, without `*`.
        dimension: its values; a stepped range ends on a step.
        when: other keys of the space, with the values at which this one counts.
    """

    key: str
    dimension: Dimension
    when: Mapping[str, tuple[Any, ...]]

    def counts(self, params: Mapping[str, Any]) -> bool:
        """Say whether the conditions hold at these parameters."""
        return all(
            key in params and params[key] in [stored(value) for value in values]
            for key, values in self.when.items()
        )

    def suggest(self, trial: "BaseTrial") -> Any:
        """Let the trial choose."""
        given = self.dimension
        if isinstance(given, Choices):
            return trial.suggest_categorical(self.key, [stored(choice) for choice in given.choices])
        if isinstance(given, IntRange):
            return trial.suggest_int(self.key, given.low, given.high, step=given.step, log=given.log)
        return trial.suggest_float(self.key, given.low, given.high, step=given.step, log=given.log)

    def change(self, value: Any) -> str:
        """Return "key=value" for `kit.config.load`; `value` as Optuna stores it."""
        is_json = isinstance(self.dimension, Choices) and value not in self.dimension.choices
        return f"{self.key}={value if is_json else as_text(value)}"


@dataclass(frozen=True)
class Space:
    """What the trials of a study may choose.

    Attributes:
        parameters: each after those that its conditions name.
        baseline: Optuna's parameters of the configuration itself: those whose own value lies in the space and
            whose conditions hold.
        conditional: not every trial chooses every parameter.
    """

    parameters: tuple[Parameter, ...]
    baseline: dict[str, Any]
    conditional: bool

    def suggest(self, trial: "BaseTrial") -> dict[str, Any]:
        """Let the trial choose what counts; one with the user attribute "baseline", what the baseline has.

        Returns:
            Optuna's parameters by key; a choice that is a list or a mapping is its JSON text.
        """
        known = self.baseline if trial.user_attrs.get("baseline") else None
        params: dict[str, Any] = {}
        for parameter in self.parameters:
            if (known is None or parameter.key in known) and parameter.counts(params):
                params[parameter.key] = parameter.suggest(trial)
        return params

    def changes(self, params: Mapping[str, Any]) -> list[str]:
        """Return Optuna's parameters as "key=value" texts for `kit.config.load`."""
        return [one.change(params[one.key]) for one in self.parameters if one.key in params]


def make_space(config_name: str, changes: Sequence[str], config: Config) -> Space:
    """Write out the keys of `config.tune.space`, and try every end of a range and every choice.

    A key with fewer `*` goes before a pattern that it refines.

    Args:
        config_name: where `config` came from, as `kit.config.load` takes it.
        changes: laid on top of it.
        config: the resolved configuration.

    Raises:
        UserError: a network has teachers; a key that is unknown, cannot be tuned, changes nothing, or stands
            twice; a value that it cannot hold; conditions that cannot be met.
    """
    _check_untaught(config)
    base = Base(config_name, tuple(changes), resolve(config_name, changes)[1], config, values_by_key(config))
    dimensions = {key: (pattern, _on_steps(one)) for key, (pattern, one) in written_out(base).items()}
    when = {key: _conditions(base, key, dimensions) for key in dimensions}
    try:
        order = list(TopologicalSorter(when).static_order())
    except CycleError as error:
        circle = error.args[1]
        what = f"the conditions go in a circle: {', '.join(circle)}"
        raise base.refusal(dimensions[circle[0]][0], what) from error
    parameters = tuple(Parameter(key, dimensions[key][1], when[key]) for key in order)
    needed: dict[str, dict[str, list[Any]]] = {}
    for parameter in parameters:
        pattern = dimensions[parameter.key][0]
        needed[parameter.key] = _needed(base, pattern, parameter, needed)
        _try(base, pattern, parameter, needed[parameter.key], parameters)
    baseline: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.counts(baseline):
            baseline |= _own(base, parameter)
    conditional = any(when.values()) or len(baseline) < len(parameters)
    return Space(parameters, baseline, conditional)


def _check_untaught(config: Config) -> None:
    for name, model in config.models.items():
        if model.teachers:
            raise UserError(
                "tuning trains no networks with teachers",
                where=f"models.{name}.teachers",
                received=", ".join(model.teachers),
                hint="tune the teachers alone, in a configuration of their own",
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
            raise base.refusal(pattern, what)
        waited = dimensions[other][1]
        values = (given,) if _takes(waited, given) or not isinstance(given, list) else tuple(given)
        if not values or not all(_takes(waited, value) for value in values):
            raise base.refusal(
                pattern,
                f"{key}: when: {other} never takes that",
                expected=_offered(waited),
                received=as_text(given),
            )
        when[other] = values
    return when


def _takes(dimension: Dimension, value: Any) -> bool:
    if isinstance(dimension, Choices):
        return value in dimension.choices
    if isinstance(dimension, IntRange):
        return type(value) is int and value in range(dimension.low, dimension.high + 1, dimension.step)
    # No condition on a float: it would hold at one of countless values.
    return False


def _offered(dimension: Dimension) -> str:
    if isinstance(dimension, Choices):
        return f"one of {', '.join(map(as_text, dimension.choices))}"
    if isinstance(dimension, IntRange):
        return f"{dimension.low} to {dimension.high}, every {dimension.step}"
    return "a condition on a categorical or int key"


def _needed(
    base: Base, pattern: str, parameter: Parameter, earlier: Mapping[str, Mapping[str, list[Any]]]
) -> dict[str, list[Any]]:
    """Return the values of other keys at which the parameter counts, their own conditions included."""
    needed: dict[str, list[Any]] = {}
    for other, values in parameter.when.items():
        for key, allowed in ((other, values), *earlier[other].items()):
            needed[key] = [value for value in allowed if value in needed.get(key, allowed)]
    if not all(needed.values()):
        raise base.refusal(pattern, f"{parameter.key}: its conditions never hold together")
    return needed


def _try(
    base: Base,
    pattern: str,
    parameter: Parameter,
    needed: Mapping[str, Sequence[Any]],
    parameters: Sequence[Parameter],
) -> None:
    """Refuse values that the key cannot hold, and a key that changes nothing, where its conditions hold."""
    key, given = parameter.key, parameter.dimension
    # What every trial sets may hide the key: models.cnn.training.epochs goes before training.epochs.
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
        found = [base.load(pattern, *always, *others, f"{key}={as_text(value)}") for value in tried]
        for one in found:
            _check_untaught(one)
        # Another spelling of a key, such as stages.00, could stand in the space twice.
        if not any(key in values_by_key(one) for one in found):
            raise base.refusal(pattern, f"unknown key {key}")
        changes_something |= len({one.digest() for one in found}) > 1
    if not changes_something:
        top = key.startswith(("training.", "augmentation."))
        hint = f"no model takes it from there; models.*.{key} is what they take" if top else None
        raise base.refusal(pattern, f"{key} changes nothing", hint=hint)


def _own(base: Base, parameter: Parameter) -> dict[str, Any]:
    """Return Optuna's parameter of the configuration itself; nothing where its value is not in the space."""
    key, given = parameter.key, parameter.dimension
    if isinstance(given, Choices):
        own = explicit(base.config).digest()
        for choice in given.choices:
            if explicit(base.load(key, f"{key}={as_text(choice)}")).digest() == own:
                return {key: stored(choice)}
        return {}
    value = base.values.get(key)
    if value is None or not given.low <= value <= given.high:
        return {}
    steps = (value - given.low) / given.step if given.step else 0.0
    if abs(steps - round(steps)) > 1e-8:
        return {}
    return {key: round(value) if isinstance(given, IntRange) else float(value)}


def _on_steps(dimension: Dimension) -> Dimension:
    """Return the dimension with its high end on a step."""
    if isinstance(dimension, Choices) or dimension.step is None:
        return dimension
    low, high, step = (Decimal(str(one)) for one in (dimension.low, dimension.high, dimension.step))
    last = low + (high - low) // step * step
    return dimension.model_copy(update={"high": type(dimension.high)(last)})


def stored(value: Any) -> Any:
    """Return a choice as Optuna stores it."""
    return value if value is None or isinstance(value, str | int | float) else as_text(value)
