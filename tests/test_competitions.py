"""Miniature competitions: their files are as declared, complete, and hard and easy where they should be."""

import csv
import io
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.model_selection import GroupKFold, KFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from kit.config import Competition
from kit.data.readers import pixel_csv, pixel_text
from tests.competitions import WRITERS, write
from tests.miniatures.files import Miniature

IMAGE_FORMS = ("table", "folders", "file_names")
NAMES = tuple(WRITERS)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(folder)): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()
    }


def images(miniature: Miniature, part: str) -> dict[str, Path]:
    """Return the image files of a part (train or test) by name and by stem."""
    folder = miniature.source / miniature.settings["competition"].get(f"{part}_images", part)
    paths = [one for one in folder.rglob("*") if one.suffix in {".png", ".jpg", ".tif"}]
    return {one.stem: one for one in paths} | {one.name: one for one in paths}


def pixels(miniature: Miniature, side: int) -> np.ndarray[Any, Any]:
    """Return (training rows, features) of the training images, reduced to side x side."""
    found = images(miniature, "train")
    small = [Image.open(found[name]).convert("RGB").resize((side, side)) for name in miniature.train_labels]
    return np.stack([np.asarray(one).ravel() / 255 for one in small])


def test_the_files_of_two_calls_are_equal(tmp_path: Path) -> None:
    for name in ("ham10000", "state-farm", "siim-isic", "fer2013"):
        write(name, tmp_path / "a" / name, train=40, test=20, seed=3)
        write(name, tmp_path / "b" / name, train=40, test=20, seed=3)
        assert files(tmp_path / "a" / name) == files(tmp_path / "b" / name)
    write("siim-isic", tmp_path / "c", train=40, test=20, seed=4)
    assert files(tmp_path / "a" / "siim-isic") != files(tmp_path / "c")


@pytest.mark.parametrize("name", NAMES)
def test_labels_and_answers_are_complete(name: str, tmp_path: Path) -> None:
    made = write(name, tmp_path)
    tests = 0 if made.settings["competition"].get("test", "") is None and made.form == "pixels" else 200
    assert (len(made.train_labels), len(made.answers)) == (400, tests)
    counts = Counter(made.train_labels.values())
    assert min(counts.values()) >= 7
    assert set(made.answers.values()) <= set(counts)
    assert not made.groups or made.groups.keys() == made.train_labels.keys()


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_are_valid(name: str, tmp_path: Path) -> None:
    made = write(name, tmp_path, train=100, test=50)
    competition = Competition.model_validate(made.settings["competition"])
    assert (competition.form, competition.metric) == (made.form, made.metric)
    if competition.form not in {"file_names", "folders"}:
        assert (tmp_path / competition.train).is_file()
    assert competition.slug == made.slug


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_submission_has_the_ids_of_the_answers(name: str, tmp_path: Path) -> None:
    made = write(name, tmp_path, train=100, test=50)
    competition = Competition.model_validate(made.settings["competition"])
    if competition.sample_submission is None:
        assert made.header == ()
        return
    with (tmp_path / competition.sample_submission).open(newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == made.header
    assert [row[0] for row in rows] == list(made.answers)
    assert {len(row) for row in rows} == {len(header)}


@pytest.mark.parametrize("name", NAMES)
def test_every_label_has_its_image(name: str, tmp_path: Path) -> None:
    made = write(name, tmp_path, train=100, test=50)
    if made.form not in IMAGE_FORMS:
        return
    for part, names in (("train", made.train_labels), ("test", made.answers)):
        found = images(made, part)
        assert names.keys() <= found.keys()
        shared = made.settings["competition"].get("test_images") == "images"
        assert len(set(found.values())) == (150 if shared else len(names))


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("fer")][:7])
def test_pixel_files_are_read_as_declared(name: str, tmp_path: Path) -> None:
    made = write(name, tmp_path)
    competition = Competition.model_validate(made.settings["competition"])
    raw = (tmp_path / competition.train).read_bytes()
    assert pixel_csv.parse(raw, name, competition, labelled=True).texts == list(made.train_labels.values())
    if competition.test is not None:
        table = pixel_csv.parse((tmp_path / competition.test).read_bytes(), name, competition, labelled=False)
        assert len(table.images) == len(made.answers)
        assert table.texts in ([], list(made.answers))


def test_transposed_images_are_turned_upright(tmp_path: Path) -> None:
    made = write("emnist", tmp_path)
    competition = Competition.model_validate(made.settings["competition"])
    raw = (tmp_path / competition.train).read_bytes()
    table = pixel_csv.parse(raw, "train", competition, labelled=True)
    ells = table.images[np.array(table.texts) == "21"].mean(0)[..., 0]  # the letter L has a foot
    assert ells[18:25, 8:20].mean() > 1.5 * ells[3:10, 8:20].mean()


def test_faces_are_read_as_declared(tmp_path: Path) -> None:
    one, two = write("fer2013", tmp_path / "a"), write("fer2013-two-files", tmp_path / "b")
    competition = Competition.model_validate(one.settings["competition"])
    raw = (tmp_path / "a" / competition.train).read_bytes()
    train, test = pixel_text.parse_split(raw, "fer2013.csv", competition)
    assert train.texts == list(one.train_labels.values())
    competition = Competition.model_validate(two.settings["competition"])
    for file, labelled, table in (("train.csv", True, train), ("test.csv", False, test)):
        raw = (tmp_path / "b" / file).read_bytes()
        alone = pixel_text.parse(raw, file, competition, labelled=labelled)
        assert np.array_equal(alone.images, table.images)


def test_zips_have_inner_zips_where_kaggle_has_them(tmp_path: Path) -> None:
    write("leaf-classification", tmp_path / "folder", train=30, test=20)
    made = write("leaf-classification", tmp_path / "zip", train=30, test=20, zipped=True)
    assert [path.name for path in (tmp_path / "zip").iterdir()] == ["leaf-classification.zip"]
    with zipfile.ZipFile(made.source) as archive:
        names = ["images.zip", "sample_submission.csv.zip", "test.csv.zip", "train.csv.zip"]
        assert archive.namelist() == names
        inner: dict[str, bytes] = {}
        for name in names:
            with zipfile.ZipFile(io.BytesIO(archive.read(name))) as content:
                inner |= {one: content.read(one) for one in content.namelist()}
    assert inner == files(tmp_path / "folder")


def test_random_folds_leak_where_drivers_have_scenes(tmp_path: Path) -> None:
    made = write("state-farm", tmp_path)
    x, y = pixels(made, 8), list(made.train_labels.values())
    nearest, groups = KNeighborsClassifier(1), list(made.groups.values())
    random = cross_val_score(nearest, x, y, cv=KFold(4, shuffle=True, random_state=0)).mean()
    grouped = cross_val_score(nearest, x, y, groups=groups, cv=GroupKFold(4)).mean()
    assert random > 0.95
    assert grouped < 0.5


def test_colours_of_photographs_tell_the_class_but_not_always(tmp_path: Path) -> None:
    made = write("cifar-10", tmp_path)
    x = pixels(made, 32).reshape(400, -1, 3)
    centre = x.reshape(400, 32, 32, 3)[:, 12:20, 12:20].mean((1, 2))
    score = cross_val_score(KNeighborsClassifier(5), centre, list(made.train_labels.values())).mean()
    assert 0.6 < score < 0.98
