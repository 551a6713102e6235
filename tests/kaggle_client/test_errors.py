from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from kit.errors import KitError, UserError
from kit.kaggle_client.errors import CallError, Fault, explain, redacted, seconds_asked, until_midnight

PAGE = "https://www.kaggle.com/competitions/digit-recognizer"


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (Fault("answer", 401, "Unauthenticated"), 2, ["refuses these credentials", "settings/api"]),
        (Fault("answer", 403), 2, ["rules not accepted, or no such competition", f"{PAGE}/rules"]),
        (Fault("answer", 403, "You must accept this competition's rules"), 2, [f"{PAGE}/rules"]),
        (Fault("answer", 404), 2, ["no such competition", PAGE]),
        (Fault("answer", 400, "has used its daily Submission allowance (5)"), 2, ["spent", "00:00"]),
        (Fault("answer", 429, "daily submission limit reached"), 2, ["spent", "00:00"]),
        (Fault("answer", 400, "only accepts Submissions from Notebooks"), 2, ["notebooks only"]),
        (Fault("answer", 403, "Submissions have been disabled"), 2, ["disabled"]),
        (Fault("answer", 400, "The deadline has passed"), 2, ["closed"]),
        (Fault("answer", 400, "Bad blob"), 1, ["HTTP 400", "Bad blob"]),
        (Fault("upload", 403), 1, ["the upload was refused (HTTP 403)"]),
        (Fault("page", message="a web page"), 1, ["a web page", "log in"]),
        (Fault("nothing", message="Could not submit"), 1, ["made no submission", "Could not submit"]),
        (Fault("credentials"), 2, ["no Kaggle credentials", "settings/api"]),
        (Fault("certificate"), 2, ["not signed by one that is trusted", "REQUESTS_CA_BUNDLE"]),
        (Fault("proxy"), 2, ["the proxy refuses the connection", "USER:PASSWORD@HOST:PORT"]),
        (Fault("client", message="ImportError"), 1, ["ImportError", "kit doctor"]),
    ],
)  # fmt: skip
def test_each_fault_has_its_message_and_exit_code(fault: Fault, code: int, words: list[str]) -> None:
    error = explain(fault, "digit-recognizer")
    assert error.exit_code == code
    assert isinstance(error, UserError) == (code == 2)
    assert [word for word in words if word not in str(error)] == []
    assert str(error).count("\n") < 3
    assert not (isinstance(error, CallError) and error.passing)


@pytest.mark.parametrize(
    ("fault", "settled"),
    [
        (Fault("answer", 429), True),
        (Fault("answer", 500), True),
        (Fault("answer", 503), True),
        (Fault("answer", 502), False),
        (Fault("answer", 504), False),
        (Fault("network", message="ConnectionError"), False),
        (Fault("timeout", message="30 s"), False),
        (Fault("upload", 429), False),
        (Fault("upload", 500), False),
    ],
)
def test_what_may_pass_is_marked_so(fault: Fault, settled: bool) -> None:
    error = explain(fault, "digit-recognizer")
    assert isinstance(error, CallError)
    assert error.passing
    assert error.settled == settled
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
    assert seconds_asked(header) == seconds


def test_retry_after_as_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert seconds_asked(format_datetime(later, usegmt=True)) == pytest.approx(90, abs=2)
    assert seconds_asked("Thu, 01 Jan 1970 00:00:00 GMT") == 0


def test_how_long_it_is_to_midnight() -> None:
    assert until_midnight(datetime(2026, 1, 1, 18, 54, 1, tzinfo=UTC)) == "5 h 06 min"
    assert until_midnight(datetime(2026, 12, 31, 0, 0, 0, tzinfo=UTC)) == "24 h 00 min"


@pytest.mark.parametrize(
    ("text", "clean"),
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
def test_secrets_are_left_out(text: str, clean: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_KEY", "my-secret-key")
    assert redacted(text) == clean
