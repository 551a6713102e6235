"""Search for inputs that break a property of a reader; Hypothesis shrinks what it finds."""

from collections.abc import Callable, Sequence
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

SEED = 25
"""Of all searches: the same examples in each call with the same version of Hypothesis."""
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


@composite
def damaged(draw: DrawFn, valid: Sequence[bytes], tokens: Sequence[bytes], most: int = 3) -> bytes:
    """Return a valid file with up to `most` changes: bytes inserted, removed, repeated, replaced."""
    content: bytes = draw(sampled_from(valid))
    part = sampled_from(tokens) | binary(max_size=3)
    changes = tuples(integers(0, max(map(len, valid))), sampled_from([0, 0, 1, 1, 2, 5, 40]), part)
    for place, length, new in draw(lists(changes, max_size=most)):
        # Twice the removed part: the change repeats it.
        again = content[place : place + length] if new == b"again" else b""
        content = content[:place] + (again * 2 or new) + content[place + length :]
    return content
