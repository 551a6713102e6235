import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kit import metrics
from kit.config import Config
from kit.members import ALL_ROWS, Member, MemberResult
from kit.records import Confusion, DataSize, ExpectedScore, FoldScore, History, Report, RunRecord, Times
from kit.reports.run.notes import notes_of

Make = Callable[..., Any]


def test_the_headline_is_that_of_the_ensemble(example: Make) -> None:
    report = example(seeds=(0, 1)).report()
    # Each column has 2 errors, on rows that the other one predicts with 0.91: the ensemble has none.
    assert report.oof.accuracy == 1
    assert report.oof.errors == 0
    assert report.oof.rows == 20
    assert (report.oof.value, report.oof.interval) == (1, metrics.wilson(0, 20))
    # 4 rows of 0.31 and 0.91, 16 of 0.91 twice.
    expected = -(4 * np.log(0.61) + 16 * np.log(0.91)) / 20
    assert report.oof.log_loss == pytest.approx(expected, rel=1e-6)
    assert (report.ensemble, report.metric) == ("mean", "accuracy")


def test_a_column_has_its_own_score_and_weight(example: Make) -> None:
    columns = example(seeds=(0, 1)).report().columns
    assert [(one.model, one.seed, one.weight) for one in columns] == [
        ("cnn", 0, 0.5),
        ("cnn", 1, 0.5),
    ]
    assert [(one.score.errors, one.score.value) for one in columns] == [(2, 0.9), (2, 0.9)]


def test_a_column_has_the_mean_and_deviation_of_its_members(example: Make) -> None:
    first, _ = example(models=("cnn", "lenet"), seeds=(0,)).report().columns
    assert first.folds.mean == pytest.approx(0.9)
    assert first.folds.sd == pytest.approx(np.std([0.8, 1], ddof=1))


def test_folds_have_mean_and_standard_deviation(example: Make) -> None:
    # Seed 0 misses rows 0 and 10, both in fold 0; seed 1 misses rows 9 and 19, both in fold 1.
    folds = example(seeds=(0,)).report().folds
    assert folds.mean == pytest.approx(0.9)
    assert folds.sd == pytest.approx(0.2 / np.sqrt(2))
    assert folds.each == (
        FoldScore(fold=0, members=1, mean=0.8, sd=None),
        FoldScore(fold=1, members=1, mean=1.0, sd=None),
    )
    both = example(seeds=(0, 1)).report().folds.each[0]
    assert (both.mean, both.sd) == pytest.approx((0.9, 0.2 / np.sqrt(2)))


def test_a_seed_is_the_ensemble_of_its_columns(example: Make) -> None:
    seeds = example(models=("cnn", "lenet"), seeds=(5, 0, 1)).report().seeds
    assert [(one.seed, one.score.errors) for one in seeds.each] == [(5, 2), (0, 2), (1, 2)]
    assert (seeds.mean, seeds.sd) == pytest.approx((0.9, 0))


def test_a_model_has_the_score_of_its_columns_ensemble_and_the_mean_of_its_folds(example: Make) -> None:
    lenet = example(models=("cnn", "lenet"), seeds=(0, 1)).report().models[1]
    assert (lenet.model, lenet.members, lenet.score.errors, lenet.score.value) == ("lenet", 4, 0, 1.0)
    assert lenet.folds.mean == pytest.approx(0.9)
    assert lenet.folds.sd == pytest.approx(np.std([0.8, 1, 1, 0.8], ddof=1))
    assert (lenet.train_score, lenet.gap) == pytest.approx((1.0, 0.1))
    assert (lenet.seconds, lenet.parameters, lenet.multiply_adds) == (42.0, 1234, 56789)


def test_a_member_has_its_held_out_score(example: Make) -> None:
    member = example().report().members[0]
    assert (member.member, member.model, member.fold, member.seed) == ("cnn-f0-s0", "cnn", 0, 0)
    assert (member.score.value, member.score.errors, member.score.rows) == (0.8, 2, 10)
    assert member.gap == pytest.approx(0.2)
    assert member.score.log_loss == pytest.approx(-(2 * np.log(0.31) + 8 * np.log(0.91)) / 10, rel=1e-6)
    assert (member.seconds, member.retried) == (10.0, False)


@pytest.mark.parametrize(("public_rows", "rows"), [(None, 5), (7_000, 7_000)])
def test_the_expected_score_is_for_the_public_rows(example: Make, public_rows: int | None, rows: int) -> None:
    made = example()
    competition = made.config.competition.model_copy(update={"public_rows": public_rows})
    made.config = made.config.model_copy(update={"competition": competition})
    low, high = metrics.expected_score(0.9, 20, rows)
    assert made.report().expected_score == ExpectedScore(low=low, high=high, rows=rows)


def test_confusions_are_sorted_by_count_without_zeros(example: Make) -> None:
    # With seed 0, label 0 is predicted as 1 twice.
    assert example().report().confusions == (Confusion(label="0", predicted="1", count=2),)
    assert example(seeds=(0, 1)).report().confusions == ()


def test_confusions_do_not_swap_label_and_prediction(example: Make) -> None:
    made = example()
    oof = np.eye(10)[[0, 2, 2, 3, 4, 5, 6, 7, 8, 9, 1, 1, 2, 3, 4, 5, 7, 7, 8, 9]]
    report = made.report(combined=replace(made.combined(), oof=oof))
    assert [(one.label, one.predicted, one.count) for one in report.confusions] == [
        ("0", "1", 1), ("1", "2", 1), ("6", "7", 1),
    ]  # fmt: skip


def test_the_worst_rows_are_those_whose_label_has_the_lowest_probability(example: Make) -> None:
    worst = example().report().worst
    assert len(worst) == 20
    assert [(one.row, one.label, one.predicted) for one in worst[:2]] == [(0, "0", "1"), (10, "0", "1")]
    assert worst[0].probability == pytest.approx(0.31)


def test_times_are_summed_over_members(example: Make) -> None:
    times = example().report().time
    assert times == Times(wall_seconds=30.0, member_seconds=21.0, startup_seconds=4.0)


def test_a_retried_member_is_named(example: Make) -> None:
    made = example()
    member = Member("cnn", 1, 0)
    history = made.members[member].history.model_copy(update={"attempts": 2})
    made.members[member] = replace(made.members[member], history=history)
    report = made.report(warnings=["3 rows are doubled"])
    assert [one.retried for one in report.members] == [False, True]
    assert report.warnings == ("3 rows are doubled", "retried after their worker died: cnn-f1-s0")


def test_members_that_diverged_are_named_and_not_counted_as_lost(example: Make) -> None:
    made = example()
    for member, attempts in ((Member("cnn", 0, 0), 2), (Member("cnn", 1, 0), 3)):
        history = made.members[member].history.model_copy(update={"attempts": attempts, "seed_offset": 1})
        made.members[member] = replace(made.members[member], history=history)
    report = made.report()
    assert [(one.diverged, one.retried) for one in report.members] == [(True, False), (True, True)]
    assert report.warnings == (
        "retried after their worker died: cnn-f1-s0",
        "2 members diverged and were trained again with other random numbers: cnn-f0-s0, cnn-f1-s0",
    )


def test_missing_values_of_a_history_are_none(example: Make) -> None:
    made = example()
    made.members = {member: replace(result, history=History()) for member, result in made.members.items()}
    report = made.report()
    assert report.members[0].train_score is None
    assert report.models[0].gap is None
    assert report.models[0].parameters is None
    assert report.time.member_seconds == 0


def test_the_report_is_json_without_nan(example: Make) -> None:
    made = example()
    member = Member("cnn", 0, 0)
    made.members[member] = replace(made.members[member], history=History(train_score=float("nan")))
    report = made.report()
    assert Report.model_validate(json.loads(json.dumps(report.model_dump(), allow_nan=False))) == report
    assert report.members[0].train_score is None


def test_the_report_identifies_the_run(example: Make) -> None:
    report = example(sample=True, source="bundled sample").report()
    assert (report.run, report.config, report.hash) == ("example-1a2b3c4d", "example", "1a2b3c4d")
    assert (report.sample, report.source) == (True, "bundled sample")
    assert report.data == DataSize(rows=20, test_rows=5, classes=10)


def test_the_notes_name_the_limits_of_the_expected_score(example: Make) -> None:
    first, second = example().report().notes
    assert "variance of training" in first
    assert "slightly low" in second


def test_an_expected_loss_is_high_rather_than_low(example: Make) -> None:
    made = example()
    record = RunRecord.model_validate(made.info)
    _, second = notes_of(record, made.config, metrics.LOSS, [], all_rows=False)
    assert "slightly high" in second


def test_a_report_on_the_sample_has_no_notes_on_the_expected_score(example: Make) -> None:
    assert example(sample=True).report().notes == ()


def test_members_on_all_rows_are_named_and_change_no_oof_figure(example: Make) -> None:
    made = example(models=("cnn", "lenet"))
    before = made.report()
    nothing, test = np.empty(0, np.int64), np.full((5, 10), 0.1, np.float32)
    history = History(train_score=0.5, seconds=100.0)
    for model in ("cnn", "lenet"):
        made.members[Member(model, ALL_ROWS, 0)] = MemberResult(nothing, test[:0], test, history)
    report = made.report()
    for key in ("oof", "folds", "seeds", "columns", "confusions", "worst"):
        assert getattr(report, key) == getattr(before, key)
    assert report.notes[:-1] == before.notes
    assert "2 fold members and one member trained on all rows" in report.notes[-1]
    member, model = report.members[2], report.models[0]
    assert (member.member, member.fold, member.train_score) == ("cnn-all-s0", None, 0.5)
    assert (member.score, member.gap) == (None, None)
    assert (model.members, model.seconds) == (3, 121.0)
    for key in ("score", "folds", "train_score", "gap"):
        assert getattr(model, key) == getattr(before.models[0], key)


def test_pseudo_labels_are_named_with_their_teachers(example: Make) -> None:
    made = example(models=("cnn", "lenet"))
    stages = [{"filters": 2}]
    models = {"cnn": {"stages": stages}, "lenet": {"stages": stages, "teachers": ["cnn"]}}
    made.config = Config.model_validate({"models": models})
    note = made.report().notes[-1]
    assert note.startswith("Pseudo-labels: lenet was also trained on test and held-out images")


def test_test_time_augmentation_is_judged_row_by_row(example: Make) -> None:
    made = example()
    plain = made.combined()
    oof = plain.oof.copy()
    # Row 0 becomes correct, row 15 wrong.
    oof[[0, 15]] = np.full(10, 0.1)
    oof[0, 0], oof[15, 6] = 0.9, 0.2
    report = made.report(tta=(plain, replace(plain, oof=oof))).tta
    losses = metrics.row_losses(oof, made.labels), metrics.row_losses(plain.oof, made.labels)
    assert not report.used
    assert (report.without_views.errors, report.with_views.errors) == (2, 2)
    assert report.with_views.log_loss == pytest.approx(losses[0].mean())
    expected = metrics.paired_bootstrap(*losses)
    assert (report.loss_difference, *report.loss_interval) == expected
    assert report.loss_difference == pytest.approx((losses[0] - losses[1]).mean())
    assert (report.right_only_with, report.right_only_without, report.p) == (1, 1, 1.0)


def test_without_test_time_augmentation_there_is_none_to_report(example: Make) -> None:
    assert example().report().tta is None
