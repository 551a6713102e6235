"""The systems that kit runs on."""

import sys

from kit.errors import UserError


def check() -> None:
    """Raise a UserError on Windows itself, whose Python lacks modules and signals that kit needs."""
    if sys.platform == "win32":
        raise UserError("kit needs Linux or macOS; on Windows use WSL2 (docs/troubleshooting.md says how)")
