import numpy as np

from kit.config import Config
from kit.training.plan import UNUSED
from kit.tuning.fidelity import shortened, trial_folds, work_share

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
