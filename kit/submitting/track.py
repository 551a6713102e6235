"""What became of earlier submissions: the ledger brought up to what Kaggle's list says."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import cast

from kit import kaggle_client
from kit.kaggle_client import Submission, attempts
from kit.submitting.ledger import Ledger, Record, Status

SETTLE = 15.0
"""Seconds after which a submission that was sent, and is not in Kaggle's list, counts as not received."""


def told(record: Record, found: Submission) -> Record:
    """Return the record with what Kaggle says of it."""
    return replace(
        record,
        status=cast("Status", found.status),
        ref=found.ref or record.ref,
        public_score=found.public_score,
        private_score=found.private_score,
        error=found.error,
    )


def recover(
    ledger: Ledger, competition: str | None = None, *, timeout: float, say: Callable[[str], None]
) -> list[Record]:
    """Find out what became of the submissions whose `kit submit` was killed.

    The caller holds the ledger's lock: no other process is sending.

    Args:
        ledger: has the submissions.
        competition: the only one whose list is asked for; None: all of the ledger.
        timeout: seconds an attempt at a call may take.
        say: called with each line of progress.

    Returns:
        Those submissions, each now pending, complete, error or failed.

    Raises:
        UserError, KitError: Kaggle cannot be asked.
    """
    done = [
        ledger.append(replace(record, status="failed", error="interrupted before it was sent"))
        for record in ledger.records()
        if record.status == "uploading"
    ]
    open_ = [
        record
        for record in ledger.records()
        if record.status == "sending" and competition in (None, record.competition)
    ]
    # The times in the ledger are of a clock that may have been set, or may be set meanwhile.
    end = time.monotonic() + SETTLE
    while open_:
        say(f"an earlier kit submit was interrupted while sending {open_[0].name}: looking for it at Kaggle")
        changed = _update(ledger, open_, timeout)
        done += changed
        open_ = [record for record in open_ if record.tag not in {one.tag for one in changed}]
        late = [record for record in open_ if record.age >= SETTLE or time.monotonic() >= end]
        done += [
            ledger.append(replace(record, status="failed", error="it never arrived at Kaggle"))
            for record in late
        ]
        open_ = [record for record in open_ if record not in late]
        if open_:
            attempts.pause(2.0)
    return done


def refresh(ledger: Ledger, *, timeout: float, say: Callable[[str], None]) -> None:
    """Bring every submission of the ledger up to what Kaggle's list says.

    Raises:
        UserError, KitError: Kaggle cannot be asked.
    """
    with ledger.locked() as alone:
        if alone:
            recover(ledger, timeout=timeout, say=say)
        _update(ledger, ledger.records(), timeout)


def _update(ledger: Ledger, records: Sequence[Record], timeout: float) -> list[Record]:
    """Look `records` up in Kaggle's list; return those that changed, as they are now."""
    changed = []
    for slug, group in groupby(sorted(records, key=lambda one: one.competition), lambda one: one.competition):
        wanted = list(group)
        for found in kaggle_client.submissions(slug, timeout=timeout):
            record = next(
                (one for one in wanted if one.ref == found.ref or one.tag in found.description), None
            )
            if record is None:
                continue
            wanted.remove(record)
            if told(record, found) != record:
                changed.append(ledger.append(told(record, found)))
            if not wanted:
                break
    return changed
