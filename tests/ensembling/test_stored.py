from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.ensembling.calibration import calibrate
from kit.ensembling.columns import Column
from kit.ensembling.methods import METHODS, combine
from kit.ensembling.rules import softmax
from kit.ensembling.stored import apply, used_columns
from kit.metrics import HITS
from kit.records import EnsembleRecord
from tests.ensembling.problems import column, labels_of

ROWS, TEST, CLASSES = 90, 40, 3


@pytest.fixture(scope="module")
def columns() -> list[Column]:
    random = np.random.default_rng(0)
    truth = 2 * random.normal(size=(ROWS + TEST, CLASSES))
    probs = [softmax(truth + random.normal(size=truth.shape)) for _ in range(3)]
    return [column(number, own[:ROWS], own[ROWS:]) for number, own in enumerate(probs)]


@pytest.fixture(scope="module")
def labels(columns: list[Column]) -> NDArray[np.int64]:
    return labels_of(
        np.random.default_rng(1), np.mean([one.oof for one in columns], axis=0, dtype=np.float64)
    )


def record_of(
    columns: list[Column], labels: NDArray[np.int64], method: str
) -> tuple[EnsembleRecord, NDArray[np.float64]]:
    """Return the record that a run stores, and the test probabilities of its ensemble."""
    done = combine(columns, labels, method, HITS)
    record = EnsembleRecord(
        method=method,
        tta=False,
        calibrate=False,
        weights={str(one.key): weight for one, weight in zip(columns, done.weights, strict=True)},
        temperatures={str(one.key): one.temperature for one in columns},
        intercepts=done.intercepts,
    )
    return record, done.test


@pytest.mark.parametrize("method", METHODS)
def test_test_rows_get_the_probabilities_of_the_run(
    columns: list[Column], labels: NDArray[np.int64], method: str
) -> None:
    record, expected = record_of(columns, labels, method)
    test = {str(one.key): one.test for one in columns}
    assert np.abs(apply(record, test, test.__getitem__) - expected).max() < 1e-12


@pytest.mark.parametrize("method", METHODS)
def test_a_row_does_not_depend_on_the_other_rows(
    columns: list[Column], labels: NDArray[np.int64], method: str
) -> None:
    record, expected = record_of(columns, labels, method)
    test = {str(one.key): one.test for one in columns}
    last = {key: probs[-1:] for key, probs in test.items()}
    assert np.abs(apply(record, last, test.__getitem__) - expected[-1:]).max() < 1e-12


@pytest.mark.parametrize("method", ["mean", "rank", "stack"])
def test_columns_are_calibrated_as_in_the_run(
    columns: list[Column], labels: NDArray[np.int64], method: str
) -> None:
    calibrated = [calibrate(one, labels) for one in columns]
    assert all(one.temperature != 1 for one in calibrated)
    record, expected = record_of(calibrated, labels, method)
    test = {str(one.key): one.test for one in columns}
    assert np.abs(apply(record, test, test.__getitem__) - expected).max() < 1e-12


def test_equal_columns_share_their_weight(columns: list[Column], labels: NDArray[np.int64]) -> None:
    copy = replace(columns[0], key=columns[0].key._replace(seed=9))
    record, expected = record_of([*columns, copy], labels, "stack")
    test = {str(one.key): one.test for one in [*columns, copy]}
    assert np.abs(apply(record, test, test.__getitem__) - expected).max() < 1e-12


def test_columns_without_weight_are_not_needed(columns: list[Column], labels: NDArray[np.int64]) -> None:
    record, expected = record_of(columns, labels, "best")
    [key] = used_columns(record)
    [chosen] = [one.test for one in columns if str(one.key) == key]
    assert np.array_equal(apply(record, {key: chosen}, lambda _: chosen), expected)
