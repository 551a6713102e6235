from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from kit.reports.html.render import LARGEST, code, png, utc


def opened(uri: str) -> Image.Image:
    head, _, content = uri.partition(",")
    assert head == "data:image/png;base64"
    return Image.open(BytesIO(b64decode(content)))


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_is_kept_pixel_by_pixel(channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (28, 20, channels), dtype=np.uint8)
    read = np.asarray(opened(png(image)))
    assert np.array_equal(read, image[:, :, 0] if channels == 1 else image)


def test_a_large_image_is_shrunk_in_proportion() -> None:
    assert opened(png(np.zeros((400, 200, 3), np.uint8))).size == (LARGEST // 2, LARGEST)


def test_text_between_backticks_is_code_and_everything_is_escaped() -> None:
    assert code("a < b: `kit --set c=<d>` and `e`, 5 `") == (
        "a &lt; b: <code>kit --set c=&lt;d&gt;</code> and <code>e</code>, 5 `"
    )


@pytest.mark.parametrize("time", ["2026-11-28T10:00:00+00:00", "2026-11-28T10:00:00Z"])
def test_times_name_their_zone(time: str) -> None:
    assert utc(time) == "2026-11-28 10:00:00 UTC"
