from typing import Any

import numpy as np
import optuna
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial

from kit.records import Comparison
from kit.reports.study.confirmation_plot import draw_confirmation
from kit.reports.study.drawing import KINDS, PRUNED, Scale, StudyView, draw_key
from tests.studies import add, comparison, confirmation, small_study, summarised

optuna.logging.set_verbosity(optuna.logging.ERROR)


def confirmation_axes(*comparisons: Comparison) -> Axes:
    """Return the plot of a confirmation with these comparisons."""
    figure, study = Figure(), small_study()
    confirmed = confirmation("none better", comparisons=comparisons)
    draw_confirmation(figure, StudyView(study, summarised(study, confirmed)))
    return figure.axes[0]


def test_gains_are_drawn_in_percent_of_the_baseline_of_their_own_replicates() -> None:
    fewer = comparison(
        replicates=[(7, 0)], losses=[0.05], baseline_losses=[0.1], mean=-0.05, low=None, high=None
    )
    lines = [np.asarray(line.get_xdata()).tolist() for line in confirmation_axes(comparison(), fewer).lines]
    assert lines[0] == pytest.approx([0.25, 0.25, 0.25])
    assert lines[1] == pytest.approx([-0.125, 0.375])
    assert lines[3] == pytest.approx([0.5])


@pytest.mark.parametrize(
    ("rate", "labels", "heading"),
    [
        (0.025, ["trial 1", "trial 2"], "gain in log loss, with its 95 % interval"),
        (0.005, ["trial 1\n95 %", "trial 2\n99 %"], "gain in log loss, with its interval"),
    ],
)
def test_intervals_of_different_confidence_are_labelled(rate: float, labels: list[str], heading: str) -> None:
    axes = confirmation_axes(comparison(), comparison(trial=2, error_rate=rate))
    assert [label.get_text() for label in axes.get_yticklabels()] == labels
    assert axes.get_xlabel() == heading


def test_a_legend_names_only_what_trials_have() -> None:
    study = small_study()
    for pruned in (False, True):
        if pruned:
            add(study, None, TrialState.PRUNED)
        figure = Figure()
        draw_key(figure, StudyView(study, summarised(study)), [*KINDS, PRUNED])
        shown = [text.get_text() for text in figure.legends[0].get_texts()]
        # Neither of the two complete trials is an ordinary one.
        assert shown == ["best", "baseline", *["pruned"] * pruned]


def test_one_bad_trial_does_not_flatten_the_others() -> None:
    study = optuna.create_study()
    for value in (0.030, 0.031, 0.032, 2.3):
        add(study, value)
    view = StudyView(study, summarised(study))
    assert 0.032 < view.ceiling < 0.05
    two = small_study()
    assert StudyView(two, summarised(two)).ceiling == 0.04


@pytest.mark.parametrize(
    ("distribution", "value", "position"),
    [
        (FloatDistribution(0.0, 0.5), 0.25, 0.5),
        (FloatDistribution(1e-4, 1e-2, log=True), 1e-3, 0.5),
        (IntDistribution(1, 5), 2, 0.25),
        (IntDistribution(3, 3), 3, 0.5),
        (CategoricalDistribution(("a", "b", "c")), "c", 1.0),
    ],
)
def test_values_lie_between_the_ends_of_their_range(
    distribution: BaseDistribution, value: Any, position: float
) -> None:
    trial = create_trial(value=0.0, params={"x": value}, distributions={"x": distribution})
    assert Scale("x", trial).position(trial) == pytest.approx(position)


def test_long_choices_are_broken_at_their_underscores() -> None:
    given = CategoricalDistribution(("none", "before_activation"))
    trial = create_trial(value=0.0, params={"x": "none"}, distributions={"x": given})
    assert Scale("x", trial).texts == ["none", "before_\nactivation"]
