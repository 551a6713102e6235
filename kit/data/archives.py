"""Unpack the archive of a competition."""

import zipfile
from collections.abc import Callable
from pathlib import Path

from kit.data.compressed import opened_zip


def unpack(source: Path, target: Path, on_progress: Callable[[str, int, int], None]) -> None:
    """Unpack a zip, and the zips in it, into a new folder."""
    with opened_zip(source, str(source)) as archive:
        target.mkdir(parents=True)
        archive.extractall(target)
        on_progress(source.name, 1, 1)
    for inner in target.rglob("*.zip"):
        with zipfile.ZipFile(inner) as archive:
            names = archive.namelist()
            has_folder = all(name.startswith(f"{inner.stem}/") for name in names)
            is_file = len(names) == 1 and inner.stem.endswith(".csv")
            archive.extractall(inner.parent if has_folder or is_file else inner.with_suffix(""))
        inner.unlink()
