"""Render a page as one self-contained HTML file."""

import re
from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kit.files import atomic
from kit.reports.formatting import duration

if TYPE_CHECKING:
    import numpy as np
    from jinja2 import Environment
    from markupsafe import Markup
    from numpy.typing import NDArray

LARGEST = 96
"""Pixels: larger images are shrunk, so that hundreds of them fit into a page."""


def environment(package: str) -> "Environment":
    """Return the templates of `package` and of this one; HTML in values is escaped.

    Filters: `png` (an image as a data URI), `duration` (seconds as text), `count` (12,345), `code` (what is
    between backticks as <code>), `utc` (an ISO 8601 time as text).

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
    shared.filters |= {"png": png, "duration": duration, "count": "{:,}".format, "code": code, "utc": utc}
    return shared


def write(path: Path, package: str, template: str, **context: Any) -> None:
    """Write a page to `path`, atomically.

    Args:
        path: of the HTML file.
        package: see `environment`.
        template: its name; it extends base.html.jinja.
        context: variables of the template.
    """
    page = environment(package).get_template(template).render(**context)
    with atomic(path) as file:
        file.write(page.encode())


def code(text: str) -> "Markup":
    """Return text with what is between backticks as <code>; everything else is escaped."""
    from markupsafe import Markup, escape

    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def utc(time: str) -> str:
    """Return an ISO 8601 time in UTC as in 2026-11-28 10:00:00 UTC."""
    return re.sub(r"(\+00:00|Z)$", " UTC", time.replace("T", " "))


def png(image: "NDArray[np.uint8]") -> str:
    """Return an image as the data URI of a PNG of at most LARGEST pixels in width and height.

    Args:
        image: (height, width, channels) uint8, of 1 or 3 channels.
    """
    from PIL import Image

    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    picture.thumbnail((LARGEST, LARGEST))
    file = BytesIO()
    picture.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
