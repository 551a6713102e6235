"""Read and check credentials files and values."""

import json
import os
import stat
from pathlib import Path
from typing import Any

from kit.errors import UserError

SETUP_HINT = (
    "create a token at https://www.kaggle.com/settings/api, then `export KAGGLE_API_TOKEN=<token>`, "
    "or save it in ~/.kaggle/access_token, or put a kaggle.json there, or run `kaggle auth login`"
)
_ENCODINGS = {b"\xef\xbb\xbf": "a byte order mark", b"\xff\xfe": "UTF-16 text", b"\xfe\xff": "UTF-16 text"}
_EXPECTED = {
    "kaggle.json": "username and key as JSON",
    "credentials.json": "the JSON file that `kaggle auth login` writes",
}


def read(path: Path) -> str | None:
    """Return the text of a credentials file, stripped of white space; None if there is no file.

    Raises:
        UserError: the file exists and cannot be used.
    """
    try:
        mode = path.stat().st_mode
        # Reading a pipe or a terminal would block.
        raw = path.read_bytes() if stat.S_ISREG(mode) else b""
    except OSError as error:
        if problem := _problem(path, error):
            raise problem from None
        return None
    if not stat.S_ISREG(mode):
        received = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        what = "not a credentials file"
        raise UserError(what, where=str(path), expected="a file", received=received, hint=SETUP_HINT)
    for mark, kind in _ENCODINGS.items():
        if raw.startswith(mark):
            hint = "save it as plain UTF-8 without a byte order mark"
            raise UserError(f"starts with {kind}", where=str(path), expected="plain UTF-8", hint=hint)
    if not raw.strip():
        expected = _EXPECTED.get(path.name, "a token")
        raise UserError("the file is empty", where=str(path), expected=expected, hint=SETUP_HINT)
    try:
        return raw.decode().strip()
    except UnicodeDecodeError:
        raise UserError("not text in UTF-8", where=str(path), hint=SETUP_HINT) from None


def _problem(path: Path, error: OSError) -> UserError | None:
    """Return the error for an unreadable file; None if there seems to be no file.

    A home folder without permission counts as empty; a credentials folder without permission does not.
    """
    what = f"cannot read these Kaggle credentials: {error.strerror}"
    absent = isinstance(error, FileNotFoundError | NotADirectoryError)
    if os.path.lexists(path):
        hint = f"chmod u+r {path}" if isinstance(error, PermissionError) else SETUP_HINT
        return UserError(what, where=str(path), hint=hint)
    # os.path: the methods of Path raise in a folder without permission.
    if os.path.isfile(path.parent):  # noqa: PTH113 - see above
        what = "not a folder for Kaggle credentials"
        return UserError(
            what, where=str(path.parent), expected="a folder", received="a file", hint=SETUP_HINT
        )
    if not absent and os.path.isdir(path.parent):  # noqa: PTH112 - see above
        return UserError(what, where=str(path.parent), hint=f"chmod u+rx {path.parent}")
    return None


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in a credentials file; None if there is no file.

    Raises:
        UserError: the file exists and cannot be used.
    """
    text = read(path)
    if text is None:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        what = f"not readable as JSON: {error}"
        raise UserError(what, where=str(path), expected=_EXPECTED.get(path.name), hint=SETUP_HINT) from None
    if not isinstance(content, dict):
        received = type(content).__name__
        raise UserError("not a JSON object", where=str(path), received=received, hint=SETUP_HINT)
    return content


def checked(value: str, source: str, what: str) -> str:
    """Return a user name, key or token, stripped of white space.

    Args:
        value: the text from the variable or file.
        source: the variable or file, for the error.
        what: the name of the value, for the error.

    Raises:
        UserError: a character is not allowed in Kaggle's credentials, nor in an HTTP header.
    """
    value = value.strip()
    invalid = next((character for character in value if not "!" <= character <= "~"), None)
    if invalid is None:
        return value
    names = {"\ufeff": "a byte order mark", "\n": "a line break", "\r": "a line break", " ": "a space"}
    raise UserError(
        f"the {what} contains an invalid character",
        where=source,
        expected="printable ASCII without spaces",
        received=names.get(invalid) or ascii(invalid).strip("'"),
        hint="copy it again",
    )
