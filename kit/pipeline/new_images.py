"""The images that `kit predict` is given: image files, folders of them, CSV files as the competition's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.config import Config, validate
from kit.data import compressed
from kit.data.likeness import Reference
from kit.data.pictures import read_pictures
from kit.data.readers import pixel_csv, pixel_text
from kit.data.readers.image_names import image_files, natural
from kit.data.shift import FEWEST
from kit.data.source import find_local
from kit.errors import UserError
from kit.run_folder import Run

_TABLES = (".csv", *(f".csv{ending}" for ending in compressed.SUFFIXES))


@dataclass(frozen=True, eq=False)
class NewImages:
    """Images in the shape of a run.

    Attributes:
        names: path of each image; of a row of a CSV file: the id, or path and line.
        images: (rows, height, width, channels) uint8.
    """

    names: tuple[str, ...]
    images: NDArray[np.uint8]


def read_images(paths: Sequence[Path], config: Config, *, inverted: bool) -> NewImages:
    """Return the images of files and folders, in this order; files of a folder in natural order.

    Image files are resized as in training. Where the competition has CSV files, which have no images of other
    sizes, they keep their proportions, and get a margin in the colour of their border.

    Args:
        paths: image files, CSV files in the format of the competition's test file, folders of image files.
        config: of the run.
        inverted: whether to invert the images.

    Raises:
        UserError: a path does not exist, a folder has no image, or files are not readable.
    """
    _check_exist(paths)
    parts: list[NewImages] = []
    files: list[Path] = []
    for path in paths:
        if path.is_file() and path.name.lower().endswith(_TABLES):
            # The order of the paths is kept.
            parts += [
                _read_files(files, config, inverted=inverted),
                _read_table(path, config, inverted=inverted),
            ]
            files = []
        else:
            files += _files_in(path) if path.is_dir() else [path]
    parts.append(_read_files(files, config, inverted=inverted))
    names = tuple(name for part in parts for name in part.names)
    return NewImages(names, np.concatenate([part.images for part in parts]))


def unlike_training(run: Run, images: NDArray[np.uint8]) -> list[str] | None:
    """Return for each image what differs from the training images, or an empty text.

    The training images are those of the run's page, which the run stores; if there are too few, those of the
    data, if this machine has it. None if there are none.
    """
    try:
        stored = list(run.read_images().train.values())
    except UserError:
        stored = []
    reference: Reference | None = None
    if len(stored) >= FEWEST:
        reference = Reference.of(np.stack(stored))
    elif dataset := find_local(run.read_record()):
        reference = Reference.of(dataset.train_images)
    return reference.warnings(images) if reference else None


def shape_of(run: Run) -> tuple[int, int, int]:
    """Return height, width and channels of the images of a run."""
    return validate(run.read_record().config).image_shape


def _check_exist(paths: Sequence[Path]) -> None:
    absent = [str(path) for path in paths if not path.exists()]
    if absent:
        more = f", and {len(absent) - 1} more: {', '.join(absent[1:5])}" if len(absent) > 1 else ""
        raise UserError(f"there is no such file or folder{more}", where=absent[0])


def _files_in(folder: Path) -> list[Path]:
    """Return the image files in a folder and its folders, in natural order."""
    return [folder / name for name in sorted(image_files(folder), key=natural)]


def _read_files(files: Sequence[Path], config: Config, *, inverted: bool) -> NewImages:
    return NewImages(tuple(map(str, files)), read_pictures(files, config, inverted=inverted))


def _read_table(path: Path, config: Config, *, inverted: bool) -> NewImages:
    if config.competition.has_files:
        raise UserError(
            "a CSV file, but this competition has image files",
            where=str(path),
            expected="image files, or a folder of them",
        )
    parse = pixel_text.parse if config.competition.form == "pixel_text" else pixel_csv.parse
    table = parse(compressed.content(path), str(path), config.competition, labelled=False)
    first = 2 if config.competition.header else 1
    names = table.texts or [f"{path}:{row + first}" for row in range(len(table.images))]
    return NewImages(tuple(names), 255 - table.images if inverted else table.images)
