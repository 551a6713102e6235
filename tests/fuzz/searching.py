"""Search for inputs that break a property of a reader; Hypothesis shrinks what it finds."""

import json
import math
import os
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import (
    DrawFn,
    SearchStrategy,
    binary,
    composite,
    integers,
    lists,
    sampled_from,
    tuples,
)

from kit.errors import KitError

SEED = int(os.environ.get("KIT_FUZZ_SEED", "25"))
"""Of all searches: the same examples in each call with the same version of Hypothesis and the same code, from
which it takes constants."""
FEW, MANY = 100, 10_000
"""Examples of a fast test, and of a slow one."""

examples = pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
Value = TypeVar("Value")


def search(check: Callable[[Any], None], inputs: SearchStrategy[Any], number: int) -> None:
    """Call `check` with `number` inputs; fail with the shortest one for which it raises."""

    @seed(SEED)
    @settings(max_examples=number, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(inputs)
    def searched(one: Any) -> None:
        check(one)

    searched()


def accepted(read: Callable[[], Value], *places: str) -> Value | None:
    """Return what `read` returns; None if it refuses the input with an error that names one of `places`.

    Any other exception is the reader's fault, and leaves this function.
    """
    try:
        return read()
    except KitError as error:
        message = str(error)
        assert any(place in message for place in places), f"the error does not name its place: {message!r}"
        assert message.count("\n") <= 2, f"the error is too long: {message!r}"
        return None


def damaged(valid: Sequence[bytes], tokens: Sequence[bytes], most: int = 3) -> SearchStrategy[bytes]:
    """Return valid files with up to `most` changes: bytes inserted, removed, repeated, replaced."""

    @composite
    def made(draw: DrawFn) -> bytes:
        content: bytes = draw(sampled_from(valid))
        for place, length, new in draw(lists(changes, max_size=most)):
            # Twice the removed part: the change repeats it.
            again = content[place : place + length] if new == b"again" else b""
            content = content[:place] + (again * 2 or new) + content[place + length :]
        return content

    part = sampled_from(tokens) | binary(max_size=3)
    changes = tuples(integers(0, max(map(len, valid))), sampled_from([0, 0, 1, 1, 2, 5, 40]), part)
    return made()


ODD_JSON: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        2,
        1.5,
        1e308,
        10**30,
        math.nan,
        math.inf,
        "",
        "x",
        "2",
        "nan",
        "a\nb",
        "\ud800",
    ),
    *("\0", [], {}, [[]], {"": 0}, [None], "x" * 3000),
)
"""Values in place of others; json.loads reads NaN and Infinity, which are not JSON."""
ODD_KEYS = ("", "a\nb", "x" * 3000, "version", "power", "\ud800")
JSON_TOKENS = (
    *(
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\\",
        b"\\ud800",
        b"NaN",
        b"1e999",
        b"9" * 5000,
        b"\xff",
        b"\0",
    ),
    *(b"[" * 100_000, b'{"a":' * 100_000, b'"version":1,', b'"status":"complete",', b"\xef\xbb\xbf"),
)


def damaged_json(valid: Sequence[Any], most: int = 2) -> SearchStrategy[bytes]:
    """Return valid documents with up to `most` values replaced, removed or added; some are not JSON."""
    texts = [json.dumps(one) for one in valid]

    @composite
    def made(draw: DrawFn) -> bytes:
        content = json.loads(draw(sampled_from(texts)))
        for _ in range(draw(integers(0, most))):
            _damage(draw, content)
        raw = json.dumps(content).encode()
        return draw(damaged([raw], JSON_TOKENS, 2)) if draw(integers(0, 3)) == 0 else raw

    return made()


def _damage(draw: DrawFn, content: Any) -> None:
    """Change one value, below `content`, in place."""
    inside: Any = content
    while True:
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        if not keys:
            return
        key = draw(sampled_from(keys))
        if not isinstance(inside[key], dict | list) or draw(integers(0, 3)) == 0:
            break
        inside = inside[key]
    kind = draw(integers(0, 5))
    if kind == 0:
        del inside[key]
    elif kind == 1 and isinstance(inside, dict):
        inside[draw(sampled_from(ODD_KEYS))] = inside[key]
    else:
        inside[key] = deepcopy(draw(sampled_from(ODD_JSON)))  # The next change may be within it.
