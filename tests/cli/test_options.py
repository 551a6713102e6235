import click
import pytest

from kit.cli.options import Duration, Jobs, Place


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("15m", 900),
        ("2h", 7200),
        ("0.5h", 1800),
        (" 1m ", 60),
        ("4min", 240),
        ("4 min", 240),
        ("1h30m", 5400),
        ("2 hours", 7200),
        ("90sec", 90),
    ],
)
def test_a_duration_is_a_number_of_seconds(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "m", "-1", "1d", "30m1h", "4 minn", "1e3", "inf"])
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="such as 90, 90s, 15m or 2h"):
        Duration().convert(text, None, None)


@pytest.mark.parametrize(("text", "jobs"), [("auto", None), ("1", 1), ("16", 16)])
def test_jobs(text: str, jobs: int | None) -> None:
    assert Jobs().convert(text, None, None) == jobs


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "", "²"])
def test_an_invalid_number_of_jobs_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="whole number from 1"):
        Jobs().convert(text, None, None)


@pytest.mark.parametrize("text", ["local", "tcp://10.0.0.5:8786", "tls://head:8786", "tcp://[::1]:8786"])
def test_a_place(text: str) -> None:
    assert Place().convert(text, None, None) == text


@pytest.mark.parametrize("text", ["", "kaggle", "head:8786", "tcp://", "http://head:8786", "tcp://a b"])
def test_an_invalid_place_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="such as tcp://host:8786"):
        Place().convert(text, None, None)
