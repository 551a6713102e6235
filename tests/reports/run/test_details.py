"""The figures of a report, recomputed from the files of its run."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss

from kit import metrics
from kit.config import Config
from kit.ensembling.calibration import calibrate, scaled
from kit.ensembling.columns import assemble
from kit.ensembling.methods import combine
from kit.members import Member, MemberResult
from kit.metrics import METRICS
from kit.records import Curves, Details, History
from tests.conftest import Example

Make = Callable[..., Example]
ROWS, TEST_ROWS = 600, 90


def made(
    example: Make,
    *,
    classes: int = 10,
    models: tuple[str, ...] = ("a", "b"),
    seeds: tuple[int, ...] = (0, 1),
    share_right: float = 0.8,
    wrong_labels: int = 0,
) -> Example:
    """Return an example with random predictions of 600 rows; the first `wrong_labels` labels are changed."""
    base = example(models=models, seeds=seeds)
    labels = (np.arange(ROWS) % classes).astype(np.uint8)
    folds = np.tile(np.arange(ROWS) // classes % 2, (len(seeds), 1)).astype(np.int8)
    members = {}
    for number, member in enumerate(base.members):
        rng, rows = np.random.default_rng(number), np.flatnonzero(folds[0] == member.fold)
        probs = rng.dirichlet(np.full(classes, 0.3), len(rows) + TEST_ROWS)
        right = rng.random(len(rows)) < share_right
        probs[: len(rows)][right] += 2 * np.eye(classes)[labels[rows[right]]]
        probs = (probs / probs.sum(axis=1, keepdims=True)).astype(np.float32)
        members[member] = MemberResult(
            rows, probs[: len(rows)], probs[len(rows) :], base.members[member].history
        )
    labels[:wrong_labels] = (labels[:wrong_labels] + 1) % classes
    return Example(base.config, base.info, labels, folds, members)


def details(example: Example, **changes: Any) -> Details:
    parts = {
        "names": tuple(f"kind {label}" for label in range(int(example.labels.max()) + 1)),
        "test_ids": tuple(f"test-{row}" for row in range(TEST_ROWS)),
    }
    found = example.report(**{**parts, **changes}).details
    assert found is not None
    return found


def test_the_main_figures_agree_with_scikit_learn(example: Make) -> None:
    one = example(seeds=(0, 1))
    run = one.write()
    report, table = run.read_report(), run.read_oof()
    assert report.details is not None
    predicted = table.probs.argmax(axis=1)
    assert report.oof.accuracy == accuracy_score(table.labels, predicted)
    assert report.oof.errors == int((predicted != table.labels).sum())
    # oof.csv is normalised, members are float32.
    assert report.oof.log_loss == pytest.approx(log_loss(table.labels, table.probs), rel=1e-6)
    assert report.details.reliability.log_loss == pytest.approx(report.oof.log_loss, rel=1e-9)
    expected = confusion_matrix(table.labels, predicted, labels=range(10))
    np.testing.assert_array_equal(report.details.confusion, expected)


def test_the_confusion_matrix_agrees_with_scikit_learn(example: Make) -> None:
    one = made(example)
    predicted = one.combined().oof.argmax(axis=1)
    np.testing.assert_array_equal(details(one).confusion, confusion_matrix(one.labels, predicted))


def test_the_calibration_error_is_that_of_the_bins(example: Make) -> None:
    one = made(example)
    found, probs = details(one).reliability, one.combined().oof
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == one.labels
    order = np.argsort(confidence, kind="stable")
    start, total = 0, 0.0
    for part in found.bins:
        own = order[start : start + part.rows]
        start += part.rows
        assert part.confidence == pytest.approx(confidence[own].mean())
        assert part.accuracy == pytest.approx(right[own].mean())
        total += part.rows / ROWS * abs(confidence[own].mean() - right[own].mean())
    assert start == ROWS
    assert found.ece == pytest.approx(total)
    assert found.scaled_log_loss < found.log_loss


def test_calibration_advice_is_what_the_option_gives(example: Make) -> None:
    one = with_epochs(made(example), 3)
    [found] = [finding for finding in details(one).findings if finding.kind == "calibration"]
    columns = [calibrate(column, one.labels) for column in assemble(one.members, one.folds, one.config.seeds)]
    combined = combine(columns, one.labels, "mean", metrics.HITS)
    losses = [metrics.log_loss(probs, one.labels) for probs in (combined.oof, one.combined().oof)]
    assert "is {:.5f} in place of {:.5f}".format(*losses) in found.evidence
    scores = [
        metrics.HITS.format(metrics.HITS.value(each.oof, one.labels)) for each in (combined, one.combined())
    ]
    assert "accuracy is {} % in place of {} %".format(*scores) in found.evidence
    temperatures = [column.temperature for column in columns]
    assert f"({min(temperatures):.2f} to {max(temperatures):.2f})" in found.evidence
    ensemble = one.config.ensemble.model_copy(update={"calibrate": True})
    one.config = one.config.model_copy(update={"ensemble": ensemble})
    calibrated = details(one, columns=columns, combined=combined).findings
    assert "calibration" not in {finding.kind for finding in calibrated}


@pytest.mark.parametrize(("temperature", "clear"), [(0.25, True), (1, False)])
def test_reliability_says_whether_a_temperature_lowers_the_log_loss_clearly(
    example: Make, temperature: float, clear: bool
) -> None:
    one = made(example, models=("a",), seeds=(0,))
    assert details(with_epochs(one, temperature)).reliability.clear == clear


def test_with_many_classes_there_is_no_confusion_matrix(example: Make) -> None:
    one = made(example, classes=61)
    raw = {**one.config.model_dump(mode="json"), "competition": {"classes": 61}}
    one.config = Config.model_validate(raw)
    assert details(one).confusion == ()


def test_the_gallery_has_every_error(example: Make) -> None:
    one = made(example)
    found, probs = details(one), one.combined().oof
    errors = {*np.flatnonzero(probs.argmax(axis=1) != one.labels).tolist()}
    assert found.gallery_complete
    assert errors <= {row.row for row in found.gallery}
    for row in found.gallery:
        assert row.probability == probs[row.row, one.labels[row.row]]
        assert row.predicted == probs[row.row].argmax()
        assert row.columns == 4


def test_suspects_are_in_the_gallery_and_marked_there(example: Make) -> None:
    found = details(made(example, share_right=1, wrong_labels=12))
    assert found.label_errors is not None
    suspects = [one.row for one in found.label_errors.suspects]
    shown = {row.row: row.suspect for row in found.gallery}
    expected = round(found.label_errors.expected)
    assert 0 < expected < len(suspects) == 60
    # No more are marked than are expected to be wrong.
    assert [shown[row] for row in suspects] == [place < expected for place in range(60)]


def with_epochs(one: Example, temperature: float = 1) -> Example:
    """Return the example as networks, whose logits are divided by a temperature."""
    history = History(epochs=Curves(loss=(0.1,)))
    one.members = {
        member: MemberResult(
            result.val_rows,
            scaled(result.val_probs, temperature).astype(np.float32),
            result.test_probs,
            history,
        )
        for member, result in one.members.items()
    }
    return one


def test_too_extreme_probabilities_do_not_change_the_number_of_label_errors(example: Make) -> None:
    parts: dict[str, Any] = {"models": ("a",), "seeds": (0,), "share_right": 0.97, "wrong_labels": 12}
    honest, extreme = (
        details(with_epochs(made(example, **parts), temperature)).label_errors for temperature in (1, 0.25)
    )
    assert honest is not None
    assert extreme is not None
    assert 1 < honest.interval[0] < 12 < honest.interval[1]
    assert extreme.expected == pytest.approx(honest.expected, rel=0.02)
    assert extreme.interval == pytest.approx(honest.interval, rel=0.05)


@pytest.mark.parametrize("temperature", [0.25, 1])
def test_a_weak_network_finds_no_label_error(example: Make, temperature: float) -> None:
    one = with_epochs(made(example, models=("a",), seeds=(0,), share_right=0.6), temperature)
    assert 0.5 < accuracy_score(one.labels, one.combined().oof.argmax(axis=1)) < 0.75
    found = details(one)
    assert found.label_errors is not None
    assert found.label_errors.expected > 50
    assert found.label_errors.interval[0] == 0
    assert "labels" not in {finding.kind for finding in found.findings}


def test_without_networks_no_label_error_is_certain(example: Make) -> None:
    parts: dict[str, Any] = {"models": ("a",), "seeds": (0,), "share_right": 0.97, "wrong_labels": 12}
    network = details(with_epochs(made(example, **parts))).label_errors
    other = details(made(example, **parts)).label_errors
    assert network is not None
    assert other is not None
    assert other.interval == (0.0, network.interval[1])
    assert other.expected == network.expected


def test_growth_adds_seeds(example: Make) -> None:
    one = made(example)
    growth, probs = details(one).growth, one.combined().oof
    assert growth is not None
    assert [(point.units, point.members, point.subsets) for point in growth.points] == [(1, 2, 2), (2, 4, 1)]
    assert growth.points[-1].median == accuracy_score(one.labels, probs.argmax(axis=1))
    assert (growth.unit, growth.metric) == ("seed", "accuracy")


def test_with_one_seed_growth_adds_columns_without_forecast(example: Make) -> None:
    growth = details(made(example, seeds=(0,))).growth
    assert growth is not None
    assert (growth.unit, growth.forecast, growth.errors_saved) == ("column", (), None)
    assert growth.missing == "a run with one seed does not show what more seeds give"


def test_a_single_column_has_no_growth_diversity_and_pairs(example: Make) -> None:
    found = details(made(example, models=("a",), seeds=(0,)))
    assert (found.growth, found.diversity, found.pairs) == (None, None, ())


def test_diversity_is_that_of_the_columns(example: Make) -> None:
    one = made(example)
    found = details(one).diversity
    assert found is not None
    assert found.columns == ("a-s0", "a-s1", "b-s0", "b-s1")
    predicted = np.empty((2, ROWS), np.intp)
    for place, (model, seed) in enumerate([("a", 0), ("b", 1)]):
        for fold in (0, 1):
            result = one.members[Member(model, fold, seed)]
            predicted[place, result.val_rows] = result.val_probs.argmax(axis=1)
    assert found.disagreement[0][3] == pytest.approx(np.mean(predicted[0] != predicted[1]))
    errors = predicted != one.labels
    assert found.error_correlation[0][3] == pytest.approx(np.corrcoef(errors)[0, 1])


def test_in_each_pair_of_models_the_better_is_compared_with_the_other(example: Make) -> None:
    report = made(example, models=("c", "a", "b")).report(test_ids=tuple(map(str, range(TEST_ROWS))))
    assert report.details is not None
    errors = {one.model: one.score.errors for one in report.models}
    assert len(set(errors.values())) == 3
    worst, middle, best = sorted(errors, key=lambda name: -errors[name])
    pairs = report.details.pairs
    assert [(pair.a, pair.b) for pair in pairs] == [(worst, middle), (worst, best), (middle, best)]
    for pair in pairs:
        assert pair.rows == ROWS
        assert pair.gained - pair.lost == errors[pair.a] - errors[pair.b] > 0


def test_shares_of_the_test_predictions(example: Make) -> None:
    one = made(example)
    test, predicted = details(one).test, one.combined().test.argmax(axis=1)
    assert [part.test_rows for part in test.classes] == np.bincount(predicted, minlength=10).tolist()
    oof = np.bincount(one.combined().oof.argmax(axis=1), minlength=10)
    for part, interval in zip(test.classes, metrics.share_intervals(oof, TEST_ROWS), strict=True):
        assert (part.train_rows, part.train_share) == (60, 0.1)
        assert (part.oof_share, part.test_interval) == (oof[part.label] / ROWS, interval)
    assert len(test.uncertain) == 24
    assert all(row.id == f"test-{row.row}" for row in test.uncertain)


def test_provenance_comes_from_the_record(example: Make) -> None:
    found = details(made(example)).provenance
    assert (found.command, found.base, found.differences) == ("kit cv -c example", "example", ())
    assert found.started == "2025-01-02T03:04:05Z"


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_any_metric_and_26_classes(example: Make, metric: str) -> None:
    one = made(example, classes=26)
    raw = {**one.config.model_dump(mode="json"), "competition": {"metric": metric, "classes": 26}}
    one.config = Config.model_validate(raw)
    found = details(one)
    assert found.labels[25] == "kind 25"
    assert (len(found.confusion), len(found.test.classes)) == (26, 26)
    assert found.growth is not None
    assert found.growth.metric == metric
    assert found.pairs[0].verdict in {"better", "worse", "no difference"}


def test_members_have_their_curves(example: Make) -> None:
    one = made(example, models=("a",))
    curves = {"loss": (0.5, 0.2), "val_loss": (0.4, 0.3)}
    history = History.model_validate({"version": 2, "epochs": curves})
    one.members = {
        member: MemberResult(result.val_rows, result.val_probs, result.test_probs, history)
        for member, result in one.members.items()
    }
    report = one.report(test_ids=tuple(map(str, range(TEST_ROWS))))
    assert [member.epochs.val_loss for member in report.members] == [(0.4, 0.3)] * 4
