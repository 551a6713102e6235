"""Keep secrets out of all text that leaves the program: messages, logs, files, pages and tracebacks.

`masked` hides what looks like a secret, and wherever they are the secrets that the program knows (`learn`):
a driver's message may quote a password alone.
"""

import html
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TextIO
from urllib.parse import quote, quote_plus, unquote, unquote_plus

MASK = "***"
SHORTEST = 4
"""Letters of a secret that is hidden by its value: shorter ones are parts of ordinary words."""
CUT = 30
"""Letters of a secret's end that a message may show where it cuts the middle out."""

_KEY = r"(?:password|passwd|passphrase|pwd|secret|token|api_?key|(?:access|secret|private|kaggle)_?key)"
_ORDINARY = r"(?!(?:\*\*\*|<token>|<password>|none\b|true\b|false\b|yes\b|no\b))"
_QUOTED = r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|\{[^}]*\}"

_URL = r"(?<![\w+.-])([a-z][\w+.-]*:[/\\]+|\w+//)([^\s:]*):(?!<password>@)"
"""A URL up to the colon in front of its password; the URL may lack its first colon, or some slashes."""
_BARE = r"(?<![\w+.%@:/\\-])(?!mailto:)([\w+.%-]+):(?![/\\])"
"""The same of one that has no scheme, or no slashes."""

_PATTERNS = (
    (re.compile(rf"{_URL}\S*@", re.IGNORECASE), rf"\1\2:{MASK}@"),
    (re.compile(rf"{_BARE}[^\s@]\S*@(?=[\w\[])", re.IGNORECASE), rf"\1:{MASK}@"),
    # Whoever has a signed address needs nothing else: no part of its query is shown.
    (
        re.compile(
            r"\?[^\s\"'<>?]*(?:signature|credential|policy|access(?:key)?id|key-?pair-?id|upload_?id|\bsig)="
            r"[^\s\"'<>]*",
            re.IGNORECASE,
        ),
        f"?{MASK}",
    ),
    (re.compile(rf"([?&][\w.%-]*{_KEY}=){_ORDINARY}[^&\s]*", re.IGNORECASE), rf"\1{MASK}"),
    (
        re.compile(rf"(?<![\w.?&-])([\w.-]*{_KEY}\s?)=(\s?){_ORDINARY}(?:{_QUOTED})", re.IGNORECASE),
        rf"\1=\2{MASK}",
    ),
    (re.compile(rf"(?<![\w.?&-])([\w.-]*{_KEY}(?:=|%3D)){_ORDINARY}[^\s&]\S*", re.IGNORECASE), rf"\1{MASK}"),
    (
        re.compile(rf"((['\"])[\w.-]*{_KEY}\2\s*:\s*)(['\"])(?:\\.|(?!\3).)*\3", re.IGNORECASE),
        rf"\1\3{MASK}\3",
    ),
    (
        re.compile(
            r"\b(?:proxy-)?authorization\b['\"]?\s*[:=]\s*['\"]?(?:(?:basic|bearer|digest|token)\s+)?[^\s'\"]+",
            re.IGNORECASE,
        ),
        f"authorization: {MASK}",
    ),
    (re.compile(r"\b((?i:bearer))\s+(?=\S*[\d._=]|\S{16})[\w.~+/=-]+"), rf"\1 {MASK}"),
    (re.compile(r"\b((?i:basic))\s+(?=\S*(?:\d|=|[a-z][A-Z]))[\w+/=-]+"), rf"\1 {MASK}"),
    (re.compile(r"\bKGAT_\w+"), MASK),
)

_known: dict[str, re.Pattern[str]] = {}
_sources: list[Callable[[], Iterable[str]]] = []


def masked(text: str) -> str:
    """Return `text` with *** in place of every secret that is known, or that looks like one.

    Recognised by their form: passwords in URLs, also in misspelt ones; values of keys such as `password=` or
    `token=`; the query of a signed address; authorization headers; tokens of Kaggle.
    """
    while source := next(iter(_sources), None):
        learn(*source())
        with suppress(ValueError):  # Another thread masks at the same time.
            _sources.remove(source)
    for pattern in list(_known.values()):
        text = pattern.sub(MASK, text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def learn_later(source: Callable[[], Iterable[str]]) -> None:
    """Hide what `source` returns; it is called once, before the next text is masked.

    Reading credentials takes longer than `kit --help` does, which has nothing to hide.
    """
    _sources.append(source)


def learn(*secrets: str | None) -> None:
    """Hide these from now on, wherever they are, in whatever way they are quoted; too short ones are not."""
    for secret in secrets:
        if secret and len(secret) >= SHORTEST and secret not in _known:
            _known[secret] = _pattern(secret)


def learn_from(text: str, *, is_url: bool = False) -> None:
    """Learn the secrets in a text that may be a URL, such as an argument of the command line.

    A password that is also the URL's user, host, database or part of its scheme (postgres:postgres@...) is
    no word to hide everywhere: it is masked in its place alone.

    Args:
        text: the argument, or the URL.
        is_url: whether it is meant as a URL, so that one without any slash is one too.
    """
    for start in (_URL, _BARE) if is_url else (_URL,):
        if found := re.search(rf"{start}(?P<password>.*)@(?P<rest>.*)", text, re.IGNORECASE | re.DOTALL):
            shown = {*found.groups()[:-2], *re.split(r"[/:?]", found["rest"])}
            scheme = found[1].lower()
            parts = {found["password"], *re.split(r"[@/:?#&]", found["password"])}
            learn(*(part for part in parts - shown if part.lower() not in scheme))
            break
    for one in (text, unquote(text)):
        for value in re.findall(rf"{_KEY}=([^&\s]+)", one, re.IGNORECASE):
            learn(value, value.partition("#")[0], value.rstrip(";'\""))


class MaskedStream(io.TextIOBase):
    """A text stream that masks what is written to it.

    It has no `buffer`, past which bytes could be written.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has a variable; the class itself a property
        """Of the stream behind it."""
        return self._stream.encoding

    def write(self, text: str) -> int:
        """Write `text`, masked."""
        self._stream.write(masked(text))
        return len(text)

    def flush(self) -> None:
        """Flush the stream behind it."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Say whether people see it at once."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the stream's descriptor, for child processes."""
        return self._stream.fileno()


def _pattern(secret: str) -> re.Pattern[str]:
    """Return what finds a secret in all ways in which it may be quoted, and where a message cuts it short."""
    forms = sorted(set(_forms(secret)), key=len, reverse=True)
    # As in pydantic's "input_value='postgresql://me:sec...host/db'", which shows 25 letters of each end.
    ends = range(SHORTEST, CUT + 1)
    cut = [
        f"{re.escape(form[:end])}(?=\\.\\.\\.|…)"
        for form in forms
        for end in reversed(ends)
        if end < len(form)
    ]
    cut += [
        f"(?<=\\.\\.\\.){re.escape(form[-end:])}"
        for form in forms
        for end in reversed(ends)
        if end < len(form)
    ]
    return re.compile("|".join([*map(re.escape, forms), *cut]))


def _forms(secret: str) -> Iterator[str]:
    for form in (secret, unquote(secret), unquote_plus(secret)):
        if len(form) < SHORTEST:
            continue
        yield form
        for safe in ("", "/", " +"):
            yield quote(form, safe=safe)
        yield quote_plus(form)
        yield repr(form)[1:-1]
        yield ascii(form)[1:-1]
        yield json.dumps(form)[1:-1]
        yield html.escape(form)
        # In a DSN of libpq, and in shells.
        yield form.replace("\\", "\\\\").replace("'", "\\'")
        yield form.replace("'", "''")
        yield form.replace("'", "'\"'\"'")
