"""Miniatures with a table of labels (form table) whose submission has one column beside the id."""

from itertools import chain
from pathlib import Path

import numpy as np

from tests.miniatures.drawing import Pixels, spots
from tests.miniatures.files import Miniature, Size, codes, write_table
from tests.miniatures.planned import Plan, finish, photos, write_images

CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def cifar_10(folder: Path, size: Size) -> Miniature:
    """trainLabels.csv, train/1.png, test/1.png; the test ids are in numeric order."""
    plan = Plan("cifar-10", CIFAR, photos(10, 32), "train/{}.png", "test/{}.png")
    names = chain(map(str, range(1, size.train + 1)), map(str, range(1, size.test + 1)))
    written = write_images(folder, size, plan, names)
    write_table(folder / "trainLabels.csv", ["id", "label"], written.labels.items())
    competition = {"train": "trainLabels.csv", "sample_submission": "sampleSubmission.csv"}
    sample = ["id", "label"], ["cat"]
    inner = "train", "test"
    return finish(written, sample, competition, inner=inner)


def aerial_cactus(folder: Path, size: Size) -> Miniature:
    """train.csv with ids that end in .jpg; 0 or 1; AUC."""
    plan = Plan("aerial-cactus-identification", "01", photos(2, 32), "train/{}", "test/{}", (1, 3))
    names = (f"{code}.jpg" for code in codes(np.random.default_rng(size.seed), 32))
    written = write_images(folder, size, plan, names)
    write_table(folder / "train.csv", ["id", "has_cactus"], written.labels.items())
    competition = {
        "label_column": "has_cactus",
        "metric": "auc",
        "submission": {"positive": "1"},
    }
    sample = ["id", "has_cactus"], [0.5]
    return finish(written, sample, competition, inner=("train", "test"))


def histopathologic(folder: Path, size: Size) -> Miniature:
    """train_labels.csv with ids without .tif; the sample shows 0, and AUC needs probabilities."""
    plan = Plan(
        "histopathologic-cancer-detection", "01", photos(2, 48), "train/{}.tif", "test/{}.tif", (6, 4)
    )
    names = codes(np.random.default_rng(size.seed), 40)
    written = write_images(folder, size, plan, names)
    write_table(folder / "train_labels.csv", ["id", "label"], written.labels.items())
    competition = {
        "train": "train_labels.csv",
        "metric": "auc",
        "submission": {"positive": "1"},
    }
    return finish(written, (["id", "label"], [0]), competition)


def cassava(folder: Path, size: Size) -> Miniature:
    """train.csv with names of large files in train_images/; five unequal classes."""
    shares = 5, 10, 11, 61, 12
    plan = Plan(
        "cassava-leaf-disease-classification",
        "01234",
        photos(5, 90, 120),
        "train_images/{}",
        "test_images/{}",
        shares,
    )
    draw = np.random.default_rng(size.seed)
    names = (f"{number}.jpg" for number in draw.choice(4_000_000_000, size.train + size.test, replace=False))
    written = write_images(folder, size, plan, names)
    write_table(folder / "train.csv", ["image_id", "label"], written.labels.items())
    competition = {
        "image_column": "image_id",
        "train_images": "train_images",
        "test_images": "test_images",
    }
    return finish(written, (["image_id", "label"], [4]), competition)


def invasive_species(folder: Path, size: Size) -> Miniature:
    """train_labels.csv with integers, some of them absent; AUC."""
    plan = Plan("invasive-species-monitoring", "01", photos(2, 60, 90), shares=(37, 63))
    draw = np.random.default_rng(size.seed)
    numbers = [
        sorted((draw.choice(2 * count, count, replace=False) + 1).tolist())
        for count in (size.train, size.test)
    ]
    names = chain(map(str, numbers[0]), map(str, numbers[1]))
    written = write_images(folder, size, plan, names)
    write_table(folder / "train_labels.csv", ["name", "invasive"], written.labels.items())
    competition = {
        "train": "train_labels.csv",
        "image_column": "name",
        "label_column": "invasive",
        "metric": "auc",
        "submission": {"positive": "1"},
    }
    sample = ["name", "invasive"], [0.5]
    inner = "train", "test", "train_labels.csv", "sample_submission.csv"
    return finish(written, sample, competition, inner=inner)


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
    written = write_images(folder, size, plan, names)
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
    return finish(written, (["id_code", "diagnosis"], [0]), competition, image=48)


def siim_isic(folder: Path, size: Size) -> Miniature:
    """jpeg/train/ISIC_0.jpg; 10 % positive; train.csv has patients, whose images look alike."""
    plan = Plan(
        "siim-isic-melanoma-classification",
        "01",
        photos(2, 48, 64),
        "jpeg/train/{}.jpg",
        "jpeg/test/{}.jpg",
        (9, 1),
    )
    draw = np.random.default_rng(size.seed)
    numbers = iter(draw.permutation(10 * (size.train + size.test)).tolist())
    names = (f"ISIC_{number:07}" for number in numbers)
    written = write_images(folder, size, plan, names)
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
        "submission": {"positive": "1"},
    }
    sample = ["image_name", "target"], [0]
    return finish(written, sample, competition, groups=patients)
