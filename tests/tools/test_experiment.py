from collections.abc import Callable
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from kit.members import MemberResult
from tools.experiment import FOLDER, Results, calibrated, judge, main

LABELS = np.arange(4) % 2


def network(rows: list[int], right: list[float], seconds: float = 1.0) -> MemberResult:
    """Return a network that predicts the labels of `rows` with the probabilities in `right`."""
    probs = np.array(
        [[p, 1 - p] if LABELS[row] == 0 else [1 - p, p] for row, p in zip(rows, right, strict=True)]
    )
    test = np.full((1, 2), 0.5, np.float32)
    return MemberResult(np.array(rows), probs.astype(np.float32), test, {"seconds": seconds})


def results(a: float, b: float) -> Results:
    """Return two folds of one seed: the first has probability `a` for each label, the second `b`."""
    return {(0, 0): network([0, 1], [a, a]), (1, 0): network([2, 3], [b, b], 3.0)}


def test_the_log_loss_is_the_mean_over_networks() -> None:
    row = judge(results(0.5, 0.25), None, LABELS)
    assert row.log_loss == pytest.approx((log(2) + log(4)) / 2)
    assert (row.difference, row.seconds) == (None, 2.0)


def test_errors_are_those_of_all_folds_and_the_mean_over_seeds() -> None:
    second = {(0, 1): network([0, 1], [0.9, 0.9]), (1, 1): network([2, 3], [0.1, 0.9])}
    assert judge({**results(0.9, 0.1), **second}, None, LABELS).errors == (2 + 1) / 2


def test_the_difference_is_own_minus_other() -> None:
    row = judge(results(0.5, 0.5), results(0.25, 0.5), LABELS)
    assert row.replicates == pytest.approx((-log(2), 0), abs=1e-6)
    assert row.difference is not None
    assert row.difference.mean == pytest.approx(-log(2) / 2, abs=1e-6)


def test_seeds_of_the_same_rows_do_not_narrow_the_interval() -> None:
    own, other = results(0.5, 0.5), results(0.25, 0.5)
    twice = [{**one, **{(fold, 1): value for (fold, _), value in one.items()}} for one in (own, other)]
    assert judge(twice[0], twice[1], LABELS).difference == judge(own, other, LABELS).difference


def test_replicates_are_ordered_by_fold() -> None:
    other = {
        (fold, seed): network([2 * fold, 2 * fold + 1], [0.5, 0.5]) for seed in (0, 1) for fold in (0, 1)
    }
    own = {**other, (0, 1): network([0, 1], [0.25, 0.25])}
    assert judge(own, other, LABELS).replicates == pytest.approx((0, log(2), 0, 0), abs=1e-6)


def test_a_fold_is_calibrated_on_the_others_of_its_seed() -> None:
    # The other fold predicts 0.9 and is correct in 3 of 4 rows: temperature 2 turns 0.9 into 0.75.
    own = {
        (0, 0): network([0, 1, 2, 3], [0.9, 0.9, 0.9, 0.9]),
        (1, 0): network([0, 1, 2, 3], [0.9, 0.9, 0.9, 0.1]),
        (1, 1): network([0, 1, 2, 3], [0.6, 0.6, 0.6, 0.6]),
        (0, 1): network([0, 1, 2, 3], [0.9, 0.9, 0.9, 0.1]),
    }
    found = calibrated(own, LABELS)
    assert found[0, 0].val_probs.max(axis=1) == pytest.approx([0.75] * 4, abs=0.01)
    assert found[1, 1].val_probs.max(axis=1) == pytest.approx(
        [0.6**0.5 / (0.6**0.5 + 0.4**0.5)] * 4, abs=0.01
    )


@pytest.fixture
def run(workdir: Path, write_competition: Callable[..., None]) -> Callable[..., Any]:
    """Return a function that calls the tool with one seed, in a folder with two tiny configurations."""
    write_competition(workdir / "data")
    (workdir / "knn.yaml").write_text("folds: {count: 2}\nmodels: {knn: {kind: knn}}\n")
    (workdir / "forest.yaml").write_text(
        "folds: {count: 2}\nmodels: {one: {kind: random_forest, trees: 1}}\n"
    )
    return lambda *arguments: CliRunner().invoke(main, [*arguments, "--seeds", "0"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--folds", "2"], "--folds: no such fold\nexpected 0 to 1, received 2"),
        (["--against", "nothing"], "--against: there is no such experiment"),
        (
            ["--set", "ensemble.calibrate=true", "--folds", "0"],
            "--folds: one fold has no other to be calibrated",
        ),
        (["-c", "default"], "models: too many models\nexpected one, received cnn, wide_view"),
        (["--set", "folds.reshuffle=true"], "folds.reshuffle: every seed has other folds"),
    ],
)
def test_invalid_arguments_are_refused_before_training(
    arguments: list[str], message: str, run: Callable[..., Any]
) -> None:
    assert message in str(run("base", "-c", "knn.yaml", *arguments).exception)
    assert not FOLDER.exists()


def test_folds_are_numbers(run: Callable[..., Any]) -> None:
    result = run("base", "--folds", "a")
    assert result.exit_code == 2
    assert "expected numbers, as in 0,1; received 'a'" in result.stderr


@pytest.mark.slow
def test_an_experiment_is_trained_once_and_compared(
    run: Callable[..., Any],
) -> None:
    first = run("base", "-c", "knn.yaml")
    assert first.exit_code == 0, first.output
    members = {path: path.stat().st_mtime_ns for path in FOLDER.glob("base/members/*")}
    assert run("base", "-c", "knn.yaml").stdout == first.stdout
    assert {path: path.stat().st_mtime_ns for path in FOLDER.glob("base/members/*")} == members != {}
    assert "that is another experiment" in str(run("base", "-c", "forest.yaml").exception)
    same = run("base", "-c", "knn.yaml", "--against", "base")
    assert "0.00000 (0.00000 to 0.00000) | 0.0000 0.0000" in same.stdout
    other = run("base", "-c", "knn.yaml", "--set", "folds.seed=1", "--against", "base")
    assert "base held out other rows in fold 0, seed 0" in str(other.exception)
