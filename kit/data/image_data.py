"""The data of a competition whose images are files: decoded once, into an entry of the cache."""

import hashlib
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from kit.config import Config
from kit.data import cache, file_hashes
from kit.data.classes import encoded
from kit.data.compressed import Content
from kit.data.duplicates import Rows, copies
from kit.data.readers import image_files
from kit.data.readers.decoding import decode_files
from kit.data.readers.image_files import ImageRows
from kit.data.readers.pixel_table import OnProgress
from kit.data.shift import differences, one_blas_thread
from kit.task.sample import ids_in

BROKEN = "broken-images.txt"
"""Lists the images that cannot be decoded, in the data directory."""


def open_entry(
    folder: Path, tables: Sequence[Path], config: Config, sample: Content | None, on_progress: OnProgress
) -> cache.Entry:
    """Return the decoded images of a folder.

    Args:
        folder: holds the files.
        tables: paths of the CSV files.
        config: describes the files, and how images are resized.
        sample: the sample submission, if there is one: its ids are those of the test images.
        on_progress: called with the number of decoded images, and of all images.

    Raises:
        UserError: a table or an image is wrong, or the disk has no room.
    """
    root, competition = folder / ".cache", config.competition
    hashed = file_hashes.hashes(tables, file_hashes.stored(root))
    ids = None if sample is None or competition.test_images is None else ids_in(*sample)
    stamp = hashlib.sha256(repr((image_files.stamp(folder, competition), ids)).encode()).hexdigest()
    place = root / cache.key(hashed, config, stamp)
    entry = cache.find(place)
    if entry is None:
        train = image_files.training_rows(folder, competition)
        test = image_files.test_rows(folder, competition, ids)
        images = len(train.files) + len(test.files)
        fill = partial(_fill, (train, test), config, on_progress, folder / BROKEN)
        entry = cache.write(place, fill, images * math.prod(config.image_shape))
    if entry.folder == place:
        file_hashes.remember(root, hashed)
    return entry


def _fill(
    rows: tuple[ImageRows, ImageRows], config: Config, on_progress: OnProgress, broken: Path, folder: Path
) -> cache.Metadata:
    """Write the arrays of training and test rows into `folder`; `broken` lists images without pixels."""
    train, test = rows
    competition = config.competition
    source = competition.train if competition.form == "table" else competition.train_images
    labels, classes = encoded(
        train.labels, competition, source, lambda row: f"{source}, image {train.names[row]}"
    )
    images = (train.files, folder / "train_images.npy"), (test.files, folder / "test_images.npy")
    decode_files(images, config.image, on_progress=on_progress, broken=broken)
    np.save(folder / "train_labels.npy", classes, allow_pickle=False)
    arrays = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in cache.ARRAYS
    }
    with one_blas_thread():
        shifted = differences(arrays["train_images"], arrays["test_images"])
    return cache.Metadata(
        labels=labels.labels,
        train_names=train.names,
        test_ids=test.names,
        fingerprint=cache.fingerprint(arrays, labels),
        warnings=(
            *train.warnings,
            *test.warnings,
            *shifted,
            *copies(arrays, Rows(source, train.names), Rows(competition.test_images or "", test.names)),
        ),
    )
