"""Miniatures with all pixels of an image in one cell: form pixel_text."""

from pathlib import Path

from tests.miniatures.files import Miniature, Size, deliver, write_table
from tests.miniatures.rows import Rows, draw_both, numbered


def fer2013(folder: Path, size: Size) -> Miniature:
    """One file: emotion,pixels,Usage; one column with all pixels."""
    train, test = _faces(size)
    half = size.test // 2
    usages = ["Training"] * size.train + ["PublicTest"] * half + ["PrivateTest"] * (size.test - half)
    rows = [*_texts(train), *_texts(test)]
    write_table(
        folder / "fer2013.csv",
        ["emotion", "pixels", "Usage"],
        ([*row, usage] for row, usage in zip(rows, usages, strict=True)),
    )
    slug = "challenges-in-representation-learning-facial-expression-recognition-challenge"
    competition = {
        "slug": slug,
        "form": "pixel_text",
        "train": "fer2013.csv",
        "test": None,
        "sample_submission": None,
        "label_column": "emotion",
        "usage_column": "Usage",
        "image_shape": [48, 48],
    }
    return Miniature(
        deliver(folder, slug, size),
        slug,
        {"competition": competition},
        numbered(train.labels),
        numbered(test.labels, 1),
    )


def fer2013_two_files(folder: Path, size: Size) -> Miniature:
    """emotion,pixels and a test file of pixels only."""
    train, test = _faces(size)
    write_table(folder / "train.csv", ["emotion", "pixels"], _texts(train))
    write_table(folder / "test.csv", ["pixels"], ([text] for _, text in _texts(test)))
    slug = "challenges-in-representation-learning-facial-expression-recognition-challenge"
    competition = {
        "slug": slug,
        "form": "pixel_text",
        "sample_submission": None,
        "label_column": "emotion",
        "image_shape": [48, 48],
    }
    return Miniature(
        deliver(folder, slug, size),
        slug,
        {"competition": competition},
        numbered(train.labels),
        numbered(test.labels, 1),
    )


def _faces(size: Size) -> tuple[Rows, Rows]:
    return draw_both(size, "ABEHKTX", 48, [4, 0.8, 4, 7, 5, 3, 5])


def _texts(rows: Rows) -> list[tuple[int, str]]:
    return [(row[0], " ".join(map(str, row[1:]))) for row in rows.cells()]
