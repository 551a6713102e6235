"""The keys of one configuration with their values, and where each value comes from."""

from collections.abc import Sequence
from typing import NamedTuple

from kit.config.errors import Layer
from kit.config.keys import Key, all_keys, default_of
from kit.config.notation import flow
from kit.config.source import Source
from kit.config.suggestions import did_you_mean, similar_keys
from kit.errors import UserError


class Shown(NamedTuple):
    """One key of a configuration.

    Attributes:
        key: dotted.
        value: in YAML; empty for a key of a list's elements.
        type: in words, with the constraints.
        default: in YAML, or "required".
        meaning: one or more sentences.
        source: the file and line that set it; empty: the default.
    """

    key: str
    value: str
    type: str
    default: str
    meaning: str
    source: str


def keys_of(name: str, only: str | None = None) -> list[Shown]:
    """Return the keys of a configuration; those of `only`, a key or a section, if it is given.

    Raises:
        UserError: no such configuration or key, or the configuration is not valid.
    """
    source = Source.read(name)
    models = {one: {"kind": model.kind} for one, model in source.config.models.items()}
    # A list's elements have no keys of their own here: the list is shown as a whole.
    keys = [one for one in all_keys(models) if not one.type.below or one.type.below[0][0] == ".<index>"]
    inside = [one for one in keys if only is None or f"{one.path}.".startswith(f"{only}.")]
    if only and not inside:
        near = did_you_mean(similar_keys(only, models))
        raise UserError(f"there is no key {only!r}{near}", where=name)
    values = source.config.model_dump(mode="json")
    return [_shown(one, values, source.layers) for one in inside]


def _shown(key: Key, values: object, layers: Sequence[Layer]) -> Shown:
    value = values
    for part in key.path.split("."):
        value = value[part] if isinstance(value, dict) else value
    words = ", ".join([key.type.words, *key.type.constraints]).replace("`", "")
    default = default_of(key.field).strip("`")
    return Shown(key.path, flow(value), words, default, key.meaning, _source(key.path, layers))


def _source(path: str, layers: Sequence[Layer]) -> str:
    """Return the file and line that set a key: itself, or the shared setting that a network inherits."""
    parts = path.split(".")
    places = [parts]
    if parts[0] == "models" and len(parts) == 4 and parts[2] in {"training", "augmentation"}:
        places.append(parts[2:])
    for place in places:
        for layer in layers:
            line = layer.line(place)
            if line is not None:
                return f"{layer.path.name}, line {line}"
    return ""
