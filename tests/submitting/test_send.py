"""The order of the steps of a submission, with simulated answers of Kaggle."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from kit import kaggle_client
from kit.config import load
from kit.errors import InterruptedRunError, KitError, UserError
from kit.kaggle_client import Limits, Submission, UnknownOutcomeError, attempts
from kit.submitting.ledger import Ledger, Record
from kit.submitting.plan import Plan, make_plan
from kit.submitting.send import submit, wait_for_score
from tests.workplace import write_run

PENDING = Submission(ref=7, status="pending", public_score="", private_score="", error="", description="")
COMPLETE = replace(PENDING, status="complete", public_score="0.99571")


@dataclass
class Kaggle:
    """Records calls; raises answers that are exceptions."""

    answers: dict[str, Any] = field(
        default_factory=lambda: {"limits": Limits(1, 1, 4), "upload": "token", "create": 7, "get": [COMPLETE]}
    )
    listed: list[Submission] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def _answer(self, call: str) -> Any:
        self.calls.append(call)
        answer = self.answers[call]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def limits(self, slug: str, *, timeout: float) -> Any:
        assert (slug, timeout) == ("digit-recognizer", 5)
        return self._answer("limits")

    def upload(self, slug: str, path: Path, *, timeout: float) -> Any:
        assert (slug, timeout, path.is_file()) == ("digit-recognizer", 5, True)
        return self._answer("upload")

    def create(self, slug: str, token: str, description: str, tag: str, *, timeout: float) -> Any:
        assert (slug, timeout, token) == ("digit-recognizer", 5, "token")
        assert description.endswith(f"[{tag}]")
        return self._answer("create")

    def get(self, slug: str, ref: int, *, timeout: float, within: float) -> Any:
        assert (slug, ref, timeout) == ("digit-recognizer", 7, 5)
        assert within >= 1
        return self._answer("get")

    def submissions(self, slug: str, *, timeout: float) -> Iterator[Submission]:
        assert (slug, timeout) == ("digit-recognizer", 5)
        self.calls.append("list")
        return iter(self.listed)


@pytest.fixture(autouse=True)
def kaggle(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Kaggle:  # noqa: ARG001 - to be in it
    fake = Kaggle()
    for name in ("limits", "upload", "create", "get", "submissions"):
        monkeypatch.setattr(kaggle_client, name, getattr(fake, name))
    monkeypatch.setattr(attempts, "pause", lambda seconds: None)  # noqa: ARG005 - no wait
    monkeypatch.setenv("KAGGLE_USERNAME", "me")
    monkeypatch.setenv("KAGGLE_KEY", "some-key")
    write_run("a")
    return fake


def plan() -> Plan:
    return make_plan("a", load("default"), None, Ledger())


def send(made: Plan | None = None, *, again: bool = False) -> Record:
    return submit(made or plan(), Ledger(), again=again, timeout=5, say=lambda text: None)  # noqa: ARG005 - silent


def wait(record: Record, seconds: float = 60) -> Record:
    return wait_for_score(record, Ledger(), timeout=5, wait=seconds, show=lambda waited: None)  # noqa: ARG005 - silent


def statuses() -> list[str]:
    return [record.status for record in Ledger().records()]


def test_the_quota_is_checked_before_the_upload(kaggle: Kaggle) -> None:
    record = send()
    assert kaggle.calls == ["limits", "upload", "create"]
    assert (record.status, record.ref) == ("pending", 7)
    assert Path(record.file).read_bytes() == Path("runs/a/submission.csv").read_bytes()


@pytest.mark.parametrize("quota", [Limits(5, 9, 0), Limits(0, 50, 0)])
def test_a_spent_quota_ends_it(kaggle: Kaggle, quota: Limits) -> None:
    kaggle.answers["limits"] = quota
    with pytest.raises(UserError, match="00:00 UTC"):
        send()
    assert kaggle.calls == ["limits"]
    assert statuses() == []


@pytest.mark.parametrize("quota", [None, Limits(0, 0, 0)])
def test_an_unknown_quota_does_not_end_it(kaggle: Kaggle, quota: Limits | None) -> None:
    kaggle.answers["limits"] = quota
    assert send().ref == 7


@pytest.mark.parametrize("step", ["upload", "create"])
def test_a_refused_submission_is_failed_and_may_be_sent_again(kaggle: Kaggle, step: str) -> None:
    kaggle.answers[step] = [
        UserError("refused", received="Kaggle's words", hint="do this"),
        kaggle.answers[step],
    ]
    with pytest.raises(UserError):
        send()
    assert Ledger().records()[0].error == "refused; received Kaggle's words"
    assert send().ref == 7
    assert statuses() == ["failed", "pending"]


def test_an_unknown_outcome_stays_open_until_the_list_resolves_it(kaggle: Kaggle) -> None:
    kaggle.answers["create"] = UnknownOutcomeError("no answer")
    made = plan()
    with pytest.raises(UnknownOutcomeError):
        send(made)
    assert statuses() == ["sending"]
    kaggle.listed = [replace(COMPLETE, description=made.description)]
    kaggle.calls.clear()
    assert send().ref == 7
    assert kaggle.calls == ["list"]
    assert statuses() == ["complete"]


def test_an_interrupt_while_sending_stays_open(kaggle: Kaggle) -> None:
    kaggle.answers["create"] = KeyboardInterrupt()
    with pytest.raises(InterruptedRunError, match="kit submissions"):
        send()
    assert statuses() == ["sending"]


def test_an_interrupted_resubmission_is_found_and_not_sent_again(kaggle: Kaggle) -> None:
    wait(send())
    kaggle.answers["create"] = UnknownOutcomeError("no answer")
    made = plan()
    with pytest.raises(UnknownOutcomeError):
        send(made, again=True)
    kaggle.listed = [replace(PENDING, description=made.description)]
    kaggle.calls.clear()
    assert send(again=True).tag == made.record.tag
    assert kaggle.calls == ["list"]


def test_a_pending_submission_is_resumed_unless_again(kaggle: Kaggle) -> None:
    first = send()
    kaggle.calls.clear()
    assert send().tag == first.tag
    assert kaggle.calls == []
    assert send(again=True).tag != first.tag


@pytest.mark.parametrize("found", [COMPLETE, replace(PENDING, status="error", error="null values")])
def test_a_scored_submission_is_refused(kaggle: Kaggle, found: Submission) -> None:
    kaggle.answers["get"] = [found]
    record = send()
    if found.status == "complete":
        wait(record)
    else:
        with pytest.raises(KitError, match="null values"):
            wait(record)
    with pytest.raises(UserError, match="--again"):
        send()


def test_other_content_is_not_refused() -> None:
    wait(send())
    write_run("a", wrong=9)
    assert send().ref == 7


def test_the_score_is_polled_and_recorded(kaggle: Kaggle) -> None:
    kaggle.answers["get"] = [PENDING, PENDING, COMPLETE]
    assert wait(send()).public_score == "0.99571"
    assert Ledger().records()[0].status == "complete"
    assert kaggle.calls.count("get") == 3


def test_a_wait_that_times_out_is_a_failure(kaggle: Kaggle) -> None:
    kaggle.answers["get"] = [PENDING]
    with pytest.raises(
        KitError, match="submission 7 was sent, but its score is unknown: Kaggle has not scored it"
    ) as error:
        wait(send(), 0.01)
    assert error.value.exit_code == 1
    assert statuses() == ["pending"]


@pytest.mark.parametrize("error", [KitError("down (tried 6 times)"), UserError("refuses the credentials")])
def test_a_failed_request_for_the_score_still_names_the_submission(kaggle: Kaggle, error: KitError) -> None:
    kaggle.answers["get"] = [error]
    with pytest.raises(
        type(error), match=f"submission 7 was sent, but its score is unknown: {error.what[:4]}"
    ):
        wait(send())
    assert statuses() == ["pending"]


def test_an_interrupt_while_waiting_names_the_ref(kaggle: Kaggle) -> None:
    kaggle.answers["get"] = [KeyboardInterrupt()]
    with pytest.raises(InterruptedRunError, match="submission 7 was sent"):
        wait(send())
