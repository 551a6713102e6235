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
from kit.data.compressed import RawContent
from kit.data.duplicates import Rows, copies
from kit.data.file_hashes import Hashes
from kit.data.integrity import total
from kit.data.progress import Reading, Stage, ignore
from kit.data.readers import pixel_csv, pixel_text
from kit.data.readers.pixel_table import Table, in_order_of
from kit.data.shift import differences, one_blas_thread
from kit.task.ids import lines_by_id
from kit.task.labels import LabelEncoder

Filled = tuple[cache.Fill, int]
"""What fills an entry of the cache, and the bytes of its arrays."""


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
    if folder == layout.SAMPLE:
        with one_blas_thread():
            return cache.write_temporary(*_read(paths, {}, config, stage)[0])
    root, entry = folder / ".cache", None
    hashed = file_hashes.stored(root)
    if cache.any_entry(root):
        hashed = file_hashes.hashes(paths, hashed)
        entry = cache.find(place := root / cache.key(hashed, config))
    if entry is None:
        with one_blas_thread():
            filled, hashed = _read(paths, hashed, config, stage)
            entry = cache.write(place := root / cache.key(hashed, config), *filled)
    if entry.folder == place:
        file_hashes.remember(root, hashed)
    return entry


def _read(paths: Sequence[Path], known: Hashes, config: Config, stage: Stage) -> tuple[Filled, Hashes]:
    """Return what `cache.write` needs for the files, and their hashes; `known`: hashes from earlier.

    The files are hashed while they are parsed; hashed first, they would take a fifth longer to read.
    """
    # Parsers of text cannot use what `compressed.read` returns for a large file.
    bytes_of = Path.read_bytes if config.competition.form == "pixel_text" else compressed.read
    with ThreadPoolExecutor(len(paths)) as pool:
        reading = pool.map(lambda path: file_hashes.read(path, bytes_of), paths)
        # NumPy imports it at its first use, which takes 10 ms and would delay `_described`.
        import numpy.random  # noqa: F401

        files = [*reading]
        hashing = pool.submit(file_hashes.hashes, paths, known, dict(zip(paths, files, strict=True)))
        names = [str(path) for path in paths]
        contents = [compressed.unpacked(file.raw, name) for file, name in zip(files, names, strict=True)]
        return _filled([*zip(contents, names, strict=True)], config, stage), hashing.result()


def read_tables(train: RawContent, test: RawContent | None, config: Config, stage: Stage = ignore) -> Tables:
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
        rows, test_rows = pixel_text.parse_split(bytes(train[0]), train[1], competition)
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


def _parsed(content: RawContent, competition: Competition, stage: Stage, *, labelled: bool) -> Table:
    if competition.form == "pixel_text":
        return pixel_text.parse(bytes(content[0]), content[1], competition, labelled=labelled)
    return pixel_csv.parse(*content, competition, labelled=labelled, on_progress=Reading(stage, content[1]))


def _no_rows(competition: Competition) -> Table:
    return Table(np.empty((0, *competition.image_shape), np.uint8), [])


def _filled(contents: Sequence[RawContent], config: Config, stage: Stage) -> Filled:
    tables = read_tables(contents[0], contents[1] if contents[1:] else None, config, stage)
    first = 2 if config.competition.header else 1
    sources = [Rows(compressed.plain_name(Path(name).name), first_line=first) for _, name in contents]
    return cache.of_arrays(tables.arrays, partial(_described, tables, sources[0], sources[-1]))


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
