"""Miniatures whose images are in CSV files: forms pixels and pixel_text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.miniatures.drawing import GLYPHS, Pixels, glyph, photo
from tests.miniatures.files import Miniature, Size, deliver, drawn_classes, shown, write_table

DIGITS = GLYPHS[:10]


@dataclass(frozen=True)
class Rows:
    """Images with their labels.

    Attributes:
        images: (rows, height, width[, 3]) uint8.
        labels: (rows,) integers.
    """

    images: Pixels
    labels: list[int]

    def cells(self, *, labelled: bool = True, transposed: bool = False) -> list[list[int]]:
        """Return the rows of a CSV: the label, then the pixels."""
        images = self.images.swapaxes(1, 2) if transposed else self.images
        pixels = images.reshape(len(images), -1).tolist()
        return [[label, *row] for label, row in zip(self.labels, pixels, strict=True)] if labelled else pixels


def _rows(
    seed: Sequence[int],
    rows: int,
    shares: Sequence[float],
    image: Callable[[np.random.Generator, int], Pixels],
) -> Rows:
    draw = np.random.default_rng(seed)
    labels = drawn_classes(draw, rows, shares)
    return Rows(np.stack([image(draw, shown(draw, label, len(shares))) for label in labels]), labels)


def _glyphs(characters: str, side: int = 28) -> Callable[[np.random.Generator, int], Pixels]:
    return lambda draw, kind: glyph(draw, characters[kind], side)


def _both(
    size: Size, characters: str, side: int = 28, shares: Sequence[float] | None = None
) -> tuple[Rows, Rows]:
    shares = shares or [1] * len(characters)
    draw = _glyphs(characters, side)
    return _rows([size.seed, 0], size.train, shares, draw), _rows([size.seed, 1], size.test, shares, draw)


def _numbered(labels: Sequence[object], first: int = 0) -> dict[str, str]:
    return {str(number): str(label) for number, label in enumerate(labels, start=first)}


def _pixels(first: int = 0, count: int = 784) -> list[str]:
    return [f"pixel{number}" for number in range(first, first + count)]


def digit_recognizer(folder: Path, size: Size) -> Miniature:
    """label,pixel0…pixel783; ids are counted from 1."""
    train, test = _both(size, DIGITS)
    write_table(folder / "train.csv", ["label", *_pixels()], train.cells())
    write_table(folder / "test.csv", _pixels(), test.cells(labelled=False))
    answers = _numbered(test.labels, 1)
    write_table(folder / "sample_submission.csv", ["ImageId", "Label"], ([one, 0] for one in answers))
    source = deliver(folder, "digit-recognizer", size)
    return Miniature(
        source,
        "digit-recognizer",
        {"competition": {}},
        _numbered(train.labels),
        answers,
        ("ImageId", "Label"),
    )


def kannada_mnist(folder: Path, size: Size) -> Miniature:
    """As digit_recognizer; test.csv has ids from 0; a second labelled file is not used."""
    train, test = _both(size, "ABCDEFGHJK")
    write_table(folder / "train.csv", ["label", *_pixels()], train.cells())
    write_table(folder / "Dig-MNIST.csv", ["label", *_pixels()], train.cells()[:50])
    rows = ([number, *row] for number, row in enumerate(test.cells(labelled=False)))
    write_table(folder / "test.csv", ["id", *_pixels()], rows)
    answers = _numbered(test.labels)
    write_table(folder / "sample_submission.csv", ["id", "label"], ([one, 0] for one in answers))
    slug = "kannada-mnist"
    competition = {"slug": "Kannada-MNIST", "test_id_column": "id", "id_column": "id"} | {
        "prediction_column": "label"
    }
    return Miniature(
        deliver(folder, slug, size),
        "Kannada-MNIST",
        {"competition": competition},
        _numbered(train.labels),
        answers,
        ("id", "label"),
    )


def fashion_mnist(folder: Path, size: Size) -> Miniature:
    """pixel1…pixel784; the test file has labels; no sample submission."""
    train, test = _both(size, "AEHKMSTXYZ")
    return _labelled_pair(folder, size, "fashionmnist", "fashion-mnist_{}.csv", train, test)


def sign_language_mnist(folder: Path, size: Size) -> Miniature:
    """As fashion_mnist, with labels 0 to 24 without 9."""
    letters = "ABCDEFGHIKLMNOPQRSTUVWXY"
    train, test = (
        Rows(rows.images, [label + (label > 8) for label in rows.labels]) for rows in _both(size, letters)
    )
    name = "sign_mnist_{}.csv"
    return _labelled_pair(folder, size, "sign-language-mnist", name, train, test, labels="auto")


def _labelled_pair(
    folder: Path, size: Size, slug: str, name: str, *tables: Rows, **also: object
) -> Miniature:
    for part, rows in zip(("train", "test"), tables, strict=True):
        write_table(folder / name.format(part), ["label", *_pixels(1)], rows.cells())
    competition = {
        "slug": slug,
        "train": name.format("train"),
        "test": name.format("test"),
        "sample_submission": None,
        "pixel_prefix": None,
        **also,
    }
    return Miniature(
        deliver(folder, slug, size),
        slug,
        {"competition": competition},
        _numbered(tables[0].labels),
        _numbered(tables[1].labels, 1),
    )


def a_z_handwritten(folder: Path, size: Size) -> Miniature:
    """One file without a header, label first, unequal classes; there are no test rows."""
    letters = GLYPHS[10:36]
    train, _ = _both(size, letters, shares=[1 + 3 * (number % 3 == 0) for number in range(26)])
    write_table(folder / "A_Z Handwritten Data.csv", None, train.cells())
    slug = "az-handwritten-alphabets-in-csv-format"
    competition = {
        "slug": slug,
        "train": "A_Z Handwritten Data.csv",
        "test": None,
        "sample_submission": None,
        "header": False,
        "label_column": "0",
        "pixel_prefix": None,
        "labels": "auto",
    }
    labels = _numbered(train.labels)
    return Miniature(deliver(folder, slug, size), slug, {"competition": competition}, labels, {})


def emnist(folder: Path, size: Size) -> Miniature:
    """Two files without a header, label first, images transposed; 47 classes need about 15 rows each."""
    train, test = _both(size, GLYPHS)
    for part, rows in (("train", train), ("test", test)):
        write_table(folder / f"emnist-balanced-{part}.csv", None, rows.cells(transposed=True))
    competition = {
        "slug": "emnist",
        "train": "emnist-balanced-train.csv",
        "test": "emnist-balanced-test.csv",
        "sample_submission": None,
        "header": False,
        "label_column": "0",
        "pixel_prefix": None,
        "pixel_order": "columns",
        "labels": "auto",
    }
    return Miniature(
        deliver(folder, "emnist", size),
        "emnist",
        {"competition": competition},
        _numbered(train.labels),
        _numbered(test.labels, 1),
    )


def ham10000(folder: Path, size: Size) -> Miniature:
    """pixel0000…, RGB, label last; a second file has a lesion of each row; there are no test rows."""
    shares = [3, 5, 11, 1.5, 11, 30, 2]
    draw = np.random.default_rng([size.seed, 2])
    rows = _rows([size.seed, 0], size.train, shares, lambda draw, kind: photo(draw, kind, 7, (28, 28)))
    header = [*(f"pixel{number:04}" for number in range(28 * 28 * 3)), "label"]
    write_table(folder / "hmnist_28_28_RGB.csv", header, ([*row[1:], row[0]] for row in rows.cells()))
    images = [f"ISIC_{24306 + number:07}" for number in range(size.train)]
    # The rows of one lesion have one label.
    lesions = [f"HAM_{label}{draw.integers(size.train // 8):05}" for label in rows.labels]
    write_table(
        folder / "HAM10000_metadata.csv",
        ["lesion_id", "image_id", "dx"],
        zip(lesions, images, rows.labels, strict=True),
    )
    competition = {
        "slug": "skin-cancer-mnist-ham10000",
        "train": "hmnist_28_28_RGB.csv",
        "test": None,
        "sample_submission": None,
        "pixel_prefix": None,
        "image_shape": [28, 28, 3],
        "labels": "auto",
    }
    group = {"table": "HAM10000_metadata.csv", "column": "lesion_id"}
    return Miniature(
        deliver(folder, "skin-cancer-mnist-ham10000", size),
        "skin-cancer-mnist-ham10000",
        {"competition": competition, "folds": {"group": group}},
        _numbered(rows.labels),
        {},
        groups=_numbered(lesions),
    )


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
        _numbered(train.labels),
        _numbered(test.labels, 1),
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
        _numbered(train.labels),
        _numbered(test.labels, 1),
    )


def _faces(size: Size) -> tuple[Rows, Rows]:
    return _both(size, "ABEHKTX", 48, [4, 0.8, 4, 7, 5, 3, 5])


def _texts(rows: Rows) -> list[tuple[int, str]]:
    return [(row[0], " ".join(map(str, row[1:]))) for row in rows.cells()]
