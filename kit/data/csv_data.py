"""The data of a competition whose images are in CSV files: read once, into an entry of the cache."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.config import Competition, Config
from kit.cores import cores
from kit.data import cache, compressed, file_hashes, layout
from kit.data.classes import encoded
from kit.data.compressed import Content
from kit.data.duplicates import Rows, copies
from kit.data.integrity import total
from kit.data.progress import Reading, Stage, ignore
from kit.data.readers import pixel_csv, pixel_text
from kit.data.readers.pixel_table import Table, in_order_of
from kit.data.shift import differences, one_blas_thread
from kit.task.ids import lines_by_id
from kit.task.labels import LabelEncoder


@dataclass(frozen=True, eq=False)
class Tables:
    """The content of the CSV files with training and test rows, checked.

    Attributes:
        arrays: train_images, train_labels and test_images, as in `Dataset`.
        labels: the labels of the training rows.
        train_names: ids of the training rows; empty if they have none.
        test_ids: of the test rows; empty if they have none.
    """

    arrays: dict[str, NDArray[np.uint8]]
    labels: LabelEncoder
    train_names: list[str]
    test_ids: list[str]


def open_entry(folder: Path, paths: Sequence[Path], config: Config, stage: Stage) -> cache.Entry:
    """Return the arrays of the CSV files in a folder.

    Args:
        folder: holds the files.
        paths: of the CSV files.
        config: describes the files.
        stage: receives what takes time.

    Raises:
        UserError: a file is wrong, or the disk has no room for the cache.
    """
    raw = dict[Path, bytes]()
    if folder == layout.SAMPLE:
        with one_blas_thread():
            return cache.write_temporary(*_arrays(paths, raw, config, stage))
    root = folder / ".cache"
    hashed = file_hashes.hashes(root, paths, raw)
    place = root / cache.key(hashed, config)
    entry = cache.find(place)
    if entry is None:
        with one_blas_thread():
            entry = cache.write(place, *_arrays(paths, raw, config, stage))
    if entry.folder == place:
        file_hashes.remember(root, hashed)
    return entry


def read_tables(train: Content, test: Content | None, config: Config, stage: Stage = ignore) -> Tables:
    """Return the content of the CSV files with training and test rows.

    Args:
        train: file with the training rows, and with the test rows too if it has a column of usage.
        test: file with the test rows; None: there is none.
        config: describes the files.
        stage: receives how much is read.

    Raises:
        UserError: a file is wrong, a label is unknown, or a class has fewer than two rows.
    """
    competition = config.competition
    if competition.form == "pixel_text" and competition.usage_column:
        rows, test_rows = pixel_text.parse_split(*train, competition)
    else:
        rows = _parsed(train, competition, stage, labelled=True)
        test_rows = _parsed(test, competition, stage, labelled=False) if test else _no_rows(competition)
        if competition.header:
            test_rows = in_order_of(rows, test_rows)
    first = 2 if competition.header else 1
    column = f"column {', '.join(competition.label_columns or [competition.label_column])}"
    labels, classes = encoded(
        rows.texts,
        competition,
        f"{train[1]}, {column}",
        lambda row: f"{train[1]}, line {row + first}, {column}",
    )
    if test and test_rows.texts:
        cells = [(row + first, [text]) for row, text in enumerate(test_rows.texts)]
        lines_by_id(test[1], cells, competition.test_id_column or "")
    arrays = {"train_images": rows.images, "train_labels": classes, "test_images": test_rows.images}
    return Tables(arrays, labels, rows.names, test_rows.texts)


def _parsed(content: Content, competition: Competition, stage: Stage, *, labelled: bool) -> Table:
    if competition.form == "pixel_text":
        return pixel_text.parse(*content, competition, labelled=labelled)
    return pixel_csv.parse(*content, competition, labelled=labelled, on_progress=Reading(stage, content[1]))


def _no_rows(competition: Competition) -> Table:
    return Table(np.empty((0, *competition.image_shape), np.uint8), [])


def _arrays(
    paths: Sequence[Path], raw: dict[Path, bytes], config: Config, stage: Stage
) -> tuple[cache.Fill, int]:
    """Return the content of a cache entry; takes the bytes of the files from `raw`, if they are there."""
    contents = [(_content(path, raw), str(path)) for path in paths]
    tables = read_tables(contents[0], contents[1] if contents[1:] else None, config, stage)
    first = 2 if config.competition.header else 1
    sources = [Rows(compressed.plain_name(path.name), first_line=first) for path in paths]
    return cache.of_arrays(tables.arrays, partial(_described, tables, sources[0], sources[-1]))


def _content(path: Path, raw: dict[Path, bytes]) -> bytes:
    return compressed.unpacked(raw.pop(path), str(path)) if path in raw else compressed.content(path)


def _described(tables: Tables, train: Rows, test: Rows) -> cache.Metadata:
    """Return what a cache entry holds beside the arrays."""
    arrays = tables.arrays
    with ThreadPoolExecutor(cores()) as pool:
        shifted = pool.submit(differences, arrays["train_images"], arrays["test_images"])
        fingerprint = pool.submit(cache.fingerprint, arrays, tables.labels)
        same = pool.submit(copies, arrays, train, test)
        totals = pool.submit(lambda: {name: total(array) for name, array in arrays.items()})
        return cache.Metadata(
            labels=tables.labels.labels,
            train_names=tuple(tables.train_names),
            test_ids=tuple(tables.test_ids),
            fingerprint=fingerprint.result(),
            warnings=(*shifted.result(), *same.result()),
            totals=totals.result(),
        )
