"""What goes wrong with Kaggle, said for people, and the credentials that it needs.

Nothing here talks to Kaggle, or imports its client.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any


def has_credentials() -> bool:
    """Say whether the official client would find credentials; whether Kaggle takes them, it cannot know."""
    return (
        _token() or _key() or bool(_json(Path.home() / ".kaggle" / "credentials.json").get("refresh_token"))
    )


def config_file() -> Path:
    """Return where the client looks for kaggle.json."""
    if folder := os.environ.get("KAGGLE_CONFIG_DIR"):
        return Path(folder) / "kaggle.json"
    home = Path.home() / ".kaggle"
    if not home.exists() and sys.platform.startswith("linux"):
        home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "kaggle"
    return home / "kaggle.json"


def _token() -> bool:
    environment = os.environ
    if {"KAGGLE_KERNEL_RUN_TYPE", "KAGGLE_DATA_PROXY_URL"} <= environment.keys() and _filled(
        environment.get("KAGGLE_API_V1_TOKEN", "")
    ):
        return True
    if token := environment.get("KAGGLE_API_TOKEN"):
        # The client takes an existing path for a file that holds the token, all else for the token itself.
        return _filled(token) if os.path.exists(token) else True  # noqa: PTH110 - Path.exists fails on a long token
    return any(_filled(Path.home() / ".kaggle" / name) for name in ("access_token", "access_token.txt"))


def _key() -> bool:
    values = _json(config_file())
    return all(os.environ.get(f"KAGGLE_{name.upper()}", values.get(name)) for name in ("username", "key"))


def _filled(path: Path | str) -> bool:
    try:
        return bool(Path(path).read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return False


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
