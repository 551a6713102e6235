"""Parameters that another program queued (Optuna's `enqueue_trial`): they may be anything."""

import math
from collections.abc import Mapping
from typing import Any

from kit.config import Choices, IntRange
from kit.config.errors import nearest
from kit.tuning.keys import as_text
from kit.tuning.space import Parameter, Space, stored


def invalid_reason(space: Space, params: Mapping[str, Any]) -> str | None:
    """Return why a trial cannot have these parameters, naming the first that is wrong; None where it can.

    Parameters that are missing are no fault: the sampler chooses them.
    """
    known = {one.key: one for one in space.parameters}
    for key, value in params.items():
        if key not in known:
            return f"key: {key} is not in the space{nearest(key, known)}"
        if not _allows(known[key], value):
            return f"value of {key}: expected {_expected(known[key])}, received {value!r:.60}"
    return None


def _allows(parameter: Parameter, value: Any) -> bool:
    given = parameter.dimension
    if isinstance(given, Choices):
        kind = isinstance(value, bool)
        # 1 and True are equal, but not the same choice.
        alike = (isinstance(one, bool) == kind and one == value for one in map(stored, given.choices))
        return any(alike)
    if isinstance(given, IntRange):
        return type(value) is int and value in range(given.low, given.high + 1, given.step)
    if type(value) not in (int, float) or not math.isfinite(value) or not given.low <= value <= given.high:
        return False
    steps = (value - given.low) / given.step if given.step else 0.0
    return bool(abs(steps - round(steps)) < 1e-8)


def _expected(parameter: Parameter) -> str:
    given = parameter.dimension
    if isinstance(given, Choices):
        return f"one of {', '.join(map(as_text, given.choices))}"
    whole = isinstance(given, IntRange)
    step = f", every {given.step}" if given.step and not (whole and given.step == 1) else ""
    return f"a {'whole ' * whole}number from {given.low} to {given.high}{step}"
