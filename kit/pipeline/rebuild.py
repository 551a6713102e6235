"""Compute the report and the test probabilities of a run, and find its images, from the run's folder."""

from kit.config import validate
from kit.data.dataset import Dataset
from kit.data.source import find_local
from kit.ensembling.sources import find_source, read_sources
from kit.errors import UserError
from kit.images import Images
from kit.metrics import METRICS
from kit.pipeline.combining import combine_members, combine_sources
from kit.pipeline.results import report_of
from kit.records import Report
from kit.run_folder import Run
from kit.tables import Predictions
from kit.task.format import make_format
from kit.task.labels import LabelEncoder
from kit.task.submission import predictions_of, submitted_ids


def computed(run: Run, warnings: tuple[str, ...]) -> tuple[Report, Predictions]:
    """Return the figures and the test probabilities of a finished run.

    They are computed from its members, oof.csv and submission.csv.

    Args:
        run: the run.
        warnings: of the data check, from an earlier report.

    Raises:
        KitError, OSError, EOFError, ValueError, LookupError, BadZipFile, zlib.error: a file is missing or
            damaged.
    """
    record, table = run.read_record(), run.read_oof()
    config, folds = validate(record.config), run.read_folds()
    if record.sources:
        done = combine_sources(read_sources(record), config, table.labels)
    else:
        done = combine_members(run, config, folds, table.labels)
    ids = submitted_ids(run.submission_path)
    form = make_format(config.competition, LabelEncoder(table.names))
    report = report_of(
        record,
        config,
        done,
        labels=table.labels,
        names=table.names,
        folds=folds,
        ids=ids,
        train_names=table.ids,
        warnings=warnings,
    )
    decide = METRICS[config.competition.metric].decider(done.combined.oof, table.labels)
    test = done.combined.test
    return report, Predictions(ids, test, table.names, form.id_column, decide(test))


def check_test(run: Run, table: Predictions) -> None:
    """Check that test probabilities give the labels of submission.csv.

    Raises:
        UserError: another label; submission.csv is damaged.
    """
    config = validate(run.read_record().config)
    form = make_format(config.competition, LabelEncoder(table.names))
    if form.predicts != "label":
        return
    submitted = predictions_of(run.submission_path.read_bytes(), str(run.submission_path), form)
    cells = [text for [text] in form.to_cells(table.probs, table.predicted)]
    if differing := sum(one != other for one, other in zip(cells, submitted.values(), strict=True)):
        raise UserError(
            "the members do not give this submission",
            where=str(run.submission_path),
            received=f"other labels in {differing} of {len(cells)} rows",
        )


def images_of(report: Report, dataset: Dataset) -> Images:
    """Return the images of the rows that the page of a report shows."""
    return Images.taken(dataset.train_images, _train_rows(report), dataset.test_images, _test_rows(report))


def find_images(run: Run, report: Report) -> tuple[Images, bool]:
    """Return the images for the page, and whether they differ from those that the run stores.

    Images that the run does not store are taken from the data if this machine has it, else from the sources
    of an ensemble.
    """
    stored = _stored(run)
    if {*_train_rows(report)} <= {*stored.train} and {*_test_rows(report)} <= {*stored.test}:
        return stored, False
    record = run.read_record()
    if dataset := find_local(record):
        return images_of(report, dataset), True
    for source in record.sources:
        if place := find_source(source):
            stored = stored.with_others(_stored(place))
    return stored.of_rows(_train_rows(report), _test_rows(report)), bool(record.sources)


def _stored(run: Run) -> Images:
    try:
        return run.read_images()
    except UserError:
        return Images()


def _train_rows(report: Report) -> list[int]:
    return sorted(one.row for one in report.details.gallery) if report.details else []


def _test_rows(report: Report) -> list[int]:
    return sorted(one.row for one in report.details.test.uncertain) if report.details else []
