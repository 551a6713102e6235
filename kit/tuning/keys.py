"""The tunable keys of a configuration: their values, the expansion of `*`, and validation of changes."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from kit.config import Choices, Config, Dimension, FloatRange, Source
from kit.config.errors import origin
from kit.errors import UserError

# The other sections define the measurement.
TUNABLE = ("models", "training", "augmentation")
# Without priors: docs/experiments.md found no value that suits every stage of every network, and the shipped
# configurations have those that it found for theirs (entries 2 and 19: little dropout).
DEFAULTS: dict[str, Dimension] = {
    "dropout": FloatRange(kind="float", low=0.0, high=0.5),
    "batch_norm": Choices(kind="categorical", choices=("none", "before_activation", "after_activation")),
    "learning_rate": FloatRange(kind="float", low=3e-4, high=1e-2, log=True),
}
"""Values by the last part of a key in the default search space."""


@dataclass(frozen=True)
class Base:
    """The configuration that is tuned.

    Attributes:
        source: its content.
        values: its tunable values, see `values_by_key`.
    """

    source: Source
    values: dict[str, JsonValue]

    @property
    def config(self) -> Config:
        """The validated configuration."""
        return self.source.config

    def error(self, pattern: str, what: str, **more: str | None) -> UserError:
        """Return an error that names file and line of the key `pattern`; `more` as `KitError` takes it."""
        place = origin(["tune", "space", pattern], self.source.layers, self.source.changes)
        named = f"{place}: tune.space" + (f", {pattern}" if "*" in pattern else "")
        return UserError(what, where=named, **more)

    def with_changes(self, pattern: str, *texts: str) -> Config:
        """Return the configuration with these changes; an error is blamed on the last one.

        Raises:
            UserError: the result is not valid; the message names the key `pattern` of the space.
        """
        try:
            return self.source.with_changes(texts)
        except UserError as error:
            known = texts[-1].partition("=")[0] in error.what
            what = error.what if known else f"{texts[-1]}: {error.what}"
            more = {"expected": error.expected, "received": error.received, "hint": error.hint}
            raise self.error(pattern, what, **more) from error


def expand_patterns(base: Base) -> dict[str, tuple[str, Dimension]]:
    """Return (key of the space, its dimension) by concrete key.

    Raises:
        UserError: a key is unknown, cannot be tuned, is given twice or is part of another, or there is
            neither a space nor a network.
    """
    found: dict[str, tuple[str, Dimension]] = {}
    for pattern, dimension in (base.config.tune.space or default_space(base.config)).items():
        for key in _matches(base, pattern):
            stars, other = pattern.count("*"), found[key][0] if key in found else None
            if other and other.count("*") == stars:
                raise base.error(pattern, f"duplicate key {key}, also given by {other}")
            if not other or other.count("*") > stars:
                found[key] = pattern, dimension
    for key, (pattern, _) in found.items():
        parts = key.split(".")
        for part in (".".join(parts[:length]) for length in range(1, len(parts))):
            if part in found:
                raise base.error(pattern, f"{key} is part of {part}, which is also in the space")
    return found


def default_space(config: Config) -> dict[str, Dimension]:
    """Return the search space of a configuration without `tune.space`.

    Raises:
        UserError: it has no network.
    """
    networks = {name: model for name, model in config.models.items() if model.needs_backend}
    if not networks:
        what = "no default search space for classical models"
        raise UserError(what, where="tune.space", expected="keys to tune, as in models.NAME.KEY")
    keys = [f"models.{name}.{key}" for name, model in networks.items() for key in model.regularisation]
    return {key: DEFAULTS[key.rpartition(".")[2]] for key in [*keys, "training.learning_rate"]}


def _matches(base: Base, pattern: str) -> list[str]:
    section = pattern.partition(".")[0]
    if (section in Config.model_fields and section not in TUNABLE) or pattern.endswith("augmentation.tta"):
        raise base.error(
            pattern,
            f"{pattern} cannot be tuned, since it changes the measurement",
            expected=f"a key below {', '.join(TUNABLE)}",
        )
    if "*" not in pattern:
        return [pattern]
    if not re.fullmatch(r"models\.(\*|[^.*]+)(\.stages\.\*)?(\.[^.*]+)*", pattern):
        raise base.error(
            pattern,
            "* is only allowed for a model, or for a stage of a model",
            expected="as in models.*.dropout or models.*.stages.*.dropout",
        )
    form = re.compile(re.escape(pattern).replace(r"\*", r"[^.]+"))
    found = [key for key in base.values if form.fullmatch(key)]
    if not found:
        models = base.config.models
        model = next((name for name in models if models[name].needs_backend), next(iter(models)))
        example = pattern.replace("models.*", f"models.{model}").replace("*", "0")
        base.with_changes(pattern, f"{example}=0")
        raise base.error(pattern, f"unknown key {example}")
    return found


def explicit(config: Config) -> Config:
    """Return the configuration with the values that stages and head inherit from their model filled in."""
    return config.model_copy(
        update={"models": {name: model.explicit() for name, model in config.models.items()}}
    )


def values_by_key(config: Config) -> dict[str, JsonValue]:
    """Return the tunable values by key, with sections, elements of lists, and inherited values."""
    return dict(_flat(explicit(config).model_dump(mode="json", include=set(TUNABLE)), ""))


def _flat(value: JsonValue, prefix: str) -> Iterator[tuple[str, JsonValue]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, below in pairs:
        yield f"{prefix}{name}", below
        yield from _flat(below, f"{prefix}{name}.")


def as_text(value: object) -> str:
    """Return a value as text for `KEY=`, which is read back as the same value."""
    # JSON is YAML. A date is the only YAML value that JSON cannot write, and no key accepts one.
    return json.dumps(value, ensure_ascii=False, default=str)
