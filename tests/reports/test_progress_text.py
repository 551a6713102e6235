import pytest

from kit.reports.progress_text import clock_time, time_range
from kit.training.remaining import Range


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0, 4, "a few seconds"),
        (0, 23, "up to 25 s"),
        (31, 52, "30 to 55 s"),
        (61, 119, "60 to 120 s"),
        (361, 472, "6 to 8 min"),
        (30, 130, "0.5 to 2.5 min"),
        (0, 130, "up to 2.5 min"),
        (3500, 7200, "55 to 120 min"),
        (9000, 14500, "2.5 to 4.5 h"),
    ],
)
def test_a_range_of_time_in_words(low: float, high: float, text: str) -> None:
    assert time_range(Range(low, high)) == text


def test_the_time_of_a_clock() -> None:
    assert [clock_time(seconds) for seconds in (0, 59.9, 61, 3661)] == ["0:00", "0:59", "1:01", "1:01:01"]
