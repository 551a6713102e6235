"""Commands that a report recommends."""

import shlex
from collections.abc import Sequence
from itertools import count, islice

from kit.config.root import HASH_VERSION
from kit.records import RunRecord


def can_be_extended(record: RunRecord) -> bool:
    """Return whether `kit cv` trains more seeds into the run: not if an earlier version of kit made it."""
    return record.hash_version == HASH_VERSION


def command_with(record: RunRecord, *settings: str, renamed: bool = False) -> str:
    """Return the command of a run with other settings, in backticks, as the start of a sentence.

    Args:
        record: run.json; one of an earlier version does not have the command.
        settings: as in "seeds=4"; they replace values that the command has for the same keys.
        renamed: leave out the name of the run, which a run of other models cannot have.
    """
    added = [part for one in settings for part in ("--set", one)]
    words = shlex.split(record.origin.command)
    if not words:
        run = "The command of this run" if can_be_extended(record) else "A new run"
        return f"{run} with `{shlex.join(added)}`"
    replaced = {one.partition("=")[0] for one in settings}
    kept: list[str] = []
    for option, value in zip(words[2::2], words[3::2], strict=True):
        is_replaced = option == "--set" and value.partition("=")[0] in replaced
        if not is_replaced and not (renamed and option == "--run"):
            kept += [option, value]
    return f"`{shlex.join([*words[:2], *kept, *added])}`"


def extended(seeds: Sequence[int], number: int) -> str:
    """Return the setting of `number` seeds that has these; a number n means 0 to n - 1."""
    if list(seeds) == list(range(len(seeds))):
        return f"seeds={number}"
    new = islice(count(seeds[-1] + 1), number - len(seeds))
    return f"seeds=[{','.join(map(str, [*seeds, *new]))}]"
