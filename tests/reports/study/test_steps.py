import optuna
import pytest

from kit.reports.study.steps import next_steps, with_timeout
from tests.studies import confirmation, small_study, summarised

optuna.logging.set_verbosity(optuna.logging.ERROR)


def first_step(status: str, limit: float | None = 3600.0, **changes: object) -> tuple[str, str]:
    """Return what is proposed first after a confirmation with this status."""
    report = summarised(small_study(), confirmation(status, **changes))
    return next_steps(report.model_copy(update={"limit_seconds": limit}))[0]


def test_a_confirmed_configuration_is_trained() -> None:
    assert first_step("confirmed") == ("Train it", "kit cv -c tuned-example")


def test_without_time_for_a_confirmation_the_limit_that_is_enough_is_proposed() -> None:
    assert first_step("no time") == ("Confirm it", "kit tune --timeout 3m")


@pytest.mark.parametrize(
    ("limit", "more", "proposed"),
    [
        (600.0, 250.0, "15m"),
        (3600.0, 6000.0, "160m"),
        (3600.0, 6001.0, "165m"),
        (3600.0, 12_000.0, "270m"),
        (None, 6000.0, "100m"),
    ],
)
def test_a_gain_that_is_not_confirmed_needs_the_time_that_would_confirm_it(
    limit: float | None, more: float, proposed: str
) -> None:
    step = first_step("none better", limit, more_seconds=more)
    assert step == ("Confirm it", f"kit tune --timeout {proposed}")


@pytest.mark.parametrize(
    ("limit", "step"),
    [
        (None, "the same command with more --trials"),
        (60.0, "kit tune --timeout 3m"),
        (240.0, "kit tune --timeout 8m"),
    ],
)
def test_without_a_gain_a_longer_search_is_proposed(limit: float | None, step: str) -> None:
    assert first_step("none better", limit) == ("Search more", step)


def test_an_interrupted_study_is_resumed_first() -> None:
    report = summarised(small_study(), confirmation("none better", more_seconds=600.0))
    steps = next_steps(report.model_copy(update={"status": "interrupted"}))
    assert steps[0] == ("Resume", "kit tune --timeout 1h")


def test_the_dashboard_is_always_proposed() -> None:
    step = ("Explore", "optuna-dashboard sqlite:///example.db")
    assert next_steps(summarised(small_study()))[1] == step


@pytest.mark.parametrize(
    "command", ["kit tune -c quick", "kit tune -c quick --timeout 90s", "kit tune --timeout=2m -c quick"]
)
def test_a_proposed_time_limit_replaces_the_one_that_was_typed(command: str) -> None:
    assert with_timeout(command, 400) == "kit tune -c quick --timeout 7m"
