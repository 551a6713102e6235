from collections.abc import Callable

import pytest

from kit.errors import KitError, UserError
from kit.kaggle_client import attempts
from kit.kaggle_client.attempts import attempt, budget, repeated
from kit.kaggle_client.errors import CallError, Fault, explain
from tests.kaggle_server import TOKEN, KaggleServer
from tests.kaggle_server import Fault as ServerFault

BUSY = explain(Fault("answer", 503), "digit-recognizer")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the waits that were asked for, none of which is made."""
    seconds: list[float] = []
    monkeypatch.setattr(attempts, "pause", seconds.append)
    return seconds


def failing(*errors: Exception) -> Callable[[], str]:
    left = list(errors)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return call


def test_waits_double_from_one_second(waits: list[float]) -> None:
    assert repeated(failing(*[BUSY] * 5), 30) == "done"
    assert waits == [1, 2, 4, 8, 16]


def test_six_attempts_are_the_most(waits: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KitError, match=r"HTTP 503 \(tried 6 times\)"):
        repeated(failing(*[BUSY] * 6), 30)
    assert len(waits) == 5
    assert "trying again in 16 s (6 of 6)" in capsys.readouterr().err


def test_what_kaggle_asks_for_is_waited(waits: list[float]) -> None:
    asked = explain(Fault("answer", 429, retry_after=7.0), "digit-recognizer")
    assert repeated(failing(asked, asked), 30) == "done"
    assert waits == [7, 7]


def test_a_wait_beyond_the_budget_ends_it(waits: list[float]) -> None:
    asked = explain(Fault("answer", 429, retry_after=3600.0), "digit-recognizer")
    with pytest.raises(KitError, match="asks to wait 3600 s"):
        repeated(failing(asked), 30)
    assert waits == []


def test_a_fault_that_stays_is_raised_at_once(waits: list[float]) -> None:
    with pytest.raises(UserError):
        repeated(failing(explain(Fault("answer", 401), "digit-recognizer")), 30)
    with pytest.raises(CallError):
        repeated(failing(explain(Fault("page"), "digit-recognizer")), 30)
    assert waits == []


def test_calls_end_within_four_minutes_by_default() -> None:
    assert budget(30) < 240
    assert budget(5) < 75


def test_without_credentials_no_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    with pytest.raises(UserError, match="no Kaggle credentials"):
        attempt("limits", "digit-recognizer", 5)


def test_an_attempt_ends_at_its_deadline(kaggle: KaggleServer) -> None:
    kaggle.fail("limits", ServerFault("drip"))
    with pytest.raises(CallError, match=r"did not answer within 0\.5 s"):
        attempt("limits", "digit-recognizer", 0.5)


def test_an_import_that_hangs_ends_at_the_deadline(
    kaggle: KaggleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    kaggle.fail("introspect", ServerFault("stall"))
    with pytest.raises(CallError, match=r"did not answer within 0\.5 s"):
        attempt("limits", "digit-recognizer", 0.5)


def test_a_token_that_kaggle_does_not_know_is_refused_with_its_place(
    kaggle: KaggleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_revoked")
    with pytest.raises(UserError, match="KAGGLE_API_TOKEN: Kaggle refuses this token"):
        attempt("limits", "digit-recognizer", 10)
    assert kaggle.count("limits") == 0
