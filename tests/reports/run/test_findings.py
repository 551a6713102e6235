from collections.abc import Mapping
from typing import Any

import pytest

from kit.config.root import HASH_VERSION
from kit.metrics import HITS, LOSS, Difference
from kit.records import (
    Curves,
    Finding,
    Growth,
    LabelErrors,
    MemberReport,
    ModelReport,
    Pair,
    RunRecord,
    Score,
    Spread,
)
from kit.reports.run.findings import find
from kit.reports.run.parts import Calibration

NO_LABELS = LabelErrors(expected=1.0, interval=(0.0, 3.0), suspects=())


def record(*, sample: bool = False) -> RunRecord:
    return RunRecord.model_validate(
        {
            "version": 2,
            "config_name": "quick",
            "config": {},
            "hash": "",
            "hash_version": HASH_VERSION,
            "sample": sample,
            "origin": {"command": "kit cv -c quick"},
        }
    )


def members(
    gaps: tuple[float, ...], *, seeds: int = 2, first: int = 0, epochs: bool = True
) -> list[MemberReport]:
    return [
        MemberReport(
            member=f"cnn-f{fold}-s{first + fold % seeds}",
            model="cnn",
            fold=fold,
            seed=first + fold % seeds,
            score=None,
            train_score=0.999,
            gap=gap,
            retried=False,
            seconds=1.0,
            parameters=None,
            multiply_adds=None,
            epochs=Curves(loss=(0.1,) if epochs else ()),
        )
        for fold, gap in enumerate(gaps)
    ]


def model(value: float) -> ModelReport:
    score = Score(value=value, interval=(0, 1), errors=50, rows=10_000, accuracy=0.995, log_loss=0.02)
    return ModelReport(
        model="cnn",
        members=4,
        score=score,
        folds=Spread(mean=value, sd=0.0),
        train_score=0.999,
        gap=0.004,
        seconds=1.0,
        parameters=None,
        multiply_adds=None,
    )


def growth(saved: float, low: float, high: float) -> Growth:
    return Growth(
        unit="seed", metric="accuracy", points=(), errors_saved=saved, errors_saved_band=(low, high)
    )


def calibration(calibrated: float, *temperatures: float, clear: bool = True) -> Calibration:
    return Calibration(temperatures or (1.2,), (0.02, calibrated), (0.995, 0.994), clear=clear)


def found(**changes: Any) -> tuple[Finding, ...]:
    parts: dict[str, Any] = {
        "rows": 10_000,
        "models": [model(0.995)],
        "members": members((0.0, 0.0)),
        "growth": None,
        "combination": None,
        "alone": None,
        "without": {},
        "label_errors": NO_LABELS,
        "calibration": None,
        "teachers": {},
    }
    run, metric = changes.pop("record", record()), changes.pop("metric", HITS)
    return find(run, metric, **{**parts, **changes})


def test_without_a_finding_the_report_says_so() -> None:
    [one] = found()
    assert one.kind == "none"


def test_the_sample_comes_first() -> None:
    first, second = found(record=record(sample=True), growth=growth(6.2, 2.0, 9.0))
    assert (first.kind, second.kind) == ("sample", "seeds")


def test_more_seeds_with_a_clear_forecast() -> None:
    [one] = found(growth=growth(6.2, 2.4, 9.6))
    assert one.text == "more seeds: about 6 errors fewer"
    assert one.evidence == (
        "Forecast for 4 seeds in place of 2, 90 % band 2 to 10 fewer. "
        "`kit cv -c quick --set seeds=4` trains them."
    )


def test_more_seeds_that_may_not_help() -> None:
    [one] = found(growth=growth(5.2, -3.4, 13.0))
    assert one.text == "more seeds may help: about 5 errors fewer"
    assert "90 % band 3 more to 13 fewer" in one.evidence


@pytest.mark.parametrize("forecast", [growth(-3.0, -5.0, -1.0), growth(0.3, 0.1, 0.5)])
def test_more_seeds_that_save_no_error_are_not_recommended(forecast: Growth) -> None:
    assert [one.kind for one in found(growth=forecast)] == ["none"]


def test_one_seed_cannot_say_what_more_give() -> None:
    [one] = found(members=members((0.0, 0.0), seeds=1))
    assert one.kind == "seeds"
    assert one.evidence == "`kit cv -c quick --set seeds=3` trains two more and keeps the members."
    assert [one.kind for one in found(members=members((0.0, 0.0), seeds=1, epochs=False))] == ["none"]


def test_seeds_that_do_not_begin_at_0_are_kept() -> None:
    [one] = found(members=members((0.0, 0.0), seeds=1, first=5))
    assert "`kit cv -c quick --set 'seeds=[5,6,7]'` trains two more" in one.evidence
    [more] = found(members=members((0.0, 0.0), first=5), growth=growth(6.2, 2.4, 9.6))
    assert "`kit cv -c quick --set 'seeds=[5,6,7,8]'` trains them" in more.evidence


def test_no_error_is_not_minus_zero_errors() -> None:
    [one] = found(growth=growth(5.2, -0.2, 13.0))
    assert "90 % band 0 to 13 fewer" in one.evidence


def test_a_large_gap_is_overfitting() -> None:
    [one] = found(members=members((0.003, 0.004, 0.005, 0.004)))
    assert one.text == "cnn overfits: gap 0.4 points"
    assert one.evidence == (
        "Train accuracy 99.900 %, held-out 99.500 %: the gap is 0.400 ± 0.082 points "
        "(mean ± sd of 4 members). More dropout, augmentation or L2 may lower it; `kit compare` shows "
        "whether the score improves."
    )


@pytest.mark.parametrize(
    ("gaps", "value"),
    [
        ((0.001, 0.0011, 0.001, 0.0011), 0.995),  # below 0.2 points
        ((0.003, 0.0031, 0.003, 0.0031), 0.95),  # below 20 % of the held-out loss
        ((-0.02, 0.03, -0.01, 0.02), 0.995),  # within 2 standard errors
        ((0.004,), 0.995),  # a single member
    ],
)
def test_a_small_or_unclear_gap_is_not(gaps: tuple[float, ...], value: float) -> None:
    assert not any(one.kind == "overfit" for one in found(members=members(gaps), models=[model(value)]))


def test_several_models_that_overfit_are_one_finding() -> None:
    other = [one.model_copy(update={"model": "big"}) for one in members((0.006, 0.007, 0.006, 0.0071))]
    [one] = found(
        models=[model(0.995), model(0.995).model_copy(update={"model": "big", "gap": 0.0065})],
        members=[*members((0.003, 0.004, 0.005, 0.004)), *other],
    )
    assert one.text == "big overfits: gap 0.7 points"
    assert "Also cnn: 0.400 ± 0.082. More dropout" in one.evidence


def test_models_without_epochs_do_not_overfit() -> None:
    assert [one.kind for one in found(members=members((0.05, 0.05), epochs=False))] == ["none"]


def test_labels_are_an_estimate_with_its_interval() -> None:
    [one] = found(label_errors=LabelErrors(expected=12.3, interval=(4.2, 21.4), suspects=()))
    assert one.text == "about 12 labels look wrong (4 to 21)"


def test_labels_are_no_finding_if_none_may_be_wrong() -> None:
    doubtful = LabelErrors(expected=128.0, interval=(0.9, 150.0), suspects=())
    assert [one.kind for one in found(label_errors=doubtful)] == ["none"]


def test_a_clear_gain_of_calibration() -> None:
    [one] = found(calibration=calibration(0.018))
    assert one.text == "calibration lowers the log loss by 10 %"
    assert one.evidence == (
        "With each column at a temperature of its own (1.20), the OOF log loss is 0.01800 in place of "
        "0.02000 and the OOF accuracy is 99.400 % in place of 99.500 % (cross-fitted). "
        "`kit cv -c quick --set ensemble.calibrate=true` applies it."
    )


def test_log_loss_as_the_metric_is_named_once() -> None:
    given = Calibration((1.2,), (0.02, 0.018), (0.02, 0.018), clear=True)
    [one] = found(calibration=given, metric=LOSS, models=[model(0.02)])
    assert "(1.20), the OOF log loss is 0.01800 in place of 0.02000 (cross-fitted)." in one.evidence


def test_calibration_has_the_range_of_the_temperatures() -> None:
    [one] = found(calibration=calibration(0.018, 0.9, 0.45, 1.2))
    assert "temperature of its own (0.45 to 1.20)" in one.evidence


@pytest.mark.parametrize("given", [calibration(0.0197), calibration(0.018, clear=False), calibration(0.021)])
def test_a_small_or_unclear_gain_of_calibration_is_no_finding(given: Calibration) -> None:
    assert [one.kind for one in found(calibration=given)] == ["none"]


def test_calibration_comes_before_seeds_if_the_metric_needs_probabilities() -> None:
    parts = {"calibration": calibration(0.018), "growth": growth(6.2, 2.0, 9.0)}
    assert [one.kind for one in found(**parts)] == ["seeds", "calibration"]
    assert [one.kind for one in found(metric=LOSS, models=[model(0.02)], **parts)] == ["calibration", "seeds"]


@pytest.mark.parametrize(
    ("without", "text"),
    [
        ({"a": Difference(0.002, 0.001, 0.003), "b": Difference(-0.01, -0.02, 0.0)}, "better without a"),
        ({"a": Difference(0.002, -0.001, 0.003), "b": Difference(-0.01, -0.02, 0.0)}, None),
    ],
)
def test_a_model_without_which_the_ensemble_is_better(
    without: Mapping[str, Difference], text: str | None
) -> None:
    [one] = found(without=without)
    assert one.kind == ("model" if text else "none")
    if text:
        assert one.text == f"the ensemble is {text}"
        assert one.evidence == (
            "The OOF accuracy changes by +0.200 points (95 % interval +0.100 to +0.300), p = 0.00018. "
            "`kit cv -c quick --set models.a=null` leaves it out."
        )


def test_the_worst_of_several_models_must_be_clear_after_correction() -> None:
    """A p-value of 0.034 is clear for one model, not for the worst of two."""
    doubtful = Difference(0.002, 0.00015, 0.00385)
    harmless = Difference(-0.01, -0.03, 0.01)
    assert [one.kind for one in found(without={"a": doubtful})] == ["model"]
    assert [one.kind for one in found(without={"a": doubtful, "b": harmless})] == ["none"]


def test_a_teacher_is_not_left_out() -> None:
    without = {"a": Difference(0.002, 0.001, 0.003), "b": Difference(0.001, 0.0005, 0.0015)}
    [one] = found(without=without, teachers={"b": ("a",)})
    assert one.text == "the ensemble is better without b"


def alone(verdict: str, difference: float, p: float = 3.4e-9) -> Pair:
    return Pair.model_validate(
        {
            "a": "ensemble",
            "b": "cnn",
            "rows": 10_000,
            "verdict": verdict,
            "difference": difference,
            "interval": (difference - 0.004, difference + 0.004),
            "p": p,
            "p_corrected": p,
            "gained": 173,
            "lost": 50,
            "loss_difference": 0.0,
            "loss_interval": (0.0, 0.0),
        }
    )


def test_a_model_that_is_better_than_the_ensemble_comes_first() -> None:
    others = [model(0.99).model_copy(update={"model": name}) for name in ("knn", "svm")]
    first, second = found(
        alone=alone("better", 0.0123),
        models=[model(0.995), *others],
        without={"svm": Difference(0.002, 0.001, 0.003)},
    )
    assert first.text == "cnn alone is better than the ensemble: 123 errors fewer"
    assert first.evidence == (
        "The OOF accuracy changes by +1.230 points (95 % interval +0.830 to +1.630), p = 1e-08. "
        "`kit cv -c quick --set models.knn=null --set models.svm=null` trains it alone."
    )
    assert second.text == "the ensemble is better without svm"


def test_a_metric_that_is_no_share_of_errors_has_its_difference() -> None:
    [one] = found(alone=alone("better", -0.0123, p=0.0), metric=LOSS, models=[model(0.02)])
    assert one.text == "cnn alone is better than the ensemble: log loss -0.01230"
    assert (
        "The OOF log loss changes by -0.01230 (95 % interval -0.01630 to -0.00830), p < 1e-99."
        in one.evidence
    )


@pytest.mark.parametrize("verdict", ["no difference", "worse"])
def test_a_model_that_is_not_clearly_better_is_not_named(verdict: str) -> None:
    assert [one.kind for one in found(alone=alone(verdict, 0.001))] == ["none"]


def test_the_best_of_several_models_must_be_clear_after_correction() -> None:
    others = [model(0.99).model_copy(update={"model": name}) for name in ("knn", "svm")]
    given = alone("better", 0.0123, p=0.02)
    assert [one.kind for one in found(alone=given, models=[model(0.995), others[0]])] == ["model"]
    assert [one.kind for one in found(alone=given, models=[model(0.995), *others])] == ["none"]


def test_a_model_with_teachers_is_not_trained_alone() -> None:
    other = model(0.99).model_copy(update={"model": "teacher"})
    given = alone("better", 0.0123)
    [one] = found(alone=given, models=[model(0.995), other], teachers={"cnn": ("teacher",)})
    assert "null" not in one.evidence
