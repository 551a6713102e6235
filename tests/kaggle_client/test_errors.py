from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from kit.errors import KitError, UserError
from kit.kaggle_client.errors import CallError, Fault, explain, redacted, retry_after_seconds, until_midnight

PAGE = "https://www.kaggle.com/competitions/digit-recognizer"


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (Fault("status", 401, "Unauthenticated"), 2, ["refuses these credentials", "settings/api"]),
        (Fault("status", 403), 2, ["rules not accepted, or no such competition", f"{PAGE}/rules"]),
        (Fault("status", 403, "You must accept this competition's rules"), 2, [f"{PAGE}/rules"]),
        (Fault("status", 404), 2, ["no such competition", PAGE]),
        (Fault("status", 400, "used its daily Submission allowance (5)"), 2, ["limit is reached", "00:00"]),
        (Fault("status", 429, "daily submission limit reached"), 2, ["limit is reached", "00:00"]),
        (Fault("status", 400, "only accepts Submissions from Notebooks"), 2, ["notebooks only"]),
        (Fault("status", 403, "Submissions have been disabled"), 2, ["disabled"]),
        (Fault("status", 400, "The deadline has passed"), 2, ["closed"]),
        (Fault("status", 400, "Bad blob"), 1, ["HTTP 400", "Bad blob"]),
        (Fault("upload", 403), 1, ["the upload was refused (HTTP 403)"]),
        (Fault("page", message="a web page"), 1, ["a web page", "log in"]),
        (Fault("no_submission", message="Could not submit"), 1, ["no submission", "Could not submit"]),
        (Fault("credentials"), 2, ["no Kaggle credentials", "settings/api"]),
        (Fault("certificate"), 2, ["Kaggle's certificate is not trusted", "REQUESTS_CA_BUNDLE"]),
        (Fault("proxy"), 2, ["the proxy refuses the connection", "USER:PASSWORD@HOST:PORT"]),
        (Fault("not_installed", message="no kaggle"), 2, ["received no kaggle", "pip install kaggle"]),
        (Fault("client", message="ImportError"), 1, ["ImportError", "kit doctor"]),
    ],
)  # fmt: skip
def test_each_fault_has_its_message_and_exit_code(fault: Fault, code: int, words: list[str]) -> None:
    error = explain(fault, "digit-recognizer")
    assert error.exit_code == code
    assert isinstance(error, UserError) == (code == 2)
    assert [word for word in words if word not in str(error)] == []
    assert str(error).count("\n") < 3
    assert not (isinstance(error, CallError) and error.transient)


@pytest.mark.parametrize(
    ("fault", "answered"),
    [
        (Fault("status", 429), True),
        (Fault("status", 500), True),
        (Fault("status", 503), True),
        (Fault("status", 502), False),
        (Fault("status", 504), False),
        (Fault("network", message="ConnectionError"), False),
        (Fault("timeout", message="30 s"), False),
        (Fault("upload", 429), False),
        (Fault("upload", 500), False),
    ],
)
def test_transient_faults(fault: Fault, answered: bool) -> None:
    error = explain(fault, "digit-recognizer")
    assert isinstance(error, CallError)
    assert error.transient
    assert error.answered == answered
    assert isinstance(error.after(6), KitError)
    assert "tried 6 times" in str(error.after(6))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("2", 2),
        (" 2.5 ", 2.5),
        ("soon", None),
        ("", None),
        ("-3", None),
        ("nan", None),
        ("1e9", None),
    ],
)
def test_retry_after_in_seconds(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header) == seconds


def test_retry_after_as_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert retry_after_seconds(format_datetime(later, usegmt=True)) == pytest.approx(90, abs=2)
    assert retry_after_seconds("Thu, 01 Jan 1970 00:00:00 GMT") == 0


def test_time_until_midnight() -> None:
    assert until_midnight(datetime(2026, 1, 1, 18, 54, 1, tzinfo=UTC)) == "5 h 06 min"
    assert until_midnight(datetime(2026, 12, 31, 0, 0, 0, tzinfo=UTC)) == "24 h 00 min"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("wrong key my-secret-key here", "wrong key *** here"),
        (
            "GET https://s.test/x.zip?GoogleAccessId=a&Signature=b failed",
            "GET https://s.test/x.zip?*** failed",
        ),
        ("url: /x?Expires=1&Signature=abc (Caused by", "url: /x?*** (Caused by"),
        ("Authorization: Basic bWU6a2V5", "authorization: ***"),
        ("bearer abc.def", "bearer ***"),
        ("token KGAT_0123abcd", "token ***"),
        ("two\nlines\x1b[31m", "two lines[31m"),
        ("is it? yes", "is it? yes"),
    ],
)
def test_secrets_are_masked(text: str, masked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_KEY", "my-secret-key")
    assert redacted(text) == masked
