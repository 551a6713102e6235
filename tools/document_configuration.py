"""Write docs/configuration.md: an introduction, and every configuration key from the pydantic models.

Usage: python tools/document_configuration.py
"""

import inspect
import re
import textwrap
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from kit.config import Config
from kit.config.keys import default_of, default_yaml, descriptions, type_of

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "configuration.md"
INTRODUCTION = ROOT / "tools" / "configuration_introduction.md"

LONGEST_DEFAULT = 40
"""Longest default in a table, in characters; longer ones follow the table as YAML."""


def page() -> str:
    """Return the whole page in Markdown."""
    sections: dict[type[BaseModel], str] = {}
    _collect("", Config, sections)
    parts = [_section(model, path, sections) for model, path in sections.items()]
    return "\n".join([INTRODUCTION.read_text(encoding="utf-8"), *parts])


def _collect(path: str, model: type[BaseModel], sections: dict[type[BaseModel], str]) -> None:
    """Add `model` and the models below it to `sections`, with the first path of each."""
    if model in sections:
        return
    sections[model] = path
    for name, field in model.model_fields.items():
        for below, one in type_of(field).below:
            _collect(f"{path}.{name}{below}".lstrip("."), one, sections)


def _section(model: type[BaseModel], path: str, sections: dict[type[BaseModel], str]) -> str:
    texts, rows, longer = descriptions(model), [], []
    for name, field in model.model_fields.items():
        kind = type_of(field)
        links = ", ".join(_link(sections[one], one) for _, one in kind.below)
        default = default_of(field)
        if len(default) > LONGEST_DEFAULT:
            longer.append(f"Default of `{name}`:\n\n{textwrap.indent(default_yaml(field), '    ')}")
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


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
