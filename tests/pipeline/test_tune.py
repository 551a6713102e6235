from types import SimpleNamespace
from typing import Any

import pytest

from kit.config import validate
from kit.pipeline import tune as pipeline
from kit.tuning.confirm import confirmation

RAW = {"folds": {"count": 4}, "models": {"knn": {"kind": "knn"}}}


def search_seconds(
    monkeypatch: pytest.MonkeyPatch, *, seconds: float | None, least: float | None, candidates: int = 1
) -> float:
    """Return how much of a call is the search's where the first round of the confirmation takes `least`."""
    monkeypatch.setattr(confirmation, "needed_seconds", lambda *given: least)  # noqa: ARG005
    monkeypatch.setattr(confirmation, "candidates", lambda study, space: [study] * candidates)  # noqa: ARG005
    request: Any = SimpleNamespace(
        seconds=seconds, source=SimpleNamespace(config=validate(RAW)), space=None, jobs=1
    )
    shared: Any = SimpleNamespace(study=None)
    return pipeline._search_seconds(shared, request)


def test_a_quarter_of_the_time_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert search_seconds(monkeypatch, seconds=1000, least=None) == 750
    assert search_seconds(monkeypatch, seconds=1000, least=100) == 750


def test_more_is_kept_if_five_replicates_take_more(monkeypatch: pytest.MonkeyPatch) -> None:
    # Five replicates take 5/3 of the first round of three.
    assert search_seconds(monkeypatch, seconds=1000, least=240) == pytest.approx(600)
    assert search_seconds(monkeypatch, seconds=1000, least=400) == pytest.approx(550)


def test_the_first_round_may_take_more_still(monkeypatch: pytest.MonkeyPatch) -> None:
    assert search_seconds(monkeypatch, seconds=1000, least=500) == 500


def test_without_time_to_confirm_the_search_has_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert search_seconds(monkeypatch, seconds=1000, least=601) == 1000


def test_with_nothing_to_confirm_the_search_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    # One candidate and the baseline are half of four configurations.
    assert search_seconds(monkeypatch, seconds=1000, least=100, candidates=0) == 950
    assert search_seconds(monkeypatch, seconds=1000, least=900, candidates=0) == 750


def test_a_call_without_a_limit_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert search_seconds(monkeypatch, seconds=None, least=100) == float("inf")
