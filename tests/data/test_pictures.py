from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from kit.config import Config, load
from kit.data.pictures import read_pictures
from kit.data.readers.decoding import decode_files
from kit.errors import UserError

GREY, COLOUR = "image_shape=[8, 8]", "image_shape=[8, 8, 3]"


def files(**image: object) -> Config:
    """Return the configuration of a competition with image files."""
    changes = [f"image.{key}={value}" for key, value in {"size": 8, "channels": 1, **image}.items()]
    return load("lenet-plain", ["competition={form: folders, classes: null}", *changes])


def csv(shape: str = GREY) -> Config:
    """Return the configuration of a competition with CSV files."""
    return load("baselines", [f"competition.{shape}"])


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)


def read(path: Path, shape: str = GREY, *, inverted: bool = False) -> NDArray[np.uint8]:
    [image] = read_pictures([path], csv(shape), inverted=inverted)
    return np.asarray(image)


@pytest.mark.parametrize("ending", ["png", "bmp", "tif"])
def test_an_image_of_the_shape_is_kept_pixel_by_pixel(
    tmp_path: Path, pixels: NDArray[np.uint8], ending: str
) -> None:
    Pillow.fromarray(pixels).save(tmp_path / f"a.{ending}")
    assert np.array_equal(read(tmp_path / f"a.{ending}")[:, :, 0], pixels)


def test_inverted(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    Pillow.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(read(tmp_path / "a.png", inverted=True)[:, :, 0], 255 - pixels)


def test_grey_becomes_colour_and_colour_grey(tmp_path: Path) -> None:
    Pillow.new("L", (8, 8), 90).save(tmp_path / "grey.png")
    Pillow.new("RGB", (8, 8), (90, 90, 90)).save(tmp_path / "colour.png")
    assert (read(tmp_path / "grey.png", COLOUR) == 90).all()
    assert (read(tmp_path / "colour.png", GREY) == 90).all()


def test_16_bits_become_8(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    Pillow.fromarray(pixels.astype(np.uint16) * 257).save(tmp_path / "a.png")
    assert np.array_equal(read(tmp_path / "a.png")[:, :, 0], pixels)


def test_what_is_transparent_becomes_white(tmp_path: Path) -> None:
    Pillow.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert (read(tmp_path / "a.png") == 255).all()


def test_an_image_is_turned_as_its_camera_was(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    turned = Pillow.Exif()
    turned[0x0112] = 3  # upside down
    Pillow.fromarray(pixels).save(tmp_path / "a.png", exif=turned)
    assert np.array_equal(read(tmp_path / "a.png")[:, :, 0], pixels[::-1, ::-1])


def test_where_images_are_in_csv_files_one_gets_a_margin_in_the_colour_of_its_border(tmp_path: Path) -> None:
    wide = np.full((40, 80), 200, np.uint8)
    wide[10:30, 30:50] = 0
    Pillow.fromarray(wide).save(tmp_path / "a.png")
    image = read(tmp_path / "a.png")[:, :, 0]
    assert np.abs(image[[0, 1, -2, -1]].astype(int) - 200).max() <= 4
    assert image[4, 4] < 40


@pytest.mark.parametrize(("fit", "top"), [("stretch", 55), ("letterbox", 0)])
def test_where_images_are_files_an_image_is_fitted_as_in_training(tmp_path: Path, fit: str, top: int) -> None:
    Pillow.new("L", (80, 40), 200).save(tmp_path / "a.png")
    [image] = read_pictures([tmp_path / "a.png"], files(fit=fit), inverted=True)
    assert (image[0] == top).all()
    assert (image[4] == 55).all()


@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_where_images_are_files_an_image_is_decoded_as_in_training(
    tmp_path: Path, ending: str, fit: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    Pillow.fromarray(noise).save(tmp_path / f"a.{ending}")
    config = files(channels=3, fit=fit)
    decode_files([([tmp_path / f"a.{ending}"], tmp_path / "train.npy")], config.image)
    images = read_pictures([tmp_path / f"a.{ending}"], config, inverted=False)
    assert np.array_equal(images, np.load(tmp_path / "train.npy"))


def test_image_files_do_not_have_two_channels(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="have 2 channels"):
        read(tmp_path / "a.png", "image_shape=[8, 8, 2]")


def test_all_unreadable_files_are_named(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    Pillow.fromarray(pixels).save(tmp_path / "good.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:60])
    names = [tmp_path / f"{name}.png" for name in ("good", "empty", "text", "cut")]
    with pytest.raises(UserError) as caught:
        read_pictures(names, csv(), inverted=False)
    assert str(caught.value).splitlines() == [
        f"{names[1]}: not a readable image, nor 2 more: {names[2]}, {names[3]}",
        "expected png, jpg, tif, bmp or webp, received the file is empty",
    ]
