"""Where a run comes from: the command that repeats it, and how its configuration differs from its base."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kit.config import notation, resolve
from kit.masking import masked
from kit.records import Origin, Setting

_ABSENT: Any = object()


def origin_of(config: str, changes: Sequence[str], run: str | None) -> Origin:
    """Return the origin of a run that `kit cv` starts.

    The base is the configuration that the file extends; if it extends none, the file itself.

    Args:
        config: its name or file.
        changes: of it ("a.b=c").
        run: the name that the user gave it, if any.

    Raises:
        UserError: see `kit.config.load`.
    """
    options = [*(part for change in changes for part in ("--set", change)), *(["--run", run] if run else [])]
    raw, layers = resolve(config, changes)
    base = layers[1] if len(layers) > 1 else layers[0]
    before, _ = resolve(str(base.path))
    # The settings of `kit tune` have no effect on a run.
    before, raw = ({key: value for key, value in one.items() if key != "tune"} for one in (before, raw))
    return Origin(
        command=masked(shlex.join(["kit", "cv", "-c", config, *options])),
        base=base.path.stem,
        differences=tuple(_differences(before, raw)),
    )


def _differences(base: Any, now: Any, key: str = "") -> Iterator[Setting]:
    """Yield the keys that differ; the elements of lists of equal length are compared one by one."""
    if isinstance(now, Mapping) and (isinstance(base, Mapping) or (base is _ABSENT and now)):
        names = dict.fromkeys([*(() if base is _ABSENT else base), *now])
        parts = [
            (name, _ABSENT if base is _ABSENT else base.get(name, _ABSENT), now.get(name, _ABSENT))
            for name in names
        ]
    elif isinstance(now, list) and isinstance(base, list) and len(now) == len(base):
        parts = [(str(index), *pair) for index, pair in enumerate(zip(base, now, strict=True))]
    else:
        if base != now:
            yield Setting(key=key, value=_text(now), base=_text(base))
        return
    for name, old, new in parts:
        yield from _differences(old, new, f"{key}.{name}" if key else name)


def _text(value: Any) -> str:
    return "" if value is _ABSENT else notation.flow(value)
