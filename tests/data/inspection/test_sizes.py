from pathlib import Path

import pytest
from PIL import Image

from kit.data.inspection.sizes import measure
from kit.errors import UserError
from tests.inspected import write_images


def test_one_size_up_to_64_is_kept(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.png", "b.png"], (48, 48))
    assert measure(tmp_path, ["a.png", "b.png"]).size == 48


def test_images_that_are_no_squares_keep_height_and_width(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.png"], (64, 48))
    assert measure(tmp_path, ["a.png"]).size == (48, 64)


@pytest.mark.parametrize("sizes", [((40, 40), (30, 30)), ((65, 65), (65, 65))])
def test_other_images_are_read_as_64(tmp_path: Path, sizes: tuple[tuple[int, int], ...]) -> None:
    for place, size in enumerate(sizes):
        write_images(tmp_path, [f"{place}.jpg"], size)
    assert measure(tmp_path, ["0.jpg", "1.jpg"]).size == 64


def test_grey_images_may_have_three_equal_channels(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.png"], colour=120)
    write_images(tmp_path, ["b.jpg"], colour=(90, 90, 90))
    found = measure(tmp_path, ["a.png", "b.jpg"])
    assert found.is_grey
    assert found.is_small


def test_one_image_with_colours_is_enough(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.png"], colour=120)
    write_images(tmp_path, ["b.png"])
    found = measure(tmp_path, ["a.png", "b.png"])
    assert not found.is_grey
    assert found.line.text == "2 png, 8 x 8 pixels, colour; read as 8 x 8 (image.size)"


def test_height_comes_first(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.png"], (20, 12))
    text = "1 png, 12 x 20 pixels (height x width), colour; read as 12 x 20 (image.size)"
    assert measure(tmp_path, ["a.png"]).line.text == text


def test_the_size_is_that_of_the_upright_image(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (20, 12)).save(tmp_path / "a.jpg", exif=exif)
    assert measure(tmp_path, ["a.jpg"]).size == (20, 12)


def test_a_palette_of_colours_is_not_grey(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (10, 200, 10)).quantize(4).save(tmp_path / "a.png")
    assert not measure(tmp_path, ["a.png"]).is_grey


def test_large_grey_images_are_photographs(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.png"], (200, 100), 50)
    assert not measure(tmp_path, ["a.png"]).is_small


def test_unreadable_images_are_left_out(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.png"], (20, 20))
    (tmp_path / "b.png").write_text("no image")
    assert measure(tmp_path, ["a.png", "b.png"]).size == 20


def test_without_readable_images_the_first_is_named(tmp_path: Path) -> None:
    (tmp_path / "b.png").touch()
    with pytest.raises(UserError, match=r"no image can be read\n.*as b\.png"):
        measure(tmp_path, ["b.png"])
