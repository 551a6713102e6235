"""A confirmation of version 2, from `kit tune -c lenet-regularized --timeout 60m`, is still readable."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from kit.records import Confirmation, Replicate

VERSION_2 = """{
  "version": 2, "status": "none better", "seeds": [1, 2, 3], "folds_seed": 1,
  "level": 0.05, "corrected_for": 3, "needed_seconds": 812.4, "enough_seconds": 2707.9, "left_out": 0,
  "replicates": [[1, 0], [2, 1], [3, 2], [1, 3], [2, 4]],
  "baseline_losses": [0.02011, 0.02240, 0.01987, 0.02154, 0.02133],
  "comparisons": [
    {"trial": 22, "losses": [0.01989, 0.01954, 0.01902, 0.01965, 0.01968],
     "mean": -0.001494, "low": -0.00465, "high": 0.00166, "better": false},
    {"trial": 6, "losses": [0.02011, 0.02240, null, 0.02154, 0.02133],
     "mean": null, "low": null, "high": null, "better": false}
  ],
  "winner": null, "failed": {"6": "its loss is nan"}, "seconds": 871.5, "config_path": null
}"""


def version_2(**changes: Any) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(VERSION_2)
    return stored | changes


def test_each_comparison_gets_the_replicates_that_all_shared() -> None:
    first, second = Confirmation.model_validate_json(VERSION_2).comparisons
    assert first.replicates == second.replicates
    assert first.replicates[4] == Replicate(seed=2, fold=4)
    assert first.baseline_losses == (0.02011, 0.02240, 0.01987, 0.02154, 0.02133)


def test_its_intervals_keep_their_confidence_and_their_values() -> None:
    first = Confirmation.model_validate_json(VERSION_2).comparisons[0]
    assert first.confidence == pytest.approx(1 - 0.05 / 3)
    assert (first.mean, first.low, first.high) == (-0.001494, -0.00465, 0.00166)


def test_what_version_2_does_not_have_is_unknown() -> None:
    confirmed = Confirmation.model_validate_json(VERSION_2)
    assert [one.probability for one in confirmed.comparisons] == [None, None]
    assert (confirmed.more_seconds, confirmed.screened) == (None, ())


def test_folds_and_an_unused_shuffle_follow_from_those_of_version_2() -> None:
    confirmed = Confirmation.model_validate_json(VERSION_2)
    assert (confirmed.folds, confirmed.shuffle) == (5, 2)


def test_other_values_stay_as_they_were() -> None:
    confirmed = Confirmation.model_validate_json(VERSION_2)
    assert (confirmed.status, confirmed.seeds, confirmed.seconds) == ("none better", (1, 2, 3), 871.5)
    assert confirmed.failed == {"6": "its loss is nan"}


def test_the_winner_of_version_2_is_still_the_winner() -> None:
    stored = version_2(status="confirmed", winner=22)
    stored["comparisons"][0] |= {"high": -0.0002, "better": True}
    won = Confirmation.model_validate(stored).won
    assert won
    assert won.trial == 22
    assert won.relative_gain == pytest.approx(0.001494 / 0.02105)


def test_one_without_time_for_a_training_is_read() -> None:
    stored = version_2(status="no time", replicates=[], baseline_losses=[], comparisons=[])
    confirmed = Confirmation.model_validate(stored)
    assert (confirmed.status, confirmed.folds, confirmed.comparisons) == ("no time", 1, ())


def test_a_converted_one_is_stored_as_version_3() -> None:
    confirmed = Confirmation.model_validate_json(VERSION_2)
    stored = confirmed.model_dump_json()
    assert json.loads(stored)["version"] == 3
    assert Confirmation.model_validate_json(stored) == confirmed


@pytest.mark.parametrize(
    "damage", [{"replicates": None}, {"corrected_for": 0}, {"folds_seed": "a"}, {"comparisons": [3]}]
)
def test_a_damaged_one_is_refused(damage: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Confirmation.model_validate(version_2(**damage))


def test_one_that_lacks_a_key_is_refused() -> None:
    stored = version_2()
    del stored["folds_seed"]
    with pytest.raises(ValidationError):
        Confirmation.model_validate(stored)


def test_a_later_version_is_refused() -> None:
    with pytest.raises(ValidationError, match="version"):
        Confirmation.model_validate(version_2(version=4))
