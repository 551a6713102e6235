from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from kit.reports.html.render import LARGEST, code, data_uri, utc


def opened(uri: str, form: str = "png") -> Image.Image:
    head, _, content = uri.partition(",")
    assert head == f"data:image/{form};base64"
    return Image.open(BytesIO(b64decode(content)))


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_is_kept_pixel_by_pixel(channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (28, 20, channels), dtype=np.uint8)
    read = np.asarray(opened(data_uri(image)))
    assert np.array_equal(read, image[:, :, 0] if channels == 1 else image)


def test_a_large_image_is_shrunk_in_proportion() -> None:
    assert opened(data_uri(np.zeros((400, 200, 1), np.uint8))).size == (LARGEST // 2, LARGEST)


def test_a_large_image_in_colour_takes_a_few_kilobytes() -> None:
    x, y = np.mgrid[:96, :96]
    noise = np.random.default_rng(0).normal(0, 12, (96, 96, 3))
    image = np.clip(np.stack([x, y, x + y], axis=2) + 40 + noise, 0, 255).astype(np.uint8)
    uri = data_uri(image)
    assert len(uri) < 10_000
    read = np.asarray(opened(uri, "webp").convert("RGB"), np.float64)
    assert np.abs(read - image).mean() < 15


def test_text_between_backticks_is_code_and_everything_is_escaped() -> None:
    assert code("a < b: `kit --set c=<d>` and `e`, 5 `") == (
        "a &lt; b: <code>kit --set c=&lt;d&gt;</code> and <code>e</code>, 5 `"
    )


@pytest.mark.parametrize("time", ["2026-11-28T10:00:00+00:00", "2026-11-28T10:00:00Z"])
def test_times_name_their_zone(time: str) -> None:
    assert utc(time) == "2026-11-28 10:00:00 UTC"
