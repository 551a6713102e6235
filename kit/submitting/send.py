"""Send a submission. The ledger is written before each step, so that a kill at any point is recoverable."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from kit import kaggle_client, os_errors
from kit.errors import InterruptedRunError, KitError, UserError
from kit.files import atomic
from kit.kaggle_client import UnknownOutcomeError, attempts, until_midnight
from kit.submitting.ledger import Ledger, Record
from kit.submitting.plan import Plan
from kit.submitting.track import merge_remote, recover

Say = Callable[[str], None]
_CALLS = 4
"""Kaggle API requests of one `kit submit` while it holds the lock."""
_LATER = "`kit submissions` fetches the score later"


def refuse_repeated(plan: Plan, ledger: Ledger) -> None:
    """Refuse content that was submitted before.

    Raises:
        UserError: it was submitted before.
    """
    for earlier in _same(plan, ledger):
        result = f"score {earlier.public_score}" if earlier.public_score else earlier.status
        what = f"the same content was submitted on {earlier.begun[:10]} as {earlier.name} ({result})"
        raise UserError(what, where=str(plan.source), hint="--again sends it again and uses quota")


def submit(plan: Plan, ledger: Ledger, *, again: bool, timeout: float, say: Say) -> Record:
    """Send the plan's file, unless an interrupted `kit submit` already sent it.

    Args:
        plan: what to send.
        ledger: records the submission.
        again: send even if the same content was submitted before.
        timeout: seconds per attempt at a Kaggle API request.
        say: called with each line of progress.

    Returns:
        The submission with its ref.

    Raises:
        UserError: credentials, rules, quota, repeated content, or another user error.
        KitError: it could not be sent, or it is unknown whether it was.
        InterruptedRunError: the user stopped it.
    """
    if not kaggle_client.has_credentials():
        raise kaggle_client.no_credentials()
    waiting = partial(say, "waiting for another `kit submit` in this folder")
    with ledger.locked(waiting, patience=_CALLS * attempts.budget(timeout)):
        # Only this competition: a closed one, or one without accepted rules, must not block others.
        found = recover(ledger, plan.record.competition, timeout=timeout, say=say)
        recovered = {record.tag for record in found if record.sent}
        for earlier in _same(plan, ledger):
            if earlier.ref and (earlier.tag in recovered or (earlier.status == "pending" and not again)):
                say(f"already sent on {earlier.begun[:16]} as submission {earlier.ref}: not sent again")
                return earlier
        if not again:
            refuse_repeated(plan, ledger)
        _ask_quota(plan.record.competition, timeout, say)
        return _send(plan, ledger, timeout, say)


def _same(plan: Plan, ledger: Ledger) -> list[Record]:
    """Return the submissions of the same content, newest first."""
    return [
        record
        for record in reversed(ledger.records())
        if record.sent
        and (record.sha256, record.competition) == (plan.checked.sha256, plan.record.competition)
    ]


def _ask_quota(slug: str, timeout: float, say: Say) -> None:
    quota = kaggle_client.limits(slug, timeout=timeout)
    reset = f"the quota resets at 00:00 UTC, in {until_midnight()}"
    if quota is None:
        say("Kaggle did not report the quota")
    elif quota.left > 0:
        say(f"{quota.left} submissions left today, {quota.today} used; {reset}")
    elif quota.today or quota.total:
        what = f"no submissions left today, {quota.today} used"
        raise UserError(what, where=slug, hint=f"nothing was sent; {reset}")
    else:
        say("Kaggle reports no quota before the first submission")


def _send(plan: Plan, ledger: Ledger, timeout: float, say: Say) -> Record:
    record = plan.record
    copy = Path(record.file)
    if os.path.lexists(copy):
        raise KitError("this file already exists; it was not replaced", where=str(copy), hint="try again")
    with atomic(copy) as file:
        file.write(plan.checked.content)
    try:
        record = ledger.append(record)
    except OSError:
        with suppress(OSError):
            copy.unlink()
        raise
    try:
        token = kaggle_client.upload(record.competition, copy, timeout=timeout)
        record = ledger.append(replace(record, status="sending"))
        ref = kaggle_client.create(record.competition, token, plan.description, record.tag, timeout=timeout)
    except UnknownOutcomeError as error:
        ledger.append(replace(record, error=_short(error)))
        raise
    except KitError as error:
        ledger.append(replace(record, status="failed", error=_short(error)))
        raise
    except KeyboardInterrupt:
        hint = "`kit submissions` checks whether it arrived"
        raise InterruptedRunError("interrupted while sending", where=record.competition, hint=hint) from None
    say(f"submitted as {ref}")
    record = replace(record, status="pending", ref=ref)
    try:
        return ledger.append(record)
    except OSError as error:
        raise _not_recorded(record, error) from error


def _not_recorded(record: Record, error: OSError) -> KitError:
    """Return the error of a sent submission whose event cannot be written."""
    hint = f"{_LATER}; {os_errors.hint(error)}"
    what = f"submission {record.ref} was sent, but that cannot be recorded: {os_errors.reason(error)}"
    return KitError(what, where=str(error.filename), hint=hint)


def _short(error: KitError) -> str:
    return "; ".join(str(error).splitlines()[:2])


def wait_for_score(
    record: Record, ledger: Ledger, *, timeout: float, wait: float, show: Callable[[float], None]
) -> Record:
    """Poll Kaggle until it has scored or refused a submission.

    Args:
        record: a submission with its ref.
        ledger: records the score.
        timeout: seconds per attempt at a Kaggle API request.
        wait: longest wait in seconds.
        show: called with the seconds waited, before each request.

    Raises:
        KitError: Kaggle scored it ERROR, or has not scored it in time.
        InterruptedRunError: the user stopped it.
    """
    try:
        record = _poll(record, timeout, wait, show)
    except KitError as error:
        kind = UserError if isinstance(error, UserError) else KitError
        raise kind(
            f"submission {record.ref} was sent, but its score is unknown: {error.what}", hint=_LATER
        ) from None
    except KeyboardInterrupt:
        raise InterruptedRunError(
            f"submission {record.ref} was sent, but its score is unknown", hint=_LATER
        ) from None
    try:
        ledger.append(record)
    except OSError as error:
        raise _not_recorded(record, error) from error
    if record.status == "error":
        reason = record.error or "no reason given"
        raise KitError(f"Kaggle could not score submission {record.ref}", received=f"ERROR: {reason}")
    return record


def _poll(record: Record, timeout: float, wait: float, show: Callable[[float], None]) -> Record:
    begun, pause = time.monotonic(), 1.0
    while True:
        left = wait - (time.monotonic() - begun)
        show(wait - left)
        within = max(left, 1.0)
        found = kaggle_client.get(record.competition, record.ref or 0, timeout=timeout, within=within)
        if found.status != "pending":
            return merge_remote(record, found)
        if left <= 0:
            raise KitError(f"Kaggle has not scored it within {wait:g} s")
        pause = min(1.5 * pause, 15.0)
        attempts.pause(min(pause, max(left, 0.0)))
