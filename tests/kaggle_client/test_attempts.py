from collections.abc import Callable
from pathlib import Path

import pytest

from kit.errors import KitError, UserError
from kit.kaggle_client import attempts
from kit.kaggle_client.attempts import attempt, budget, with_retries
from kit.kaggle_client.errors import CallError, Fault, explain
from tests.kaggle_server import TOKEN, KaggleServer
from tests.kaggle_server import Fault as ServerFault

BUSY = explain(Fault("status", 503), "digit-recognizer")


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the list that records the requested delays; none is slept."""
    seconds: list[float] = []
    monkeypatch.setattr(attempts, "pause", seconds.append)
    return seconds


def failing(*errors: Exception) -> Callable[[], str]:
    remaining = list(errors)

    def call() -> str:
        if remaining:
            raise remaining.pop(0)
        return "done"

    return call


def test_delays_double_from_one_second(delays: list[float]) -> None:
    assert with_retries(failing(*[BUSY] * 5), 30) == "done"
    assert delays == [1, 2, 4, 8, 16]


def test_at_most_six_attempts(delays: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KitError, match=r"HTTP 503 \(tried 6 times\)"):
        with_retries(failing(*[BUSY] * 6), 30)
    assert len(delays) == 5
    assert "retrying in 16 s (attempt 6 of 6)" in capsys.readouterr().err


def test_delay_is_the_retry_after_of_kaggle(delays: list[float]) -> None:
    limited = explain(Fault("status", 429, retry_after=7.0), "digit-recognizer")
    assert with_retries(failing(limited, limited), 30) == "done"
    assert delays == [7, 7]


def test_no_retry_after_the_time_budget(delays: list[float]) -> None:
    limited = explain(Fault("status", 429, retry_after=3600.0), "digit-recognizer")
    with pytest.raises(KitError, match="requests a wait of 3600 s"):
        with_retries(failing(limited), 30)
    assert delays == []


def test_permanent_fault_is_raised_at_once(delays: list[float]) -> None:
    with pytest.raises(UserError):
        with_retries(failing(explain(Fault("status", 401), "digit-recognizer")), 30)
    with pytest.raises(CallError):
        with_retries(failing(explain(Fault("page"), "digit-recognizer")), 30)
    assert delays == []


def test_default_time_budget_is_below_four_minutes() -> None:
    assert budget(30) < 240
    assert budget(5) < 75


def test_without_credentials_no_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    with pytest.raises(UserError, match="no Kaggle credentials"):
        attempt("limits", "digit-recognizer", 5)


def test_attempt_ends_at_its_timeout(kaggle: KaggleServer) -> None:
    kaggle.fail("list", ServerFault("drip"))
    with pytest.raises(CallError, match=r"did not answer within 0\.5 s"):
        attempt("page", "digit-recognizer", 0.5, token="")


def test_a_client_that_cannot_be_imported_is_named(
    kaggle: KaggleServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "kagglesdk.py").write_text("raise ModuleNotFoundError('no protobuf')")
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(UserError, match=r"or broken\nreceived no protobuf\npip install kaggle"):
        attempt("page", "digit-recognizer", 5, token="")
    assert kaggle.count("list") == 0


def test_import_that_hangs_ends_at_the_timeout(kaggle: KaggleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    kaggle.fail("introspect", ServerFault("stall"))
    with pytest.raises(CallError, match=r"did not answer within 0\.5 s"):
        attempt("limits", "digit-recognizer", 0.5)


def test_unknown_token_is_refused_with_its_variable(
    kaggle: KaggleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_revoked")
    with pytest.raises(UserError, match="KAGGLE_API_TOKEN: Kaggle refuses this token"):
        attempt("limits", "digit-recognizer", 10)
    assert kaggle.count("limits") == 0
