"""Names of runs and studies: parts of file names, URLs and shell commands."""

import re
from pathlib import Path

from kit.errors import UserError

RUNS = Path("runs")
"""Folder of the runs and studies in a working directory."""
LONGEST_STEM, LONGEST_NAME = 80, 180
"""Longest name in bytes, taken from a file and chosen by the user; file systems allow 255 with suffixes."""


def plain_name(stem: str) -> str:
    """Return the name of a configuration for the names of runs and studies.

    Keeps letters, digits, - _ and .; other characters may have a meaning in a URL, a shell or a file system.

    Raises:
        UserError: the name is not UTF-8.
    """
    try:
        stem.encode()
    except UnicodeEncodeError:
        raise UserError("its name is not in UTF-8", where=repr(stem), hint="rename the file") from None
    name = re.sub(r"[^\w.-]", "-", stem).lstrip(".-") or "config"
    return name.encode()[:LONGEST_STEM].decode(errors="ignore")


def check_name(name: str, where: str) -> None:
    """Check the name that a user chose for a run or a study.

    Raises:
        UserError: it is too long, or has characters other than letters, digits, - _ and .
    """
    if not re.fullmatch(r"\w[\w.-]*", name) or len(name.encode()) > LONGEST_NAME:
        raise UserError(
            "not a name",
            where=where,
            expected=f"letters, digits, - _ and ., in at most {LONGEST_NAME} bytes",
            received=f"{name!r:.200}",
        )
