"""What is shown while data is read, and how often."""

import time

import pytest

from kit.data.progress import Decoding, Reading


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the list whose only value is the time."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_quick_read_says_nothing(clock: list[float]) -> None:
    said = list[str]()
    reading = Reading(said.append, "data/train.csv")
    clock[0] = 0.9
    reading(99, 100)
    assert said == []


def test_a_long_read_says_its_part_once_per_second(clock: list[float]) -> None:
    said = list[str]()
    reading = Reading(said.append, "data/train.csv")
    for done in range(0, 1000, 5):
        clock[0] = done / 300
        reading(done, 1000)
    assert said == [f"reading data/train.csv, {part} %" for part in (30, 60, 90)]


def test_decoding_says_the_remaining_time(clock: list[float]) -> None:
    said = list[str]()
    decoding = Decoding(said.append)
    for seconds, done in ((1, 10_000), (4, 40_000)):
        clock[0] = seconds
        decoding(done, 100_000)
    assert said == ["decoding images: 10,000 of 100,000", "decoding images: 40,000 of 100,000, 6 s left"]
