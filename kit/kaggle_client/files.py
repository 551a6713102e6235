"""Reading a file that should hold credentials, and checking a value: usable, or why it is not."""

import json
import os
import stat
from pathlib import Path
from typing import Any

from kit.errors import UserError

WAYS = (
    "make a token at https://www.kaggle.com/settings/api, then `export KAGGLE_API_TOKEN=<token>`, "
    "or save it in ~/.kaggle/access_token, or put a kaggle.json there, or run `kaggle auth login`"
)
_MARKS = {b"\xef\xbb\xbf": "a byte order mark", b"\xff\xfe": "UTF-16 text", b"\xfe\xff": "UTF-16 text"}
_EXPECTED = {
    "kaggle.json": "username and key as JSON",
    "credentials.json": "what `kaggle auth login` writes",
}


def read(path: Path) -> str | None:
    """Return the text of a credentials file, without white space around it; None where there is none.

    Raises:
        UserError: there is one that cannot be used, and why.
    """
    try:
        mode = path.stat().st_mode
        # A pipe or a terminal would be waited for.
        raw = path.read_bytes() if stat.S_ISREG(mode) else b""
    except OSError as error:
        if problem := _problem(path, error):
            raise problem from None
        return None
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "something other than a file"
        raise UserError(f"{what} in place of a credentials file", where=str(path), hint=WAYS)
    for mark, kind in _MARKS.items():
        if raw.startswith(mark):
            hint = "save it as plain UTF-8 without a byte order mark"
            raise UserError(f"it begins with {kind}", where=str(path), expected="plain UTF-8", hint=hint)
    if not raw.strip():
        expected = _EXPECTED.get(path.name, "a token")
        raise UserError("the file is empty", where=str(path), expected=expected, hint=WAYS)
    try:
        return raw.decode().strip()
    except UnicodeDecodeError:
        raise UserError("not text in UTF-8", where=str(path), hint=WAYS) from None


def _problem(path: Path, error: OSError) -> UserError | None:
    """Return why a file cannot be read; None where there is none, for all that can be known.

    A home that is closed to this user holds nothing of theirs; a folder that is closed and made for
    credentials may.
    """
    what = f"these Kaggle credentials cannot be read: {error.strerror}"
    absent = isinstance(error, FileNotFoundError | NotADirectoryError)
    if os.path.lexists(path):
        hint = f"chmod u+r {path}" if isinstance(error, PermissionError) else WAYS
        return UserError(what, where=str(path), hint=hint)
    # os.path: the methods of Path raise where they may not look.
    if os.path.isfile(path.parent):  # noqa: PTH113 - see above
        what = "a file in place of the folder of Kaggle's credentials"
        return UserError(what, where=str(path.parent), hint=WAYS)
    if not absent and os.path.isdir(path.parent):  # noqa: PTH112 - see above
        return UserError(what, where=str(path.parent), hint=f"chmod u+rx {path.parent}")
    return None


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the JSON object that a credentials file holds; None where there is no file.

    Raises:
        UserError: there is a file that cannot be used, and why.
    """
    text = read(path)
    if text is None:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        what = f"not readable as JSON: {error}"
        raise UserError(what, where=str(path), expected=_EXPECTED.get(path.name), hint=WAYS) from None
    if not isinstance(content, dict):
        received = type(content).__name__
        raise UserError("not a JSON object", where=str(path), received=received, hint=WAYS)
    return content


def checked(value: str, source: str, what: str) -> str:
    """Return a user name, key or token without white space around it.

    Args:
        value: as it was found.
        source: the variable or file that holds it.
        what: what it is called in an error.

    Raises:
        UserError: it has a character that none of them has, and that an HTTP header may not hold.
    """
    value = value.strip()
    odd = next((letter for letter in value if not "!" <= letter <= "~"), None)
    if odd is None:
        return value
    names = {"\ufeff": "a byte order mark", "\n": "a line break", "\r": "a line break", " ": "a space"}
    raise UserError(
        f"the {what} has a character that Kaggle's never have",
        where=source,
        expected="letters, digits and signs of ASCII",
        received=names.get(odd) or ascii(odd).strip("'"),
        hint="copy it again",
    )
