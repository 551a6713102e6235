"""What leaves the program holds no secret; what holds none leaves it unchanged."""

import html
import io
import json
import string
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kit import masking
from kit.masking import MASK, MaskedStream, learn, learn_from, masked

# Busy machines are slow; and nothing is left in the working folder.
settings.register_profile("kit", deadline=None, database=None)
settings.load_profile("kit")

LETTERS = string.ascii_letters + string.digits
names = st.text(LETTERS + "-", min_size=1, max_size=12)
schemes = st.sampled_from(
    ("postgresql://", "POSTGRES://", "mysql+pymysql://", "redis://", "foo:/", "mysql//")
)
paths = st.sampled_from(("", "/", "/optuna", "/db?sslmode=require", "/a.b#c"))
# A symbol in front: else a password may happen to be a part of the words around it.
passwords = st.text(string.ascii_letters + string.digits + string.punctuation + " äß", min_size=3).map(
    lambda text: f"~{text}"
)
closed_passwords = passwords.filter(lambda text: " " not in text)
contexts = st.sampled_from(
    (
        "{}",
        "kit: --storage {}: not an Optuna storage",
        "cannot open '{}'",
        '{{"storage": "{}"}}',
        "[{}, {}]",
        "<{}>",
        "first {}\nthen {} and a word",
        "OperationalError: ({})",
    )
)


@pytest.fixture(autouse=True)
def _knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "_known", {})


@given(schemes, st.just("") | names, closed_passwords, st.tuples(names, paths), contexts)
def test_no_password_of_a_url_is_left(
    scheme: str, user: str, password: str, place: tuple[str, str], context: str
) -> None:
    text = context.replace("{}", f"{scheme}{user}:{password}@{''.join(place)}")
    hidden = masked(text)
    assert password not in hidden
    assert masked(hidden) == hidden


@given(schemes, names, passwords, names, paths)
def test_a_password_in_an_argument_is_hidden_alone_too(
    scheme: str, user: str, password: str, host: str, path: str
) -> None:
    masking._known.clear()
    learn_from(f"--storage={scheme}{user}:{password}@{host}{path}")
    for text in (
        password,
        quote(password),
        quote(password, safe=""),
        repr(password),
        json.dumps(password),
        html.escape(password),
    ):
        shown = masked(f"the driver says: {text} is wrong")
        assert password not in shown
        assert text.strip("'\"") not in shown


@given(
    names,
    closed_passwords.filter(lambda text: "&" not in text and "'" not in text),
    st.sampled_from(
        (
            "postgresql://{host}/db?user=me&password={secret}&sslmode=require",
            "mysql://{host}/db?ssl_ca=x&sslpassword={secret}",
            "password={secret} host={host}",
            "host={host} PASSWORD='{secret}'",
            "PGPASSWORD={secret} psql",
            "connect(host='{host}', password='{secret}')",
            "{{'user': 'me', 'password': '{secret}'}}",
            '{{"api_token": "{secret}"}}',
            "Driver=x;Server={host};Pwd={secret}",
        )
    ),
)
def test_no_value_of_a_secret_key_is_left(host: str, secret: str, form: str) -> None:
    assume(not {'"', "\\"} & set(secret))
    hidden = masked(form.format(host=host, secret=secret))
    assert secret not in hidden
    assert masked(hidden) == hidden


@given(st.text(LETTERS + " .,-_/()'\"\n", max_size=80))
def test_plain_text_is_unchanged(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:///runs/tune-a/study.db",
        "postgresql://alice@host:5432/db?sslmode=require",
        "as in sqlite:///FILE.db, or postgresql://USER:<password>@HOST/DATABASE",
        "make a token at https://www.kaggle.com/settings/api, then `export KAGGLE_API_TOKEN=<token>`",
        "Access denied for user 'me'@'localhost' (using password: YES)",
        "basic configuration of the bearer",
        "KAGGLE_API_TOKEN: refused by Kaggle",
        "at 12:30, write to me@example.org",
        "https://example.org:8080/page?id=3",
        "configs/a?b=c.yaml: unknown key",
    ],
)
def test_what_only_resembles_a_secret_is_unchanged(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:p@h, mysql://v:q@k", "postgresql://u:***@h, mysql://v:***@k"),
        ("alice:s3cr@h/db", "alice:***@h/db"),
        ("postgresql://me@corp:s3cr@h/db", "postgresql://me@corp:***@h/db"),
        ("GET https://s.test/x.zip?a=b&X-Goog-Signature=c failed", "GET https://s.test/x.zip?*** failed"),
        ("put /o?name=x&upload_id=ABP (Caused by", "put /o?*** (Caused by"),
        ("Authorization: Basic bWU6a2V5", "authorization: ***"),
        ("bearer abc.def", "bearer ***"),
        ("token KGAT_0123abcd", "token ***"),
        ("?odbc_connect=DRIVER%3Dx%3BPWD%3Ds3cr%3B", "?odbc_connect=DRIVER%3Dx%3BPWD%3D***"),
    ],
)
def test_how_secrets_are_shown(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_a_secret_that_a_message_cuts_short_is_hidden() -> None:
    learn("S3cretPassw0rd")
    assert masked("input_value='alice S3cretP...w0rd at host'") == "input_value='alice ***...*** at host'"


@pytest.mark.parametrize("secret", ["", "a", "e.g"])
def test_short_secrets_are_not_hidden_everywhere(secret: str) -> None:
    learn(secret)
    assert masked("a trial, e.g. the first") == "a trial, e.g. the first"


def test_a_password_that_the_url_shows_elsewhere_is_no_secret_word() -> None:
    learn_from("postgresql://optuna:optuna@localhost/optuna")
    assert masked("pip install optuna-dashboard") == "pip install optuna-dashboard"


def test_what_is_written_to_a_stream_is_masked() -> None:
    behind = io.StringIO()
    stream = MaskedStream(behind)
    print("see", "redis://:s3cr@h", file=stream)
    assert behind.getvalue() == f"see redis://:{MASK}@h\n"
    assert not hasattr(stream, "buffer")


def test_secrets_that_are_learned_later_are_read_before_the_next_text() -> None:
    reads: list[str] = []

    def source() -> list[str]:
        reads.append("read")
        return ["a-late-secret"]

    masking.learn_later(source)
    assert reads == []
    assert masking.masked("it is a-late-secret") == "it is ***"
    assert masking.masked("a-late-secret") == "***"
    assert reads == ["read"]
