"""From the files of a competition to all keys of its configuration, with the reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kit.data.inspection import (
    class_folders,
    groups,
    image_tables,
    image_tests,
    label_names,
    pixel_tables,
    pixel_texts,
    sample,
    scoring,
    sizes,
    table,
)
from kit.data.inspection.clues import Clues
from kit.data.inspection.files import Files, walk
from kit.data.inspection.findings import Ask, Line, Setting, Test, Training
from kit.data.inspection.image_index import ImageIndex
from kit.data.inspection.known import known_for
from kit.data.inspection.table import Table
from kit.errors import UserError

Base = Literal["default", "images", "photos"]
_FORMATS = {
    ".dcm": "DICOM images",
    ".parquet": "Parquet files",
    ".tfrec": "TFRecord files",
    ".tfrecord": "TFRecord files",
    ".npy": "NumPy arrays",
    ".npz": "NumPy arrays",
    ".json": "JSON files",
}
"""Files that kit does not read, by ending."""


@dataclass(frozen=True)
class Conclusions:
    """What the files of a competition are.

    Attributes:
        base: shipped configuration that suits the images.
        lines: the conclusions for people.
        settings: the keys of the configuration.
        has_test: whether there are test rows.
    """

    base: Base
    lines: tuple[Line, ...]
    settings: tuple[Setting, ...]
    has_test: bool


def inspect(root: Path, slug: str, ask: Ask, wanted: str | None = None) -> Conclusions:
    """Return what the files in `root` are.

    Args:
        root: the folder of the competition's files.
        slug: name of the competition; it may be known.
        ask: answers questions.
        wanted: name of the training table, if several could be it.

    Raises:
        UserError: the files have no images or labels, or kit does not support what they ask.
    """
    files = walk(root)
    tables = _tables(files)
    submission = sample.find(tables)
    others = [one for one in tables if not submission or one is not submission.table]
    clues = Clues(others, submission, known_for(slug), wanted, ask)
    training, test = _rows(files, clues)
    if len(training.labels) < 2:
        found = ", ".join(training.labels) or "none"
        raise UserError("fewer than two classes", where=training.labels_from, received=found)
    scored = scoring.conclude(training, clues, slug)
    group = groups.find(training, others)
    measured = sizes.measure(root, training.files) if training.files else None
    lines = [
        Line("form", training.text),
        Line("labels", f"{_labels_text(training)}, {training.labels_from}"),
        *([measured.line] if measured else []),
        Line("test", test.text),
        *scored.lines,
    ]
    settings = [
        Setting("competition.slug", slug),
        *training.settings,
        *test.settings,
        *_label_settings(training),
        *scoring.settings(scored, training, clues),
        *(measured.settings if measured else ()),
    ]
    if group:
        lines.append(
            Line(
                "groups",
                f"column {group.column} of {group.table} names {group.count:,} groups: folds.group is set",
            )
        )
        settings += [
            Setting("folds.group.table", group.table, "rows of one group stay in one fold"),
            Setting("folds.group.column", group.column),
        ]
    base: Base = "images" if measured is None or measured.is_small else "photos"
    if clues.known and clues.known.digits:
        base = "default"
    else:
        number = epochs(training.rows, base)
        settings.append(Setting("training.epochs", number, f"for {training.rows:,} images"))
    return Conclusions(base, tuple(lines), tuple(settings), test.rows > 0)


def epochs(rows: int, base: Base) -> int:
    """Return the number of epochs for so many training rows: few rows need more of them, not as many steps.

    The exponent and the limits go through the numbers that the base configurations state: 40 epochs for 1,000
    rows, 20 for 10,000, 10 for 50,000; half as many again for photographs, which are augmented more.
    """
    number: float = min(max(20 * (10_000 / rows) ** 0.35, 4), 60)
    return round(1.5 * number if base == "photos" else number)


def _tables(files: Files) -> list[Table]:
    """Return the CSV files that have rows; of copies with one name and size, only the first."""
    found: list[Table] = []
    seen: set[tuple[str, int]] = set()
    for name, path in sorted(files.tables.items(), key=lambda one: (one[0].count("/"), one[0])):
        copy = path.name, path.stat().st_size
        one = table.read(path, name) if copy not in seen else None
        seen.add(copy)
        if one and one.rows:
            found.append(one)
    return found


def _rows(files: Files, clues: Clues) -> tuple[Training, Test]:
    """Return training and test rows in the first form that fits."""
    pixels = pixel_tables.find(clues) or pixel_texts.find(clues)
    if pixels:
        return pixels
    _check_kinds(files, clues.tables)
    index = ImageIndex(files)
    by_folder = class_folders.find(files)
    if by_folder and class_folders.agrees(by_folder, clues, index):
        training: Training | None = by_folder
    else:
        training = image_tables.find(clues, index)
    if training is None:
        image_tables.check_spelling(clues.tables, index)
        training = label_names.find(files, clues.sample)
    if training is None:
        raise _no_labels(files, clues.tables)
    return training, image_tests.find(training, clues, index)


def _check_kinds(files: Files, tables: Sequence[Table]) -> None:
    """Check that there are image files.

    Raises:
        UserError: there are none; the message names what was found.
    """
    where = f"{files.root}/"
    if files.archives and not files.images:
        shown = ", ".join(files.archives[:4])
        hint = "give `kit init` the competition's zip itself, or unpack these first"
        raise UserError("the images are in archives", where=where, received=shown, hint=hint)
    if files.images:
        return
    if reason := next(filter(None, map(pixel_tables.refused, tables)), None):
        raise reason
    kinds = [
        f"{count:,} {_FORMATS.get(ending, ending or 'others')}"
        for ending, count in files.others.most_common(4)
    ]
    kinds += [f"CSV files without pixels ({', '.join([*files.tables][:3])})"] if files.tables else []
    unsupported = [name for ending, name in _FORMATS.items() if files.others[ending]]
    raise UserError(
        "no images",
        where=where,
        expected="image files (png, jpg, tif, bmp, webp), or CSV files with pixels from 0 to 255",
        received=", ".join(kinds) or "an empty folder",
        hint=f"{unsupported[0]} are not supported: convert them to png" if unsupported else None,
    )


def _no_labels(files: Files, tables: Sequence[Table]) -> UserError:
    images = sum(map(len, files.images.values()))
    folders = ", ".join(f"{one}/" for one in list(files.images)[:4])
    names = ", ".join(one.name for one in tables[:4])
    return UserError(
        "no labels: no CSV file with the names of the images, no folder per class, no labels in file names",
        where=f"{files.root}/",
        received=f"{images:,} images in {folders}; CSV files: {names or 'none'}",
        hint="are the training files there, or only the test files?",
    )


def _labels_text(training: Training) -> str:
    """Return number and kind of the labels, as in "120 strings" or "24 integers, 0 to 24 without 9"."""
    encoder = training.encoder
    labels = encoder.labels
    sampled = f" (in {sum(training.labels.values()):,} rows that were read)" if training.is_sampled else ""
    if not encoder.are_integers:
        shown = ", ".join(labels[:3]) + (", …" if len(labels) > 3 else "")
        return f"{len(labels)} strings ({shown}){sampled}"
    low, high = int(labels[0]), int(labels[-1])
    gaps = sorted({*range(low, high + 1)} - {*map(int, labels)}) if high - low < 1000 else []
    without = f" without {', '.join(map(str, gaps))}" if 0 < len(gaps) <= 5 else " with gaps" if gaps else ""
    return f"{len(labels)} integers, {low} to {high}{without}{sampled}"


def _label_settings(training: Training) -> list[Setting]:
    """Return the key `labels` where it is not the default of the form."""
    is_default = training.encoder.labels == tuple(map(str, range(10))) and not training.is_sampled
    return [] if training.form != "pixels" or is_default else [Setting("competition.labels", "auto")]
