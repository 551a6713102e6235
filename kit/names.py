"""Names of runs and studies: parts of file names, URLs and shell commands."""

import re

from kit.errors import UserError

LONGEST_STEM, LONGEST_NAME = 80, 180
"""Bytes of a name that comes from a file, and of one that is chosen: file systems take 255, ends included."""


def plain_name(stem: str) -> str:
    """Return the name of a configuration as a part of the names of runs and studies.

    Letters, digits, - _ and . stay; others may mean something in a URL, a shell or a file system.

    Raises:
        UserError: it is not in UTF-8.
    """
    try:
        stem.encode()
    except UnicodeEncodeError:
        raise UserError("its name is not in UTF-8", where=repr(stem), hint="rename the file") from None
    name = re.sub(r"[^\w.-]", "-", stem).lstrip(".-") or "config"
    return name.encode()[:LONGEST_STEM].decode(errors="ignore")


def check_name(name: str, where: str) -> None:
    """Check a name that was chosen for a run or a study.

    Raises:
        UserError: it is too long, or holds anything but letters, digits, - _ and ., as a path does.
    """
    if not re.fullmatch(r"\w[\w.-]*", name) or len(name.encode()) > LONGEST_NAME:
        raise UserError(
            "not a name",
            where=where,
            expected=f"letters, digits, - _ and ., in at most {LONGEST_NAME} bytes",
            received=f"{name!r:.200}",
        )
