"""Credentials from where the official client looks for them, in its order: read, checked and passed on.

The client ignores a file that it cannot read, and fails at a line break or a byte order mark. So kit reads
files and variables itself, and gives the client's process clean values.
"""

import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from kit.errors import UserError
from kit.kaggle_client.files import WAYS, checked, read, read_json


class Found(NamedTuple):
    """Credentials of one place.

    Attributes:
        kind: token, key or login.
        source: the variable or the file that holds them, for people.
        values: the token alone; or user and key; or the content of credentials.json alone.
        secrets: what must not be shown.
    """

    kind: str
    source: str
    values: tuple[str, ...]
    secrets: tuple[str, ...]


def credentials() -> list[Found]:
    """Return what can be used, in the client's order: the first counts. Kaggle may not take it.

    Raises:
        UserError: there are none, but a file that should hold them and cannot be used; or a variable cannot
            be used, and nothing goes before it.
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
    is_token = bool(found) and found[0].kind == "token"
    return UserError(
        f"Kaggle refuses {'this token' if is_token else 'these credentials'}",
        where=found[0].source if found else None,
        received=received,
        hint=f"expired, or revoked? {WAYS}",
    )


def secrets() -> set[str]:
    """Return every secret that is where the client looks, to keep it out of messages."""
    found = {secret for one in _look()[0] for secret in one.secrets}
    named = (os.environ.get(name, "").strip() for name in ("KAGGLE_KEY", "KAGGLE_API_TOKEN"))
    return {secret for secret in (*found, *named) if secret and not os.path.isfile(secret)}  # noqa: PTH113 - Path.is_file raises on a long token


def config_file() -> Path | None:
    """Return where the client looks for kaggle.json; None without a home folder."""
    if folder := os.environ.get("KAGGLE_CONFIG_DIR"):
        return Path(os.path.expanduser(folder)) / "kaggle.json"  # noqa: PTH111 - Path's raises without a home
    home = _home()
    # os.path: Path.exists raises where it may not look.
    own = home is not None and os.path.exists(home / ".kaggle")  # noqa: PTH110 - see above
    if home is not None and (own or not sys.platform.startswith("linux")):
        return home / ".kaggle" / "kaggle.json"
    if folder := os.environ.get("XDG_CONFIG_HOME"):
        return Path(folder) / "kaggle" / "kaggle.json"
    return home / ".config" / "kaggle" / "kaggle.json" if home else None


def _look() -> tuple[list[Found], list[UserError]]:
    """Return what each place holds, and why others cannot be used.

    What comes after a variable that cannot be used is passed over: the user set the variable.
    """
    found: list[Found] = []
    problems: dict[str, UserError] = {}
    blocked = False
    for look in _PLACES:
        try:
            one = look()
        except UserError as error:
            problems.setdefault(str(error), error)
            blocked |= look in _VARIABLES and not found
        else:
            found += [one] if one and not blocked else []
    return found, list(problems.values())


def _home() -> Path | None:
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home raises without a home
    return Path(home) if os.path.isabs(home) else None  # noqa: PTH117 - one of each is enough


def _token_of_notebook() -> Found | None:
    file = os.environ.get("KAGGLE_API_V1_TOKEN")
    if not file or not {"KAGGLE_KERNEL_RUN_TYPE", "KAGGLE_DATA_PROXY_URL"} <= os.environ.keys():
        return None
    return _token_in(Path(file))


def _token_of_variable() -> Found | None:
    given = os.environ.get("KAGGLE_API_TOKEN", "").strip()
    path = Path(os.path.expanduser(given))  # noqa: PTH111 - Path's raises without a home
    if given and (os.path.lexists(path) or os.sep in given):
        found = _token_in(path)
        if found is None:
            raise UserError("there is no such file", where=f"KAGGLE_API_TOKEN={given}", hint=WAYS)
        return found
    return _as_token(given, "KAGGLE_API_TOKEN") if given else None


def _token_of_file(name: str) -> Found | None:
    home = _home()
    return _token_in(home / ".kaggle" / name) if home else None


def _token_in(path: Path) -> Found | None:
    value = read(path)
    return None if value is None else _as_token(value, str(path))


def _as_token(value: str, source: str) -> Found:
    value = checked(value, source, "token")
    return Found("token", source, (value,), (value,))


def _key_of_variables() -> Found | None:
    user, key = _given("username"), _given("key")
    if not (user and key):
        return None
    return Found("key", "KAGGLE_USERNAME and KAGGLE_KEY", (user, key), (key,))


def _given(name: str) -> str:
    variable = f"KAGGLE_{name.upper()}"
    return checked(os.environ.get(variable, ""), variable, name)


def _key_of_file() -> Found | None:
    """Return what kaggle.json holds; a variable goes before what is in it."""
    file = config_file()
    folder = os.environ.get("KAGGLE_CONFIG_DIR")
    if file and folder and not os.path.lexists(file.parent):
        raise UserError("there is no such folder", where=f"KAGGLE_CONFIG_DIR={file.parent}", hint=WAYS)
    content = read_json(file) if file else None
    if file is None or content is None:
        if _given("key") and not _given("username"):
            raise UserError("it is set, KAGGLE_USERNAME is not", where="KAGGLE_KEY", hint="set both")
        return None
    given = {name: _given(name) for name in ("username", "key")}
    user, key = (given[name] or checked(_member(content, name, file), str(file), name) for name in given)
    source = " and ".join([str(file), *(f"KAGGLE_{name.upper()}" for name in given if given[name])])
    return Found("key", source, (user, key), (key,))


def _member(content: dict[str, Any], name: str, file: Path) -> str:
    value = content.get(name)
    if isinstance(value, str) and value.strip():
        return value
    received = f"the keys {', '.join(content) or 'none'}"
    if name in content:
        received = f"an empty {name}" if isinstance(value, str) else f"no text in {name}"
    raise UserError(
        f"it has no {name}", where=str(file), expected="username and key", received=received, hint=WAYS
    )


def _login() -> Found | None:
    """Return what `kaggle auth login` left."""
    home = _home()
    file = home / ".kaggle" / "credentials.json" if home else None
    content = read_json(file) if file else None
    if file is None or content is None:
        return None
    again = "run `kaggle auth login` again"
    given = {name: content.get(name) for name in ("refresh_token", "access_token")}
    tokens = {
        name: checked(value, str(file), name) for name, value in given.items() if isinstance(value, str)
    }
    if not tokens.get("refresh_token"):
        raise UserError("it has no refresh_token", where=str(file), hint=again)
    end = content.get("access_token_expiration")
    if end and not _is_time(end):
        raise UserError("its access_token_expiration is no time", where=str(file), hint=again)
    secrets = tuple(filter(None, tokens.values()))
    return Found("login", str(file), (json.dumps(content | tokens),), secrets)


def _is_time(value: object) -> bool:
    try:
        return datetime.fromisoformat(str(value)).tzinfo is not None
    except ValueError:
        return False


_VARIABLES: tuple[Callable[[], Found | None], ...] = (_token_of_variable, _key_of_variables)
_PLACES: tuple[Callable[[], Found | None], ...] = (
    _token_of_notebook,
    _token_of_variable,
    partial(_token_of_file, "access_token"),
    partial(_token_of_file, "access_token.txt"),
    _key_of_variables,
    _key_of_file,
    _login,
)
"""Where the client looks, in its order."""
