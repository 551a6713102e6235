"""Credentials from where the official client looks for them, in its order: read, checked and passed on.

The client ignores a file that it cannot read, and fails at a line break or a byte order mark. So kit reads
files and variables itself, and gives the client's process clean values.
"""

import json
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kit.errors import UserError
from kit.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Callable

WAYS = (
    "make a token at https://www.kaggle.com/settings/api, then `export KAGGLE_API_TOKEN=<token>`, "
    "or save it in ~/.kaggle/access_token, or put a kaggle.json there, or run `kaggle auth login`"
)
_PASSED = ("KAGGLE_API_V1_TOKEN", "KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_CONFIG_DIR")
_MARKS = {b"\xef\xbb\xbf": "a byte order mark", b"\xff\xfe": "UTF-16 text", b"\xfe\xff": "UTF-16 text"}


class Found(NamedTuple):
    """Credentials of one kind.

    Attributes:
        kind: token, key or login.
        source: the variable or the file that holds them, for people.
        variables: how the client's process gets them.
        secrets: what must not be shown.
    """

    kind: str
    source: str
    variables: dict[str, str]
    secrets: tuple[str, ...]


def credentials() -> list[Found]:
    """Return the credentials that the client may use, in its order; whether Kaggle takes them is not known.

    Raises:
        UserError: there are none, but a file or variable that should hold them and cannot be used.
    """
    found, problems = _look()
    if problems and not found:
        raise problems[0]
    return found


def has_credentials() -> bool:
    """Say whether there are credentials.

    Raises:
        UserError: see `credentials`.
    """
    return bool(credentials())


def usable() -> list[Found]:
    """Return the credentials that can be used, in the client's order."""
    return _look()[0]


def unusable() -> list[UserError]:
    """Return an error for each file and variable that should hold credentials and cannot be used."""
    return _look()[1]


def no_credentials() -> UserError:
    """Return the error that says how to set credentials, or why those that are there cannot be used."""
    return next(iter(unusable()), UserError("no Kaggle credentials", hint=WAYS))


def refused(received: str = "") -> UserError:
    """Return the error of credentials that Kaggle does not accept; `received` is Kaggle's reason."""
    found = _look()[0]
    if not (found or received):
        return no_credentials()
    return UserError(
        f"Kaggle refuses {'this token' if [one.kind for one in found] == ['token'] else 'these credentials'}",
        where=" and ".join(one.source for one in found) or None,
        received=received,
        hint=f"expired, or revoked? {WAYS}",
    )


def secrets() -> set[str]:
    """Return every secret that is where the client looks, to keep it out of messages."""
    found = {secret for one in _look()[0] for secret in one.secrets}
    named = (os.environ.get(name, "").strip() for name in ("KAGGLE_KEY", "KAGGLE_API_TOKEN"))
    return {secret for secret in (*found, *named) if secret and not os.path.isfile(secret)}  # noqa: PTH113 - Path.is_file raises on a long token


def variables() -> dict[str, str | None]:
    """Return what to change in the environment of the client's process: None takes a variable away.

    The client gets its credentials by variables, and a home and a configuration folder that it can write to.
    """
    found = credentials()
    changes: dict[str, str | None] = dict.fromkeys(_PASSED)
    for one in found:
        changes |= one.variables
    changes["KAGGLE_CONFIG_DIR"] = str(scratch())
    if not any(one.kind == "login" for one in found):
        changes["HOME"] = str(scratch())
    return changes


def config_file() -> Path | None:
    """Return where the client looks for kaggle.json; None without a home folder."""
    if folder := os.environ.get("KAGGLE_CONFIG_DIR"):
        return Path(os.path.expanduser(folder)) / "kaggle.json"  # noqa: PTH111 - Path's raises without a home
    home = _home()
    # os.path: Path.is_dir raises where the home may not be searched.
    if home is not None and (os.path.isdir(home / ".kaggle") or not sys.platform.startswith("linux")):  # noqa: PTH112 - see above
        return home / ".kaggle" / "kaggle.json"
    if folder := os.environ.get("XDG_CONFIG_HOME"):
        return Path(folder) / "kaggle" / "kaggle.json"
    return home / ".config" / "kaggle" / "kaggle.json" if home else None


def _look() -> tuple[list[Found], list[UserError]]:
    """Return the credentials of each kind, and why others cannot be used."""
    found, problems = [], []
    looks: tuple[Callable[[], Found | None], ...] = (_token, _key, _login)
    for look in looks:
        try:
            if (one := look()) is not None:
                found.append(one)
        except UserError as error:
            problems.append(error)
    return found, problems


def _home() -> Path | None:
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home raises without a home
    return Path(home) if os.path.isabs(home) else None  # noqa: PTH117 - one of each is enough


def _token() -> Found | None:
    """Return the token that the client takes: the first place that holds one counts."""
    environment, home = os.environ, _home()
    places: list[Path] = []
    if {"KAGGLE_KERNEL_RUN_TYPE", "KAGGLE_DATA_PROXY_URL"} <= environment.keys():
        places.append(Path(environment.get("KAGGLE_API_V1_TOKEN", "")))
    elif given := environment.get("KAGGLE_API_TOKEN", "").strip():
        path = os.path.expanduser(given)  # noqa: PTH111 - Path's raises without a home
        if not (os.path.lexists(path) or os.sep in given):
            return _as_token(given, "KAGGLE_API_TOKEN")
        if not os.path.lexists(path):
            raise UserError("there is no such file", where=f"KAGGLE_API_TOKEN={given}", hint=WAYS)
        value = _read(Path(path))
        return _as_token(value, path) if value else None
    if home:
        places += [home / ".kaggle" / name for name in ("access_token", "access_token.txt")]
    for place in places:
        if os.path.lexists(place) and (value := _read(place)):
            return _as_token(value, str(place))
    return None


def _as_token(value: str, source: str) -> Found:
    value = _checked(value, source, "token")
    return Found("token", source, {"KAGGLE_API_TOKEN": value}, (value,))


def _key() -> Found | None:
    """Return user and key: each from its variable, else from kaggle.json."""
    given = {name: os.environ.get(f"KAGGLE_{name.upper()}", "").strip() for name in ("username", "key")}
    sources = {name: f"KAGGLE_{name.upper()}" for name in given}
    if not all(given.values()):
        file = config_file()
        if file is not None and os.environ.get("KAGGLE_CONFIG_DIR") and not os.path.isdir(file.parent):  # noqa: PTH112 - as above
            what = "not a folder" if os.path.lexists(file.parent) else "there is no such folder"
            raise UserError(what, where=f"KAGGLE_CONFIG_DIR={file.parent}", hint=WAYS)
        if file is None or not os.path.lexists(file):
            if given["key"]:
                raise UserError("it is set, KAGGLE_USERNAME is not", where="KAGGLE_KEY", hint="set both")
            return None
        content = _read_json(file)
        for name in [name for name, value in given.items() if not value]:
            given[name], sources[name] = _member(content, name, file), str(file)
    user, key = (_checked(given[name], sources[name], name) for name in ("username", "key"))
    source = " and ".join(dict.fromkeys(sources.values()))
    return Found("key", source, {"KAGGLE_USERNAME": user, "KAGGLE_KEY": key}, (key,))


def _member(content: dict[str, Any], name: str, file: Path) -> str:
    value = content.get(name)
    if isinstance(value, str) and value.strip():
        return value.strip()
    received = f"an empty {name}" if name in content else f"the keys {', '.join(content) or 'none'}"
    raise UserError(
        f"it has no {name}", where=str(file), expected="username and key", received=received, hint=WAYS
    )


def _login() -> Found | None:
    """Return what `kaggle auth login` left."""
    home = _home()
    file = home / ".kaggle" / "credentials.json" if home else None
    if file is None or not os.path.lexists(file):
        return None
    content = _read_json(file)
    tokens = tuple(
        token
        for name in ("refresh_token", "access_token")
        if isinstance(token := content.get(name), str) and token
    )
    return Found("login", str(file), {}, tokens) if content.get("refresh_token") else None


def _read_json(path: Path) -> dict[str, Any]:
    text = _read(path)
    try:
        content = json.loads(text)
    except ValueError as error:
        what = "the file is empty" if not text else f"not readable as JSON: {error}"
        raise UserError(what, where=str(path), expected="username and key as JSON", hint=WAYS) from None
    if not isinstance(content, dict):
        received = type(content).__name__
        raise UserError("not a JSON object", where=str(path), received=received, hint=WAYS)
    return content


def _read(path: Path) -> str:
    """Return the text of a credentials file, without white space around it.

    Raises:
        UserError: it cannot be read, and why.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UserError("a folder in place of a credentials file", where=str(path), hint=WAYS)
        if not stat.S_ISREG(mode):  # Reading a pipe would wait for ever.
            raise UserError("not a regular file", where=str(path), hint=WAYS)
        raw = path.read_bytes()
    except OSError as error:
        hint = f"chmod u+r {path}" if isinstance(error, PermissionError) else WAYS
        what = f"these Kaggle credentials cannot be read: {error.strerror}"
        raise UserError(what, where=str(path), hint=hint) from None
    for mark, kind in _MARKS.items():
        if raw.startswith(mark):
            hint = "save it as plain UTF-8 without a byte order mark"
            raise UserError(f"it begins with {kind}", where=str(path), expected="plain UTF-8", hint=hint)
    try:
        return raw.decode().strip()
    except UnicodeDecodeError:
        raise UserError("not text in UTF-8", where=str(path), hint=WAYS) from None


def _checked(value: str, source: str, what: str) -> str:
    """Return a user name, key or token that an HTTP header can hold.

    Raises:
        UserError: it has a character that none of them has.
    """
    value = value.strip()
    odd = next((letter for letter in value if not "!" <= letter <= "~"), None)
    if odd is None:
        return value
    name = {"\ufeff": "a byte order mark", "\n": "a line break", "\r": "a line break", " ": "a space"}.get(
        odd
    )
    raise UserError(
        f"the {what} has a character that Kaggle's never have",
        where=source,
        expected="letters, digits and signs of ASCII",
        received=name or ascii(odd).strip("'"),
        hint="copy it again",
    )
