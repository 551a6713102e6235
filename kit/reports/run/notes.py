"""What a reader of a report should know about its figures."""

from collections.abc import Sequence

from kit.config import Config
from kit.ensembling.columns import Column
from kit.records import RunRecord

NOTES = (
    "The expected score leaves out the variance of training: other seeds would give another figure.",
    "It is a little low: the test ensemble averages folds x seeds, the OOF ensemble only the seeds that held "
    "a row out.",
)
ALL_ROWS_NOTE = (
    "Each test prediction is the mean over a column's {} fold members and one member trained on all rows. "
    "That member has no held-out rows: the OOF figures are those of the fold members alone."
)
PSEUDO_LABELS_NOTE = (
    "Pseudo-labels: {} also learned the test images and the held-out images, from the predictions of {} of "
    "the same fold, which saw no label of either."
)


def notes_of(
    record: RunRecord, config: Config, columns: Sequence[Column], *, all_rows: bool
) -> tuple[str, ...]:
    """Return the notes of a report, a few sentences each."""
    notes = [] if record.sample else list(NOTES)
    if all_rows:
        notes.append(ALL_ROWS_NOTE.format(config.folds.count))
    notes += [
        PSEUDO_LABELS_NOTE.format(name, ", ".join(model.teachers))
        for name, model in config.models.items()
        if getattr(model, "teachers", ())
    ]
    if config.ensemble.calibrate:
        fitted = ", ".join(f"{column.key} {column.temperature:.2f}" for column in columns)
        notes.append(
            f"Probabilities are calibrated: temperatures fitted on other folds; for test rows, {fitted}."
        )
    return tuple(notes)
