import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kit import config
from kit.data.readers import decoding
from kit.data.readers.decoding import BrokenImageError, decode_file, decode_files
from kit.errors import UserError

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (6, 4), dtype=np.uint8)
RGB = RANDOM.integers(0, 256, (6, 4, 3), dtype=np.uint8)
GREY_6X4 = config.Image(size=(6, 4), channels=1)
RGB_6X4 = config.Image(size=(6, 4), channels=3)


def saved(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


def decoded(image: Image.Image, path: Path, wanted: config.Image, **options: Any) -> NDArray[np.uint8]:
    return decode_file(saved(image, path, **options), wanted)


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "webp"])
def test_pixels_of_the_right_size_are_not_changed(tmp_path: Path, ending: str) -> None:
    options = {"lossless": True} if ending == "webp" else {}
    pixels = decoded(Image.fromarray(RGB), tmp_path / f"a.{ending}", RGB_6X4, **options)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, RGB)


def test_a_jpeg_is_decoded_as_pillow_does(tmp_path: Path) -> None:
    path = saved(Image.fromarray(RGB), tmp_path / "a.jpg")
    np.testing.assert_array_equal(decode_file(path, RGB_6X4), np.asarray(Image.open(path)))


def test_grey_stays_grey_and_becomes_three_equal_channels(tmp_path: Path) -> None:
    path = saved(Image.fromarray(GREY), tmp_path / "a.png")
    np.testing.assert_array_equal(decode_file(path, GREY_6X4)[:, :, 0], GREY)
    np.testing.assert_array_equal(decode_file(path, RGB_6X4), np.stack(3 * [GREY], -1))


def test_colours_become_luminance(tmp_path: Path) -> None:
    pixels = decoded(Image.fromarray(RGB), tmp_path / "a.png", GREY_6X4)
    expected = RGB.astype(float) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(pixels[:, :, 0], expected, atol=1)


def test_the_first_frame_of_a_gif(tmp_path: Path) -> None:
    frames = [Image.new("L", (4, 6), grey) for grey in (40, 200)]
    pixels = decoded(frames[0], tmp_path / "a.gif", GREY_6X4, save_all=True, append_images=frames[1:])
    assert np.unique(pixels).tolist() == [40]


def test_a_palette(tmp_path: Path) -> None:
    image = Image.new("P", (4, 6), 1)
    image.putpalette([0, 0, 0, 250, 100, 50])
    assert decoded(image, tmp_path / "a.png", RGB_6X4)[0, 0].tolist() == [250, 100, 50]


def test_a_palette_with_a_transparent_colour(tmp_path: Path) -> None:
    image = Image.new("P", (4, 6), 1)
    image.putpalette([0, 0, 0, 250, 100, 50])
    image.putpixel((0, 0), 0)
    pixels = decoded(image, tmp_path / "a.png", RGB_6X4, transparency=0)
    assert pixels[0, :2].tolist() == [[255, 255, 255], [250, 100, 50]]


@pytest.mark.parametrize(("alpha", "red"), [(0, 255), (255, 100), (51, 224)])
def test_transparent_pixels_are_shown_on_white(tmp_path: Path, alpha: int, red: int) -> None:
    pixels = decoded(Image.new("RGBA", (4, 6), (100, 0, 0, alpha)), tmp_path / "a.png", RGB_6X4)
    assert pixels[0, 0, 0] == red


def test_grey_with_alpha(tmp_path: Path) -> None:
    assert decoded(Image.new("LA", (4, 6), (9, 0)), tmp_path / "a.png", GREY_6X4)[0, 0, 0] == 255


def test_one_bit(tmp_path: Path) -> None:
    pixels = decoded(Image.fromarray(GREY > 99), tmp_path / "a.png", GREY_6X4)
    np.testing.assert_array_equal(pixels[:, :, 0], 255 * (GREY > 99))


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_16_bits_are_scaled_to_8(tmp_path: Path, ending: str) -> None:
    image = Image.fromarray(GREY.astype(np.uint16) * 257)
    np.testing.assert_array_equal(decoded(image, tmp_path / f"a.{ending}", GREY_6X4)[:, :, 0], GREY)


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_32_bits_are_refused(tmp_path: Path, kind: type) -> None:
    path = saved(Image.fromarray(GREY.astype(kind)), tmp_path / "a.tif")
    with pytest.raises(BrokenImageError, match="it has 32 bits per channel, expected 8 or 16"):
        decode_file(path, GREY_6X4)


def test_cmyk(tmp_path: Path) -> None:
    image = Image.new("CMYK", (4, 6), (0, 255, 255, 0))
    np.testing.assert_allclose(decoded(image, tmp_path / "a.jpg", RGB_6X4)[0, 0], [255, 0, 0], atol=5)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(Image.fromarray(GREY), tmp_path / "a.png", exif=exif)
    upright = ImageOps.exif_transpose(Image.open(path))
    wanted = config.Image(size=(upright.height, upright.width), channels=1)
    np.testing.assert_array_equal(decode_file(path, wanted)[:, :, 0], np.asarray(upright))


def test_a_large_jpeg_on_its_side(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera was turned: what is on the left is at the top.
    image = Image.new("L", (640, 480), 0)
    image.paste(200, (0, 0, 320, 480))
    pixels = decoded(image, tmp_path / "a.jpg", config.Image(size=(64, 48), channels=1), exif=exif)
    np.testing.assert_allclose(pixels[:30], 200, atol=3)
    np.testing.assert_allclose(pixels[-30:], 0, atol=3)


def test_stretch_scales_each_side(tmp_path: Path) -> None:
    image = Image.new("L", (40, 10), 0)
    image.paste(200, (20, 0, 40, 10))
    pixels = decoded(image, tmp_path / "a.png", config.Image(size=20, channels=1))
    assert pixels.shape == (20, 20, 1)
    assert (pixels[:, 3, 0].tolist(), pixels[:, 16, 0].tolist()) == (20 * [0], 20 * [200])


@pytest.mark.parametrize(("size", "inside"), [((40, 10), (slice(7, 12), slice(0, 20))), ((2, 400), None)])
def test_letterbox_keeps_the_shape_on_black(tmp_path: Path, size: tuple[int, int], inside: Any) -> None:
    image = Image.new("L", size, 200)
    pixels = decoded(image, tmp_path / "a.png", config.Image(size=20, channels=1, fit="letterbox"))[:, :, 0]
    expected = np.zeros((20, 20), np.uint8)
    expected[inside or (slice(0, 20), slice(9, 10))] = 200
    np.testing.assert_array_equal(pixels, expected)


def test_a_large_jpeg_looks_the_same_when_decoded_in_part(tmp_path: Path) -> None:
    smooth = Image.fromarray(RANDOM.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(
        (640, 480), Image.Resampling.BICUBIC
    )
    path = saved(smooth, tmp_path / "a.jpg", quality=95)
    whole = np.asarray(Image.open(path).resize((64, 64), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(decode_file(path, config.Image(size=64)) - whole).mean() < 2


def test_many_files_in_order(tmp_path: Path) -> None:
    files = [saved(Image.new("L", (2, 2), grey), tmp_path / f"{grey}.png") for grey in range(100)]
    seen = list[tuple[int, int]]()
    wanted = config.Image(size=2, channels=1)
    decode_files(
        [(files, tmp_path / "out.npy")], wanted, workers=3, on_progress=lambda *now: seen.append(now)
    )
    pixels = np.load(tmp_path / "out.npy", mmap_mode="r")
    assert (pixels.shape, pixels.dtype) == ((100, 2, 2, 1), np.uint8)
    np.testing.assert_array_equal(pixels[:, 1, 1, 0], np.arange(100))
    assert seen[-1] == (100, 100)


def test_no_files(tmp_path: Path) -> None:
    decode_files([([], tmp_path / "out.npy")], RGB_6X4)
    assert np.load(tmp_path / "out.npy").shape == (0, 6, 4, 3)


def absent(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def damaged(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-40:-20] = bytes(20)
    path.write_bytes(raw)


def page(path: Path) -> None:
    path.write_bytes(b"<html>not found</html>")


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to("absent.png")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def header_alone(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


BROKEN: list[tuple[Callable[[Path], None], str]] = [
    (absent, "cannot be read: No such file or directory"),
    (empty, "the file is empty"),
    (cut, "the image is truncated or damaged"),
    (damaged, "the image is truncated or damaged"),
    (header_alone, "the image is truncated or damaged"),
    (page, "not an image, it starts with b'<html>no'"),
    (link, "it is a link to a file that does not exist"),
    (folder, "cannot be read: Is a directory"),
]


@pytest.mark.parametrize(("break_it", "message"), BROKEN, ids=[one.__name__ for one, _ in BROKEN])
def test_a_broken_image(tmp_path: Path, break_it: Callable[[Path], None], message: str) -> None:
    path = saved(Image.fromarray(RANDOM.integers(0, 256, (40, 40, 3), dtype=np.uint8)), tmp_path / "a.png")
    break_it(path)
    with pytest.raises(UserError) as caught:
        decode_files([([path], tmp_path / "out.npy")], RGB_6X4)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert not (tmp_path / "out.npy").exists()


@pytest.mark.parametrize("pixels", [59, 20])
def test_too_many_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pixels: int) -> None:
    """Pillow warns of more than its limit, and raises an error at twice the limit."""
    path = saved(Image.new("L", (10, 6)), tmp_path / "a.png")
    for module, name in ((Image, "MAX_IMAGE_PIXELS"), (decoding, "MOST_PIXELS")):
        monkeypatch.setattr(module, name, pixels)
    with pytest.raises(BrokenImageError, match=f"it has too many pixels, expected at most {pixels}"):
        decode_file(path, GREY_6X4)


def test_pillows_limit_is_ours() -> None:
    assert Image.MAX_IMAGE_PIXELS == decoding.MOST_PIXELS


def test_all_broken_images_are_counted_and_listed(tmp_path: Path) -> None:
    files = [saved(Image.new("L", (2, 2), 0), tmp_path / f"{number}.png") for number in range(40)]
    empty(files[7])
    page(files[33])
    with pytest.raises(UserError) as caught:
        decode_files([(files, tmp_path / "out.npy")], RGB_6X4, broken=tmp_path / "broken-images.txt")
    listed = tmp_path / "broken-images.txt"
    first = f"{files[7]}: the file is empty; 2 of 40 images are broken"
    assert str(caught.value) == f"{first}\n{listed} lists all of them"
    expected = [f"{files[7]}: the file is empty", f"{files[33]}: not an image, it starts with b'<html>no'"]
    assert listed.read_text().splitlines() == expected


def test_the_list_goes_when_all_images_are_good(tmp_path: Path) -> None:
    (tmp_path / "broken-images.txt").write_text("a.png: the file is empty\n")
    path = saved(Image.new("L", (2, 2), 0), tmp_path / "a.png")
    decode_files([([path], tmp_path / "out.npy")], RGB_6X4, broken=tmp_path / "broken-images.txt")
    assert not (tmp_path / "broken-images.txt").exists()


def test_broken_training_and_test_images_are_listed_together(tmp_path: Path) -> None:
    paths = [saved(Image.new("L", (2, 2), 0), tmp_path / name) for name in ("a.png", "b.png")]
    for path in paths:
        empty(path)
    parts = [([path], path.with_suffix(".npy")) for path in paths]
    with pytest.raises(UserError, match=r"a\.png: the file is empty; 2 of 2 images are broken"):
        decode_files(parts, RGB_6X4, broken=tmp_path / "list")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png", "list"]
    assert len((tmp_path / "list").read_text().splitlines()) == 2


def test_where_no_list_can_be_written_the_message_says_all_the_same(tmp_path: Path) -> None:
    empty(tmp_path / "a.png")
    with pytest.raises(UserError, match="the file is empty\nreplace it, or remove it from the data"):
        decode_files(
            [([tmp_path / "a.png"], tmp_path / "out.npy")], RGB_6X4, broken=tmp_path / "a.png" / "list"
        )


def test_a_full_disk(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    path = saved(Image.new("L", (2, 2), 0), tmp_path / "a.png")
    (tmp_path / "out.npy").symlink_to("/dev/full")
    with pytest.raises(UserError, match="cannot be written: No space left on device"):
        decode_files([([path], tmp_path / "out.npy")], RGB_6X4)


def test_an_interrupt_stops_the_threads_and_removes_the_file(tmp_path: Path) -> None:
    files = 100 * [saved(Image.new("L", (2, 2), 0), tmp_path / "a.png")]
    before = threading.active_count()

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt(done, total)

    with pytest.raises(KeyboardInterrupt):
        decode_files([(files, tmp_path / "out.npy")], RGB_6X4, on_progress=interrupt)
    assert threading.active_count() == before
    assert not (tmp_path / "out.npy").exists()


MEMORY = """
import resource, sys
from pathlib import Path
from kit import config
from kit.data.readers.decoding import decode_files
files = [Path(sys.argv[1])] * int(sys.argv[2])
decode_files([(files, Path(sys.argv[1]).with_suffix(".npy"))], config.Image(size=128))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_images(tmp_path: Path) -> None:
    path = saved(Image.new("RGB", (128, 128), (1, 2, 3)), tmp_path / "a.png")

    def peak(images: int) -> float:
        command = [sys.executable, "-c", MEMORY, str(path), str(images)]
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * int(subprocess.check_output(command)) / 1e6

    # 3,900 more images have 190 MB.
    assert peak(4000) - peak(100) < 40
