"""Write docs/configuration.md: an introduction, and every configuration key from the pydantic models.

Usage: python tools/document_configuration.py
"""

import ast
import inspect
import re
import textwrap
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo

from kit.config import Config

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "configuration.md"
INTRODUCTION = ROOT / "tools" / "configuration_introduction.md"

NAMES: dict[Any, str] = {
    int: "whole number",
    float: "number",
    str: "text",
    bool: "`true` or `false`",
    Any: "any value",
    JsonValue: "any value",
}
BOUNDS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}", "min_length": "at least {} long"}
LONGEST_DEFAULT = 40
"""Longest default in a table, in characters; longer ones follow the table as YAML."""


class Type(NamedTuple):
    """Type of a key: in words, its constraints, and the models of the sections below it."""

    words: str
    constraints: tuple[str, ...] = ()
    below: tuple[tuple[str, type[BaseModel]], ...] = ()


def page() -> str:
    """Return the whole page in Markdown."""
    sections: dict[type[BaseModel], str] = {}
    _collect("", Config, sections)
    parts = [_section(model, path, sections) for model, path in sections.items()]
    return "\n".join([INTRODUCTION.read_text(encoding="utf-8"), *parts])


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


def _collect(path: str, model: type[BaseModel], sections: dict[type[BaseModel], str]) -> None:
    """Add `model` and the models below it to `sections`, with the first path of each."""
    if model in sections:
        return
    sections[model] = path
    for name, field in model.model_fields.items():
        for below, one in _type(field.annotation, field.metadata).below:
            _collect(f"{path}.{name}{below}".lstrip("."), one, sections)


def _section(model: type[BaseModel], path: str, sections: dict[type[BaseModel], str]) -> str:
    texts, rows, longer = descriptions(model), [], []
    for name, field in model.model_fields.items():
        kind = _type(field.annotation, field.metadata)
        links = ", ".join(_link(sections[one], one) for _, one in kind.below)
        default = _default(field)
        if len(default) > LONGEST_DEFAULT:
            longer.append(f"Default of `{name}`:\n\n{textwrap.indent(_yaml(field), '    ')}")
            default = "after the table"
        description = " ".join(filter(None, [texts.get(name, ""), f"See {links}." if links else ""]))
        cells = [f"`{name}`", kind.words, ", ".join(kind.constraints), default, description]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    summary = " ".join((inspect.getdoc(model) or "").split("\n\n")[0].split())
    table = ["| key | type | constraints | default | meaning |", "| --- | --- | --- | --- | --- |", *rows, ""]
    return "\n".join([f"## {_heading(path, model)}", "", summary, "", *table, *longer])


def _heading(path: str, model: type[BaseModel]) -> str:
    """Return the title of a section; models that share a path differ in their `kind`."""
    if not path:
        return "Top level"
    kind = model.model_fields.get("kind")
    choices = get_args(kind.annotation) if kind else ()
    return f"`{path}`" + (f" with `kind: {choices[0]}`" if choices else "")


def _link(path: str, model: type[BaseModel]) -> str:
    kind = model.model_fields.get("kind")
    text = get_args(kind.annotation)[0] if kind else path
    return f"[`{text}`](#{_anchor(_heading(path, model))})"


def _anchor(heading: str) -> str:
    """Return GitHub's anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


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
                yield words.format("2³¹" if bound == 2**31 else f"{bound:g}")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return ""
    return f"`{_yaml(field).strip()}`"


def _yaml(field: FieldInfo) -> str:
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


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
