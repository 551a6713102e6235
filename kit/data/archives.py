"""Unpack a competition's archive, with the archives in it, into a new folder: all of it, or nothing."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from kit.data.archive_formats import Budget, Progress, budget, is_archive, plain_name, write_files
from kit.errors import UserError
from kit.files import FOLDER_MODE, where_offered

MOST_DEPTH = 3
"""How many archives may be within each other."""


def _silent(name: str, done: int, total: int) -> None:
    del name, done, total


def unpack(source: Path, target: Path, on_progress: Progress = _silent) -> None:
    """Unpack an archive, or copy a folder, into `target`; archives in it are replaced by their content.

    Zip, tar, tar.gz, tar.bz2, tar.xz; 7z with the package py7zr. The content of train.zip becomes the folder
    train, whether it has train/1.png or 1.png. An archive of one CSV file becomes this file. A folder that
    holds all of the competition's archive, and has its name or that of `target`, is left out.

    Args:
        source: the archive or folder.
        target: a folder that is absent or empty; its parents are created.
        on_progress: receives the name of an archive, the number of its files written, and that of all.

    Raises:
        UserError: see `write_files`; archives are nested too deep; `target` is in use or cannot be written.
            `target` is then as it was.
    """
    _check(source, target)
    created = [path for path in target.absolute().parents if not path.exists()]
    staging: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
        content = staging / "content"
        if source.is_dir():
            shutil.copytree(source, content, ignore=_hidden)
            left = budget(sum(archive.stat().st_size for archive in _archives(content)), staging)
        else:
            content.mkdir()
            left = budget(source.stat().st_size, staging)
            write_files(source, content, str(source), left, on_progress)
            content = _without_wrapper(content, {plain_name(source.name), target.name})
        _unpack_inner(content, str(source), left, 1, on_progress)
        with where_offered():
            content.chmod(FOLDER_MODE)
        content.rename(target)
    except BaseException as error:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
        for path in created:
            with suppress(OSError):
                path.rmdir()
        if isinstance(error, OSError):
            reason = error.strerror or str(error)[:200]
            raise UserError(f"cannot be unpacked into {target}: {reason}", where=str(source)) from error
        raise
    shutil.rmtree(staging, ignore_errors=True)


def _check(source: Path, target: Path) -> None:
    if not source.exists():
        raise UserError("no such file or folder", where=str(source), expected="an archive or a folder")
    if not source.is_dir() and not is_archive(source.name):
        expected = "a folder, or a .zip, .tar, .tar.gz or .7z file"
        raise UserError("not an archive", where=str(source), expected=expected)
    if not os.access(source, os.R_OK):
        raise UserError("not readable", where=str(source), hint=f"allow it: chmod u+r {source}")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        what, hint = "there are other files already", "remove them, or choose another folder"
        raise UserError(what, where=str(target), expected="an empty or absent folder", hint=hint)


def _hidden(folder: str, names: list[str]) -> set[str]:
    del folder
    return {name for name in names if name[0] == "."}


def _without_wrapper(folder: Path, names: set[str]) -> Path:
    """Return the only folder in `folder`, if it has one of these names, else `folder`."""
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() and inside[0].name in names else folder


def _archives(folder: Path) -> Iterator[Path]:
    for path, _, files in os.walk(folder):
        for file in sorted(files):
            if is_archive(file):
                yield Path(path) / file


def _unpack_inner(folder: Path, name: str, left: Budget, depth: int, on_progress: Progress) -> None:
    """Replace the archives below `folder` by their content."""
    for archive in list(_archives(folder)):
        called = f"{name}/{archive.relative_to(folder).as_posix()}"
        place = archive.with_name(plain_name(archive.name))
        if place.exists():
            continue  # The outer archive also holds its content.
        if depth >= MOST_DEPTH:
            expected = f"at most {MOST_DEPTH} archives within each other"
            raise UserError("an archive too deep within others", where=called, expected=expected)
        content = Path(tempfile.mkdtemp(dir=archive.parent, prefix=".unpacking-"))
        write_files(archive, content, called, left, on_progress)
        archive.unlink()
        inner = _without_wrapper(content, {place.name})
        files = list(inner.iterdir())
        if len(files) == 1 and files[0].suffix == ".csv" and not (place.parent / files[0].name).exists():
            files[0].rename(place.parent / files[0].name)
        else:
            with where_offered():
                inner.chmod(FOLDER_MODE)
            _unpack_inner(inner, called, left, depth + 1, on_progress)
            inner.rename(place)
        shutil.rmtree(content, ignore_errors=True)
