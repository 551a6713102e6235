import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from kit import kaggle_client
from kit.config import Config
from kit.data import layout, obtain_all
from kit.data.obtain import fetch
from kit.errors import UserError

FILES = {"labels.csv": b"id,label\na,x\n", "train/a.png": b"1", "test/b.png": b"2"}


def configuration(directory: Path, competition: dict[str, Any] | None = None, **other: Any) -> Config:
    form = {"slug": "flowers", "form": "table", "train": "labels.csv"} | (competition or {})
    raw = {"competition": form, "data": {"directory": str(directory)}, "models": {"knn": {"kind": "knn"}}}
    return Config.model_validate(raw | other)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def written(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture
def place(workdir: Path) -> Path:
    """Return the data directory, which does not exist yet."""
    return workdir / "data" / "flowers"


@pytest.fixture
def source(workdir: Path) -> Path:
    """Return a zip as Kaggle serves it, with a zip of the training images in it."""
    with zipfile.ZipFile(workdir / "train.zip", "w") as inner:
        inner.writestr("train/a.png", b"1")
    with zipfile.ZipFile(workdir / "flowers.zip", "w") as archive:
        archive.write(workdir / "train.zip", "train.zip")
        archive.writestr("labels.csv", FILES["labels.csv"])
        archive.writestr("test/b.png", b"2")
    (workdir / "train.zip").unlink()
    return workdir / "flowers.zip"


def test_an_archive_is_unpacked_with_the_archives_in_it(source: Path, place: Path) -> None:
    stages = list[str]()
    done = fetch(configuration(place), str(source), stage=stages.append)
    assert written(place) == FILES
    assert done == f"{place}/ holds labels.csv, test, train"
    assert stages == [
        "copying the files of flowers.zip",
        "unpacking flowers.zip: 3 of 3 files",
        "unpacking train.zip: 1 of 1 files",
    ]


def test_a_folder_is_copied(workdir: Path, place: Path) -> None:
    fetch(configuration(place), str(write(workdir / "downloads", FILES)))
    assert written(place) == FILES
    assert written(workdir / "downloads") == FILES


def test_archives_in_the_data_directory_itself_are_unpacked(source: Path, place: Path) -> None:
    with zipfile.ZipFile(source) as archive:
        archive.extractall(place)
    inner = (place / "train.zip").read_bytes()
    fetch(configuration(place), str(place))
    assert written(place) == {**FILES, "train.zip": inner}


def test_the_same_again_changes_nothing(source: Path, place: Path) -> None:
    config = configuration(place)
    fetch(config, str(source))
    before = (place / "train" / "a.png").stat()
    assert fetch(config, str(source)) == f"{place}/ holds the same files already"
    assert (place / "train" / "a.png").stat() == before


def test_other_files_are_replaced_by_force_alone(source: Path, place: Path) -> None:
    config = configuration(place)
    fetch(config, str(source))
    write(place, {"train/a.png": b"other", "notes.txt": b"mine"})
    unchanged = (place / "test").stat().st_ino
    with pytest.raises(UserError, match=r"flowers/train: differs from the source\n--force replaces it"):
        fetch(config, str(source))
    assert written(place)["train/a.png"] == b"other"
    fetch(config, str(source), force=True)
    assert written(place) == FILES | {"notes.txt": b"mine"}
    assert (place / "test").stat().st_ino == unchanged


def test_a_failure_at_any_move_leaves_everything_as_it_was(
    source: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {"labels.csv": b"other", "train/a.png": b"other"}
    write(place, before)
    rename, moves = Path.rename, list[Path]()

    def fail(path: Path, target: Path) -> Path:
        if path.parent == place or path.parent.parent.name == "new":
            moves.append(path)
            if len(moves) == 4:
                raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(UserError, match="cannot be written: No space left on device"):
        fetch(configuration(place), str(source), force=True)
    assert written(place) == before


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"train": "Labels.csv"}, "there is no Labels.csv\nexpected Labels.csv, received labels.csv, test"),
        ({"train_images": "images"}, "there is no images\nexpected images, received labels.csv, test, train"),
        ({"test_images": "test1"}, "competition.test_images names it in the configuration"),
        ({"test": "test.csv"}, "there is no test.csv"),
    ],
)
def test_what_the_configuration_names_must_be_there(
    source: Path, place: Path, keys: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError) as caught:
        fetch(configuration(place, keys), str(source))
    assert words in str(caught.value)
    assert not place.parent.exists()


def test_the_table_of_the_groups_must_be_there(source: Path, place: Path) -> None:
    group = {"group": {"table": "drivers.csv", "column": "subject"}}
    with pytest.raises(UserError, match=r"there is no drivers\.csv"):
        fetch(configuration(place, folds=group), str(source))


def test_other_names_of_csv_files(workdir: Path, place: Path) -> None:
    files = {"train.csv": b"label,0\n", "Dig-MNIST.csv": b"label,0\n"}
    form = {"form": "pixels", "train": "train.csv", "test": None}
    fetch(configuration(place, form), str(write(workdir / "downloads", files)))
    assert written(place) == files


def test_one_csv_file_for_all_rows(workdir: Path, place: Path) -> None:
    files = {"fer2013.csv": b"emotion,pixels,Usage\n"}
    form = {"form": "pixel_text", "train": "fer2013.csv", "usage_column": "Usage"}
    fetch(configuration(place, form), str(write(workdir / "downloads", files)))
    assert written(place) == files


def test_auto_is_content_with_what_is_there(place: Path) -> None:
    write(place, FILES)
    assert fetch(configuration(place)) == f"{place}/ holds the data; nothing to fetch"


def test_auto_is_not_content_with_an_archive_of_the_images(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "KAGGLE_INPUTS", ())
    write(place, {"train.zip": b"", "test.zip": b""})
    with pytest.raises(UserError, match="the data is missing"):
        fetch(configuration(place, {"form": "folders"}))


def test_auto_without_credentials_says_what_to_do(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "KAGGLE_INPUTS", ())
    with pytest.raises(UserError, match=r"(?s)no credentials\n.*kit data fetch -c NAME --source FILE\.zip"):
        fetch(configuration(place))


def test_the_sample_is_of_another_competition(place: Path) -> None:
    with pytest.raises(UserError, match="the bundled sample is of another competition"):
        fetch(configuration(place), "sample")


@pytest.mark.parametrize("asked", ["kaggle", "auto"])
def test_kaggle(source: Path, place: Path, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    def download(slug: str, folder: Path, *, timeout: float) -> Path:
        assert (slug, timeout) == ("flowers", 30.0)
        return Path(shutil.copy(source, folder / "flowers.zip"))

    monkeypatch.setattr(kaggle_client, "has_credentials", lambda: True)
    monkeypatch.setattr(kaggle_client, "download", download)
    fetch(configuration(place), asked)
    assert written(place) == FILES


def test_progress_is_reported_every_hundred_files() -> None:
    stages = list[str]()
    report = obtain_all._in_words(stages.append)
    for done in range(1, 251):
        report("x/train.tar", done, 0)
    assert stages == ["unpacking train.tar: 100 files", "unpacking train.tar: 200 files"]
