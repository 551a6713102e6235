"""Replace files in a folder: all of them, or on any failure none."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from kit.errors import UserError
from kit.locks import NoLocksError, locked
from kit.os_errors import hint, reason

_FOLDER = ".fetch"


@contextmanager
def staging(directory: Path) -> Iterator[Path]:
    """Give an empty folder in `directory`, to one process at a time; it is removed afterwards.

    `directory` is created, and removed again if the block fails.

    Raises:
        UserError: an OSError in the block.
    """
    created = [path for path in (directory, *directory.parents) if not path.exists()]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _folder(directory) as folder:
            yield folder
    except BaseException as error:
        for path in created:
            with suppress(OSError):
                path.rmdir()
        if isinstance(error, OSError):
            # Not the temporary folder, which is gone.
            inside = error.filename is None or _FOLDER in Path(os.fsdecode(error.filename)).parts
            where = str(directory if inside else error.filename)
            raise UserError(f"cannot be written: {reason(error)}", where=where, hint=hint(error)) from error
        raise


def move(moves: Iterable[tuple[Path, Path]]) -> None:
    """Rename each first path to the second one; after a failure, all are where they were.

    Raises:
        OSError: a rename failed.
    """
    done: list[tuple[Path, Path]] = []
    try:
        for before, after in moves:
            done.append((before, after))
            before.rename(after)
    except BaseException:
        for before, after in reversed(done):
            with suppress(FileNotFoundError):  # interrupted before this one was moved
                after.rename(before)
        raise


@contextmanager
def _folder(directory: Path) -> Iterator[Path]:
    folder = directory / _FOLDER
    with ExitStack() as stack:
        with suppress(NoLocksError):  # Two simultaneous fetches into one folder are too rare to refuse one.
            stack.enter_context(locked(directory))
        shutil.rmtree(folder, ignore_errors=True)  # left by a process that was killed
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.mkdir()
        yield folder
