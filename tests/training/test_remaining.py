from dataclasses import replace

import pytest

from kit.training.estimate import Expected
from kit.training.remaining import Course, Range, remaining

KNOWN = Expected(before=10, training=80, after=10, known=True)
GUESS = replace(KNOWN, known=False)


def middle(courses: list[Course], workers: int = 1) -> float:
    left = remaining(courses, workers)
    assert left
    return (left.low + left.high) / 2


def test_before_the_start_it_is_the_expected_time() -> None:
    left = remaining([Course(KNOWN)], 1)
    assert left
    assert (round(left.low), round(left.high)) == (70, 130)
    assert middle([Course(KNOWN)] * 3, 2) == pytest.approx(200)


def test_a_model_new_to_this_machine_needs_a_measurement() -> None:
    assert remaining([Course(GUESS)], 1) is None
    started = Course(GUESS, before=10, training=2, share=0.1, running=True)
    # 2 s for a tenth, where 8 s were guessed: a quarter of the rest.
    assert middle([started]) == pytest.approx(18 + 10 / 4)


def test_the_measured_speed_corrects_the_expected_one() -> None:
    slow = Course(KNOWN, before=10, training=80, share=0.5, running=True)
    # Half took 80 s in place of 40 s; 30 s of trust in the expectation.
    factor = (30 + 80) / (30 + 40)
    assert middle([slow]) == pytest.approx(factor * (40 + 10))


def test_waiting_members_follow_the_running_ones() -> None:
    running = Course(KNOWN, before=10, training=40, share=0.5, running=True)
    assert middle([running, Course(KNOWN)]) == pytest.approx(50 + 100)
    assert middle([running, Course(KNOWN)], 2) == pytest.approx(100)


def test_the_range_narrows_with_the_training() -> None:
    widths = []
    for share in (0.0, 0.25, 0.5, 1.0):
        left = remaining([Course(KNOWN, 10, 80 * share, share, running=True), Course(KNOWN)], 1)
        assert left
        widths.append((left.high - left.low) / (left.high + left.low))
    assert widths == sorted(widths, reverse=True)


def test_a_phase_that_takes_longer_than_expected_still_takes_time() -> None:
    assert middle([Course(KNOWN, before=1000, running=True)]) > 80
    assert middle([Course(KNOWN, 10, 80, 1.0, after=1000, running=True)]) > 0


def test_members_that_are_over_take_no_time() -> None:
    assert remaining([Course(KNOWN, 10, 80, 1.0, 10, over=True)], 1) == Range(0, 0)
