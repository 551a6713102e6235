import numpy as np
import pytest

from kit.ensembling.columns import Column, ColumnKey
from kit.ensembling.methods import METHODS, Combined, combine
from kit.metrics import HITS


def column(seed: int, oof: list[list[float]], test: list[list[float]]) -> Column:
    return Column(
        ColumnKey("run", "cnn", seed), np.array(oof, np.float32), np.array(test), np.zeros(len(oof), np.int8)
    )


def combined(columns: list[Column], method: str = "mean") -> Combined:
    rows = len(columns[0].oof)
    return combine(columns, np.zeros(rows, int), method, HITS)


def test_mean_gives_every_column_the_same_weight() -> None:
    one, other = column(0, [[1, 0], [0.5, 0.5]], [[0, 1]]), column(1, [[0, 1], [0.75, 0.25]], [[0.5, 0.5]])
    result = combined([one, other])
    np.testing.assert_array_equal(result.oof, [[0.5, 0.5], [0.625, 0.375]])
    np.testing.assert_array_equal(result.test, [[0.25, 0.75]])
    assert result.weights == (0.5, 0.5)


@pytest.mark.parametrize("method", METHODS)
def test_an_ensemble_of_one_column_is_that_column_in_float64(method: str) -> None:
    only = column(0, [[0.1, 0.9]], [[0.3, 0.7]])
    result = combined([only], method)
    assert result.oof.dtype == result.test.dtype == np.float64
    np.testing.assert_array_equal(result.oof, only.oof)
    np.testing.assert_array_equal(result.test, only.test)
    assert result.weights == (1.0,)


def test_means_are_taken_in_float64() -> None:
    columns = [column(seed, [[1 / 3, 2 / 3]], [[0.5, 0.5]]) for seed in range(3)]
    np.testing.assert_array_equal(combined(columns).oof, columns[0].oof.astype(np.float64))
