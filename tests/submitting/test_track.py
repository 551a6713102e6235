import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from kit import kaggle_client
from kit.errors import KitError
from kit.kaggle_client import Submission, attempts
from kit.submitting import track
from kit.submitting.events import from_line
from kit.submitting.ledger import Ledger, Record
from kit.submitting.track import recover, refresh

RECORD = Record(
    tag="kit-1",
    status="sending",
    competition="digit-recognizer",
    run="a",
    file="submissions/a.csv",
    sha256="00",
    message="a",
)
FOUND = Submission(
    ref=7, status="pending", public_score="", private_score="", error="", description="a [kit-1]"
)


@dataclass
class Kaggle:
    """A list of submissions, newest first; `arriving` appear in the second request."""

    listed: list[Submission] = field(default_factory=list)
    arriving: list[Submission] = field(default_factory=list)
    looks: int = 0

    def submissions(self, slug: str, *, timeout: float) -> Iterator[Submission]:
        assert (slug, timeout) == ("digit-recognizer", 5)
        self.looks += 1
        listed = list(self.listed)
        self.listed += self.arriving
        return iter(listed)


@pytest.fixture
def kaggle(monkeypatch: pytest.MonkeyPatch) -> Kaggle:
    fake = Kaggle()
    monkeypatch.setattr(kaggle_client, "submissions", fake.submissions)
    monkeypatch.setattr(attempts, "pause", lambda seconds: None)  # noqa: ARG005 - no wait
    return fake


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "submissions")


def silent(text: str) -> None:
    """Discard progress."""


def recovered(ledger: Ledger) -> list[tuple[str, int | None]]:
    return [(record.status, record.ref) for record in recover(ledger, timeout=5, say=silent)]


def test_a_listed_submission_arrived(ledger: Ledger, kaggle: Kaggle) -> None:
    ledger.append(RECORD)
    kaggle.listed = [replace(FOUND, ref=8, description="other"), FOUND]
    assert recovered(ledger) == [("pending", 7)]
    assert [(record.status, record.ref) for record in ledger.records()] == [("pending", 7)]


def test_a_submission_that_is_listed_later_arrived_too(ledger: Ledger, kaggle: Kaggle) -> None:
    ledger.append(RECORD)
    kaggle.arriving = [FOUND]
    assert recovered(ledger) == [("pending", 7)]
    assert kaggle.looks == 2


def test_an_unlisted_submission_never_arrived(
    ledger: Ledger, kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track, "SETTLE", 0.0)
    ledger.append(RECORD)
    assert recovered(ledger) == [("failed", None)]
    assert ledger.records()[0].error == "it never arrived at Kaggle"
    assert kaggle.looks == 1


@pytest.mark.parametrize("time", ["2999-01-01T00:00:00+00:00", "2026-01-01T00:00:00", "yesterday", 5])
def test_an_invalid_time_counts_as_settled(ledger: Ledger, kaggle: Kaggle, time: object) -> None:
    # From a clock that was ahead, an older version, or an editor.
    ledger.append(RECORD)
    event = from_line(ledger.path.read_text()) | {"time": time}
    ledger.path.write_text(json.dumps(event) + "\n")
    assert recovered(ledger) == [("failed", None)]
    assert kaggle.looks == 1


def test_the_wait_is_measured_by_a_monotonic_clock(
    ledger: Ledger, kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(0, 1000, 5))
    monkeypatch.setattr("time.monotonic", lambda: float(next(now)))
    monkeypatch.setattr(Record, "age", property(lambda _: 0.0))
    ledger.append(RECORD)
    assert recovered(ledger) == [("failed", None)]
    assert kaggle.looks == 3


def test_recovery_of_one_competition_leaves_the_others_open(ledger: Ledger, kaggle: Kaggle) -> None:
    ledger.append(replace(RECORD, competition="closed"))
    assert recover(ledger, "digit-recognizer", timeout=5, say=silent) == []
    assert (ledger.records()[0].status, kaggle.looks) == ("sending", 0)


def test_an_interrupted_upload_needs_no_request(ledger: Ledger, kaggle: Kaggle) -> None:
    ledger.append(replace(RECORD, status="uploading"))
    assert recovered(ledger) == [("failed", None)]
    assert kaggle.looks == 0


def test_settled_submissions_are_not_changed(ledger: Ledger, kaggle: Kaggle) -> None:
    for number, status in enumerate(("pending", "complete", "error", "failed")):
        ledger.append(replace(RECORD, tag=f"kit-{number}", status=status))  # type: ignore[arg-type]  # each is one
    assert recovered(ledger) == []
    assert kaggle.looks == 0


def test_a_refresh_fetches_scores_and_records_only_changes(ledger: Ledger, kaggle: Kaggle) -> None:
    ledger.append(replace(RECORD, status="pending", ref=7))
    kaggle.listed = [replace(FOUND, status="complete", public_score="0.99571")]
    refresh(ledger, timeout=5, say=silent)
    assert ledger.records()[0].public_score == "0.99571"
    lines = ledger.path.read_text()
    refresh(ledger, timeout=5, say=silent)
    assert ledger.path.read_text() == lines


def test_a_submission_with_a_truncated_description_is_found_by_its_ref(
    ledger: Ledger, kaggle: Kaggle
) -> None:
    ledger.append(replace(RECORD, status="pending", ref=7))
    kaggle.listed = [replace(FOUND, status="error", error="no good", description="")]
    refresh(ledger, timeout=5, say=silent)
    assert (ledger.records()[0].status, ledger.records()[0].error) == ("error", "no good")


def test_a_failed_submission_that_arrived_after_all_is_updated(ledger: Ledger, kaggle: Kaggle) -> None:
    ledger.append(replace(RECORD, status="failed", error="it never arrived at Kaggle"))
    kaggle.listed = [FOUND]
    refresh(ledger, timeout=5, say=silent)
    assert (ledger.records()[0].status, ledger.records()[0].ref, ledger.records()[0].error) == (
        "pending",
        7,
        "",
    )


def test_a_refresh_during_a_submit_does_not_fail_its_submission(
    ledger: Ledger, kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track, "SETTLE", 0.0)
    ledger.append(RECORD)
    with Ledger(ledger.folder).locked():
        refresh(ledger, timeout=5, say=silent)
    assert ledger.records()[0].status == "sending"
    assert kaggle.looks == 1


def test_without_an_answer_nothing_changes(
    ledger: Ledger, kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(slug: str, *, timeout: float) -> Iterator[Submission]:
        raise KitError(f"no answer for {slug} in {timeout}")

    monkeypatch.setattr(kaggle_client, "submissions", fail)
    ledger.append(RECORD)
    with pytest.raises(KitError):
        recover(ledger, timeout=5, say=silent)
    assert ledger.records()[0].status == "sending"
    assert kaggle.looks == 0


@pytest.mark.usefixtures("kaggle")
def test_partly_written_copies_of_a_killed_process_are_removed(ledger: Ledger) -> None:
    ledger.append(replace(RECORD, status="failed"))
    (ledger.folder / "a-kit-2.csv").write_text("whole")
    (ledger.folder / ".a-kit-1.csv.tlpzt2q5").write_text("half")
    recover(ledger, timeout=5, say=silent)
    assert {path.name for path in ledger.folder.iterdir()} == {"ledger.jsonl", "a-kit-2.csv"}
