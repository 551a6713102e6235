import numpy as np
import pytest

from tools.simulate_decisions import CASES, ROWS, RULES, Case


def test_cases_are_distinct() -> None:
    assert len({*CASES}) == 81


@pytest.mark.parametrize("ordered", [True, False])
def test_the_probabilities_of_a_correct_model_are_calibrated(ordered: bool) -> None:
    probs, labels = Case(3, 0.5, 1, 1, 0).drawn(np.random.default_rng(0), ordered=ordered)
    assert probs.shape == (ROWS, 3)
    shares = np.bincount(labels, minlength=3) / ROWS
    assert probs.mean(axis=0) == pytest.approx(shares, abs=0.03)
    sure = probs.max(axis=1)
    assert (probs.argmax(axis=1) == labels).mean() == pytest.approx(sure.mean(), abs=0.03)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_predicts_a_sure_class(rule: str) -> None:
    score, choose = RULES[rule]
    labels = np.arange(30) % 3
    assert choose(np.eye(3)[labels], labels).tolist() == labels.tolist()
    assert score(labels, labels) == 1
