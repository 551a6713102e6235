"""The record of a miniature competition, and the writing of its files as Kaggle delivers them."""

import csv
import io
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.miniatures.drawing import Pixels

CONFUSED = 0.06
"""Share of the images that show another class than their label: no model is right about them."""


@dataclass(frozen=True)
class Size:
    """How large a miniature is.

    Attributes:
        train: number of training images.
        test: number of test images.
        seed: of all that is drawn.
        zipped: whether it is one zip as Kaggle delivers it, with inner zips where Kaggle has them.
    """

    train: int = 400
    test: int = 200
    seed: int = 0
    zipped: bool = False


@dataclass(frozen=True)
class Miniature:
    """A written competition, with all that a test may expect of it.

    Attributes:
        source: the folder or the zip.
        slug: the competition's name on Kaggle.
        settings: the sections of a configuration that fit, in its notation.
        train_labels: labels of the training rows, by name of the image or number of the row.
        answers: label of each test row, by its id, in the order of the sample submission (without one, of the
            test rows, by number from 1); empty without test rows.
        header: of the sample submission; empty without one.
        groups: group of each training image, by its name; empty without groups.
    """

    source: Path
    slug: str
    settings: Mapping[str, Any]
    train_labels: Mapping[str, str]
    answers: Mapping[str, str]
    header: tuple[str, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """The distinct labels, sorted: as numbers if all are."""
        distinct = set(self.train_labels.values())
        return tuple(sorted(distinct, key=int if all(one.isdigit() for one in distinct) else str))

    @property
    def form(self) -> str:
        """Value of `competition.form`."""
        return str(self.settings["competition"].get("form", "pixels"))

    @property
    def metric(self) -> str:
        """Value of `competition.metric`."""
        return str(self.settings["competition"].get("metric", "accuracy"))


def drawn_classes(draw: np.random.Generator, rows: int, shares: Sequence[float]) -> list[int]:
    """Return (rows,) classes, shuffled; their counts are in the proportion of `shares`."""
    ends = np.cumsum(shares) / sum(shares)
    return [int(one) for one in draw.permutation(np.searchsorted(ends, (np.arange(rows) + 0.5) / rows))]


def shown(draw: np.random.Generator, kind: int, classes: int) -> int:
    """Return the class that an image of class `kind` shows: rarely another one."""
    return int(draw.integers(classes)) if draw.uniform() < CONFUSED else kind


def write_table(path: Path, header: Sequence[str] | None, rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file with LF line ends."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([header] if header else [])
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def write_image(path: Path, pixels: Pixels) -> None:
    """Write an image in the format of its ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=92)


def deliver(folder: Path, slug: str, size: Size, inner: Sequence[str] = ()) -> Path:
    """Return `folder`, or with `size.zipped` <folder>/<slug>.zip in place of all its files.

    Args:
        folder: of the written files.
        slug: the competition's name.
        size: says whether to zip.
        inner: folders and files that the zip contains as NAME.zip.
    """
    if not size.zipped:
        return folder
    target = folder / f"{slug}.zip"
    names = sorted(path.name for path in folder.iterdir())
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            if name in inner:
                archive.writestr(f"{name}.zip", _zipped(folder, name))
                continue
            for path in _files(folder / name):
                archive.write(path, path.relative_to(folder))
    for name in names:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return target


def _zipped(folder: Path, name: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _files(folder / name):
            archive.write(path, path.relative_to(folder))
    return content.getvalue()


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())


def codes(draw: np.random.Generator, length: int) -> Iterator[str]:
    """Yield distinct names of hexadecimal digits."""
    seen = set[str]()
    while True:
        name = "".join(draw.choice(list("0123456789abcdef"), length))
        if name not in seen:
            seen.add(name)
            yield name


def varying(draw: np.random.Generator, low: int, high: int) -> tuple[int, int]:
    """Return a height and a width from `low` to `high`."""
    height, width = draw.integers(low, high + 1, 2).tolist()
    return height, width
