from pathlib import Path

import numpy as np
import pytest

from kit.training.launch.base import DataFolder
from kit.training.launch.dask import parcels
from kit.training.launch.dask.parcels import digest_of, parcel_of, parcel_of_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("train_images", "train_labels", "test_images"):
        np.save(tmp_path / f"{name}.npy", np.arange(100, dtype=np.uint8))
    return tmp_path


def test_the_parts_are_the_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcels, "PART", 64)
    parcel = parcel_of(DataFolder("data", folder))
    read = dict.fromkeys(parcel.paths, b"")
    for part in parcel.parts():
        assert part.offset == len(read[part.name])
        read[part.name] += parcel.read(part)
    assert read == {name: (folder / name).read_bytes() for name in parcel.paths}


def test_an_empty_file_has_a_part(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert list(parcel_of_file(tmp_path / "empty").parts()) == [("empty", 0, 0)]


def test_equal_files_elsewhere_are_the_same_parcel(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.glob("*.npy"):
        (copy / path.name).write_bytes(path.read_bytes())
    parcel = parcel_of(DataFolder("data", folder))
    assert parcel_of(DataFolder("other", copy)).content == parcel.content == digest_of(parcel.paths)


def test_a_changed_file_is_another_parcel(folder: Path) -> None:
    before = parcel_of(DataFolder("data", folder)).content
    np.save(folder / "test_images.npy", np.arange(99, dtype=np.uint8))
    assert parcel_of(DataFolder("data", folder)).content != before


def test_the_content_covers_the_names(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(b"same")
    assert parcel_of_file(tmp_path / "one").content != parcel_of_file(tmp_path / "two").content
