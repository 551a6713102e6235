"""The form file_names: the label is a part of the file name, as in cat.0.jpg."""

import re
from collections import Counter
from collections.abc import Sequence

from kit.config import Competition
from kit.data.inspection.files import Files, is_named, is_split, joined, shown
from kit.data.inspection.findings import Setting, Training
from kit.data.inspection.sample import Sample
from kit.task.labels import MOST

_DEFAULT = Competition().label_pattern
PATTERNS = (
    r"^(\D+?)[ ._-]*\(?\d+\)?\.\w+$",
    _DEFAULT,
    r"^([^\W\d_]+)\d",
    r"[._-]([^\W\d_]+)\.\w+$",
    r"^[^\W\d_]+[._-](\d+)[._-].+\.\w+$",
    r"[._-](\d+)\.\w+$",
)
"""The label is all before the only number (dog_pug_12.png), what is before the first separator (c3_12.png) or
before a number (oak12b.png), the last word (12_oak.png), the first number (class-3-img-7.png) or the
last one (0012_3.png)."""
FOUND = 0.95
"""Share of the names that contain a label."""


def find(files: Files, sample: Sample | None) -> Training | None:
    """Return the training rows of a folder of images whose names contain the label; None if there is none.

    Args:
        files: of the competition.
        sample: of several possible labels, those that it predicts are taken.
    """
    folders = sorted(
        files.images, key=lambda one: (not is_named(one, "train"), is_named(one, "test", "val"), one)
    )
    for folder in folders:
        names = files.images[folder]
        found = [(pattern, labels) for pattern in PATTERNS if (labels := _labels(names, pattern))]
        if found:
            return _training(folder, names, *min(found, key=lambda one: _rank(one[1], sample)))
    return None


def _labels(names: Sequence[str], pattern: str) -> Counter[str]:
    """Return the number of names of each label; empty if these are no labels."""
    found = Counter(match[1] for name in names if (match := re.search(pattern, name)))
    is_label = 2 <= len(found) <= MOST and 2 * len(found) <= found.total() >= FOUND * len(names)
    return found if is_label and not all(map(is_split, found)) else Counter()


def _rank(labels: Counter[str], sample: Sample | None) -> tuple[bool, bool]:
    """Return the order of candidates: labels of the sample submission, then words, then numbers."""
    cells = {cell for column in sample.columns for cell in sample.table.counts(column)} if sample else set()
    columns = {*sample.columns} if sample else set()
    # In 0001_cat.png, the number may repeat by chance.
    return labels.keys().isdisjoint(cells | columns), all(label.isdecimal() for label in labels)


def _training(folder: str, names: Sequence[str], pattern: str, labels: Counter[str]) -> Training:
    settings = [Setting("competition.form", "file_names"), Setting("competition.train_images", folder)]
    if _labels(names, _DEFAULT) != labels:
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
