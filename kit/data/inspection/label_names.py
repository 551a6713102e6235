"""The form file_names: the label is a part of the file name, as in cat.0.jpg."""

import re
from collections import Counter
from collections.abc import Sequence

from kit.data.inspection.files import Files, is_named, is_split, joined, shown
from kit.data.inspection.findings import Setting, Training
from kit.task.labels import MOST

PATTERNS = (r"^(.+?)[._-]", r"^([^\W\d_]+)\d", r"[._-]([^\W\d_]+)\.\w+$")
"""Label first, with or without a separator, or last; the first is the default of the configuration."""
FOUND = 0.95
"""Share of the names that contain a label."""


def find(files: Files) -> Training | None:
    """Return the training rows of a folder of images whose names contain the label; None if there is none."""
    folders = sorted(
        files.images, key=lambda one: (not is_named(one, "train"), is_named(one, "test", "val"), one)
    )
    for folder in folders:
        names = files.images[folder]
        found = [(pattern, labels) for pattern in PATTERNS if (labels := _labels(names, pattern))]
        # In 0001_cat.png, the number may repeat by chance.
        named = [one for one in found if not all(label.isdecimal() for label in one[1])]
        if found:
            return _training(folder, names, *(named or found)[0])
    return None


def _labels(names: Sequence[str], pattern: str) -> Counter[str]:
    """Return the number of names of each label; empty if these are no labels."""
    found = Counter(match[1] for name in names if (match := re.search(pattern, name)))
    is_label = 2 <= len(found) <= MOST and 2 * len(found) <= found.total() >= FOUND * len(names)
    return found if is_label and not all(map(is_split, found)) else Counter()


def _training(folder: str, names: Sequence[str], pattern: str, labels: Counter[str]) -> Training:
    settings = [Setting("competition.form", "file_names"), Setting("competition.train_images", folder)]
    if pattern != PATTERNS[0]:
        settings.append(Setting("competition.label_pattern", pattern))
    example = next(name for name in names if re.search(pattern, name))
    return Training(
        "file_names",
        f"labels in the names of the images in {shown(folder)}, as in {example}",
        tuple(settings),
        labels,
        f"in the names of the images in {shown(folder)}",
        folder=folder,
        names=names,
        files=[joined(folder, name) for name in names],
    )
