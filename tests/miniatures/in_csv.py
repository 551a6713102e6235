"""Miniatures with a column per pixel: form pixels."""

from pathlib import Path

import numpy as np

from tests.miniatures.drawing import GLYPHS, photo
from tests.miniatures.files import Miniature, Size, deliver, write_table
from tests.miniatures.rows import Rows, draw_both, draw_rows, numbered

DIGITS = GLYPHS[:10]


def _pixels(first: int = 0, count: int = 784) -> list[str]:
    return [f"pixel{number}" for number in range(first, first + count)]


def digit_recognizer(folder: Path, size: Size) -> Miniature:
    """label,pixel0…pixel783; ids are counted from 1."""
    train, test = draw_both(size, DIGITS)
    write_table(folder / "train.csv", ["label", *_pixels()], train.cells())
    write_table(folder / "test.csv", _pixels(), test.cells(labelled=False))
    answers = numbered(test.labels, 1)
    write_table(folder / "sample_submission.csv", ["ImageId", "Label"], ([one, 0] for one in answers))
    source = deliver(folder, "digit-recognizer", size)
    return Miniature(
        source,
        "digit-recognizer",
        {"competition": {}},
        numbered(train.labels),
        answers,
        ("ImageId", "Label"),
    )


def kannada_mnist(folder: Path, size: Size) -> Miniature:
    """As digit_recognizer; test.csv has ids from 0; a second labelled file is not used."""
    train, test = draw_both(size, "ABCDEFGHJK")
    write_table(folder / "train.csv", ["label", *_pixels()], train.cells())
    write_table(folder / "Dig-MNIST.csv", ["label", *_pixels()], train.cells()[:50])
    rows = ([number, *row] for number, row in enumerate(test.cells(labelled=False)))
    write_table(folder / "test.csv", ["id", *_pixels()], rows)
    answers = numbered(test.labels)
    write_table(folder / "sample_submission.csv", ["id", "label"], ([one, 0] for one in answers))
    slug = "kannada-mnist"
    competition = {"slug": "Kannada-MNIST", "test_id_column": "id", "id_column": "id"} | {
        "prediction_column": "label"
    }
    return Miniature(
        deliver(folder, slug, size),
        "Kannada-MNIST",
        {"competition": competition},
        numbered(train.labels),
        answers,
        ("id", "label"),
    )


def fashion_mnist(folder: Path, size: Size) -> Miniature:
    """pixel1…pixel784; the test file has labels; no sample submission."""
    train, test = draw_both(size, "AEHKMSTXYZ")
    return _labelled_pair(folder, size, "fashionmnist", "fashion-mnist_{}.csv", train, test)


def sign_language_mnist(folder: Path, size: Size) -> Miniature:
    """As fashion_mnist, with labels 0 to 24 without 9."""
    letters = "ABCDEFGHIKLMNOPQRSTUVWXY"
    train, test = (
        Rows(rows.images, [label + (label > 8) for label in rows.labels]) for rows in draw_both(size, letters)
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
        numbered(tables[0].labels),
        numbered(tables[1].labels, 1),
    )


def a_z_handwritten(folder: Path, size: Size) -> Miniature:
    """One file without a header, label first, unequal classes; there are no test rows."""
    letters = GLYPHS[10:36]
    train, _ = draw_both(size, letters, shares=[1 + 3 * (number % 3 == 0) for number in range(26)])
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
    labels = numbered(train.labels)
    return Miniature(deliver(folder, slug, size), slug, {"competition": competition}, labels, {})


def emnist(folder: Path, size: Size) -> Miniature:
    """Two files without a header, label first, images transposed; 47 classes need about 15 rows each."""
    train, test = draw_both(size, GLYPHS)
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
        numbered(train.labels),
        numbered(test.labels, 1),
    )


def ham10000(folder: Path, size: Size) -> Miniature:
    """pixel0000…, RGB, label last; a second file has a lesion of each row; there are no test rows."""
    shares = [3, 5, 11, 1.5, 11, 30, 2]
    draw = np.random.default_rng([size.seed, 2])
    rows = draw_rows([size.seed, 0], size.train, shares, lambda draw, kind: photo(draw, kind, 7, (28, 28)))
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
        numbered(rows.labels),
        {},
        groups=numbered(lesions),
    )
