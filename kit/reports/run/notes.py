"""Notes on the figures of a report."""

from collections.abc import Sequence

from kit.config import Config
from kit.ensembling.columns import Column
from kit.metrics import Metric
from kit.records import RunRecord

NOTES = (
    "The expected score does not include the variance of training: other seeds give another score.",
    "The expected score is slightly {}: the test ensemble averages folds x seeds members per model, the OOF "
    "ensemble one member per seed.",
)
RULE_NOTE = "For {}, kit predicts {}. The submission, oof.csv and all errors count these predictions."
ALL_ROWS_NOTE = (
    "Each test prediction is the mean over a column's {} fold members and one member trained on all rows. "
    "That member has no held-out rows: the OOF figures do not include it."
)
PSEUDO_LABELS_NOTE = (
    "Pseudo-labels: {} was also trained on test and held-out images, with the predictions of {} of the same "
    "fold as targets. No label of a held-out row was used."
)


def notes_of(
    record: RunRecord, config: Config, metric: Metric, columns: Sequence[Column], *, all_rows: bool
) -> tuple[str, ...]:
    """Return the notes of a report, a few sentences each."""
    side = "low" if metric.greater_is_better else "high"
    notes = [] if record.sample else [one.format(side) for one in NOTES]
    if metric.rule:
        notes.append(RULE_NOTE.format(metric.title, metric.rule))
    if all_rows and not record.sources:
        notes.append(ALL_ROWS_NOTE.format(config.folds.count))
    notes += [
        PSEUDO_LABELS_NOTE.format(name, ", ".join(teachers))
        for name, teachers in teachers_of(record, config).items()
    ]
    if config.ensemble.calibrate:
        fitted = ", ".join(f"{column.key} {column.temperature:.2f}" for column in columns)
        notes.append(
            f"Probabilities are calibrated, with temperatures fitted on other folds; for test rows: {fitted}."
        )
    return tuple(notes)


def teachers_of(record: RunRecord, config: Config) -> dict[str, tuple[str, ...]]:
    """Return the teachers of each model that has some; the report of an ensemble of runs names none."""
    if record.sources:
        return {}
    return {name: model.teachers for name, model in config.models.items() if model.teachers}
