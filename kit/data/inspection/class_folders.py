"""The form folders: a folder per class."""

from collections import Counter
from collections.abc import Sequence

from kit.data.inspection.clues import Clues
from kit.data.inspection.files import Files, is_named, is_split, is_test, joined, shown
from kit.data.inspection.findings import Setting, Training
from kit.data.inspection.image_index import ImageIndex
from kit.data.inspection.image_tables import image_table
from kit.data.inspection.sample import Sample
from kit.errors import UserError
from kit.task.labels import MOST

STRAY = 0.05
"""Most images beside the folders of the classes, as a share of those in them."""


def find(files: Files) -> Training | None:
    """Return the training rows of a folder whose folders are classes; None if there is none.

    Raises:
        UserError: there are more classes than kit supports.
    """
    candidates = {folder: found for folder in files.folders() if (found := _classes(files, folder))}
    folder = min(candidates, key=lambda one: _rank(one, candidates[one]), default=None)
    if folder is None:
        return None
    labels = candidates[folder]
    if len(labels) > MOST:
        raise UserError(
            f"{len(labels):,} folders with images", where=f"{folder}/", expected=f"at most {MOST} classes"
        )
    images = [one for one in files.below(folder) if _inside(folder, one[0]) in labels]
    return Training(
        "folders",
        f"one folder per class in {shown(folder)}",
        (Setting("competition.form", "folders"), Setting("competition.train_images", folder)),
        labels,
        f"the names of the folders in {shown(folder)}",
        folder=folder,
        names=[name for _, name in images],
        files=[joined(where, name) for where, name in images],
    )


def agrees(training: Training, clues: Clues, index: ImageIndex) -> bool:
    """Return whether no table gives the images other labels than the names of their folders.

    If a table has the images, and none of its columns the names of the folders, the folders are parts of the
    data and not classes, unless the sample submission predicts their names.
    """
    tables, sample = clues.tables, clues.sample
    if sample and ({*sample.columns} <= training.labels.keys() or _is_predicted(training, sample)):
        return True
    named = [one for table in tables if (one := image_table(table, index))]
    return not named or any(
        _is_class(training, one.table.values(column)) for one in named for column in one.others
    )


def _is_predicted(training: Training, sample: Sample) -> bool:
    return {*sample.table.counts(sample.columns[0])} <= training.labels.keys()


def _is_class(training: Training, cells: Sequence[str]) -> bool:
    return 2 <= len({*cells}) <= MOST and {*cells} <= training.labels.keys()


def _classes(files: Files, folder: str) -> Counter[str]:
    """Return the number of images in each folder of `folder`; empty if they are no classes.

    A folder of test images beside the classes is left out, and a few images in none of them: `kit data check`
    names those.
    """
    inside = (_inside(folder, where) for where, _ in files.below(folder) if where != folder)
    found = Counter(one for one in inside if not is_test(one))
    if len(files.images.get(folder, ())) > STRAY * found.total():
        return Counter()
    # A class of vehicles may be called train.
    return found if len(found) > 1 and 5 * sum(map(is_split, found)) < len(found) else Counter()


def _inside(folder: str, path: str) -> str:
    """Return the folder in `folder` that contains the folder `path`."""
    start = 0 if folder == "." else len(folder) + 1
    return path[start:].partition("/")[0]


def _rank(folder: str, labels: Counter[str]) -> tuple[bool, bool, int, int]:
    """Return the order of candidates: named train, not named otherwise, near the root, with many images."""
    is_other = is_named(folder, "test", "val")
    return not is_named(folder, "train"), is_other, folder.count("/"), -labels.total()
