"""The keys of the configuration: type, constraints, default and meaning, from the models of `kit.config`.

`kit configs`, docs/configuration.md and the suggestions in error messages are made of these.
"""

import ast
import inspect
import re
import textwrap
import types
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo

from kit.config.root import Config

NAMES: dict[Any, str] = {
    int: "whole number",
    float: "number",
    str: "text",
    bool: "`true` or `false`",
    Any: "any value",
    JsonValue: "any value",
}
BOUNDS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}", "min_length": "at least {} long"}


class Type(NamedTuple):
    """Type of a key: in words, its constraints, and the models of the sections below it.

    Attributes:
        words: the type; literal values are in backticks.
        constraints: of a single value.
        below: path (".<name>" or ".<index>", or empty) and model of each section below.
    """

    words: str
    constraints: tuple[str, ...] = ()
    below: tuple[tuple[str, type[BaseModel]], ...] = ()


class Key(NamedTuple):
    """One key of a configuration.

    Attributes:
        path: dotted.
        field: the pydantic field.
        meaning: in one line.
    """

    path: str
    field: FieldInfo
    meaning: str

    @property
    def type(self) -> Type:
        """Its type."""
        return type_of(self.field)


def all_keys(models: Mapping[str, Any]) -> Iterator[Key]:
    """Yield all keys and sections of a configuration with these models, except those of a list's elements.

    Args:
        models: the section `models`, not validated; a model of an unknown kind counts as a network.
    """
    yield from _keys_of(Config, "", models)


def _keys_of(section: type[BaseModel], path: str, models: Mapping[str, Any]) -> Iterator[Key]:
    meanings = descriptions(section)
    for name, field in section.model_fields.items():
        here = f"{path}.{name}".lstrip(".")
        yield Key(here, field, meanings.get(name, ""))
        below = type_of(field).below
        if here == "models":
            kinds = {get_args(one.model_fields["kind"].annotation)[0]: one for _, one in below}
            for model, content in models.items():
                kind = content.get("kind") if isinstance(content, Mapping) else None
                yield from _keys_of(kinds.get(kind or "cnn", below[0][1]), f"{here}.{model}", models)
        elif len(below) == 1 and not below[0][0]:
            yield from _keys_of(below[0][1], here, models)


def type_of(field: FieldInfo) -> Type:
    """Return the type of a field."""
    return _type(field.annotation, field.metadata)


@cache
def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstring of each field of `model`, in one line each."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, BaseModel) or base is BaseModel:
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, text in zip(body.body, body.body[1:], strict=False):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    found[name] = " ".join(words.split())
    return found


def _type(annotation: Any, metadata: Sequence[Any] = ()) -> Type:
    constraints = tuple(_constraints(metadata))
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner = _type(parts[0], [one for extra in parts[1:] for one in getattr(extra, "metadata", [extra])])
        return inner._replace(constraints=inner.constraints + constraints)
    if origin is Literal:
        return Type(", ".join(f"`{one}`" for one in parts), constraints)
    if origin in {Union, types.UnionType}:
        return _union([_type(one) for one in parts if one is not type(None)], parts, constraints)
    if origin in {tuple, dict}:
        return _collection(origin, parts, constraints)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return Type("section", constraints, (("", annotation),))
    return Type(NAMES.get(annotation, f"`{getattr(annotation, '__name__', annotation)}`"), constraints)


def _collection(origin: type, parts: Sequence[Any], constraints: tuple[str, ...]) -> Type:
    """Return the type of a list, or of a mapping whose keys are names."""
    inner, place = (_type(parts[0]), ".<index>") if origin is tuple else (_type(parts[1]), ".<name>")
    plural = re.sub(r"(number|section|value)\b", r"\1s", inner.words)
    count = f"{len(parts)} " if origin is tuple and parts[-1] is not ... else ""
    words = f"list of {count}{plural}" if origin is tuple else f"{inner.words} per name"
    below = tuple((f"{place}{path}", one) for path, one in inner.below)
    return Type(words, inner.constraints + constraints, below)


def _union(members: Sequence[Type], parts: Sequence[Any], constraints: tuple[str, ...]) -> Type:
    words = " or ".join(dict.fromkeys(one.words for one in members))
    words += " or `null`" if type(None) in parts else ""
    inner = tuple(dict.fromkeys(limit for one in members for limit in one.constraints))
    return Type(words, inner + constraints, tuple(below for one in members for below in one.below))


def _constraints(metadata: Sequence[Any]) -> Iterator[str]:
    for one in metadata:
        for name, words in BOUNDS.items():
            if (bound := getattr(one, name, None)) is not None:
                text = words.format("2³¹" if bound == 2**31 else f"{bound:g}")
                yield "not empty" if text == "at least 1 long" else text


def default_of(field: FieldInfo) -> str:
    """Return a default in backticks, "required", or "" for a section."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return ""
    return f"`{default_yaml(field).strip()}`"


def default_yaml(field: FieldInfo) -> str:
    """Return a default in the YAML of a configuration."""
    plain = _plain(field.get_default(call_default_factory=True))
    text: str = yaml.safe_dump(plain, default_flow_style=None, sort_keys=False, width=110)
    return text.removesuffix("...\n")


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            return value.model_dump(mode="json", exclude_unset=True)
        case dict():
            return {key: _plain(one) for key, one in value.items()}
        case tuple() | list():
            return [_plain(one) for one in value]
        case _:
            return value
