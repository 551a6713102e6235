"""How credentials reach the official client: clean, alone, and with a home that it can write to."""

import hashlib
import os
from pathlib import Path

from kit.kaggle_client.credentials import credentials
from kit.kaggle_client.network import bundle
from kit.scratch import scratch

_PASSED = ("KAGGLE_API_V1_TOKEN", "KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "XDG_CONFIG_HOME")
_LONGEST_NAME = 255
"""Letters of a file's name: the client fails where it looks whether a longer token is one."""


def variables() -> dict[str, str | None]:
    """Return what to change in the environment of the client's process: None takes a variable away.

    The client gets the first credentials alone. It would send a token that Kaggle refused together with
    them in place of a key, and fail at files that it cannot read. Its home is a folder that it can write to,
    and it works in another: paths are absolute. It trusts whom SSL_CERT_FILE names, too, which it does not
    know itself.
    """
    first = credentials()[0]
    # A folder for each login: what the client gets for one, it keeps there for the next attempt.
    home = scratch() / f"kaggle-{hashlib.sha256(first.values[0].encode()).hexdigest()[:8]}"
    folder = home / ".kaggle"
    folder.mkdir(parents=True, exist_ok=True)
    changes: dict[str, str | None] = dict.fromkeys(_PASSED)
    changes |= {"HOME": str(home), "KAGGLE_CONFIG_DIR": str(folder)}
    if name := bundle():
        changes["REQUESTS_CA_BUNDLE"] = str(Path(os.environ[name]).absolute())
    if first.kind == "key":
        user, key = first.values
        return changes | {"KAGGLE_USERNAME": user, "KAGGLE_KEY": key}
    [value] = first.values
    if first.kind == "token" and len(value) <= _LONGEST_NAME:
        return changes | {"KAGGLE_API_TOKEN": value}
    file = folder / ("access_token" if first.kind == "token" else "credentials.json")
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(value, encoding="utf-8")
    return changes
