"""Miniatures with a CSV file of names and labels, and a folder of image files: form table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from tests.miniatures.drawing import Pixels, leaf, photo, spots
from tests.miniatures.files import (
    Miniature,
    Size,
    codes,
    deliver,
    drawn_classes,
    shown,
    varying,
    write_image,
    write_table,
)

CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BREEDS = (
    "affenpinscher",
    "basenji",
    "beagle",
    "borzoi",
    "collie",
    "dhole",
    "keeshond",
    "malamute",
    "papillon",
    "pug",
    "saluki",
    "whippet",
)
SPECIES = (
    "Acer_Capillipes",
    "Acer_Opalus",
    "Alnus_Rubra",
    "Betula_Pendula",
    "Castanea_Sativa",
    "Cornus_Chinensis",
    "Fagus_Sylvatica",
    "Ilex_Aquifolium",
    "Morus_Nigra",
    "Populus_Nigra",
    "Quercus_Rubra",
    "Tilia_Tomentosa",
)
PATHOLOGY = ("healthy", "multiple_diseases", "rust", "scab")
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


def _photos(classes: int, low: int, high: int | None = None) -> Draw:
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


def _written(folder: Path, size: Size, plan: Plan, names: Iterable[str]) -> Written:
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


def _finished(
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


def cifar_10(folder: Path, size: Size) -> Miniature:
    """trainLabels.csv, train/1.png, test/1.png; the test ids are in numeric order."""
    plan = Plan("cifar-10", CIFAR, _photos(10, 32), "train/{}.png", "test/{}.png")
    names = chain(map(str, range(1, size.train + 1)), map(str, range(1, size.test + 1)))
    written = _written(folder, size, plan, names)
    write_table(folder / "trainLabels.csv", ["id", "label"], written.labels.items())
    competition = {"train": "trainLabels.csv", "sample_submission": "sampleSubmission.csv"}
    sample = ["id", "label"], ["cat"]
    inner = "train", "test"
    return _finished(written, sample, competition, inner=inner)


def aerial_cactus(folder: Path, size: Size) -> Miniature:
    """train.csv with ids that end in .jpg; 0 or 1; AUC."""
    plan = Plan("aerial-cactus-identification", "01", _photos(2, 32), "train/{}", "test/{}", (1, 3))
    names = (f"{code}.jpg" for code in codes(np.random.default_rng(size.seed), 32))
    written = _written(folder, size, plan, names)
    write_table(folder / "train.csv", ["id", "has_cactus"], written.labels.items())
    competition = {
        "label_column": "has_cactus",
        "metric": "auc",
        "submission": {"format": "probability", "positive": "1"},
    }
    sample = ["id", "has_cactus"], [0.5]
    return _finished(written, sample, competition, inner=("train", "test"))


def histopathologic(folder: Path, size: Size) -> Miniature:
    """train_labels.csv with ids without .tif; the sample shows 0, and AUC needs probabilities."""
    plan = Plan(
        "histopathologic-cancer-detection", "01", _photos(2, 48), "train/{}.tif", "test/{}.tif", (6, 4)
    )
    names = codes(np.random.default_rng(size.seed), 40)
    written = _written(folder, size, plan, names)
    write_table(folder / "train_labels.csv", ["id", "label"], written.labels.items())
    competition = {
        "train": "train_labels.csv",
        "metric": "auc",
        "submission": {"format": "probability", "positive": "1"},
    }
    return _finished(written, (["id", "label"], [0]), competition)


def cassava(folder: Path, size: Size) -> Miniature:
    """train.csv with names of large files in train_images/; five unequal classes."""
    shares = 5, 10, 11, 61, 12
    plan = Plan(
        "cassava-leaf-disease-classification",
        "01234",
        _photos(5, 90, 120),
        "train_images/{}",
        "test_images/{}",
        shares,
    )
    draw = np.random.default_rng(size.seed)
    names = (f"{number}.jpg" for number in draw.choice(4_000_000_000, size.train + size.test, replace=False))
    written = _written(folder, size, plan, names)
    write_table(folder / "train.csv", ["image_id", "label"], written.labels.items())
    competition = {
        "image_column": "image_id",
        "train_images": "train_images",
        "test_images": "test_images",
    }
    return _finished(written, (["image_id", "label"], [4]), competition)


def plant_pathology(folder: Path, size: Size) -> Miniature:
    """One folder images/ with Train_0.jpg and Test_0.jpg; four columns of 0 and 1; mean column AUC."""
    plan = Plan(
        "plant-pathology-2020-fgvc7",
        PATHOLOGY,
        _photos(4, 48, 64),
        "images/{}.jpg",
        "images/{}.jpg",
        (28, 8, 34, 32),
    )
    names = chain(
        (f"Train_{number}" for number in range(size.train)), (f"Test_{number}" for number in range(size.test))
    )
    written = _written(folder, size, plan, names)
    header = ["image_id", *PATHOLOGY]
    rows = ([one, *(int(label == name) for name in PATHOLOGY)] for one, label in written.labels.items())
    write_table(folder / "train.csv", header, rows)
    write_table(folder / "test.csv", ["image_id"], ([one] for one in written.answers))
    competition = {
        "image_column": "image_id",
        "label_columns": list(PATHOLOGY),
        "train_images": "images",
        "test_images": "images",
        "test": "test.csv",
        "metric": "auc",
        "submission": {"format": "probabilities"},
    }
    return _finished(written, (header, [0.25] * 4), competition)


def leaf_classification(folder: Path, size: Size) -> Miniature:
    """One folder images/ with black and white files of varying size; features beside the label."""
    plan = Plan(
        "leaf-classification",
        SPECIES,
        lambda draw, kind: leaf(draw, kind, int(draw.integers(60, 100))),
        "images/{}.jpg",
        "images/{}.jpg",
    )
    draw = np.random.default_rng(size.seed)
    numbers = [str(one) for one in draw.permutation(size.train + size.test) + 1]
    names = iter([*numbers[: size.train], *sorted(numbers[size.train :], key=int)])
    written = _written(folder, size, plan, names)
    features = [f"{kind}{number}" for kind in ("margin", "shape") for number in range(1, 5)]
    values = draw.uniform(0, 0.1, (size.train + size.test, 8)).round(6).tolist()
    rows = ([one, label, *values.pop()] for one, label in written.labels.items())
    write_table(folder / "train.csv", ["id", "species", *features], rows)
    write_table(folder / "test.csv", ["id", *features], ([one, *values.pop()] for one in written.answers))
    competition = {
        "label_column": "species",
        "train_images": "images",
        "test_images": "images",
        "test": "test.csv",
        "metric": "log_loss",
        "submission": {"format": "probabilities"},
    }
    sample = ["id", *SPECIES], [1 / 12] * 12
    inner = "images", "train.csv", "test.csv", "sample_submission.csv"
    return _finished(written, sample, competition, inner=inner)


def dog_breed(folder: Path, size: Size) -> Miniature:
    """labels.csv with ids without .jpg; a probability per class; its columns are sorted."""
    plan = Plan("dog-breed-identification", BREEDS, _photos(12, 48, 80))
    names = codes(np.random.default_rng(size.seed), 32)
    written = _written(folder, size, plan, names)
    write_table(folder / "labels.csv", ["id", "breed"], written.labels.items())
    competition = {
        "train": "labels.csv",
        "label_column": "breed",
        "metric": "log_loss",
        "submission": {"format": "probabilities"},
    }
    sample = ["id", *BREEDS], [1 / 12] * 12
    return _finished(written, sample, competition, image=48)


def invasive_species(folder: Path, size: Size) -> Miniature:
    """train_labels.csv with integers, some of them absent; AUC."""
    plan = Plan("invasive-species-monitoring", "01", _photos(2, 60, 90), shares=(37, 63))
    draw = np.random.default_rng(size.seed)
    numbers = [
        sorted((draw.choice(2 * count, count, replace=False) + 1).tolist())
        for count in (size.train, size.test)
    ]
    names = chain(map(str, numbers[0]), map(str, numbers[1]))
    written = _written(folder, size, plan, names)
    write_table(folder / "train_labels.csv", ["name", "invasive"], written.labels.items())
    competition = {
        "train": "train_labels.csv",
        "image_column": "name",
        "label_column": "invasive",
        "metric": "auc",
        "submission": {"format": "probability", "positive": "1"},
    }
    sample = ["name", "invasive"], [0.5]
    inner = "train", "test", "train_labels.csv", "sample_submission.csv"
    return _finished(written, sample, competition, inner=inner)


def aptos(folder: Path, size: Size) -> Miniature:
    """train.csv with codes without .png; five ordered grades; quadratic weighted kappa."""

    def image(draw: np.random.Generator, kind: int) -> Pixels:
        return spots(draw, max(0, 4 * kind + int(draw.integers(-1, 2))), 48)

    plan = Plan(
        "aptos2019-blindness-detection",
        "01234",
        image,
        "train_images/{}.png",
        "test_images/{}.png",
        (49, 10, 27, 6, 8),
    )
    names = codes(np.random.default_rng(size.seed), 12)
    written = _written(folder, size, plan, names)
    write_table(folder / "train.csv", ["id_code", "diagnosis"], written.labels.items())
    write_table(folder / "test.csv", ["id_code"], ([one] for one in written.answers))
    competition = {
        "image_column": "id_code",
        "label_column": "diagnosis",
        "train_images": "train_images",
        "test_images": "test_images",
        "test": "test.csv",
        "metric": "quadratic_weighted_kappa",
    }
    return _finished(written, (["id_code", "diagnosis"], [0]), competition, image=48)


def siim_isic(folder: Path, size: Size) -> Miniature:
    """jpeg/train/ISIC_0.jpg; 10 % positive; train.csv has patients, whose images look alike."""
    plan = Plan(
        "siim-isic-melanoma-classification",
        "01",
        _photos(2, 48, 64),
        "jpeg/train/{}.jpg",
        "jpeg/test/{}.jpg",
        (9, 1),
    )
    draw = np.random.default_rng(size.seed)
    numbers = iter(draw.permutation(10 * (size.train + size.test)).tolist())
    names = (f"ISIC_{number:07}" for number in numbers)
    written = _written(folder, size, plan, names)
    patients = {name: f"IP_{draw.integers(size.train // 6):07}" for name in written.labels}
    header = ["image_name", "patient_id", "sex", "benign_malignant", "target"]
    kinds = {"0": "benign", "1": "malignant"}
    rows = ([one, patients[one], "female", kinds[label], label] for one, label in written.labels.items())
    write_table(folder / "train.csv", header, rows)
    tests = ([one, f"IP_{draw.integers(10**6, 10**7)}", "male"] for one in written.answers)
    write_table(folder / "test.csv", header[:3], tests)
    competition = {
        "image_column": "image_name",
        "label_column": "target",
        "train_images": "jpeg/train",
        "test_images": "jpeg/test",
        "test": "test.csv",
        "metric": "auc",
        "submission": {"format": "probability", "positive": "1"},
    }
    sample = ["image_name", "target"], [0]
    return _finished(written, sample, competition, groups=patients)
