"""The test rows of a competition with image files."""

from kit.config import Competition
from kit.data.inspection.clues import Clues
from kit.data.inspection.files import is_named, shown
from kit.data.inspection.findings import Setting, Test, Training
from kit.data.inspection.image_index import ImageIndex
from kit.data.inspection.image_tables import MATCHED, image_table

WORDS = "test", "eval", "unlabel", "holdout"
"""Words in the names of folders with test images."""
_DEFAULT = Competition().test_images


def find(training: Training, clues: Clues, index: ImageIndex) -> Test:
    """Return the test images: those that the sample submission names, else a test table, else a folder."""
    sample = clues.sample
    if sample:
        share, folder = index.best(sample.ids, "test", training.folder)
        if share >= MATCHED:
            ids = f"ids as in {sample.table.name}"
            return Test(
                f"{len(sample.ids):,} images in {shown(folder)}, {ids}", _settings(folder), len(sample.ids)
            )
    for table in clues.tables:
        found = image_table(table, index, "test") if table is not training.table else None
        if found and is_named(table.name, "test") and not sample:
            settings = (Setting("competition.test", table.name), *_settings(found.folder))
            return Test(
                f"{table.total:,} images in {shown(found.folder)}, ids as in {table.name}",
                settings,
                table.total,
            )
    by_name = _test_folder(training, index)
    if by_name is None:
        return Test("no test images: nothing to submit", (Setting("competition.test_images", None),), 0)
    count = sum(1 for _ in index.files.below(by_name))
    ids = (
        f"the ids in {sample.table.name} are not their names" if sample else "ids are the names of the files"
    )
    return Test(f"{count:,} images in {shown(by_name)}, {ids}", _settings(by_name), count)


def _settings(folder: str) -> tuple[Setting, ...]:
    return () if folder == _DEFAULT else (Setting("competition.test_images", folder),)


def _test_folder(training: Training, index: ImageIndex) -> str | None:
    folders = [one for one in index.files.folders() if is_named(one, *WORDS) and one != training.folder]
    return min(folders, key=lambda one: one.count("/"), default=None)
