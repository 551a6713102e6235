"""Render a page as one self-contained HTML file."""

import re
from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kit.checksums import sealed
from kit.files import atomic
from kit.plotting import PALETTE
from kit.reports.formatting import duration
from kit.reports.html.text import counted, short

if TYPE_CHECKING:
    import numpy as np
    from jinja2 import Environment
    from markupsafe import Markup
    from numpy.typing import NDArray

LARGEST = 96
"""Pixels: larger images are shrunk, so that hundreds of them fit into a page."""
LOSSLESS = 32
"""Pixels: a larger image in colour takes about 4 kB as WebP, 27 kB as PNG."""


def environment(package: str) -> "Environment":
    """Return the templates of `package` and of this one; HTML in values is escaped.

    Variables: `palette`, from kit.plotting.

    Filters: `data_uri` (of an image), `duration` (seconds as text), `count` (12,345), `counted` (12,345
    rows), `short` (a long name without its middle), `code` (what is between backticks as <code>), `utc`
    (an ISO 8601 time as text).

    Args:
        package: that holds templates, such as "kit.reports.run".
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    shared = Environment(
        loader=ChoiceLoader([PackageLoader(package, ""), PackageLoader("kit.reports.html", "")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shared.globals["palette"] = PALETTE
    shared.filters |= {
        "data_uri": data_uri,
        "duration": duration,
        "count": "{:,}".format,
        "counted": counted,
        "short": short,
        "code": code,
        "utc": utc,
    }
    return shared


def write(path: Path, package: str, template: str, **context: Any) -> None:
    """Write a page to `path`, atomically, with its checksum in the last line.

    Args:
        path: of the HTML file.
        package: see `environment`.
        template: its name; it extends base.html.jinja.
        context: variables of the template.
    """
    page = environment(package).get_template(template).render(**context)
    with atomic(path) as file:
        file.write(sealed(page.encode()))


def code(text: str) -> "Markup":
    """Return text with what is between backticks as <code>; everything else is escaped."""
    from markupsafe import Markup, escape

    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def utc(time: str) -> str:
    """Return an ISO 8601 time in UTC as in 2026-11-28 10:00:00 UTC."""
    return re.sub(r"(\+00:00|Z)$", " UTC", time.replace("T", " "))


def data_uri(image: "NDArray[np.uint8]", largest: int = LARGEST) -> str:
    """Return an image as a data URI: a PNG, or a WebP of one in colour that is larger than LOSSLESS.

    Args:
        image: (height, width, channels) uint8, of 1 or 3 channels.
        largest: pixels; a larger image is shrunk.
    """
    from PIL import Image

    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    picture.thumbnail((largest, largest))
    form = "webp" if picture.mode == "RGB" and max(picture.size) > LOSSLESS else "png"
    file = BytesIO()
    picture.save(file, form, **({"optimize": True} if form == "png" else {"quality": 80}))
    return f"data:image/{form};base64,{b64encode(file.getvalue()).decode()}"
