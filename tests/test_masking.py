"""Secrets are masked; other text is unchanged."""

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

# No deadline, as busy machines are slow; no database in the working folder.
settings.register_profile("kit", deadline=None, database=None)
settings.load_profile("kit")

LETTERS = string.ascii_letters + string.digits
names = st.text(LETTERS + "-", min_size=1, max_size=12)
schemes = st.sampled_from(
    ("postgresql://", "POSTGRES://", "mysql+pymysql://", "redis://", "foo:/", "mysql//")
)
paths = st.sampled_from(("", "/", "/optuna", "/db?sslmode=require", "/a.b#c"))
# Prefixed with a symbol: otherwise a password may occur in the surrounding words.
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
def _no_registered_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "_known", {})


@given(schemes, st.just("") | names, closed_passwords, st.tuples(names, paths), contexts)
def test_url_password_is_masked(
    scheme: str, user: str, password: str, place: tuple[str, str], context: str
) -> None:
    text = context.replace("{}", f"{scheme}{user}:{password}@{''.join(place)}")
    output = masked(text)
    assert password not in output
    assert masked(output) == output


@given(schemes, names, passwords, names, paths)
def test_password_of_an_argument_is_masked_without_its_url(
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
def test_value_of_a_secret_key_is_masked(host: str, secret: str, form: str) -> None:
    assume(not {'"', "\\"} & set(secret))
    output = masked(form.format(host=host, secret=secret))
    assert secret not in output
    assert masked(output) == output


@given(st.text(LETTERS + " .,-_/()'\"\n", max_size=80))
def test_plain_text_is_unchanged(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:///runs/tune-a/study.db",
        "postgresql://alice@host:5432/db?sslmode=require",
        "as in sqlite:///FILE.db, or postgresql://USER:<password>@HOST/DATABASE",
        "create a token at https://www.kaggle.com/settings/api, then `export KAGGLE_API_TOKEN=<token>`",
        "Access denied for user 'me'@'localhost' (using password: YES)",
        "basic configuration of the bearer",
        "KAGGLE_API_TOKEN: refused by Kaggle",
        "at 12:30, write to me@example.org",
        "https://example.org:8080/page?id=3",
        "configs/a?b=c.yaml: unknown key",
    ],
)
def test_text_similar_to_a_secret_is_unchanged(text: str) -> None:
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
def test_form_of_masked_secrets(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_shortened_secret_is_masked() -> None:
    learn("S3cretPassw0rd")
    assert masked("input_value='alice S3cretP...w0rd at host'") == "input_value='alice ***...*** at host'"


@pytest.mark.parametrize("secret", ["", "a", "e.g"])
def test_short_secrets_are_not_masked(secret: str) -> None:
    learn(secret)
    assert masked("a trial, e.g. the first") == "a trial, e.g. the first"


def test_password_equal_to_another_part_of_the_url_is_not_masked_elsewhere() -> None:
    learn_from("postgresql://optuna:optuna@localhost/optuna")
    assert masked("pip install optuna-dashboard") == "pip install optuna-dashboard"


def test_stream_masks_its_text() -> None:
    underlying = io.StringIO()
    stream = MaskedStream(underlying)
    print("see", "redis://:s3cr@h", file=stream)
    assert underlying.getvalue() == f"see redis://:{MASK}@h\n"
    assert not hasattr(stream, "buffer")


def test_late_secrets_are_read_once_before_the_next_text() -> None:
    reads: list[str] = []

    def source() -> list[str]:
        reads.append("read")
        return ["a-late-secret"]

    masking.learn_later(source)
    assert reads == []
    assert masking.masked("it is a-late-secret") == "it is ***"
    assert masking.masked("a-late-secret") == "***"
    assert reads == ["read"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


ATTACKS = {
    "\x1b]0;title\x07": r"\x1b]0;title\x07",
    "\x1b]52;c;Y3VybA==\x1b\\": r"\x1b]52;c;Y3VybA==\x1b" + "\\",
    "\x1b[2J\x1b[H": r"\x1b[2J\x1b[H",
    "\x1bc": r"\x1bc",
    "\x9b2J": r"\x9b2J",
    "\x1b": r"\x1b",
    "a\x00b\x08\x7f": r"a\x00b\x08\x7f",
}


@pytest.mark.parametrize("kind", [MaskedStream, masking.HarmlessStream])
@pytest.mark.parametrize("text", ATTACKS, ids=ascii)
def test_no_text_controls_the_terminal(kind: type[masking.HarmlessStream], text: str) -> None:
    underlying = Terminal()
    kind(underlying).write(f"label {text}\n")
    assert underlying.getvalue() == f"label {ATTACKS[text]}\n"


@pytest.mark.parametrize(
    "text",
    ["\x1b[1;31mred\x1b[0m", "\r\x1b[2K", "\x1b[1A\x1b[2K", "\x1b[?25l", "\x1b[?25h", "é\t漢\r\n"],
    ids=ascii,
)
def test_colours_and_progress_are_drawn(text: str) -> None:
    underlying = Terminal()
    masking.HarmlessStream(underlying).write(text)
    assert underlying.getvalue() == text


def test_a_file_gets_what_was_written() -> None:
    underlying = io.StringIO()
    masking.HarmlessStream(underlying).write("\x1b[2J")
    assert underlying.getvalue() == "\x1b[2J"
