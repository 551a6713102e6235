"""The strategies and their fields."""

import pytest

from tests.benchmarks.replay.strategies import NEW, PRESENT, Search, named


def test_a_trial_takes_the_time_that_was_measured() -> None:
    recorded = Search(split=2, watched=0, epoch_share=0.5)
    assert recorded.training_seconds == pytest.approx(39.9)


def test_fewer_rows_and_epochs_take_less_time() -> None:
    search = Search(rows=10_000, epoch_share=0.5)
    assert search.training_seconds == pytest.approx(10 * (10_000 * 0.15e-3 + 4000 * 0.04e-3))


def test_the_present_strategy_predicts_all_held_out_rows_after_each_epoch() -> None:
    search = PRESENT.search
    assert (search.trained, search.watched_rows, search.last_seconds) == (33_600, 8400, 0)


def test_a_field_of_the_search_is_varied() -> None:
    assert NEW.varied("start_trials", "4").search.start_trials == 4


def test_a_field_of_the_confirmation_is_varied() -> None:
    assert NEW.varied("looks", "0.1/0.2").confirming.looks == (0.1, 0.2)


def test_there_can_be_no_early_looks() -> None:
    assert NEW.varied("looks", "none").confirming.looks == ()


def test_a_variation_is_named() -> None:
    assert NEW.varied("reserve", "0.3").name == "new, reserve 0.3"


@pytest.mark.parametrize(("field", "value"), [("sampler", "best"), ("seeds", "3"), ("reserve", "half")])
def test_an_unknown_field_or_value_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=field):
        NEW.varied(field, value)


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(ValueError, match="no strategy best"):
        named(["new", "best"])
