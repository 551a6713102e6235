"""The plan of a competition with a table of labels, and the writing of its images and of its sample."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.miniatures.drawing import Pixels, photo
from tests.miniatures.files import (
    Miniature,
    Size,
    deliver,
    drawn_classes,
    shown,
    varying,
    write_image,
    write_table,
)

Draw = Callable[[np.random.Generator, int], Pixels]


@dataclass(frozen=True)
class Plan:
    """What a competition's images are.

    Attributes:
        slug: the competition's name.
        labels: of the classes.
        image: draws an image of a class.
        train: path of a training image, by its id.
        test: path of a test image.
        shares: of the classes; empty means equal.
    """

    slug: str
    labels: Sequence[str]
    image: Draw
    train: str = "train/{}.jpg"
    test: str = "test/{}.jpg"
    shares: Sequence[float] = field(default=())


def photos(classes: int, low: int, high: int | None = None) -> Draw:
    """Return what draws a photograph of one of `classes`, with sides from `low` to `high` pixels."""
    return lambda draw, kind: photo(draw, kind, classes, varying(draw, low, high or low))


@dataclass(frozen=True)
class Written:
    """A competition whose images are written, but not yet its CSV files.

    Attributes:
        folder: of the files.
        size: of the miniature.
        plan: of the images.
        labels: of the training images, by id.
        answers: labels of the test images, by id.
    """

    folder: Path
    size: Size
    plan: Plan
    labels: dict[str, str]
    answers: dict[str, str]


def write_images(folder: Path, size: Size, plan: Plan, names: Iterable[str]) -> Written:
    """Write the images; the first of `names` are those of the training images, then of the test images."""
    rest = iter(names)
    parts = []
    for part, (path, rows) in enumerate(((plan.train, size.train), (plan.test, size.test))):
        draw = np.random.default_rng([size.seed, part])
        labels = {}
        for kind in drawn_classes(draw, rows, plan.shares or [1] * len(plan.labels)):
            name = next(rest)
            labels[name] = plan.labels[kind]
            write_image(folder / path.format(name), plan.image(draw, shown(draw, kind, len(plan.labels))))
        parts.append(labels)
    return Written(folder, size, plan, *parts)


def finish(
    written: Written,
    sample: tuple[Sequence[str], Sequence[object]],
    competition: Mapping[str, Any],
    *,
    image: int = 32,
    inner: Sequence[str] = (),
    groups: Mapping[str, str] | None = None,
) -> Miniature:
    """Write the sample submission (its header, and the cells of each row), and return the record."""
    header, cells = tuple(sample[0]), sample[1]
    name, slug = competition.get("sample_submission", "sample_submission.csv"), written.plan.slug
    write_table(written.folder / name, header, ([one, *cells] for one in written.answers))
    columns = {"id_column": header[0]} | ({"prediction_column": header[1]} if len(header) == 2 else {})
    settings: dict[str, Any] = {
        "competition": {"slug": slug, "form": "table", **columns, **competition},
        "image": {"size": image},
    }
    if groups is not None:
        settings["folds"] = {"group": {"table": "train.csv", "column": "patient_id"}}
    source = deliver(written.folder, slug, written.size, inner)
    return Miniature(source, slug, settings, written.labels, written.answers, header, groups or {})
