"""Rows of competitions whose images are files: which file, which name, which label."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kit.config import Competition
from kit.data import layout
from kit.data.readers import table
from kit.data.readers.image_names import Index, class_folders, image_files, natural, stem, walk
from kit.errors import UserError


@dataclass(frozen=True)
class ImageRows:
    """Training or test rows whose images are files.

    Attributes:
        files: (rows,) the image files.
        names: (rows,) as in the table or the sample submission; else the path below the folder, without its
            ending, which is kept where two training images differ by it alone.
        labels: (rows,) the labels; empty for test rows.
        warnings: what is odd but allowed, one sentence each.
    """

    files: tuple[Path, ...]
    names: tuple[str, ...]
    labels: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def training_rows(folder: Path, competition: Competition) -> ImageRows:
    """Return the training rows.

    Args:
        folder: the data directory.
        competition: form table, folders or file_names.

    Raises:
        UserError: a table, folder or image is missing; a name means no file or more than one; an image is
            named twice; a label is missing.
    """
    match competition.form:
        case "table":
            return _rows_of_table(folder, competition)
        case "folders":
            return _rows_of_folders(folder, competition)
        case _:
            return _rows_of_file_names(folder, competition)


def test_rows(folder: Path, competition: Competition, ids: Sequence[str] | None) -> ImageRows:
    """Return the test rows: those of `competition.test`, else of the ids, else all files in natural order.

    Args:
        folder: the data directory.
        competition: names the folder of the test images and the table.
        ids: of the sample submission, in its order; None: there is none.

    Raises:
        UserError: as `training_rows`.
    """
    if competition.test_images is None:
        return ImageRows((), ())
    images = folder / competition.test_images
    shared = _same(images, folder / competition.train_images)
    if competition.test is not None:
        column = competition.image_column
        rows = table.read(folder, competition.test, [column])
        names, where = rows.columns[column], lambda row: rows.where(row, column)
    elif ids is not None:
        sample, column = folder / (competition.sample_submission or ""), competition.id_column
        names, where = list(ids), lambda row: f"{sample}, row {row + 1}, column {column}"
    else:
        return _all_files(folder, competition, images, shared=shared)
    return _named(Index(images, image_files(images)), names, where, warn=not shared)


def stamp(folder: Path, competition: Competition) -> str:
    """Return a digest (64 hex digits) of paths, sizes and modification times of images and tables.

    Raises:
        UserError: a folder is missing or cannot be read.
    """
    digest = hashlib.sha256()
    for file in (competition.train, competition.test, competition.sample_submission):
        path = layout.file_in(folder, file) if file else None
        if path is not None and path.exists():
            status = path.stat()
            digest.update(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    for name in dict.fromkeys((competition.train_images, competition.test_images)):
        if name is not None:
            digest.update(f"{name}\n".encode())
            digest.update("\n".join(map(_file_stamp, walk(folder / name))).encode(errors="surrogateescape"))
    return digest.hexdigest()


def _rows_of_table(folder: Path, competition: Competition) -> ImageRows:
    name, columns = competition.image_column, competition.label_columns
    rows = table.read(folder, competition.train, [name, *(columns or [competition.label_column])])
    labels = table.one_hot(rows, columns) if columns else table.labels(rows, competition.label_column)
    images = folder / competition.train_images
    warn = competition.test_images is None or not _same(images, folder / competition.test_images)
    index = Index(images, image_files(images, leave_out=_test_folder(folder, competition)))
    found = _named(index, rows.columns[name], lambda row: rows.where(row, name), labels, warn=warn)
    return replace(found, labels=labels)


def _named(
    index: Index,
    names: Sequence[str],
    where: Callable[[int], str],
    labels: Sequence[str] = (),
    *,
    warn: bool,
) -> ImageRows:
    """Return the rows whose images have these names; `warn` says whether every file must have a row."""
    images = index.folder
    found = [index.find(name) for name in names]
    absent = [row for row, number in enumerate(found) if number is None]
    if absent:
        raise index.fault(names[absent[0]], where(absent[0]), len(absent))
    numbers = [number for number in found if number is not None]
    rows = dict[int, int]()
    for row, number in enumerate(numbers):
        before = rows.setdefault(number, row)
        if before != row:
            what = f"image {names[row]!r} is already in {where(before).rpartition(', column')[0]}"
            if labels and labels[row] != labels[before]:
                what += f", with label {labels[before]} in place of {labels[row]}"
            raise UserError(
                what, where=where(row), expected="every image once", hint="remove one of the rows"
            )
    warnings = []
    if warn and len(rows) < len(index.files):
        unused = min(file for number, file in enumerate(index.files) if number not in rows)
        count = len(index.files) - len(rows)
        warnings = [f"{count:,} of {len(index.files):,} images in {images}/ have no row, as {unused}"]
    return ImageRows(
        tuple(images / index.files[number] for number in numbers), tuple(names), (), tuple(warnings)
    )


def _rows_of_folders(folder: Path, competition: Competition) -> ImageRows:
    images = folder / competition.train_images
    files = sorted(image_files(images, leave_out=_test_folder(folder, competition)), key=natural)
    inside = [file for file in files if "/" in file]
    if not inside:
        expected, received = "one folder per class", f"{len(files):,} images, as {files[0]}"
        hint = "competition.form: table or file_names, if the label is elsewhere"
        raise UserError(
            "there are no class folders", where=f"{images}/", expected=expected, received=received, hint=hint
        )
    labels = tuple(file.partition("/")[0] for file in inside)
    empty = sorted(class_folders(images, _test_folder(folder, competition)) - set(labels), key=natural)
    if empty:
        what, hint = "there are no images of this class", "remove the folder, or put its images there"
        raise UserError(what, where=f"{images / empty[0]}/", expected="image files", hint=hint)
    warnings: tuple[str, ...] = ()
    if len(inside) < len(files):
        outside = next(file for file in files if "/" not in file)
        more = f" and {len(files) - len(inside) - 1:,} more" if len(files) > len(inside) + 1 else ""
        warnings = (f"{images}/: left out, because in no class folder: {outside}{more}",)
    return _of_files(images, inside, labels, warnings)


def _rows_of_file_names(folder: Path, competition: Competition) -> ImageRows:
    images, pattern = folder / competition.train_images, re.compile(competition.label_pattern)
    files = sorted(image_files(images, leave_out=_test_folder(folder, competition)), key=natural)
    matches = [pattern.search(file.rpartition("/")[2]) for file in files]
    labels = [match[1] if match else None for match in matches]
    missing = [file for file, label in zip(files, labels, strict=True) if not label]
    if missing:
        more = f"; {len(missing):,} names have none" if len(missing) > 1 else ""
        what, where = f"the name has no label{more}", f"{images / missing[0]}"
        expected = f"a name that matches {competition.label_pattern}"
        raise UserError(what, where=where, expected=expected, hint="correct competition.label_pattern")
    return _of_files(images, files, [label for label in labels if label], ())


def _all_files(folder: Path, competition: Competition, images: Path, *, shared: bool) -> ImageRows:
    """Return all files of the folder as test rows; in a shared folder, those that are no training rows."""
    files = sorted(image_files(images), key=natural)
    if shared:
        training = set(training_rows(folder, competition).files)
        files = [file for file in files if images / file not in training]
        if not files:
            what, expected = "all images are training rows", "test images, or competition.test_images: null"
            raise UserError(what, where=f"{images}/", expected=expected)
    return _of_files(images, files, (), ())


def _of_files(
    images: Path, files: Sequence[str], labels: Sequence[str], warnings: tuple[str, ...]
) -> ImageRows:
    """Return rows that are named by their files."""
    stems = [stem(file) for file in files]
    several = {name for name, count in Counter(stems).items() if count > 1}
    if several and not labels:
        alike = [file for file in files if stem(file) in several]
        what, received = "two images differ only by their ending", f"{alike[0]} and {alike[1]}"
        raise UserError(what, where=f"{images}/", expected="one file per image", received=received)
    names = [file if name in several else name for name, file in zip(stems, files, strict=True)]
    return ImageRows(tuple(images / file for file in files), tuple(names), tuple(labels), warnings)


def _test_folder(folder: Path, competition: Competition) -> Path | None:
    return None if competition.test_images is None else folder / competition.test_images


def _same(one: Path, other: Path) -> bool:
    return os.path.normpath(one) == os.path.normpath(other)


def _file_stamp(found: "tuple[str, os.DirEntry[str]]") -> str:
    name, entry = found
    try:
        status = entry.stat()
    except FileNotFoundError:
        return f"{name}\0link to nothing"
    return f"{name}\0{status.st_size}\0{status.st_mtime_ns}"
