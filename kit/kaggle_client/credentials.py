"""Find and check Kaggle credentials in the places and the order of the official client.

The client ignores unreadable files, and fails on a line break or a byte order mark. So kit reads files and
variables itself, and passes clean values to the client's process.
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
from kit.kaggle_client.files import SETUP_HINT, checked, read, read_json


class Credential(NamedTuple):
    """Credentials from one place.

    Attributes:
        kind: token, key or login.
        source: the variable or file that contains them, for messages.
        values: (token,), (user, key) or (content of credentials.json,).
        secrets: values to mask in all output.
    """

    kind: str
    source: str
    values: tuple[str, ...]
    secrets: tuple[str, ...]


def credentials() -> list[Credential]:
    """Return the usable credentials in the client's order; the first is used. Kaggle may still refuse it.

    Raises:
        UserError: none is usable, and a file or variable is invalid; or an invalid variable precedes all
            usable ones.
    """
    found, problems = _look()
    if problems and not found:
        raise problems[0]
    return found


def has_credentials() -> bool:
    """Return whether there are usable credentials.

    Raises:
        UserError: see `credentials`.
    """
    return bool(credentials())


def usable() -> list[Credential]:
    """Return the usable credentials in the client's order."""
    return _look()[0]


def unusable() -> list[UserError]:
    """Return one error per file or variable with invalid credentials."""
    return _look()[1]


def no_credentials() -> UserError:
    """Return the error for missing or invalid credentials, with instructions."""
    return next(iter(unusable()), UserError("no Kaggle credentials", hint=SETUP_HINT))


def refused(received: str = "") -> UserError:
    """Return the error for credentials that Kaggle refuses; `received` is Kaggle's reason."""
    found = _look()[0]
    if not (found or received):
        return no_credentials()
    is_token = bool(found) and found[0].kind == "token"
    return UserError(
        f"Kaggle refuses {'this token' if is_token else 'these credentials'}",
        where=found[0].source if found else None,
        received=received,
        hint=f"if it expired or was revoked, {SETUP_HINT}",
    )


def secrets() -> set[str]:
    """Return every secret in the places where the client looks, to mask it in messages."""
    found = {secret for credential in _look()[0] for secret in credential.secrets}
    variables = (os.environ.get(name, "").strip() for name in ("KAGGLE_KEY", "KAGGLE_API_TOKEN"))
    return {secret for secret in (*found, *variables) if secret and not os.path.isfile(secret)}  # noqa: PTH113 - Path.is_file raises on a long token


def config_file() -> Path | None:
    """Return the path where the client looks for kaggle.json; None without a home folder."""
    if folder := os.environ.get("KAGGLE_CONFIG_DIR"):
        return Path(os.path.expanduser(folder)) / "kaggle.json"  # noqa: PTH111 - Path's raises without a home
    home = _home()
    # os.path: Path.exists raises in a folder without permission.
    has_folder = home is not None and os.path.exists(home / ".kaggle")  # noqa: PTH110 - see above
    if home is not None and (has_folder or not sys.platform.startswith("linux")):
        return home / ".kaggle" / "kaggle.json"
    if folder := os.environ.get("XDG_CONFIG_HOME"):
        return Path(folder) / "kaggle" / "kaggle.json"
    return home / ".config" / "kaggle" / "kaggle.json" if home else None


def _look() -> tuple[list[Credential], list[UserError]]:
    """Return the usable credentials, and one error per invalid place.

    Places after an invalid variable are skipped: the user set the variable on purpose.
    """
    found: list[Credential] = []
    problems: dict[str, UserError] = {}
    blocked = False
    for look in _PLACES:
        try:
            credential = look()
        except UserError as error:
            problems.setdefault(str(error), error)
            blocked |= look in _VARIABLES and not found
        else:
            found += [credential] if credential and not blocked else []
    return found, list(problems.values())


def _home() -> Path | None:
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home raises without a home
    return Path(home) if os.path.isabs(home) else None  # noqa: PTH117 - a string


def _notebook_token() -> Credential | None:
    file = os.environ.get("KAGGLE_API_V1_TOKEN")
    if not file or not {"KAGGLE_KERNEL_RUN_TYPE", "KAGGLE_DATA_PROXY_URL"} <= os.environ.keys():
        return None
    return _token_in(Path(file))


def _variable_token() -> Credential | None:
    value = os.environ.get("KAGGLE_API_TOKEN", "").strip()
    path = Path(os.path.expanduser(value))  # noqa: PTH111 - Path's raises without a home
    if value and (os.path.lexists(path) or os.sep in value):
        found = _token_in(path)
        if found is None:
            raise UserError("there is no such file", where=f"KAGGLE_API_TOKEN={value}", hint=SETUP_HINT)
        return found
    return _as_token(value, "KAGGLE_API_TOKEN") if value else None


def _file_token(name: str) -> Credential | None:
    home = _home()
    return _token_in(home / ".kaggle" / name) if home else None


def _token_in(path: Path) -> Credential | None:
    value = read(path)
    return None if value is None else _as_token(value, str(path))


def _as_token(value: str, source: str) -> Credential:
    value = checked(value, source, "token")
    return Credential("token", source, (value,), (value,))


def _variable_key() -> Credential | None:
    user, key = _variable("username"), _variable("key")
    if not (user and key):
        return None
    return Credential("key", "KAGGLE_USERNAME and KAGGLE_KEY", (user, key), (key,))


def _variable(name: str) -> str:
    variable = f"KAGGLE_{name.upper()}"
    return checked(os.environ.get(variable, ""), variable, name)


def _file_key() -> Credential | None:
    """Return user and key from kaggle.json; a variable takes precedence over the value in the file."""
    file = config_file()
    folder = os.environ.get("KAGGLE_CONFIG_DIR")
    if file and folder and not os.path.lexists(file.parent):
        raise UserError("there is no such folder", where=f"KAGGLE_CONFIG_DIR={file.parent}", hint=SETUP_HINT)
    content = read_json(file) if file else None
    if file is None or content is None:
        if _variable("key") and not _variable("username"):
            raise UserError("set without KAGGLE_USERNAME", where="KAGGLE_KEY", hint="set both")
        return None
    variables = {name: _variable(name) for name in ("username", "key")}
    user, key = (
        value or checked(_text(content, name, file), str(file), name) for name, value in variables.items()
    )
    source = " and ".join([str(file), *(f"KAGGLE_{name.upper()}" for name in variables if variables[name])])
    return Credential("key", source, (user, key), (key,))


def _text(content: dict[str, Any], name: str, file: Path) -> str:
    value = content.get(name)
    if isinstance(value, str) and value.strip():
        return value
    received = f"the keys {', '.join(content)}" if content else "no keys"
    if name in content:
        received = f"an empty {name}" if isinstance(value, str) else f"a {name} that is not a string"
    raise UserError(
        f"{name} missing", where=str(file), expected="username and key", received=received, hint=SETUP_HINT
    )


def _login() -> Credential | None:
    """Return the login stored by `kaggle auth login`."""
    home = _home()
    file = home / ".kaggle" / "credentials.json" if home else None
    content = read_json(file) if file else None
    if file is None or content is None:
        return None
    hint = "run `kaggle auth login` again"
    values = {name: content.get(name) for name in ("refresh_token", "access_token")}
    tokens = {
        name: checked(value, str(file), name) for name, value in values.items() if isinstance(value, str)
    }
    if not tokens.get("refresh_token"):
        raise UserError("refresh_token missing", where=str(file), hint=hint)
    end = content.get("access_token_expiration")
    if end and not _is_timestamp(end):
        raise UserError("access_token_expiration is not a date and time", where=str(file), hint=hint)
    secrets = tuple(filter(None, tokens.values()))
    return Credential("login", str(file), (json.dumps(content | tokens),), secrets)


def _is_timestamp(value: object) -> bool:
    try:
        return datetime.fromisoformat(str(value)).tzinfo is not None
    except ValueError:
        return False


_VARIABLES: tuple[Callable[[], Credential | None], ...] = (_variable_token, _variable_key)
_PLACES: tuple[Callable[[], Credential | None], ...] = (
    _notebook_token,
    _variable_token,
    partial(_file_token, "access_token"),
    partial(_file_token, "access_token.txt"),
    _variable_key,
    _file_key,
    _login,
)
"""The places where the client looks, in its order."""
