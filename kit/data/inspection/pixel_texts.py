"""The form pixel_text: CSV files with all pixels of an image in one column."""

import re
from collections.abc import Sequence

from kit.config.competition import Competition
from kit.data.inspection.findings import Ask, Setting, Test, Training
from kit.data.inspection.known import Known
from kit.data.inspection.labels import counted, label_column, no_label, training_table
from kit.data.inspection.pixel_tables import FEWEST, shape_of
from kit.data.inspection.sample import Sample
from kit.data.inspection.table import Table

_TRIED = 20
_DEFAULT = Competition(form="pixel_text")


def find(
    tables: Sequence[Table], sample: Sample | None, known: Known | None, wanted: str | None, ask: Ask
) -> tuple[Training, Test] | None:
    """Return training and test rows in CSV files with a column of pixels; None if there are none.

    Raises:
        UserError: no file has labels, or several could be the training table.
    """
    found = {table: column for table in tables if (column := _pixels_column(table))}
    if not found:
        return None
    hints = [one for one in (known and known.label, *(sample.columns if sample else ())) if one]
    labelled = [table for table in found if label_column(table, _others(table, found[table]), hints)]
    if not labelled:
        first = next(iter(found))
        raise no_label(first, _others(first, found[first]))
    train = training_table(labelled, wanted, ask)
    column = found[train]
    others = _others(train, column)
    usage = next((one for one in others if _is_usage(train, one)), None)
    label = label_column(train, [one for one in others if one != usage], hints)
    assert label is not None
    count = len(train.values(column)[0].split())
    shape = shape_of([str(place) for place in range(count)])
    rest = [table for table in found if table is not train and table not in labelled]
    test = rest[0] if len(rest) == 1 and usage is None else None
    identity = (
        next((one for one in _others(test, found[test]) if _is_unique(test, one)), None) if test else None
    )
    settings = [
        Setting("competition.form", "pixel_text"),
        Setting("competition.train", train.name),
        *([] if train.has_header else [Setting("competition.header", False)]),
        label,
        Setting("competition.pixels_column", column),
    ]
    splits = counted(train.values(usage)) if usage else {}
    train_usage = [one for one in splits if "train" in one.lower()]
    test_usage = tuple(one for one in splits if one not in train_usage)
    if usage:
        settings += [
            Setting("competition.usage_column", usage),
            Setting("competition.train_usage", tuple(train_usage)),
            Setting("competition.test_usage", test_usage, "all other rows are left out"),
        ]
    else:
        settings.append(Setting("competition.test", test.name if test else None))
    if shape and shape != _DEFAULT.image_shape:
        settings.append(Setting("competition.image_shape", shape))
    if identity:
        settings.append(Setting("competition.test_id_column", identity))
    elif sample and sample.first_id != _DEFAULT.first_id:
        settings.append(Setting("competition.first_id", sample.first_id))
    ignored = {one for one in others if one not in {label.value, usage}}
    if ignored:
        settings.append(Setting("competition.ignored_columns", tuple(sorted(ignored))))
    rows = [row for row in train.rows if not usage or row[train.columns.index(usage)] in train_usage]
    place = train.columns.index(str(label.value))
    height, width, channels = shape or (1, count, 1)
    training = Training(
        "pixel_text",
        f"pixels in column {column} of {train.name}: {height} x {width}, {'grey' if channels == 1 else 'RGB'}",
        tuple(settings),
        counted(row[place] for row in rows),
        f"in {train.name}, column {label.value}",
        str(label.value),
        train,
        shape=(height, width, channels),
        is_sampled=train.is_sampled,
    )
    return training, _test_rows(test, identity, usage, test_usage, sample)


def _pixels_column(table: Table) -> str | None:
    for column in table.columns:
        cells = table.values(column)[:_TRIED]
        if cells and all(re.fullmatch(r"\s*\d{1,3}(\s+\d{1,3})+\s*", cell) for cell in cells):
            counts = {len(cell.split()) for cell in cells}
            if len(counts) == 1 and min(counts) >= FEWEST:
                return column
    return None


def _others(table: Table, column: str) -> list[str]:
    return [one for one in table.columns if one != column]


def _is_usage(table: Table, column: str) -> bool:
    """Return whether a column says which rows are training rows."""
    values = table.counts(column)
    return 2 <= len(values) <= 5 and any("train" in one.lower() for one in values)


def _is_unique(table: Table, column: str) -> bool:
    return len(table.counts(column)) == len(table.rows)


def _test_rows(
    test: Table | None, identity: str | None, usage: str | None, values: Sequence[str], sample: Sample | None
) -> Test:
    ids = f"column {identity}" if identity else f"as in {sample.table.name}" if sample else "numbered from 1"
    if usage:
        return Test(f"rows with {usage} {' or '.join(values)}, ids: {ids}", (), 1)
    if test is None:
        return Test("no file with test rows: nothing to submit", (), 0)
    return Test(f"{test.total:,} rows in {test.name}, ids: {ids}", (), test.total)
