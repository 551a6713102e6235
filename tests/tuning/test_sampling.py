"""Samplers by position, and values near a centre."""

import math
from typing import Any

import numpy as np
import optuna
import pytest

from kit.config import Choices, Dimension, FloatRange, IntRange, Tune
from kit.records import ParamValue
from kit.tuning.sampling import FIRST_TRIALS, centres_of, near, near_params, sampler_at
from kit.tuning.space import Parameter, Space

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

UNIT = FloatRange(kind="float", low=0.0, high=1.0)
RATES = FloatRange(kind="float", low=1e-4, high=1.0, log=True)
CENTRES: dict[str, ParamValue] = {"x": 0.5, "y": 0.5}


def space_of(baseline: dict[str, ParamValue] = CENTRES, **dimensions: Dimension) -> Space:
    given = dimensions or {"x": UNIT, "y": UNIT}
    return Space(tuple(Parameter(key, one, {}) for key, one in given.items()), baseline, False)


def draws(dimension: Dimension, centre: Any, count: int = 4000) -> list[Any]:
    rng = np.random.default_rng(0)
    return [near(Parameter("x", dimension, {}), centre, rng) for _ in range(count)]


def drawn(position: int, space: Space, **tune: Any) -> dict[str, Any]:
    """Return the parameters of a trial at a position of a study without results."""
    study = optuna.create_study(sampler=sampler_at(position, Tune(**tune), space))
    return space.suggest(study.ask())


def kept(space: Space, positions: range, **tune: Any) -> float:
    """Return the share of parameters that keep the baseline's value, over 40 seeds."""
    trials = [drawn(position, space, seed=seed, **tune) for position in positions for seed in range(40)]
    return float(np.mean([trial[key] == own for trial in trials for key, own in space.baseline.items()]))


# Values near a centre


def test_half_of_the_values_are_the_centre() -> None:
    assert np.mean([one == 0.4 for one in draws(UNIT, 0.4)]) == pytest.approx(0.5, abs=0.03)


def test_the_others_are_about_a_fifth_of_the_range_away() -> None:
    dimension = FloatRange(kind="float", low=-20.0, high=20.0)
    moved = [one for one in draws(dimension, 1.0) if one != 1.0]
    assert float(np.mean(moved)) == pytest.approx(1.0, abs=0.5)
    assert float(np.std(moved)) == pytest.approx(8.0, rel=0.05)


def test_the_distance_in_a_logarithmic_range_is_logarithmic() -> None:
    moved = [math.log10(one) for one in draws(RATES, 1e-2) if one != 1e-2]
    assert float(np.mean(moved)) == pytest.approx(-2, abs=0.05)
    assert float(np.std(moved)) == pytest.approx(0.8, rel=0.05)


@pytest.mark.parametrize("dimension", [UNIT, RATES])
def test_no_value_leaves_the_range(dimension: FloatRange) -> None:
    found = draws(dimension, dimension.high)
    assert max(found) == dimension.high
    assert min(found) >= dimension.low


def test_a_number_is_on_a_step() -> None:
    dimension = FloatRange(kind="float", low=0.1, high=0.9, step=0.2)
    assert {round(one, 9) for one in draws(dimension, 0.5)} == {0.1, 0.3, 0.5, 0.7, 0.9}


def test_a_whole_number_is_on_a_step() -> None:
    found = draws(IntRange(kind="int", low=2, high=10, step=4), 6)
    assert set(found) == {2, 6, 10}
    assert {type(one) for one in found} == {int}


def test_the_other_choices_are_equally_likely() -> None:
    found = draws(Choices(kind="categorical", choices=("a", [1, 2], None, True)), "a")
    shares = {choice: found.count(choice) / len(found) for choice in ("a", "[1, 2]", None, True)}
    assert shares == pytest.approx({"a": 0.625, "[1, 2]": 0.125, None: 0.125, True: 0.125}, abs=0.03)


# Centres


def test_the_centre_is_the_configurations_own_value() -> None:
    assert centres_of(space_of({"x": 0.3}, x=UNIT, y=UNIT)) == {"x": 0.3}


def test_a_prior_is_the_centre_in_its_place() -> None:
    norm = Choices(kind="categorical", choices=("a", [1, 2]), prior=[1, 2])
    space = space_of({"x": 0.3, "norm": "a"}, x=UNIT.model_copy(update={"prior": 0.0}), norm=norm)
    assert centres_of(space) == {"x": 0.0, "norm": "[1, 2]"}


def test_near_parameters_are_not_those_of_the_baseline() -> None:
    space = space_of({"x": "a"}, x=Choices(kind="categorical", choices=("a", "b")))
    rng = np.random.default_rng(0)
    assert [near_params(space, rng) for _ in range(20)] == [{"x": "b"}] * 20


# Samplers


def test_the_first_trials_are_near_the_configuration() -> None:
    # Of the four ways to keep or move two parameters, only keeping both is drawn again.
    assert kept(space_of(), range(1, FIRST_TRIALS + 1)) == pytest.approx(1 / 3, abs=0.06)


@pytest.mark.parametrize("tune", [{"start": "random"}, {"sampler": "random"}])
def test_the_first_trials_are_anywhere_if_asked_for(tune: dict[str, str]) -> None:
    assert kept(space_of(), range(1, FIRST_TRIALS + 1), **tune) == 0.0


def test_a_parameter_without_a_centre_is_drawn_from_its_whole_range() -> None:
    found = [drawn(1, space_of({}, x=UNIT), seed=seed)["x"] for seed in range(40)]
    assert min(found) < 0.1
    assert max(found) > 0.9


def test_a_trial_queued_with_some_parameters_gets_the_others() -> None:
    space = space_of()
    study = optuna.create_study(sampler=sampler_at(1, Tune(), space))
    study.enqueue_trial({"x": 0.25})
    assert space.suggest(study.ask()) == {"x": 0.25, "y": drawn(1, space)["y"]}


def test_tpe_follows() -> None:
    samplers = [sampler_at(position, Tune(), space_of()) for position in (FIRST_TRIALS, FIRST_TRIALS + 1)]
    assert [isinstance(one, optuna.samplers.TPESampler) for one in samplers] == [False, True]


@pytest.mark.parametrize("tune", [{}, {"start": "random"}, {"sampler": "random"}])
def test_a_position_always_gets_the_same_parameters(tune: dict[str, str]) -> None:
    trials = [drawn(position, space_of(), **tune) for position in (1, 2, 1)]
    assert trials[0] == trials[2] != trials[1]
