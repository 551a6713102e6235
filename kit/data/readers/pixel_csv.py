"""CSV files with a column per pixel to uint8 arrays.

`blocks` reads good files. Anything else goes to `exact`, which reads what is merely odd, and names what is
wrong.
"""

from kit.config import Competition
from kit.data.compressed import Raw
from kit.data.readers import blocks, exact, header
from kit.data.readers.pixel_table import OnProgress, Table, ignore, texts_of
from kit.errors import UserError
from kit.task.labels import declared_labels


def parse(
    raw: Raw, name: str, competition: Competition, *, labelled: bool, on_progress: OnProgress = ignore
) -> Table:
    """Return the images and the texts of a CSV file; columns are found by their names.

    Args:
        raw: the file's bytes, not compressed.
        name: of the file, for errors.
        competition: gives the columns, the image shape and the labels.
        labelled: whether it has the training rows (labels and pixels) or the test rows (pixels, and ids if
            there are any).
        on_progress: called with the number of bytes that are read, and of all.

    Raises:
        UserError: the first fault of the file, with line and column.
    """
    columns = header.read(raw, name, competition, labelled=labelled)
    label_only = columns.others == columns.texts[:1] and labelled and _labels_are_bytes(competition)
    read = blocks.read(raw, columns, [] if label_only else columns.others, on_progress)
    images, cells = read or exact.rows(raw, name, columns, on_progress)
    if not len(images):
        expected = "at least one line below the header" if columns.line > 1 else "at least one line"
        raise UserError("the file has no rows", where=name, expected=expected)
    lines = range(columns.line, columns.line + len(images))
    texts = texts_of(cells, columns, name, lines, "a label" if labelled else "an id")
    names = [] if columns.key is None else cells[columns.key]
    pixels = [columns.names[place] for place in columns.pixels]
    return Table(images.reshape(-1, *competition.image_shape), texts, names, pixels)


def _labels_are_bytes(competition: Competition) -> bool:
    labels = declared_labels(competition)
    return labels is not None and labels.are_bytes
