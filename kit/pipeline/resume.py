"""Decide what `kit cv` keeps of an existing run: what is damaged is named, set aside, and made again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit import checksums
from kit.checksums import SUMS
from kit.errors import KitError, UserError
from kit.members import Member
from kit.pipeline.run_record import check_same_settings
from kit.pipeline.verify import OTHER_SETTINGS, Expectation, Finding, check_member, check_results
from kit.records import RunRecord
from kit.reports.html.text import counted
from kit.run_folder import Run, all_runs

Say = Callable[[str], None]


@dataclass(frozen=True)
class Kept:
    """What an existing run has, verified.

    Attributes:
        record: run.json; None if it is missing or damaged.
        members: those that need no training.
        has_results: whether no result is damaged; one may be missing.
    """

    record: RunRecord | None
    members: frozenset[Member]
    has_results: bool


def keep(
    run: Run,
    new: RunRecord,
    members: Sequence[Member],
    folds: NDArray[np.int8],
    *,
    seeds: Sequence[int],
    say: Say,
) -> Kept:
    """Verify an existing run, and set aside what is damaged. The caller holds the run's lock.

    Args:
        run: the run; it may have no files yet.
        new: the record of the run that starts.
        members: those that it needs.
        folds: (seeds, rows) int8, the fold that holds the row out.
        seeds: the seed of each row of `folds`.
        say: receives a line for each file that is damaged.

    Raises:
        UserError: the run has other data or settings.
    """
    before = _trusted_record(run, say)
    if before:
        check_same_settings(run, before, new)
    sums, sums_are_damaged = _trusted_sums(run, say)
    expected = Expectation(
        new.hash, before is None, new.test_rows, len(new.labels), tuple(seeds), folds, sums
    )
    there = [member for member in members if run.member_path(member).is_file()]
    found = {member: check_member(run, member, expected) for member in there}
    if before is None:
        _refuse_other_settings(run, found)
    for member, findings in found.items():
        if findings:
            _set_aside(run, findings, "the member is trained again", say)
            for path in (run.member_path(member), run.network_path(member)):
                if path.is_file():  # the undamaged one of the two
                    run.set_aside(path)
    complete = before is not None and before.status == "complete"
    damaged = check_results(run, sums) if complete and sums is not None else []
    _set_aside(run, damaged, "it is written again", say)
    members_kept = frozenset(member for member, findings in found.items() if not findings)
    return Kept(before, members_kept, has_results=not (damaged or sums_are_damaged))


def _trusted_record(run: Run, say: Say) -> RunRecord | None:
    """Return run.json; None if it is missing, or damaged and set aside.

    Raises:
        UserError: it is of a later version, or the user may not read it.
    """
    if not run.exists():
        return None
    try:
        run.check_record()
    except UserError as error:
        if isinstance(error.__cause__, OSError):
            raise
        _set_aside(run, [Finding(run.info_path, error.what)], "it is written again", say)
        return None
    return run.read_record()


def _trusted_sums(run: Run, say: Say) -> tuple[dict[str, str] | None, bool]:
    """Return the checksums, None if there are none, and whether SHA256SUMS is damaged or was deleted."""
    path = run.path / SUMS
    try:
        sums = checksums.read(run.path)
    except UserError as error:
        _set_aside(run, [Finding(path, error.what)], "it is written again", say)
        return None, True
    if sums is None and run.exists() and run.check_record() and any(run.path.glob("members/*.npz")):
        say(f"{path}: missing; it is written again")
        return None, True
    return sums, False


def _refuse_other_settings(run: Run, found: Mapping[Member, list[Finding]]) -> None:
    """Refuse a run without run.json whose members were trained for other data or settings."""
    others = [one for findings in found.values() for one in findings if one.what == OTHER_SETTINGS]
    if others:
        raise UserError(
            "its members were trained for other data or settings, and its run.json is missing or damaged",
            where=str(run.path),
            hint="choose another --run NAME, or --fresh to delete this run and retrain it",
        )


def _set_aside(run: Run, findings: Sequence[Finding], then: str, say: Say) -> None:
    """Move damaged files aside, with a line for each; say so of missing ones."""
    for one in findings:
        moved = f"moved to {run.set_aside(one.path).parent}/, " if one.path.is_file() else ""
        say(f"{one}; {moved}{then}")


def mention_unfinished(new: RunRecord, run: Run, say: Say) -> None:
    """Name the newest unfinished run of the same configuration, before another one is started.

    Args:
        new: the record of the run that starts.
        run: its folder.
        say: receives the line.
    """
    for other in all_runs():
        try:
            before, planned = other.read_record(), other.planned()
            if before.config_name != new.config_name or other.status() not in {"interrupted", "failed"}:
                continue
        except KitError:
            continue
        stored = sum(other.has(member) for member in planned)
        reason = "on other data" if before.fingerprint != new.fingerprint else "with other settings"
        say(
            f"{other.path} has {stored} of {counted(len(planned), 'member')} of this configuration, but "
            f"{reason}: this starts a new run, {run.path}"
        )
        return
