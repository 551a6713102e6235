from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from kit.config import Config, load
from kit.errors import UserError
from kit.images import Images
from kit.pipeline.new_images import read_images, unlike_training
from tests.workplace import write_run


@pytest.fixture
def config() -> Config:
    return load("quick")


def draw(path: Path, grey: int = 0) -> Path:
    path.parent.mkdir(exist_ok=True)
    Pillow.new("L", (28, 28), grey).save(path)
    return path


def test_files_keep_their_order_and_those_of_a_folder_have_the_natural_one(
    tmp_path: Path, config: Config
) -> None:
    last = draw(tmp_path / "a.png", 7)
    for number in (10, 9, 1):
        draw(tmp_path / f"images/{number}.png", number)
    (tmp_path / "images/notes.txt").touch()
    draw(tmp_path / "images/.hidden.png")
    new = read_images([tmp_path / "images", last], config, inverted=False)
    assert [Path(name).stem for name in new.names] == ["1", "9", "10", "a"]
    assert new.images[:, 0, 0, 0].tolist() == [1, 9, 10, 7]
    assert new.images.shape == (4, 28, 28, 1)


def test_a_csv_file_has_the_format_of_the_test_file(tmp_path: Path, config: Config) -> None:
    names = ",".join(f"pixel{number}" for number in range(784))
    (tmp_path / "new.csv").write_text(f"{names}\n{','.join(['3'] * 784)}\n{','.join(['4'] * 784)}\n")
    first = draw(tmp_path / "a.png", 1)
    new = read_images([first, tmp_path / "new.csv", first], config, inverted=True)
    assert new.names == (str(first), f"{tmp_path}/new.csv:2", f"{tmp_path}/new.csv:3", str(first))
    assert new.images[:, 5, 5, 0].tolist() == [254, 252, 251, 254]


def test_a_csv_file_may_have_its_pixels_in_one_column(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text(f"emotion,pixels\n0,{' '.join(['3'] * 784)}\n")
    config = load("quick", ["competition={form: pixel_text, classes: null, label_column: emotion}"])
    new = read_images([tmp_path / "new.csv"], config, inverted=False)
    assert new.names == (f"{tmp_path}/new.csv:2",)
    assert (new.images == 3).all()


def test_absent_files_are_named(tmp_path: Path, config: Config) -> None:
    paths = [draw(tmp_path / "a.png"), tmp_path / "b.png", tmp_path / "c.png"]
    with pytest.raises(UserError, match=r"b\.png: there is no such file or folder, and 1 more: .*c\.png"):
        read_images(paths, config, inverted=False)


def test_a_folder_without_images_is_refused(tmp_path: Path, config: Config) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match="there are no image files"):
        read_images([tmp_path], config, inverted=False)


def test_a_csv_file_is_refused_where_images_are_files(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("id\na\n")
    config = load("quick", ["competition={form: folders, labels: auto, classes: null}"])
    with pytest.raises(UserError, match="this competition has image files"):
        read_images([tmp_path / "new.csv"], config, inverted=False)


def test_images_are_compared_with_those_of_the_page(workdir: Path) -> None:
    run = write_run(folder=workdir)
    light = np.random.default_rng(0).integers(100, 256, (30, 8, 8, 1), dtype=np.uint8)
    images = np.zeros((30, 28, 28, 1), np.uint8)
    images[:, 10:18, 10:18] = light
    run.write_images(Images(dict(enumerate(images))))
    [alike, inverted] = unlike_training(run, np.stack([images[0], 255 - images[0]])) or []
    assert not alike
    assert inverted.startswith("it looks inverted")


def test_without_training_images_nothing_is_compared(workdir: Path) -> None:
    assert unlike_training(write_run(folder=workdir), np.zeros((1, 28, 28, 1), np.uint8)) is None
