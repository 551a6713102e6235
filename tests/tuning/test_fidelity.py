import numpy as np
import pytest

from kit.config import Config, load
from kit.training.plan import UNUSED
from kit.tuning.fidelity import search_folds, shortened, trial_folds, work_share

FOLDS = (np.arange(40) % 4).astype(np.int8)


def config(share: float, rows: int | None = None) -> Config:
    return Config.model_validate(
        {
            "tune": {"epoch_share": share, "rows": rows},
            "models": {
                "net": {"stages": [{"filters": 2}], "training": {"epochs": 15}},
                "knn": {"kind": "knn"},
            },
        }
    )


def test_a_trial_of_all_rows_has_the_folds_of_the_study() -> None:
    assert trial_folds(FOLDS, 0, None) is FOLDS


def test_a_trial_uses_as_many_rows_as_it_may() -> None:
    used = trial_folds(FOLDS, 2, 8)
    assert np.count_nonzero(used == 2) == 8
    assert np.count_nonzero((used != 2) & (used != UNUSED)) == 8
    assert (used[used != UNUSED] == FOLDS[used != UNUSED]).all()


def test_a_fold_with_fewer_rows_is_held_out_whole() -> None:
    used = trial_folds(FOLDS, 2, 25)
    assert np.count_nonzero(used == 2) == 10
    assert np.count_nonzero((used != 2) & (used != UNUSED)) == 25


def test_every_trial_has_the_same_rows() -> None:
    np.testing.assert_array_equal(trial_folds(FOLDS, 1, 8), trial_folds(FOLDS, 1, 8))


def test_a_network_trains_a_share_of_its_epochs_rounded_up() -> None:
    assert shortened(config(0.5)).models["net"].epochs == 8
    assert shortened(config(0.01)).models["net"].epochs == 1


def test_a_trial_of_all_epochs_is_the_configuration() -> None:
    assert shortened(config(1.0)) == config(1.0)


def test_the_share_of_the_work_counts_rows_and_epochs() -> None:
    assert work_share(FOLDS, 0, config(1.0).tune) == 1
    assert work_share(FOLDS, 0, config(0.5, 15).tune) == 0.25


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ([], 2),
        (["tune.split=3"], 3),
        (["tune.split=null"], 5),
        (["tune.folds=4"], 4),
        (["tune.folds=9"], 5),
        (["folds.count=2", "tune.split=4"], 4),
    ],
)
def test_the_search_has_its_own_number_of_folds(changes: list[str], count: int) -> None:
    given = load("lenet-plain", [*changes, "folds.seed=7"])
    assert search_folds(given) == given.folds.model_copy(update={"count": count})
