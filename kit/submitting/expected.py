"""Which ids a submission must have: those of the data that `kit cv` would find on this machine."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.config import Config
from kit.data import compressed, layout
from kit.data.layout import SAMPLE_SUBMISSION, TEST
from kit.data.readers import pixel_csv
from kit.errors import UserError
from kit.task.submission import predictions_of


@dataclass(frozen=True)
class Expected:
    """The ids of the test rows, and where they come from.

    Attributes:
        ids: (rows,) int64; None where nothing on this machine has them.
        source: the file or run that has the ids, for people.
        example: the prediction of each id, as in the sample submission; empty without one.
        warnings: what could not be used or checked, a sentence each.
    """

    ids: NDArray[np.int64] | None
    source: str = ""
    example: dict[int, str] | None = None
    warnings: tuple[str, ...] = ()


def of_file(config: Config) -> Expected:
    """Return the ids for a file of no run: of the sample submission, else of the rows of test.csv.

    Raises:
        UserError: the data directory that the configuration names, or the file that decides, cannot be used.
    """
    for folder in layout.folders(config):
        try:
            found = _of_example(folder, config) or _of_test(folder, config)
        except UserError as error:
            hint = error.hint or "the ids of a submission come from this file: correct it, or move it away"
            raise UserError(
                error.what, where=error.where, expected=error.expected, received=error.received, hint=hint
            ) from error
        if found:
            return found
    if config.data.is_named:
        layout.local_folder(config)
    else:
        layout.locate(config)
    places = " or ".join(f"{folder}/" for folder in layout.folders(config))
    unchecked = f"the number of rows was not checked: no {SAMPLE_SUBMISSION} or {TEST} in {places}"
    return Expected(None, warnings=(unchecked,))


def of_run(config: Config, name: str, ids: NDArray[np.int64]) -> Expected:
    """Return the ids for the submission of run `name`: of the sample submission, else the run's own `ids`."""
    own = f"the test rows of run {name}"
    try:
        found = (_of_example(folder, config) for folder in layout.folders(config))
        return next((one for one in found if one), Expected(ids, own))
    except UserError as error:
        reason = f"{error.where}: {error.what}" if error.where else error.what
        return Expected(ids, own, warnings=(f"the ids were checked against {own} alone: {reason}",))


def _of_example(folder: Path, config: Config) -> Expected | None:
    path = layout.file_in(folder, SAMPLE_SUBMISSION)
    if path is None:
        return None
    with_ids = predictions_of(path, compressed.content(path), config.competition)
    return Expected(np.array(list(with_ids), np.int64), str(path), with_ids)


def _of_test(folder: Path, config: Config) -> Expected | None:
    path = layout.file_in(folder, TEST)
    if path is None:
        return None
    images, _ = pixel_csv.parse(compressed.content(path), str(path), config.competition, labelled=False)
    first = config.competition.first_id
    return Expected(np.arange(first, first + len(images)), str(path))
