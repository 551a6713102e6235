"""Miniatures with a table of labels (form table) whose submission has a column per class."""

from itertools import chain
from pathlib import Path

import numpy as np

from tests.miniatures.drawing import leaf
from tests.miniatures.files import Miniature, Size, codes, write_table
from tests.miniatures.planned import Plan, finish, photos, write_images

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


def plant_pathology(folder: Path, size: Size) -> Miniature:
    """One folder images/ with Train_0.jpg and Test_0.jpg; four columns of 0 and 1; mean column AUC."""
    plan = Plan(
        "plant-pathology-2020-fgvc7",
        PATHOLOGY,
        photos(4, 48, 64),
        "images/{}.jpg",
        "images/{}.jpg",
        (28, 8, 34, 32),
    )
    names = chain(
        (f"Train_{number}" for number in range(size.train)), (f"Test_{number}" for number in range(size.test))
    )
    written = write_images(folder, size, plan, names)
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
    }
    return finish(written, (header, [0.25] * 4), competition)


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
    written = write_images(folder, size, plan, names)
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
    }
    sample = ["id", *SPECIES], [1 / 12] * 12
    inner = "images", "train.csv", "test.csv", "sample_submission.csv"
    return finish(written, sample, competition, inner=inner)


def dog_breed(folder: Path, size: Size) -> Miniature:
    """labels.csv with ids without .jpg; a probability per class; its columns are sorted."""
    plan = Plan("dog-breed-identification", BREEDS, photos(12, 48, 80))
    names = codes(np.random.default_rng(size.seed), 32)
    written = write_images(folder, size, plan, names)
    write_table(folder / "labels.csv", ["id", "breed"], written.labels.items())
    competition = {
        "train": "labels.csv",
        "label_column": "breed",
        "metric": "log_loss",
    }
    sample = ["id", *BREEDS], [1 / 12] * 12
    return finish(written, sample, competition, image=48)
