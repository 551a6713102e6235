"""The surrogate of a made-up table."""

import numpy as np
import pytest

from tests.benchmarks.replay.made_up import CONFIGURATIONS, lines, space, true_log_loss
from tests.benchmarks.replay.record import random_params
from tests.benchmarks.replay.surrogate import Surrogate, Table, checked, encode


def test_a_configuration_without_all_folds_is_left_out() -> None:
    assert len(Table.of(lines()[:-1]).params) == CONFIGURATIONS - 1


def test_a_table_without_the_baseline_is_refused() -> None:
    with pytest.raises(ValueError, match="baseline"):
        Table.of(lines()[2:])


def test_the_effect_of_folds_is_no_noise() -> None:
    assert Table.of(lines()).noise == pytest.approx(0, abs=1e-9)


def test_noise_is_the_standard_deviation_of_one_training() -> None:
    curves = np.random.default_rng(0).normal(0, 0.05, (2000, 2, 1))
    assert Table([], curves).noise == pytest.approx(0.05, rel=0.05)


def test_a_number_is_encoded_on_its_scale_and_a_choice_by_columns() -> None:
    given = space()
    low = {one.key: getattr(one.dimension, "low", "none") for one in given.parameters}
    assert encode(given, low).tolist() == [0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0]


def test_it_predicts_configurations_that_are_not_in_the_table() -> None:
    surrogate = Surrogate(Table.of(lines()), space())
    others = random_params(space(), CONFIGURATIONS + 20)[CONFIGURATIONS:]
    errors = [surrogate.log_loss(one) - (true_log_loss(one) + 0.05) for one in others]
    assert np.sqrt(np.mean(np.square(errors))) < 0.1


def test_its_mean_is_that_of_scikit_learn() -> None:
    surrogate = Surrogate(Table.of(lines(0.05)), space())
    expected = surrogate._process.predict(surrogate.points)
    assert [surrogate.log_loss(one) for one in surrogate.table.params] == pytest.approx(expected)


def test_the_nearest_record_of_a_recorded_configuration_is_itself() -> None:
    surrogate = Surrogate(Table.of(lines()), space())
    assert surrogate.nearest(surrogate.table.params[5]) == 5


def test_the_check_compares_folds_and_epochs() -> None:
    check = checked(Surrogate(Table.of(lines()), space()))
    assert [check.folds, *check.epochs] == pytest.approx([1] * 11)


def test_the_prediction_from_the_others_is_that_of_a_process_without_it() -> None:
    surrogate = Surrogate(Table.of(lines(0.05)), space())
    kernel, points = surrogate._process.kernel_, surrogate.points
    measured = surrogate.table.final.mean(axis=1)
    weights = np.linalg.solve(kernel(points[1:]), measured[1:] - measured.mean())
    expected = measured.mean() + kernel.k1(points[:1], points[1:])[0] @ weights
    assert surrogate.left_out()[0] == pytest.approx(expected)
