"""Mask secrets in all output: messages, logs, files, pages and tracebacks.

`masked` replaces text that looks like a secret, and every secret registered with `learn`: a database driver
may quote a password without its URL.
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
MIN_LENGTH = 4
"""Minimum characters of a secret masked by its value: shorter ones occur in ordinary words."""
MAX_END = 30
"""Maximum characters of a secret's start or end that a shortened message may show."""

_KEY = r"(?:password|passwd|passphrase|pwd|secret|token|api_?key|(?:access|secret|private|kaggle)_?key)"
_ORDINARY = r"(?!(?:\*\*\*|<token>|<password>|none\b|true\b|false\b|yes\b|no\b))"
_QUOTED = r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|\{[^}]*\}"

_URL = r"(?<![\w+.-])([a-z][\w+.-]*:[/\\]+|\w+//)([^\s:]*):(?!<password>@)"
"""Matches a URL up to the colon before its password, even without its first colon or some slashes."""
_BARE = r"(?<![\w+.%@:/\\-])(?!mailto:)([\w+.%-]+):(?![/\\])"
"""The same for a URL without scheme or without slashes."""

_PATTERNS = (
    (re.compile(rf"{_URL}\S*@", re.IGNORECASE), rf"\1\2:{MASK}@"),
    (re.compile(rf"{_BARE}[^\s@]\S*@(?=[\w\[])", re.IGNORECASE), rf"\1:{MASK}@"),
    # A signed URL grants access by itself: its whole query is masked.
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

_CONTROLS = re.compile(
    # All but tab, line feed, carriage return and escape; and an escape that starts something else than
    # colours, cursor movement by lines, erasing of a line, or hiding of the cursor, which rich and kit write.
    r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]|\x1b(?!\[(?:[\d;]*m|\d*[AGK]|\?25[hl]))"
)

_known: dict[str, re.Pattern[str]] = {}
_sources: list[Callable[[], Iterable[str]]] = []


def masked(text: str) -> str:
    """Return `text` with every registered secret, and everything that looks like a secret, replaced by ***.

    Recognised by pattern: passwords in URLs, even malformed ones; values of keys such as `password=` or
    `token=`; the query of a signed URL; authorization headers; Kaggle tokens.
    """
    while source := next(iter(_sources), None):
        learn(*source())
        with suppress(ValueError):  # Another thread removed it.
            _sources.remove(source)
    for pattern in list(_known.values()):
        text = pattern.sub(MASK, text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def learn_later(source: Callable[[], Iterable[str]]) -> None:
    """Register the secrets that `source` returns; it is called once, before the next text is masked.

    Reading credentials takes longer than `kit --help`, which has nothing to mask.
    """
    _sources.append(source)


def learn(*secrets: str | None) -> None:
    """Mask `secrets` from now on, in every form of quoting; those shorter than `MIN_LENGTH` are ignored."""
    for secret in secrets:
        if secret and len(secret) >= MIN_LENGTH and secret not in _known:
            _known[secret] = _pattern(secret)


def learn_from(text: str, *, is_url: bool = False) -> None:
    """Register the secrets in `text`, such as a command-line argument.

    A password that equals the URL's user, host, database or part of its scheme (postgres:postgres@...) is
    masked in the URL only, not everywhere.

    Args:
        text: an argument or a URL.
        is_url: whether `text` is a URL even without slashes.
    """
    for prefix in (_URL, _BARE) if is_url else (_URL,):
        if found := re.search(rf"{prefix}(?P<password>.*)@(?P<rest>.*)", text, re.IGNORECASE | re.DOTALL):
            public = {*found.groups()[:-2], *re.split(r"[/:?]", found["rest"])}
            scheme = found[1].lower()
            parts = {found["password"], *re.split(r"[@/:?#&]", found["password"])}
            learn(*(part for part in parts - public if part.lower() not in scheme))
            break
    for form in (text, unquote(text)):
        for value in re.findall(rf"{_KEY}=([^&\s]+)", form, re.IGNORECASE):
            learn(value, value.partition("#")[0], value.rstrip(";'\""))


def harmless(text: str) -> str:
    """Return `text` with control characters written out in hexadecimal, but for those that draw progress.

    Labels, names of files and messages of servers come from other people: an escape sequence in them could
    clear the terminal, change its title or its clipboard.
    """
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


class HarmlessStream(io.TextIOBase):
    """A stream to a terminal that takes no control characters, see `harmless`. It has no `buffer`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has a variable; in fact a property
        """Encoding of the underlying stream."""
        return self._stream.encoding

    def write(self, text: str) -> int:
        """Write `text` without what would control the terminal; return its length before the change."""
        self._stream.write(harmless(text) if self._stream.isatty() else text)
        return len(text)

    def flush(self) -> None:
        """Flush the underlying stream."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Return whether the underlying stream is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the underlying stream, for child processes."""
        return self._stream.fileno()


class MaskedStream(HarmlessStream):
    """A stream that masks all text written to it, wherever it leads.

    It has no `buffer`, so bytes cannot bypass the mask.
    """

    def write(self, text: str) -> int:
        """Write `text`, masked; return its length before masking."""
        super().write(masked(text))
        return len(text)


def _pattern(secret: str) -> re.Pattern[str]:
    """Return a pattern that matches `secret` in every form of quoting, and where a message shortens it."""
    forms = sorted(set(_forms(secret)), key=len, reverse=True)
    # As in pydantic's "input_value='postgresql://me:sec...host/db'", which shows 25 characters of each end.
    ends = range(MIN_LENGTH, MAX_END + 1)
    shortened = [
        f"{re.escape(form[:end])}(?=\\.\\.\\.|…)"
        for form in forms
        for end in reversed(ends)
        if end < len(form)
    ]
    shortened += [
        f"(?<=\\.\\.\\.){re.escape(form[-end:])}"
        for form in forms
        for end in reversed(ends)
        if end < len(form)
    ]
    return re.compile("|".join([*map(re.escape, forms), *shortened]))


def _forms(secret: str) -> Iterator[str]:
    for form in (secret, unquote(secret), unquote_plus(secret)):
        if len(form) < MIN_LENGTH:
            continue
        yield form
        for safe in ("", "/", " +"):
            yield quote(form, safe=safe)
        yield quote_plus(form)
        yield repr(form)[1:-1]
        yield ascii(form)[1:-1]
        yield json.dumps(form)[1:-1]
        yield html.escape(form)
        # Quoting in libpq DSNs and in shells.
        yield form.replace("\\", "\\\\").replace("'", "\\'")
        yield form.replace("'", "''")
        yield form.replace("'", "'\"'\"'")
