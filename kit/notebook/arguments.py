"""Arguments of `import kit`'s functions, and errors in the words of Python."""

import math
import re
from collections.abc import Callable
from functools import wraps
from numbers import Real
from operator import index
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from kit.errors import KitError, UserError
from kit.typed import in_python

P = ParamSpec("P")
T = TypeVar("T")


def python_words(function: Callable[P, T]) -> Callable[P, T]:
    """Make errors of a function name arguments and calls of Python, not options and commands."""

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        token = in_python.set(True)
        try:
            return function(*args, **kwargs)
        except KitError as error:
            text = re.sub(r"(?m)^--set (?=\S)", "set, ", str(error))
            text = re.sub(r"--set ([\w.]+)=([\w.-]+)", _as_argument, text)
            error.args = (re.sub(r"(?m)^--(?=\w)", "", text),)
            raise
        finally:
            in_python.reset(token)

    return wrapped


def text(name: str, value: Any) -> str:
    """Return a name or a path as text.

    Raises:
        UserError: it is neither.
    """
    if not isinstance(value, str | Path):
        raise UserError("not a name or a path", where=name, expected="text", received=f"{value!r:.80}")
    return str(value)


def whole(name: str, value: Any) -> int | None:
    """Return a whole number from 1, also of NumPy, or None.

    Raises:
        UserError: it is neither.
    """
    if value is None:
        return None
    try:
        number = 0 if isinstance(value, bool) else index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise UserError("not right", where=name, expected="a whole number from 1", received=f"{value!r:.80}")
    return number


def duration(name: str, value: Any) -> float | None:
    """Return seconds above 0, or None.

    Raises:
        UserError: it is neither.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < math.inf:
        raise UserError("not right", where=name, expected="seconds, as in 900", received=f"{value!r:.80}")
    return float(value)


def duration_or_zero(name: str, value: Any) -> float:
    """Return seconds from 0.

    Raises:
        UserError: it is no such number.
    """
    if isinstance(value, Real) and not isinstance(value, bool) and value == 0:
        return 0.0
    seconds = duration(name, value)
    if seconds is None:
        raise UserError("not right", where=name, expected="seconds, as in 30", received="None")
    return seconds


def _as_argument(change: "re.Match[str]") -> str:
    key, value = change.groups()
    words = {"true": "True", "false": "False", "null": "None"}
    number = re.fullmatch(r"-?[0-9.]+", value)
    return f'set={{"{key}": {words.get(value) or (value if number else repr(value))}}}'
