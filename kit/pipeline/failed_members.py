"""The error of a run of which some members failed."""

from collections.abc import Sequence

from kit.errors import KitError
from kit.members import Member
from kit.run_folder import Run

SHOWN = 5
"""Number of failed members that the error names."""
Failure = tuple[Member, KitError]


def members_failed(failures: Sequence[Failure], planned: int, run: Run, *, untaught: int = 0) -> KitError:
    """Return the error to raise for failed members: their number, names, and the reason of the first one.

    Args:
        failures: members with their errors, in the order in which they failed.
        planned: number of members that were to be trained.
        run: where the others are stored.
        untaught: number of members that were not trained because their teachers are missing.
    """
    member, first = failures[0]
    names = [str(one) for one, _ in failures]
    listed = ", ".join(names[:SHOWN]) + f" and {len(names) - SHOWN} more" * (len(names) > SHOWN)
    reasons = {_reason(one, error) for one, error in failures}
    parts = [
        f"{len(failures)} of {planned} members failed{f', {untaught} wait for teachers' * (untaught > 0)}",
        f"{first.where}: {first.what}" if first.where else first.what,
        *([f"{len(reasons) - 1} other reason{'s' * (len(reasons) > 2)}"] if len(reasons) > 1 else []),
        *([f"failed: {listed}"] if len(names) > 1 else []),
    ]
    log = run.log_path(member)
    advice = f"{f'see {log}; ' if log.exists() else ''}rerun the same command to train the missing members"
    return KitError("; ".join(parts), hint=[line for line in (first.hint, advice) if line])


def _reason(member: Member, error: KitError) -> str:
    return error.what.removeprefix(f"{member}: ")
