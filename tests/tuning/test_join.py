"""Studies that are new, exist, or belong to others: their first trials, and refusals."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
import pytest
from optuna.study import StudyDirection

from kit.errors import UserError
from kit.tuning.storage import storage_url
from kit.tuning.study import SharedStudy
from kit.tuning.warm_start import SEEDS_ELSEWHERE, STARTED_FROM, WarmStart

Open = Callable[..., SharedStudy]
WARM = WarmStart("earlier", ({"x": 0.1}, {"x": 0.9}, {"x": 0.2}), (0, 1, 2))
QUEUED = [{"x": 0.5}, *WARM.trials]


def queued(shared: SharedStudy) -> list[dict[str, float]]:
    return [trial.system_attrs["fixed_params"] for trial in shared.study.trials]


@pytest.mark.parametrize("warm_start", [None, WARM])
def test_processes_that_open_at_the_same_moment_queue_the_first_trials_once(
    open_study: Open, warm_start: WarmStart | None
) -> None:
    barrier = threading.Barrier(4)

    def join(_: int) -> SharedStudy:
        barrier.wait()
        return open_study(warm_start=warm_start)

    with ThreadPoolExecutor(4) as pool:
        shared = list(pool.map(join, range(4)))
    assert [queued(one) for one in shared] == [QUEUED if warm_start else QUEUED[:1]] * 4


def test_the_trials_of_an_earlier_study_are_trained_after_the_baseline(open_study: Open) -> None:
    shared = open_study(warm_start=WARM)
    trials = [shared.claim(lambda trial: float(trial.params["x"]), None) for _ in range(5)]
    assert [one.params for one in trials[:4] if one] == QUEUED
    assert [STARTED_FROM in one.user_attrs for one in trials if one] == [False, True, True, True, False]


def test_a_study_notes_where_it_started_and_which_seeds_were_used(open_study: Open) -> None:
    attributes = open_study(warm_start=WARM).study.user_attrs
    assert (attributes[STARTED_FROM], attributes[SEEDS_ELSEWHERE]) == ("earlier", [0, 1, 2])


def test_a_resumed_study_queues_nothing_again(open_study: Open) -> None:
    open_study(warm_start=WARM)
    assert queued(open_study(warm_start=WARM)) == QUEUED


def test_a_study_that_started_from_another_one_is_resumed_without_it(open_study: Open) -> None:
    open_study(warm_start=WARM)
    assert queued(open_study()) == QUEUED


@pytest.mark.parametrize("count", [0, 2])
def test_a_process_that_was_killed_while_it_queued_is_completed(
    open_study: Open, workdir: Path, count: int
) -> None:
    (workdir / "runs/tune-s").mkdir(parents=True)
    study = optuna.create_study(storage=storage_url(workdir / "runs/tune-s", None), study_name="s")
    study.enqueue_trial({"x": 0.5}, user_attrs={"baseline": True})
    WarmStart(WARM.study, WARM.trials[:count], WARM.seeds).queue(study)
    assert queued(open_study(warm_start=WARM)) == QUEUED


def test_an_existing_study_starts_from_no_other(open_study: Open) -> None:
    open_study()
    with pytest.raises(UserError) as refused:
        open_study(warm_start=WARM)
    assert "the study exists and did not start from earlier" in str(refused.value)
    assert "choose another --study NAME" in str(refused.value)


def test_the_study_that_an_existing_one_started_from_is_named(open_study: Open) -> None:
    open_study(warm_start=WARM)
    with pytest.raises(UserError, match="did not start from b\nreceived one that started from earlier"):
        open_study(warm_start=WarmStart("b", WARM.trials, ()))


def test_a_study_with_other_settings_is_refused(open_study: Open) -> None:
    open_study(made_of={"data": "d", "seed of a trial": "0", "space": "s"})
    with pytest.raises(UserError) as refused:
        open_study(made_of={"data": "d", "seed of a trial": "1", "folds": "2", "space": "s"})
    assert "different: folds, seed of a trial" in str(refused.value)
    assert "choose another --study NAME" in str(refused.value)


def test_a_study_of_another_version_is_refused(open_study: Open) -> None:
    open_study(made_of={"data": "d"})
    with pytest.raises(UserError, match="another version of kit created this study"):
        open_study(made_of={"data": "d", "version": "2"})


@pytest.mark.parametrize("direction", list(StudyDirection)[1:])
def test_a_study_of_another_program_is_refused(
    open_study: Open, workdir: Path, direction: StudyDirection
) -> None:
    (workdir / "runs/tune-s").mkdir(parents=True)
    url = storage_url(workdir / "runs/tune-s", None)
    study = optuna.create_study(storage=url, study_name="s", direction=direction)
    if direction == StudyDirection.MINIMIZE:
        study.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(UserError, match="kit tune did not create this study"):
        open_study()
