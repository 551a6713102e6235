import math
from dataclasses import replace

import pytest

from kit.training.estimate import Expected
from kit.training.remaining import Course, Range, remaining

KNOWN = Expected(before=10, training=80, after=10, doubt=0.3)
GUESS = replace(KNOWN, doubt=math.inf)


def middle(courses: list[Course], workers: int = 1) -> float:
    """Return the geometric middle of the range."""
    left = remaining(courses, workers)
    assert left
    return math.sqrt(left.low * left.high)


def test_before_the_start_it_is_the_expected_time() -> None:
    left = remaining([Course("m", KNOWN)], 1)
    assert left
    # A doubt of 0.3, and 0.25 for the load of the machine.
    assert left.low == pytest.approx(100 / 1.55)
    assert left.high == pytest.approx(155)
    assert middle([Course("m", KNOWN)] * 3, 2) == pytest.approx(200)


def test_a_model_new_to_this_machine_needs_a_measurement() -> None:
    assert remaining([Course("m", GUESS)], 1) is None
    assert remaining([Course("m", GUESS, before=10, training=2, share=0.025, running=True)], 1) is None
    started = Course("m", GUESS, before=10, training=8, share=0.4, running=True)
    # 8 s for four tenths, where 32 s were guessed: a quarter of the rest.
    assert middle([started]) == pytest.approx(12 + 10 / 4)


def test_the_measured_speed_corrects_the_expected_one() -> None:
    slow = Course("m", KNOWN, before=10, training=80, share=0.5, running=True)
    # Half took 80 s in place of 40 s; the expectation weighs as much as 33 s.
    weight = 3 / 0.3**2
    factor = (weight + 80) / (weight + 40)
    assert middle([slow]) == pytest.approx(factor * (40 + 10))


def test_waiting_members_follow_the_running_ones() -> None:
    running = Course("m", KNOWN, before=10, training=40, share=0.5, running=True)
    assert middle([running, Course("m", KNOWN)]) == pytest.approx(50 + 100)
    assert middle([running, Course("m", KNOWN)], 2) == pytest.approx(100)


def test_the_range_narrows_with_the_training() -> None:
    widths = []
    for share in (0.0, 0.25, 0.5, 1.0):
        left = remaining([Course("m", KNOWN, 10, 80 * share, share, running=True), Course("m", KNOWN)], 1)
        assert left
        widths.append(left.high / left.low)
    assert widths == sorted(widths, reverse=True)


def test_a_phase_that_takes_longer_than_expected_still_takes_time() -> None:
    assert middle([Course("m", KNOWN, before=1000, running=True)]) > 80
    assert middle([Course("m", KNOWN, 10, 80, 1.0, after=1000, running=True)]) > 0


def test_members_that_are_over_take_no_time() -> None:
    assert remaining([Course("m", KNOWN, 10, 80, 1.0, 10, over=True)], 1) == Range(0, 0)


def test_the_fit_of_a_classical_model_goes_by_its_time() -> None:
    fit = Expected(before=0, training=80, after=0, doubt=0.3, network=False)
    assert middle([Course("m", fit, 0, training=60, share=None, running=True)]) == pytest.approx(20)
    assert middle([Course("m", fit, 0, training=600, share=None, running=True)]) == pytest.approx(16)


def test_a_new_network_is_as_fast_per_multiply_add_as_the_others_of_the_run() -> None:
    first = Course("first", GUESS, 10, training=40, share=1.0, after=1, over=True)
    # Half of the guessed 80 s.
    mine = Course("first", GUESS)
    # The doubt about the second model counts by a third, which is its part of the work.
    assert middle([first, mine, mine, Course("second", GUESS)]) == pytest.approx(3 * (10 + 40 + 5))


def test_a_range_that_is_too_wide_is_none() -> None:
    first = Course("first", GUESS, 10, training=40, share=1.0, after=1, over=True)
    assert remaining([first, Course("second", GUESS)], 1) is None
    for share in (0.05, 0.2, 0.5):
        left = remaining([Course("m", GUESS, 10, 40 * share, share, running=True)], 1)
        assert left is None or left.high <= 3 * left.low


def test_a_new_classical_model_has_no_estimate_from_other_models() -> None:
    fit = Expected(before=0, training=80, after=0, doubt=math.inf, network=False)
    over = Course("first", GUESS, 10, training=40, share=1.0, after=1, over=True)
    assert remaining([over, Course("second", fit)], 1) is None
