"""Error messages for configurations: key, file and line, expected and received value."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, get_args, get_origin

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from kit.config.base import Section
from kit.config.notation import is_ambiguous
from kit.config.renamed import current_key
from kit.config.root import Config
from kit.config.suggestions import ELSEWHERE, did_you_mean, fitting_key, similar_keys
from kit.errors import UserError

# Plain words for pydantic's error types; other types keep pydantic's message.
_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "keys and values",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "int_type": "a whole number",
    "invalid_key": "text",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "literal_error": "{expected}",
    "model_attributes_type": "keys and values",
    "model_type": "keys and values",
    "string_pattern_mismatch": "letters, digits, _ and single - between them",
    "string_too_short": "some text",
    "string_type": "text",
    "too_long": "at most {max_length}",
    "too_short": "at least {min_length}",
    "tuple_type": "a list, as in [1, 2]",
    "union_tag_invalid": "one of {expected_tags}",
}


@dataclass(frozen=True)
class Layer:
    """One file of a configuration.

    Attributes:
        path: the file.
        raw: its content.
        node: its content with line numbers; None if the file is empty.
    """

    path: Path
    raw: dict[str, Any]
    node: yaml.Node | None

    def line(self, location: Sequence[str]) -> int | None:
        """Return the 1-based line of the key at `location`; None if this file does not set it."""
        node, line = self.node, None
        for part in location:
            if isinstance(node, yaml.MappingNode):
                found = [pair for pair in node.value if pair[0].value == part]
            elif isinstance(node, yaml.SequenceNode):
                found = [(item, item) for item in node.value[int(part) : int(part) + 1]]
            else:
                return None
            if not found:
                return None
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        return line


def explained(
    error: ValidationError, raw: Mapping[str, Any], layers: Sequence[Layer], changes: Sequence[str]
) -> UserError:
    """Return the first of pydantic's errors as a UserError.

    Args:
        error: from pydantic.
        raw: what was validated.
        layers: the files, each before the one that it extends.
        changes: of `--set`, "a.b=c".
    """
    # Unknown keys first: a misspelt key also causes a missing one.
    first = min(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
    location, known = _place(first["loc"])
    if first["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        location.append("kind")
    missing = first["type"] in {"missing", "union_tag_not_found"}
    where = origin(location[:-1] if missing else location, layers, changes)
    key = ".".join(location)
    if first["type"] == "extra_forbidden":
        siblings = [".".join([*location[:-1], one]) for one in known]
        near = similar_keys(_as_typed(key, where), _models(raw), siblings)
        expected = f"one of {', '.join(known)}" if known else None
        hint = None if near else ELSEWHERE.get(location[-1].replace("-", "_"))
        return UserError(f"unknown key {key}{did_you_mean(near)}", where=where, expected=expected, hint=hint)
    if missing:
        return UserError(f"{key} is missing", where=where)
    if first["type"] == "value_error":
        words = first["msg"].removeprefix("Value error, ")
        return UserError(f"{key}: {words}" if key else words, where=where)
    return UserError(
        f"{key or 'the configuration'} is not right",
        where=where,
        expected=_expected(first),
        received=_shown(first),
        hint=_hint(first, key),
    )


def origin(location: Sequence[str], layers: Sequence[Layer], changes: Sequence[str]) -> str | None:
    """Return where the key at `location` was set: the change, or file and line; by default the first file."""
    for change in reversed(changes):
        keys = current_key(change.partition("=")[0].strip()).split(".")
        if all(one == other for one, other in zip(keys, location, strict=False)) and location:
            return f"--set {change}"
    for layer in layers:
        line = layer.line(location)
        if line is not None:
            return f"{layer.path}, line {line}"
    return str(layers[0].path) if layers else None


def nearest(name: str, known: Iterable[str], similarity: float = 0.5) -> str:
    """Return "; did you mean 'x'?" for the known name most similar to `name`; "" if none is similar.

    The same name in other letter case is the most similar, then one or two names that contain it.
    """
    names = list(known)
    same = [one for one in names if one.lower() == name.lower()]
    part = same or [one for one in names if len(name) > 1 and name.lower() in one.lower()]
    if 1 <= len(part) <= 2:
        return did_you_mean(part)
    return did_you_mean(difflib.get_close_matches(name.lower(), names, n=1, cutoff=similarity))


def _expected(detail: ErrorDetails) -> str:
    template = _EXPECTED.get(detail["type"])
    return template.format(**detail.get("ctx", {})) if template else detail["msg"]


def _as_typed(key: str, where: str | None) -> str:
    """Return the whole key of a change, of which only a part may be unknown."""
    change = (where or "").partition("--set ")[2]
    typed = change.partition("=")[0].strip()
    return typed if f"{typed}.".startswith(f"{key}.") else key


def _models(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    models = raw.get("models")
    return models if isinstance(models, Mapping) else {}


def _hint(detail: ErrorDetails, key: str) -> str | None:
    value, kind = detail["input"], detail["type"]
    if kind in {"int_type", "float_type", "tuple_type"} and is_ambiguous(value):
        return "write a decimal number, as in 10 or 1000"
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f"write {int(value)}"
    if kind == "literal_error":
        near = nearest(str(value), re.findall(r"'([^']*)'", detail["ctx"]["expected"]))
        return near.removeprefix("; ") or None
    if kind in {"model_type", "model_attributes_type"} and value is not None:
        section = _section_at(detail["loc"])
        name = fitting_key(section, value) if section else None
        return f"did you mean {key}.{name}={_shown(detail)}?".replace("'", "") if name else None
    return None


def _shown(detail: ErrorDetails) -> str:
    value = detail["ctx"]["tag"] if detail["type"] == "union_tag_invalid" else detail["input"]
    text = (
        {None: "nothing", True: "true", False: "false"}.get(value)
        if value is None or isinstance(value, bool)
        else None
    )
    text = text or repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _place(loc: Iterable[str | int]) -> tuple[list[str], list[str]]:
    """Return the key as users write it, and the names of its section.

    Pydantic's location also contains the kind of a model, and "[key]" for an error in a key itself.
    """
    location: list[str] = []
    known: list[str] = []
    inside: Any = Config
    for part in loc:
        if part == "[key]":
            break
        sections = _sections(inside)
        if len(sections) > 1:
            inside = next(one for one in sections if part in get_args(one.model_fields["kind"].annotation))
            continue
        location.append(str(part))
        if sections:
            known = sorted(sections[0].model_fields)
            field = sections[0].model_fields.get(str(part))
            inside = field.annotation if field else None
        else:
            # The element type of a dict or a tuple[…, ...].
            inside, known = next((one for one in reversed(get_args(inside)) if one is not Ellipsis), None), []
    return location, known


def _section_at(loc: Iterable[str | int]) -> type[Section] | None:
    """Return the model of the section at a location of pydantic."""
    inside: Any = Config
    for part in loc:
        sections = _sections(inside)
        if len(sections) != 1 or part not in sections[0].model_fields:
            return None
        inside = sections[0].model_fields[str(part)].annotation
    found = _sections(inside)
    return found[0] if len(found) == 1 else None


def _sections(annotation: Any) -> list[type[Section]]:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    options = get_args(annotation) if get_origin(annotation) is UnionType else (annotation,)
    return [option for option in options if isinstance(option, type) and issubclass(option, Section)]
