import pytest

from kit.metrics import METRICS
from kit.records import Score


def scored(value: float | None) -> Score:
    return Score(value=value, interval=(0.0, 1.0), errors=1, rows=9, accuracy=0.9, log_loss=0.1)


@pytest.mark.parametrize(
    ("metric", "best_first"), [("accuracy", (0.9, 0.5, 0.1)), ("log_loss", (0.1, 0.5, 0.9))]
)
def test_the_best_comes_first_and_a_missing_score_last(metric: str, best_first: tuple[float, ...]) -> None:
    scores = [scored(value) for value in (0.5, None, 0.9, 0.1)]
    ordered = sorted(scores, key=lambda one: one.rank(METRICS[metric]))
    assert [one.value for one in ordered] == [*best_first, None]
