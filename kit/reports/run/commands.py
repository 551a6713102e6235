"""Commands that a report recommends."""

import re
import shlex
from collections.abc import Collection, Sequence
from itertools import count, islice

from kit.config.root import HASH_VERSION
from kit.records import Report, RunRecord
from kit.run_folder import RUNS, Run

_TRAINING = re.compile("`(kit (?:cv|ensemble) [^`]+)`")


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


def next_step(report: Report, run: Run | None = None) -> tuple[str, str]:
    """Return what to do next, and the command that does it.

    That is to fetch the competition's data after a run on the sample, otherwise what the most useful finding
    recommends, and to submit if it recommends no command and there are test rows.

    Args:
        report: of the run.
        run: its folder; None if it is in runs/.
    """
    if report.sample:
        return "get the competition's data", "kit data fetch"
    findings = report.details.findings if report.details else ()
    if findings and (command := _TRAINING.search(findings[0].evidence)):
        return findings[0].text, command[1]
    name = report.run if run is None or run.path.parent == RUNS else str(run.path)
    if not report.data.test_rows:
        return "look at the hardest images", f"kit report {shlex.quote(name)} --open"
    return submission_of(name)


def submission_of(name: str) -> tuple[str, str]:
    """Return the step that sends the submission of a run, and its command."""
    return "send submission.csv to Kaggle", f"kit submit {shlex.quote(name)}"


def combined_by(record: RunRecord, method: str) -> str:
    """Return the command that combines the same columns by another method, in backticks."""
    if not record.sources:
        return command_with(record, f"ensemble.method={method}")
    return _ensemble([one.name for one in record.sources], method)


def without_models(record: RunRecord, models: Collection[str], left_out: Collection[str]) -> str | None:
    """Return the command of a run without some of its models, in backticks, as the start of a sentence.

    Args:
        record: run.json.
        models: names of all models; in an ensemble of runs, those of its report: the name of the run, or
            run/model.
        left_out: names of some of them.

    Returns:
        None if no command leaves out exactly these: `kit ensemble` combines two or more whole runs.
    """
    if not record.sources:
        return command_with(record, *(f"models.{one}=null" for one in left_out), renamed=True)
    runs = {one: one.partition("/")[0] for one in models}
    kept = {runs[one] for one in models if one not in left_out}
    others = [one.name for one in record.sources if one.name in kept]
    if len(others) < 2 or any(runs[one] in kept for one in left_out):
        return None
    return _ensemble(others)


def _ensemble(runs: Sequence[str], method: str | None = None) -> str:
    return f"`{shlex.join(['kit', 'ensemble', *runs, *(['--method', method] if method else [])])}`"


def extended(seeds: Sequence[int], number: int) -> str:
    """Return the setting of `number` seeds that has these; a number n means 0 to n - 1."""
    if list(seeds) == list(range(len(seeds))):
        return f"seeds={number}"
    new = islice(count(seeds[-1] + 1), number - len(seeds))
    return f"seeds=[{','.join(map(str, [*seeds, *new]))}]"
