"""Sending a submission. The ledger is written before each step, so that a kill at any point can be mended."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from kit import kaggle_client
from kit.errors import InterruptedRunError, KitError, UserError
from kit.files import atomic
from kit.kaggle_client import UnknownOutcomeError, attempts, until_midnight
from kit.submitting.ledger import Ledger, Record
from kit.submitting.plan import Plan
from kit.submitting.track import recover, told

Say = Callable[[str], None]
_CALLS = 4
"""Calls to Kaggle that a `kit submit` makes while it holds the lock."""
_LATER = "`kit submissions` fetches the score later"


def refuse_repeated(plan: Plan, ledger: Ledger) -> None:
    """Refuse content that is at Kaggle already.

    Raises:
        UserError: it was submitted before.
    """
    for earlier in _same(plan, ledger):
        result = f"score {earlier.public_score}" if earlier.public_score else earlier.status
        what = f"the same content was submitted on {earlier.begun[:10]} as {earlier.name} ({result})"
        raise UserError(what, where=str(plan.source), hint="--again sends it once more, and spends quota")


def submit(plan: Plan, ledger: Ledger, *, again: bool, timeout: float, say: Say) -> Record:
    """Send the plan's file, or find it sent already by a `submit` that was interrupted.

    Args:
        plan: what to send.
        ledger: where it is written down.
        again: whether content that was submitted before is sent once more.
        timeout: seconds an attempt at a call may take.
        say: called with each line of progress.

    Returns:
        The submission with its ref.

    Raises:
        UserError: credentials, rules, quota, repeated content, and what else the user can mend.
        KitError: it could not be sent, or nothing tells whether it was.
        InterruptedRunError: the user stopped it.
    """
    if not kaggle_client.has_credentials():
        raise kaggle_client.no_credentials()
    waiting = partial(say, "another kit submit is sending from here; waiting for it")
    with ledger.locked(waiting, patience=_CALLS * attempts.budget(timeout)):
        # Only of this competition: one that has closed, or whose rules are not accepted, blocks no other.
        found = recover(ledger, plan.record.competition, timeout=timeout, say=say)
        recovered = {record.tag for record in found if record.sent}
        for earlier in _same(plan, ledger):
            if earlier.ref and (earlier.tag in recovered or (earlier.status == "pending" and not again)):
                say(f"it was sent on {earlier.begun[:16]} as submission {earlier.ref}: not sent again")
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
    reset = f"the count starts again at 00:00 UTC, in {until_midnight()}"
    if quota is None:
        say("Kaggle does not tell the quota")
    elif quota.left > 0:
        say(f"{quota.left} submissions left today, {quota.today} made; {reset}")
    elif quota.today or quota.total:
        what = f"no submission is left today, {quota.today} made"
        raise UserError(what, where=slug, hint=f"nothing was sent; {reset}")
    else:
        say("Kaggle tells no quota before the first submission")


def _send(plan: Plan, ledger: Ledger, timeout: float, say: Say) -> Record:
    record = plan.record
    copy = Path(record.file)
    if os.path.lexists(copy):
        raise KitError(
            "there is a file of this name, which is left as it is", where=str(copy), hint="try again"
        )
    with atomic(copy) as file:
        file.write(plan.checked.content)
    record = ledger.append(record)
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
        hint = "`kit submissions` looks whether it arrived"
        raise InterruptedRunError("stopped while sending", where=record.competition, hint=hint) from None
    say(f"submitted as {ref}")
    return ledger.append(replace(record, status="pending", ref=ref))


def _short(error: KitError) -> str:
    return "; ".join(str(error).splitlines()[:2])


def wait_for_score(
    record: Record, ledger: Ledger, *, timeout: float, wait: float, show: Callable[[float], None]
) -> Record:
    """Ask for the score until Kaggle has one, or refuses the file.

    Args:
        record: a submission with its ref.
        ledger: gets the score.
        timeout: seconds an attempt at a call may take.
        wait: seconds to wait in all.
        show: called with the seconds waited, before each look.

    Raises:
        KitError: Kaggle scored it ERROR, or has not scored it in time.
        InterruptedRunError: the user stopped it.
    """
    try:
        record = _poll(record, timeout, wait, show)
    except KitError as error:
        kind = UserError if isinstance(error, UserError) else KitError
        raise kind(
            f"submission {record.ref} is made, its score not known: {error.what}", hint=_LATER
        ) from None
    except KeyboardInterrupt:
        raise InterruptedRunError(
            f"submission {record.ref} is made, its score not known", hint=_LATER
        ) from None
    ledger.append(record)
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
            return told(record, found)
        if left <= 0:
            raise KitError(f"Kaggle has not scored it within {wait:g} s")
        pause = min(1.5 * pause, 15.0)
        attempts.pause(min(pause, max(left, 0.0)))
