"""Where the official client finds its credentials, in its order. Reads files and the environment."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from kit.errors import KitError, UserError

WAYS = (
    "make a token at https://www.kaggle.com/settings/api, then `export KAGGLE_API_TOKEN=<token>`, "
    "or save it in ~/.kaggle/access_token, or put a kaggle.json there, or run `kaggle auth login`"
)


def has_credentials() -> bool:
    """Say whether the official client would find credentials; whether Kaggle takes them, it cannot know."""
    return bool(_token() or _key() or _oauth().get("refresh_token"))


def no_credentials() -> UserError:
    """Return the error that says how to set credentials, naming a kaggle.json that cannot be read."""
    file = config_file()
    if file.is_file() and not _json(file):
        return UserError(
            "not readable as JSON, so there are no Kaggle credentials", where=str(file), hint=WAYS
        )
    return UserError("no Kaggle credentials", hint=WAYS)


def secrets() -> set[str]:
    """Return every secret that is where the client looks, to keep it out of messages."""
    found: list[object] = [os.environ.get("KAGGLE_KEY")]
    for read in (_token, _key, lambda: [_oauth().get(name) for name in ("refresh_token", "access_token")]):
        try:
            value: object = read()
        except (KitError, RuntimeError):
            continue  # What the client cannot read either, or there is no home folder.
        found += value if isinstance(value, list) else [value]
    return {secret.strip() for secret in found if isinstance(secret, str) and secret.strip()}


def config_file() -> Path:
    """Return where the client looks for kaggle.json."""
    if folder := os.environ.get("KAGGLE_CONFIG_DIR"):
        return Path(folder) / "kaggle.json"
    home = Path.home() / ".kaggle"
    if not home.exists() and sys.platform.startswith("linux"):
        home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "kaggle"
    return home / "kaggle.json"


def _token() -> str:
    environment = os.environ
    if {"KAGGLE_KERNEL_RUN_TYPE", "KAGGLE_DATA_PROXY_URL"} <= environment.keys():
        token = _text(environment.get("KAGGLE_API_V1_TOKEN", ""))
        if token:
            return token
    if token := environment.get("KAGGLE_API_TOKEN", ""):
        # An existing path is a file that holds the token. os.path: Path.exists raises on a long token.
        return _text(token) if os.path.exists(token) else token  # noqa: PTH110 - see above
    folder = Path.home() / ".kaggle"
    return _text(folder / "access_token") or _text(folder / "access_token.txt")


def _key() -> str:
    values = _json(config_file())
    user, key = (os.environ.get(f"KAGGLE_{name.upper()}", values.get(name)) for name in ("username", "key"))
    return str(key) if user and key else ""


def _oauth() -> dict[str, Any]:
    return _json(Path.home() / ".kaggle" / "credentials.json")


def _text(path: Path | str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
