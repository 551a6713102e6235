"""Update the ledger from Kaggle's list of submissions."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import groupby
from typing import cast

from kit import kaggle_client
from kit.kaggle_client import Submission, attempts
from kit.submitting.ledger import Ledger, Record, Status

_TAG = "kit-" + "[0-9a-f]" * 12
"""Pattern of a tag in file names."""
SETTLE = 15.0
"""Seconds after which a sent submission that is not in Kaggle's list counts as not received."""


def merge_remote(record: Record, found: Submission) -> Record:
    """Return the record with the status, scores and error that Kaggle reports."""
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
    """Find out whether submissions of killed `kit submit` processes arrived.

    The caller holds the ledger's lock: no other process is sending.

    Args:
        ledger: holds the submissions.
        competition: slug of the only competition to check; None: all in the ledger.
        timeout: seconds per attempt at a Kaggle API request.
        say: called with each line of progress.

    Returns:
        Those submissions, each now pending, complete, error or failed.

    Raises:
        UserError, KitError: the request to Kaggle failed.
    """
    ledger.remove_partial_copies()
    doubtful = bool(ledger.damaged())
    if doubtful:
        restore(ledger, competition)
    done = [
        ledger.append(replace(record, status="failed", error="interrupted before it was sent"))
        for record in ledger.records()
        if record.status == "uploading" and not doubtful
    ]
    # A damaged line may say that an upload was sent.
    unknown = ("sending", "uploading") if doubtful else ("sending",)
    open_ = [
        record
        for record in ledger.records()
        if record.status in unknown and competition in (None, record.competition)
    ]
    # The ledger's times come from a clock that may have been changed, or may change meanwhile.
    end = time.monotonic() + SETTLE
    while open_:
        say(f"an earlier `kit submit` was interrupted while sending {open_[0].name}; checking Kaggle for it")
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


def restore(ledger: Ledger, competition: str | None) -> None:
    """Record submissions again that only damaged lines name, from the copies of their files.

    Each is recorded as `sending`, so that Kaggle is asked whether it arrived.

    Args:
        ledger: holds the submissions.
        competition: slug to use if no damaged line names the tag with one; None: such copies are left out.
    """
    known, damaged = {record.tag for record in ledger.records()}, ledger.damaged()
    for copy in sorted(ledger.folder.glob(f"*-{_TAG}.csv")):
        tag = copy.stem[-len("kit-000000000000") :]
        named = [line for line in damaged if tag in line]
        slug = re.search(r'"competition": "([\w-]+)"', " ".join(named))
        of = slug[1] if slug else competition
        if tag not in known and of is not None:
            digest = sha256(copy.read_bytes()).hexdigest()
            ledger.append(Record(tag, "sending", of, None, str(copy), digest, message=""))


def refresh(ledger: Ledger, *, timeout: float, say: Callable[[str], None]) -> None:
    """Update every submission of the ledger from Kaggle's list.

    Raises:
        UserError, KitError: the request to Kaggle failed.
    """
    with ledger.locked() as held:
        if held:
            recover(ledger, timeout=timeout, say=say)
        _update(ledger, ledger.records(), timeout)


def _update(ledger: Ledger, records: Sequence[Record], timeout: float) -> list[Record]:
    """Look up `records` in Kaggle's list; return the updated records of those that changed."""
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
            if merge_remote(record, found) != record:
                changed.append(ledger.append(merge_remote(record, found)))
            if not wanted:
                break
    return changed
