"""Miniatures whose labels are in the paths of the image files: forms folders and file_names."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tests.miniatures.drawing import photo, scene
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

SEEDLINGS = (
    "Black-grass",
    "Charlock",
    "Cleavers",
    "Common Chickweed",
    "Common wheat",
    "Fat Hen",
    "Loose Silky-bent",
    "Maize",
    "Scentless Mayweed",
    "Shepherds Purse",
    "Small-flowered Cranesbill",
    "Sugar beet",
)
PADDY = (
    "bacterial_leaf_blight",
    "bacterial_leaf_streak",
    "bacterial_panicle_blight",
    "blast",
    "brown_spot",
    "dead_heart",
    "downy_mildew",
    "hispa",
    "normal",
    "tungro",
)


def dogs_vs_cats(folder: Path, size: Size) -> Miniature:
    """train/cat.0.jpg and test1/1.jpg of varying size; labels are submitted."""
    competition = {
        "slug": "dogs-vs-cats",
        "sample_submission": "sampleSubmission.csv",
        "test_images": "test1",
    }
    return _cats(folder, size, competition, "cat")


def dogs_vs_cats_redux(folder: Path, size: Size) -> Miniature:
    """train/cat.0.jpg and test/1.jpg; the probability of dog is submitted."""
    competition = {
        "slug": "dogs-vs-cats-redux-kernels-edition",
        "metric": "log_loss",
        "submission": {"positive": "dog"},
    }
    return _cats(folder, size, competition, 0.5)


def _cats(folder: Path, size: Size, competition: dict[str, Any], default: object) -> Miniature:
    draw = np.random.default_rng(size.seed)
    competition = {"form": "file_names", "id_column": "id", "prediction_column": "label", **competition}
    names, seen, labels = ("cat", "dog"), Counter[str](), dict[str, str]()
    for kind in drawn_classes(draw, size.train, (1, 1)):
        name = f"{names[kind]}.{seen[names[kind]]}.jpg"
        seen[names[kind]] += 1
        labels[name] = names[kind]
        write_image(folder / "train" / name, photo(draw, shown(draw, kind, 2), 2, varying(draw, 36, 60)))
    answers = {}
    tests = competition.get("test_images", "test")
    for number, kind in enumerate(drawn_classes(draw, size.test, (1, 1)), start=1):
        answers[str(number)] = names[kind]
        write_image(
            folder / tests / f"{number}.jpg", photo(draw, shown(draw, kind, 2), 2, varying(draw, 36, 60))
        )
    header = ("id", "label")
    sample = competition.get("sample_submission", "sample_submission.csv")
    write_table(folder / sample, header, ([one, default] for one in answers))
    slug = competition["slug"]
    source = deliver(folder, slug, size, inner=("train", tests))
    return Miniature(
        source, slug, {"competition": competition, "image": {"size": 32}}, labels, answers, header
    )


def plant_seedlings(folder: Path, size: Size) -> Miniature:
    """train/Common wheat/0a1b2c3d4.png; the sample has file names with .png."""
    draw = np.random.default_rng(size.seed)
    labels = {}
    kinds, names = drawn_classes(draw, size.train, [2, 3, 2, 5, 2, 4, 5, 2, 4, 2, 4, 3]), codes(draw, 9)
    for kind in kinds:
        name = f"{next(names)}.png"
        labels[name] = SEEDLINGS[kind]
        pixels = photo(draw, shown(draw, kind, 12), 12, varying(draw, 40, 72))
        write_image(folder / "train" / SEEDLINGS[kind] / name, pixels)
    tests = {f"{next(names)}.png": kind for kind in drawn_classes(draw, size.test, [1] * 12)}
    for name, kind in tests.items():
        write_image(folder / "test" / name, photo(draw, shown(draw, kind, 12), 12, varying(draw, 40, 72)))
    answers = {name: SEEDLINGS[tests[name]] for name in sorted(tests)}
    header = ("file", "species")
    write_table(folder / "sample_submission.csv", header, ([one, "Sugar beet"] for one in answers))
    slug = "plant-seedlings-classification"
    competition = {
        "slug": slug,
        "form": "folders",
        "id_column": "file",
        "prediction_column": "species",
        "metric": "micro_f1",
    }
    settings = {"competition": competition, "image": {"size": 48}}
    return Miniature(deliver(folder, slug, size), slug, settings, labels, answers, header)


def paddy(folder: Path, size: Size) -> Miniature:
    """train_images/blast/100330.jpg and train.csv with the same labels; the sample's labels are empty."""
    draw = np.random.default_rng(size.seed)
    labels, rows = {}, []
    kinds = drawn_classes(draw, size.train, [5, 4, 3, 17, 10, 14, 6, 16, 18, 11])
    numbers = 100001 + np.sort(draw.choice(10 * size.train, size.train, replace=False))
    for number, kind in zip(numbers, kinds, strict=True):
        name = f"{number}.jpg"
        labels[name] = PADDY[kind]
        rows.append([name, PADDY[kind], "ADT45", int(draw.integers(45, 80))])
        write_image(
            folder / "train_images" / PADDY[kind] / name, photo(draw, shown(draw, kind, 10), 10, (64, 48))
        )
    write_table(folder / "train.csv", ["image_id", "label", "variety", "age"], rows)
    answers = {}
    for number, kind in enumerate(drawn_classes(draw, size.test, [1] * 10), start=200001):
        answers[f"{number}.jpg"] = PADDY[kind]
        write_image(
            folder / "test_images" / f"{number}.jpg", photo(draw, shown(draw, kind, 10), 10, (64, 48))
        )
    header = ("image_id", "label")
    write_table(folder / "sample_submission.csv", header, ([one, ""] for one in answers))
    slug = "paddy-disease-classification"
    competition = {
        "slug": slug,
        "form": "folders",
        "train_images": "train_images",
        "test_images": "test_images",
        "id_column": "image_id",
        "prediction_column": "label",
    }
    settings = {"competition": competition, "image": {"size": 32}}
    return Miniature(deliver(folder, slug, size), slug, settings, labels, answers, header)


def state_farm(folder: Path, size: Size) -> Miniature:
    """imgs/train/c0/img_1.jpg and driver_imgs_list.csv; the test images are of other drivers.

    Each driver and class has its own background, and three of ten classes of a driver show the shapes of one
    another: who knows the driver is always right, and of other drivers seven of ten images are recognized.
    """
    draw = np.random.default_rng(size.seed)
    drivers = [f"p{number:03}" for number in sorted(draw.choice(100, 12, replace=False))]
    labels, groups, answers, rows = {}, {}, {}, []
    numbers = iter(draw.permutation(10 * (size.train + size.test)).tolist())
    for is_test, subjects, count in ((False, drivers[:8], size.train), (True, drivers[8:], size.test)):
        shapes = {driver: _swapped(draw) for driver in subjects}
        scenes = {(driver, kind): scene(draw, (48, 64)) for driver in subjects for kind in range(10)}
        for place, kind in enumerate(drawn_classes(draw, count, [1] * 10)):
            driver, name = subjects[place % len(subjects)], f"img_{next(numbers)}.jpg"
            pixels = photo(draw, shapes[driver][kind], 10, (48, 64), scenes[driver, kind])
            if is_test:
                answers[name] = f"c{kind}"
            else:
                labels[name], groups[name] = f"c{kind}", driver
                rows.append([driver, f"c{kind}", name])
            write_image(folder / "imgs" / ("test" if is_test else f"train/c{kind}") / name, pixels)
    write_table(folder / "driver_imgs_list.csv", ["subject", "classname", "img"], sorted(rows))
    header = ("img", *(f"c{kind}" for kind in range(10)))
    answers = {name: answers[name] for name in sorted(answers)}
    write_table(folder / "sample_submission.csv", header, ([one, *[0.1] * 10] for one in answers))
    slug = "state-farm-distracted-driver-detection"
    competition = {
        "slug": slug,
        "form": "folders",
        "train_images": "imgs/train",
        "test_images": "imgs/test",
        "id_column": "img",
        "metric": "log_loss",
    }
    settings = {
        "competition": competition,
        "image": {"size": 32},
        "folds": {"group": {"table": "driver_imgs_list.csv", "column": "subject", "key": "img"}},
    }
    source = deliver(folder, slug, size, inner=("imgs", "driver_imgs_list.csv"))
    return Miniature(source, slug, settings, labels, answers, header, groups)


def _swapped(draw: np.random.Generator) -> list[int]:
    """Return the shape of each class: three of them changed in a circle."""
    shapes, moved = list(range(10)), draw.choice(10, 3, replace=False).tolist()
    for place, kind in enumerate(moved):
        shapes[kind] = moved[place - 1]
    return shapes
