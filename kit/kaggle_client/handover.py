"""Environment of the official client: one set of clean credentials and a writable home folder."""

import hashlib
import os
from pathlib import Path

from kit.kaggle_client.credentials import credentials
from kit.kaggle_client.network import bundle_variable
from kit.scratch import scratch

_CREDENTIAL_VARIABLES = (
    "KAGGLE_API_V1_TOKEN",
    "KAGGLE_API_TOKEN",
    "KAGGLE_USERNAME",
    "KAGGLE_KEY",
    "XDG_CONFIG_HOME",
)
_MAX_FILE_NAME = 255
"""Characters; the client checks whether a token is a file name, and fails on longer ones."""


def client_environment() -> dict[str, str | None]:
    """Return the changes to the environment of the client's process; None removes a variable.

    The client receives only the first credentials: it would otherwise combine a refused token with a key, and
    fail on unreadable files. HOME is a writable folder. Paths are absolute, because the client runs in
    another folder. SSL_CERT_FILE, which the client ignores, is passed as REQUESTS_CA_BUNDLE.
    """
    first = credentials()[0]
    # One folder per login: the client stores the access token there for the next attempt.
    home = scratch() / f"kaggle-{hashlib.sha256(first.values[0].encode()).hexdigest()[:8]}"
    folder = home / ".kaggle"
    folder.mkdir(parents=True, exist_ok=True)
    changes: dict[str, str | None] = dict.fromkeys(_CREDENTIAL_VARIABLES)
    changes |= {"HOME": str(home), "KAGGLE_CONFIG_DIR": str(folder)}
    if name := bundle_variable():
        changes["REQUESTS_CA_BUNDLE"] = str(Path(os.environ[name]).absolute())
    if first.kind == "key":
        user, key = first.values
        return changes | {"KAGGLE_USERNAME": user, "KAGGLE_KEY": key}
    [value] = first.values
    if first.kind == "token" and len(value) <= _MAX_FILE_NAME:
        return changes | {"KAGGLE_API_TOKEN": value}
    if first.kind == "login":
        changes["KAGGLE_ENABLE_OAUTH"] = "1"  # kaggle 2.0 reads no login without it.
    file = folder / ("access_token" if first.kind == "token" else "credentials.json")
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(value, encoding="utf-8")
    return changes
