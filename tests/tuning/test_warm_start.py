"""What a new study takes from an earlier one, and which studies are refused."""

from typing import Any, NoReturn

import pytest
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from kit.config import FloatRange, Tune
from kit.errors import UserError
from kit.masking import MASK
from kit.records import Confirmation, StudyOrigin
from kit.studies import StudyFolder
from kit.tuning import warm_start as module
from kit.tuning.space import Parameter, Space
from kit.tuning.storage import STUDY_VERSION, storage_url
from kit.tuning.study import SharedStudy
from kit.tuning.warm_start import SEEDS_ELSEWHERE, WarmStart, read_warm_start
from tests.tuning.conftest import line_space

pytestmark = pytest.mark.usefixtures("workdir")

MADE = {"version": STUDY_VERSION, "data": "d", "metric": "log_loss", "seed of a trial": "7"}
WIDE = FloatDistribution(-10, 10)
CONFIRMATION = Confirmation(
    status="confirmed", seeds=(0, 2), folds=2, shuffle=9, level=0.05, winner=3, comparisons=()
)


def earlier(
    *losses: tuple[float, float], made_of: dict[str, str] = MADE, storage: str | None = None, **facts: Any
) -> SharedStudy:
    """Store the study "a" with a complete trial for each (x, loss), after a baseline that is waiting."""
    files = StudyFolder.named("a")
    url = storage_url(files.path, storage)
    shared = SharedStudy.open("a", url, files.path, Tune(), line_space(), made_of)
    for x, loss in losses:
        add({"x": x}, loss, to=shared)
    write_origin(files, storage=url, **facts)
    return shared


def write_origin(files: StudyFolder, **facts: Any) -> None:
    given = {"study": "a", "config": "mine", "command": "kit tune --study a", "sample": False}
    given |= {"metric": "log_loss", "score": "accuracy", "status": "complete"}
    files.write_origin(StudyOrigin.model_validate(given | facts))


def add(
    params: dict[str, float], loss: float | None, state: TrialState = TrialState.COMPLETE, *, to: SharedStudy
) -> None:
    distributions: dict[str, BaseDistribution] = dict.fromkeys(params, WIDE)
    to.study.add_trial(create_trial(state=state, value=loss, params=params, distributions=distributions))


def read(space: Space | None = None, *, name: str = "a", **changes: Any) -> WarmStart:
    given: dict[str, Any] = {"own": StudyFolder.named("b"), "storage": None, "made_of": MADE}
    return read_warm_start(name, space=space or line_space(), **given | changes)


def values(found: WarmStart) -> list[object]:
    return [params["x"] for params in found.trials]


def refused(*arguments: Any, **changes: Any) -> str:
    with pytest.raises(UserError) as raised:
        read(*arguments, **changes)
    assert raised.value.where
    assert raised.value.where.startswith("--warm-start ")
    return str(raised.value).partition(": ")[2]


def unit(*keys: str) -> Space:
    """Return a space of numbers from 0 to 1; those of the configuration are 0.5."""
    parameters = tuple(Parameter(key, FloatRange(kind="float", low=0.0, high=1.0), {}) for key in keys)
    return Space(parameters, dict.fromkeys(keys, 0.5), False)


# Trials


def test_the_trials_come_by_value() -> None:
    earlier((0.1, 3.0), (0.2, 1.0), (0.3, 2.0))
    assert values(read()) == [0.2, 0.3, 0.1]


def test_the_confirmed_trial_comes_first() -> None:
    earlier((0.1, 3.0), (0.2, 1.0), (0.3, 2.0), confirmation=CONFIRMATION)
    assert values(read()) == [0.3, 0.2, 0.1]


def test_the_best_five_are_enough() -> None:
    earlier(*((x / 10, x) for x in (9, 8, 7, 6, 4, 3, 2)))
    assert values(read()) == [0.2, 0.3, 0.4, 0.6, 0.7]


def test_the_baseline_and_the_same_parameters_are_not_trained_again() -> None:
    earlier((0.5, 1.0), (0.2, 2.0), (0.2, 2.0), (0.3, 3.0))
    assert values(read()) == [0.2, 0.3]


@pytest.mark.parametrize("state", [TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING])
def test_only_complete_trials_count(state: TrialState) -> None:
    shared = earlier((0.2, 2.0))
    add({"x": 0.1}, 1.0 if state == TrialState.PRUNED else None, state, to=shared)
    assert values(read()) == [0.2]


def test_a_trial_outside_of_the_new_space_is_left_out() -> None:
    earlier((-3.0, 1.0), (0.2, 2.0))
    assert values(read()) == [0.2]


def test_other_keys_are_left_out_and_missing_ones_are_the_configurations() -> None:
    add({"x": 0.1, "old": 3.0}, 1.0, to=earlier())
    assert read(unit("x", "new")).trials == ({"x": 0.1, "new": 0.5},)


def test_the_study_may_be_named_by_its_folder() -> None:
    earlier((0.1, 1.0))
    assert [read(name=name).study for name in ("a", "tune-a", "runs/tune-a")] == ["a"] * 3


# Seeds


def test_the_seeds_are_those_of_the_search_and_of_the_confirmation() -> None:
    earlier((0.1, 1.0), (0.2, 2.0), (0.3, 3.0), confirmation=CONFIRMATION)
    assert read().seeds == (0, 2, 7)


def test_the_seeds_of_still_earlier_studies_are_passed_on() -> None:
    earlier((0.1, 1.0)).study.set_user_attr(SEEDS_ELSEWHERE, [4, 7])
    assert read().seeds == (4, 7)


# Storages


def test_the_study_may_be_in_another_storage() -> None:
    earlier((0.1, 1.0), storage="sqlite:///shared.db")
    assert values(read()) == [0.1]


def test_a_password_is_taken_from_the_given_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    files, opened = StudyFolder.named("a"), []
    files.path.mkdir(parents=True)
    write_origin(files, storage=f"postgresql://me:{MASK}@host/tune")

    def load(url: str, name: str) -> NoReturn:
        opened.append((url, name))
        raise UserError("the server is not reachable")

    monkeypatch.setattr(module, "load_study", load)
    with pytest.raises(UserError, match="the server is not reachable"):
        read(storage="postgres://me:secret@host/tune")
    assert opened == [("postgresql://me:secret@host/tune", "a")]


@pytest.mark.parametrize("storage", [None, "postgresql://me:secret@other/tune"])
def test_without_the_password_the_same_storage_is_asked_for(storage: str | None) -> None:
    files = StudyFolder.named("a")
    files.path.mkdir(parents=True)
    write_origin(files, storage=f"postgresql://me:{MASK}@host/tune")
    with pytest.raises(UserError) as raised:
        read(storage=storage)
    assert raised.value.where == "runs/tune-a"
    assert (
        raised.value.hint == f"give the same --storage, postgresql://me:{MASK}@host/tune, with its password"
    )


# Refusals


def test_an_unknown_study_is_refused_and_the_nearest_is_named() -> None:
    earlier((0.1, 1.0))
    message = refused(name="aa")
    assert message.startswith("there is no study 'aa'; did you mean 'a'?\n")
    assert "kit runs" in message


@pytest.mark.parametrize("name", ["a", "runs/../runs/tune-a"])
def test_a_study_does_not_start_from_itself(name: str) -> None:
    earlier((0.1, 1.0))
    message = refused(name=name, own=StudyFolder.named("a"))
    assert message.startswith("a study cannot start from itself\nchoose another --study NAME")


def test_a_study_without_a_complete_trial_is_refused() -> None:
    earlier()
    assert refused() == "this study has no complete trial\nresume it: kit tune --study a"


def test_a_study_of_other_data_is_refused() -> None:
    earlier((0.1, 1.0), made_of=MADE | {"data": "other"})
    assert refused().startswith("this study has other data\n")


def test_a_study_of_another_metric_is_refused() -> None:
    earlier((0.1, 1.0), made_of=MADE | {"metric": "auc"})
    assert refused() == (
        "this study has another metric\nexpected log_loss, received auc\n"
        "--set tune.metric=auc gives the new study the same"
    )


def test_a_study_of_other_parameters_is_refused() -> None:
    earlier((0.1, 1.0))
    assert refused(unit("y", "z")) == (
        "no parameter of this study is in the search space\nexpected y, z, received x"
    )


def test_a_study_without_a_trial_in_the_space_is_refused() -> None:
    earlier((3.0, 1.0), (-2.0, 0.5))
    assert refused() == (
        "no trial of this study is valid in the search space; the best: "
        "value of x: expected a number from 0.0 to 1.0, received -2.0"
    )


def test_a_study_of_nothing_but_the_configuration_is_refused() -> None:
    earlier((0.5, 1.0))
    assert refused() == "no trial of this study differs from the configuration"
