"""SHA256SUMS of a run: the checksum of each of its files, and the checksums that files carry themselves.

A line is written before its file is renamed into place, so that no file of a run is without its line. After a
kill between the two, the line of a new file has no file yet.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kit import locks
from kit.errors import UserError
from kit.files import atomic
from kit.os_errors import name_file

SUMS = "SHA256SUMS"
"""Name of the file, in the format of `sha256sum`."""
DIFFERS = "its checksum differs from the one in SHA256SUMS"
_TITLE = "# SHA-256 of the files of this run. Check them with: sha256sum -c SHA256SUMS\n"
_SEAL = "# SHA-256 of the lines above: "
_PAGE_SEAL = b"<!-- SHA-256 of the lines above: %s -->\n"


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(folder: Path) -> dict[str, str] | None:
    """Return the checksum of each file by its path relative to `folder`; None without a SHA256SUMS.

    Raises:
        UserError: SHA256SUMS is damaged.
    """
    path = folder / SUMS
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        text = ""
    body, _, last = text.removesuffix("\n").rpartition("\n")
    if last != _SEAL + _hash(f"{body}\n"):
        raise UserError(
            "damaged: its last line does not fit the lines above",
            where=str(path),
            hint="rerun the run's command, which checks the files and writes it again",
        )
    lines = (line.split("  ", 1) for line in body.split("\n") if not line.startswith("#"))
    return {name: checksum for checksum, name in lines}


def write(folder: Path, sums: Mapping[str, str]) -> None:
    """Replace SHA256SUMS."""
    body = _TITLE + "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
    with atomic(folder / SUMS) as file:
        file.write(f"{body}{_SEAL}{_hash(body)}\n".encode())


@contextmanager
def recorded(folder: Path, path: Path) -> Iterator[Path]:
    """Replace a file of a run, after its line in SHA256SUMS.

    Without a SHA256SUMS, or if it is damaged, only the file is replaced. The caller holds the run's lock.

    Args:
        folder: of the run.
        path: the file to replace, in `folder`.

    Yields:
        The path where the block writes the new content.
    """
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield staged
        sums = known(folder)
        if sums is not None:
            write(folder, sums | {path.relative_to(folder).as_posix(): digest(staged)})
        staged.replace(path)
    except OSError as error:
        name_file(error, path, str(staged))
        raise
    finally:
        with suppress(OSError):  # The first error is the reason.
            staged.unlink(missing_ok=True)


def known(folder: Path) -> dict[str, str] | None:
    """Return the checksum of each file; None without a readable SHA256SUMS."""
    try:
        return read(folder)
    except UserError:
        return None


def check(folder: Path, path: Path, hint: str) -> None:
    """Check a file of a run against its line, if it has one.

    While a process writes the run, lines may be newer than files: then nothing is checked.

    Args:
        folder: of the run.
        path: the file, in `folder`.
        hint: what to do if it is damaged.

    Raises:
        UserError: the checksum differs.
        OSError: the file is missing or not readable.
    """
    expected = (known(folder) or {}).get(path.relative_to(folder).as_posix())
    if expected and digest(path) != expected and not locks.held(folder):
        raise UserError(f"damaged: {DIFFERS}", where=str(path), hint=hint)


def of_record(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a JSON object without its key `checksum`; order and white space do not count."""
    rest = {key: value for key, value in content.items() if key != "checksum"}
    return _hash(json.dumps(rest, sort_keys=True, separators=(",", ":")))


def sealed(page: bytes) -> bytes:
    """Return an HTML page with its own SHA-256 as a comment in the last line."""
    page = page.rstrip(b"\n") + b"\n"
    return page + _PAGE_SEAL % hashlib.sha256(page).hexdigest().encode()


def is_sealed(page: bytes) -> bool:
    """Return whether a page is as `sealed` returned it."""
    above = page[: page.rstrip(b"\n").rfind(b"\n") + 1]
    return page == sealed(above)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
