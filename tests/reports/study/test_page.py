import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial

from kit.records import Confirmation
from kit.reports.study.page import write_page
from tests.reports.conftest import Opened
from tests.studies import RATE, add, comparison, confirmation, small_study, summarised

optuna.logging.set_verbosity(optuna.logging.ERROR)
TITLES = [
    "Gains in the confirmation",
    "Optimization history",
    "Parameter importances",
    "Slices",
    "Parallel coordinates",
    "Intermediate values",
]


def page_of(study: optuna.Study, folder: Path, confirmed: Confirmation | None = None) -> str:
    """Return the page of a study, made without a warning."""
    path = folder / "runs" / "report.html"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_page(path, study, summarised(study, confirmed))
    assert list(path.parent.iterdir()) == [path]
    return path.read_text()


def missing(page: str) -> dict[str, str]:
    """Return why plots are missing, by their titles."""
    parts = re.findall(r"<h3>([^<]+)</h3>\s*<p class=\"soft\">Not drawn: ([^<]+)\.</p>", page)
    assert all(title in TITLES for title, _ in parts)
    return {title: unescape(reason) for title, reason in parts}


def images(page: str) -> dict[str, str]:
    """Return the SVG texts, by title; each is well-formed."""
    svg = r"\s*<div[^>]*>(<svg.*?</svg>)</div>"
    found = re.findall(
        rf'aria-label="([^":]+): [^"]{{20,}}">\s*<div class="full">{svg}{svg}', page, re.DOTALL
    )
    for _, wide, narrow in found:
        ElementTree.fromstring(wide)
        ElementTree.fromstring(narrow)
    return {title: wide for title, wide, _ in found}


def full_study() -> optuna.Study:
    """Return a study that gives every plot."""
    study = optuna.create_study()
    add(study, 0.09, score=0.99, baseline=True)
    for position in range(1, 12):
        add(study, 0.03 + abs(position - 6) / 100, score=0.99)
    add(study, None, TrialState.PRUNED)
    for trial in study.get_trials(deepcopy=False):
        trial.intermediate_values = {50: 0.5, 100: 0.04}
    return study


def test_every_plot_is_there_and_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = page_of(full_study(), tmp_path, confirmation("confirmed"))
    assert list(images(page)) == TITLES
    assert missing(page) == {}
    assert re.findall(r'(?:src|href)="(?!data:|#)|url\((?!#)|@import', page) == []


def test_the_confirmation_is_shown_by_replicate(tmp_path: Path) -> None:
    page = page_of(small_study(), tmp_path, confirmation("confirmed"))
    assert "Trial 1 is better than default, and confirmed." in page
    row = "<td>2</td><td>0</td><td>+0.01000</td><td>0.04000</td><td>0.05000</td></tr>"
    assert f'<tr><th scope="row">trial 1</th>{row}' in page
    assert "kit cv -c tuned-example" in page


def test_a_training_that_failed_in_the_confirmation_leaves_a_dash(tmp_path: Path) -> None:
    failed = comparison(losses=(0.03, None, 0.02), mean=None, low=None, high=None, status="failed")
    confirmed = confirmation("none better", comparisons=(failed,))
    page = page_of(small_study(), tmp_path, confirmed)
    assert "<td>1</td><td>1</td><td>-</td><td>-</td><td>0.03000</td></tr>" in page
    assert missing(page)["Gains in the confirmation"] == "no trial was compared with the baseline"


def test_a_better_trial_stands_out_from_those_it_was_compared_after(tmp_path: Path) -> None:
    two = (comparison(trial=0), comparison("confirmed"))
    page = page_of(small_study(), tmp_path, confirmation("confirmed", comparisons=two))
    assert '<tr><th scope="row">trial 0</th><td>not confirmed</td>' in page
    assert '<tr class="strong"><th scope="row">trial 1</th><td>better</td>' in page


def test_parameters_of_the_only_model_have_short_names(tmp_path: Path) -> None:
    page = page_of(small_study(), tmp_path)
    assert "names omit the prefix models.cnn." in page
    assert '<th scope="row">batch_norm</th>' in page


def test_what_trials_say_is_escaped(tmp_path: Path) -> None:
    study = small_study()
    add(study, None, TrialState.FAIL, failed="<script>alert('1')</script> & $x_{")
    page = page_of(study, tmp_path)
    assert page.count("<script") == 1
    assert "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; $x_{" in page


def studies() -> dict[str, optuna.Study]:
    """Return studies of which not everything can be drawn."""
    empty, one, failed, waiting, bare, same = (optuna.create_study() for _ in range(6))
    add(one, 0.04, baseline=True)
    add(failed, None, TrialState.FAIL, baseline=True, failed="diverged")
    add(failed, None, TrialState.FAIL)
    add(waiting, None, TrialState.WAITING, baseline=True, params={})
    for position in range(3):
        add(bare, 0.04 + position, params={})
    for _ in range(12):
        add(same, 0.04, params={RATE: 1e-3})
    return {"empty": empty, "one": one, "failed": failed, "waiting": waiting, "bare": bare, "same": same}


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("empty", set()),
        ("failed", set()),
        ("waiting", set()),
        ("one", {"Optimization history", "Slices"}),
        ("bare", {"Optimization history"}),
        ("same", {"Optimization history", "Slices", "Parallel coordinates"}),
    ],
)
def test_what_cannot_be_drawn_is_said(name: str, drawn: set[str], tmp_path: Path) -> None:
    page = page_of(studies()[name], tmp_path)
    assert set(images(page)) == drawn
    assert set(missing(page)) == set(TITLES) - drawn


def test_single_intermediate_values_are_not_drawn(tmp_path: Path) -> None:
    study = full_study()
    for trial in study.get_trials(deepcopy=False):
        trial.intermediate_values = {100: 0.04}
    page = page_of(study, tmp_path)
    assert missing(page)["Intermediate values"] == "no trial reported more than one"


def test_choices_and_conditions_of_any_kind_are_drawn(tmp_path: Path) -> None:
    """A parameter that only some trials have, one of one value, choices with $, null, JSON, and many."""
    space: dict[str, BaseDistribution] = {
        "kind": CategoricalDistribution(
            ("a$^", None, True, '[{"filters": 32}, {"filters": 64, "kernel": 5}]')
        ),
        "only": CategoricalDistribution(("one",)),
        "many": CategoricalDistribution(tuple(f"choice number {position}" for position in range(9))),
        "models.cnn.a_name_that_is_much_longer_than_any_plot_has_room_for": IntDistribution(1, 64, log=True),
        "fixed": FloatDistribution(0.5, 0.5),
    }
    values = (("a$^", "one", "choice number 1", 1, 0.5), (None, "one", "choice number 8", 64, 0.5))
    study = optuna.create_study()
    for position in range(14):
        params = dict(zip(space, values[position % 2], strict=True))
        if position % 3 == 0:
            del params["many"]
        study.add_trial(
            create_trial(
                value=0.03 + (position % 5) / 100,
                params=params,
                distributions={key: space[key] for key in params},
                intermediate_values={0: 0.05, 1: float("nan"), 2: 0.04},
            )
        )
    page = page_of(study, tmp_path)
    assert set(missing(page)) == {"Gains in the confirmation"}
    assert "many" in page


def test_the_page_is_replaced_whole(tmp_path: Path) -> None:
    page_of(small_study(), tmp_path)
    study = small_study()
    add(study, 0.01)
    assert "3 trials of default" in page_of(study, tmp_path)


def test_matplotlib_is_left_as_it_was(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, matplotlib; before = matplotlib.rcParams.copy()\n"
        "from tests.studies import *; from kit.reports.study.page import write_page\n"
        "optuna.logging.set_verbosity(optuna.logging.ERROR)\n"
        "study = small_study(); write_page(pathlib.Path(sys.argv[1]), study, summarised(study))\n"
        "assert matplotlib.rcParams.copy() == before and 'matplotlib.pyplot' not in sys.modules\n"
    )
    warnings = ["-W", "error::UserWarning", "-W", "ignore::DeprecationWarning"]  # those of matplotlib 3.10.0
    command = [sys.executable, *warnings, "-c", code, str(tmp_path / "page.html")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_at_every_width(
    width: int, scheme: str, tmp_path: Path, open_page: Callable[..., Opened]
) -> None:
    page_of(full_study(), tmp_path, confirmation("confirmed"))
    opened = open_page(tmp_path / "runs" / "report.html", width, scheme)
    assert opened.smallest_text() >= 11
    assert opened.cut_texts() == []
    assert opened.violations() == []
    assert not opened.is_wide()
    assert opened.messages == []
    assert opened.requests == []
