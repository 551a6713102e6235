"""What a trial changes in the configuration, in one sentence with the terms of the field."""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from kit.records import Params, ParamValue

MOST = 8
"""Changes that are named; the table of parameters has all."""
LONGEST = 40
"""Longest value that a sentence has room for."""
NORM_POSITIONS = {"before_activation": "before the activation", "after_activation": "after the activation"}
UPPER_CASE = {"l2": "L2"}
_DIGITS = range(2, 18)
"""Numbers of significant digits, the first that shows a difference is used."""

Values = Mapping[int | None, ParamValue]
"""Values of a setting by position in a list; None: it is in no list."""


class Setting(NamedTuple):
    """What a key of the search space sets; the keys of all elements of a list are one setting.

    Attributes:
        model: that it belongs to; empty if to none.
        parts: of the key, below the model, with `*` in place of the position in a list.
    """

    model: str
    parts: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Names from short to unique."""
        plain = [UPPER_CASE.get(part, part.replace("_", " ")) for part in self.parts if part != "*"]
        key = ["models", self.model, *self.parts] if self.model else self.parts
        return [plain[-1], " ".join(plain), ".".join(key)]


def change_text(before: Params, after: Params, order: Iterable[str] = ()) -> str:
    """Return what the values of a trial change, as in "dropout 0.1, 0.3, 0.2 (was 0.1)".

    A parameter that the trial lacks is inactive, so it is left out. Models are named if several are tuned.

    Args:
        before: parameters of the baseline.
        after: parameters of the trial.
        order: keys, the most important first.

    Returns:
        The changes; empty if there are none.
    """
    changes = list(_changes(before, after, order))
    # What belongs to no model comes first, so that a model's name covers all that follows.
    clauses: dict[str, list[str]] = {"": []}
    for model, clause in changes[:MOST]:
        clauses.setdefault(model, []).append(clause)
    parts = [f"{model}: " * bool(model) + "; ".join(found) for model, found in clauses.items() if found]
    left = len(changes) - MOST
    return "; ".join([*parts, f"and {left} more"] if left > 0 else parts)


def _changes(before: Params, after: Params, order: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each change with its model, which is empty if there is no need to name it."""
    settings: dict[Setting, dict[int | None, str]] = {}
    for key in dict.fromkeys([*order, *before, *after]):
        setting, place = _parsed(key)
        settings.setdefault(setting, {})[place] = key
    several = len({one.model for one in settings} - {""}) > 1
    for setting, name in _named(settings, several=several).items():
        keys = settings[setting].items()
        old, new = ({at: some[key] for at, key in keys if key in some} for some in (before, after))
        if any(at not in old or old[at] != value for at, value in new.items()):
            yield setting.model * several, _clause(setting, name, old, new)


def _parsed(key: str) -> tuple[Setting, int | None]:
    """Return what a key sets, and the position in a list."""
    parts = key.split(".")
    model = parts[1] if parts[0] == "models" and len(parts) > 2 else ""
    below = parts[2:] if model else parts
    at = next((index for index, part in enumerate(below) if index and part.isdecimal()), None)
    if at is None:
        return Setting(model, tuple(below)), None
    return Setting(model, (*below[:at], "*", *below[at + 1 :])), int(below[at])


def _named(settings: Iterable[Setting], *, several: bool) -> dict[Setting, str]:
    """Return a name of each setting; longer ones where short ones are ambiguous.

    The value of a list's element names the element, so it may share its name with one of the whole model.
    """
    names = {one: one.names[0] for one in settings}

    def kind(one: Setting) -> tuple[str, bool, str]:
        return one.model * several, "*" in one.parts, names[one]

    for length in (1, 2):
        taken = Counter(map(kind, names))
        names = {one: name if taken[kind(one)] == 1 else one.names[length] for one, name in names.items()}
    return names


def _clause(setting: Setting, name: str, old: Values, new: Values) -> str:
    is_norm, known = setting.parts[-1] == "batch_norm", old.keys() >= new.keys()
    if any(len(_text(value, _DIGITS[0])) > LONGEST for value in [*old.values(), *new.values()]):
        return f"other {name}"
    was = now = ""
    for digits in _DIGITS:
        now = _listed(setting, new, digits)
        was = _listed(setting, {at: old[at] for at in new}, digits, short=True) if known else ""
        if was != _listed(setting, new, digits, short=True):
            break
    if None in new and not is_norm:
        return f"{name} from {was} to {now}" if known else f"{name} {now}"
    start = f"no {name}{now.removeprefix('none')}" if is_norm and now.startswith("none") else f"{name} {now}"
    return f"{start} (was {was})" if known else start


def _listed(setting: Setting, values: Values, digits: int, *, short: bool = False) -> str:
    """Return values with their positions, as in "none in stage 1, after the activation in stage 2".

    Numbers of a whole list are in its order, without positions.

    Args:
        setting: what they are values of.
        values: by position.
        digits: of numbers.
        short: leave out the positions if all values are equal.
    """
    places = sorted(at for at in values if at is not None)
    texts = [_text(values[at], digits) for at in places or values]
    equal = len(set(texts)) == 1
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values.values())
    if not places or (equal and short):
        return texts[0]
    if numbers and not equal and places == list(range(len(places))):
        return ", ".join(texts)
    where: dict[str, list[int]] = {}
    for at, text in zip(places, texts, strict=True):
        where.setdefault(text, []).append(at + 1)
    numbered = _numbering(setting)
    return ", ".join(f"{text} in {numbered(found)}" for text, found in where.items())


def _numbering(setting: Setting) -> Callable[[Sequence[int]], str]:
    """Return what names elements of the setting's list by number, as in "stages 1 and 2"."""
    many = setting.parts[setting.parts.index("*") - 1].replace("_", " ")
    named = many.endswith("s") and setting.parts[-1] != "*"
    one, many = (many.removesuffix("s"), many) if named else ("entry", "entries")

    def numbered(numbers: Sequence[int]) -> str:
        first, last = numbers[0], numbers[-1]
        if first == last:
            return f"{one} {first}"
        if len(numbers) > 2 and last - first == len(numbers) - 1:
            return f"{many} {first} to {last}"
        return f"{many} {', '.join(map(str, numbers[:-1]))} and {last}"

    return numbered


def _text(value: ParamValue, digits: int) -> str:
    if isinstance(value, str):
        return NORM_POSITIONS.get(value, value)
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.{max(digits, len(str(int(abs(value)))))}g}"
    return json.dumps(value)
