"""Check the parameters of queued trials: another program may have queued anything (`enqueue_trial`)."""

import math

from kit.config import Choices, IntRange
from kit.config.errors import nearest
from kit.records import Params, ParamValue
from kit.tuning.keys import as_text
from kit.tuning.space import Parameter, Space, stored


def invalid_reason(space: Space, params: Params) -> str | None:
    """Return why parameters are not valid, for the first that is wrong; None if all are.

    Parameters may be missing: the sampler chooses them.
    """
    known = {one.key: one for one in space.parameters}
    for key, value in params.items():
        if key not in known:
            return f"key: {key} is not in the space{nearest(key, known)}"
        if not _allows(known[key], value):
            return f"value of {key}: expected {_expected(known[key])}, received {value!r:.60}"
    return None


def _allows(parameter: Parameter, value: ParamValue) -> bool:
    given = parameter.dimension
    if isinstance(given, Choices):
        kind = isinstance(value, bool)
        # 1 and True are equal, but not the same choice.
        matches = (isinstance(one, bool) == kind and one == value for one in map(stored, given.choices))
        return any(matches)
    if isinstance(given, IntRange):
        return type(value) is int and value in range(given.low, given.high + 1, given.step)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if not math.isfinite(value) or not given.low <= value <= given.high:
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
