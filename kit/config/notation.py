"""The YAML of configurations: decimal numbers only, dates are text, duplicate keys are errors.

PyYAML implements YAML 1.1, which reads 010 as 8, 1:30 as 90 and 1_000 as 1000; YAML 1.2 does not. Such
ambiguous numbers are text here, so that a numeric key rejects them by name.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

import yaml

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)$")
_REAL = re.compile(
    r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"
)
_NUMBERS = {"tag:yaml.org,2002:int": _WHOLE, "tag:yaml.org,2002:float": _REAL}
_FIRST_LETTERS = list("-+.0123456789")
_REPLACED = {*_NUMBERS, "tag:yaml.org,2002:timestamp"}


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"duplicate key {key.value!r}", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: yaml.ScalarNode) -> Any:
        """Return the number of a tagged scalar; !!int 010 is as ambiguous as 010."""
        text = self.construct_scalar(node)
        if not _NUMBERS[node.tag].match(text):
            raise yaml.constructor.ConstructorError(
                None, None, f"{text!r} is not a decimal number", node.start_mark
            )
        construct = yaml.SafeLoader.yaml_constructors[node.tag]
        return construct(self, node)


class _Dumper(yaml.SafeDumper):
    """Quotes text that this notation or YAML 1.1 would read as another type."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, form) for tag, form in resolvers if tag not in _REPLACED]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _form in _NUMBERS.items():
    _Loader.add_implicit_resolver(_tag, _form, _FIRST_LETTERS)
    _Loader.add_constructor(_tag, _Loader.construct_number)
    _Dumper.add_implicit_resolver(_tag, _form, _FIRST_LETTERS)


def read(text: str) -> tuple[Any, yaml.Node | None]:
    """Return the content of `text`, and the same with line numbers; None and None if it is empty.

    Raises:
        yaml.YAMLError, ValueError, RecursionError: invalid YAML.
    """
    loader = _Loader(text)
    node = loader.get_single_node()
    return (loader.construct_document(node), node) if node else (None, None)


def written(content: Mapping[str, Any], width: int) -> str:
    """Return YAML in the style of the shipped configurations: one line per stage, exact numbers."""
    text: str = yaml.dump(
        dict(content),
        Dumper=_Dumper,
        default_flow_style=None,
        sort_keys=False,
        allow_unicode=True,
        width=width,
    )
    return text


def flow(value: Any) -> str:
    """Return YAML in one line, as after `--set KEY=`."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=math.inf
    )
    return text.removesuffix("...\n").strip()


def is_ambiguous(value: Any) -> bool:
    """Return whether `value` is text that other notations read as a number."""
    if not isinstance(value, str) or _WHOLE.match(value) or _REAL.match(value):
        return False
    return (
        re.fullmatch(r"[-+]?(0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|[0-9][0-9_.:]*|0[bB][01_]+)", value) is not None
    )
