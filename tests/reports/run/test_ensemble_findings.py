from collections.abc import Mapping, Sequence

import pytest

from kit.config.root import HASH_VERSION
from kit.metrics import HITS, LOSS, Difference, Metric
from kit.records import Combination, Finding, RunRecord
from kit.reports.run.ensemble_findings import better_method, worthless
from tests.reports.pages import change, combination, source_run

RUN = RunRecord.model_validate(
    {
        "config_name": "quick",
        "config": {},
        "hash": "",
        "hash_version": HASH_VERSION,
        "sample": False,
        "origin": {"command": "kit cv -c quick"},
    }
)


def of_sources(*names: str) -> RunRecord:
    return RUN.model_copy(update={"sources": tuple(map(source_run, names))})


def with_errors(given: Combination, method: str, errors: int) -> Combination:
    """Return the comparison with another difference of the errors of one method."""
    methods = [
        one.model_copy(update={"over_mean": change(one.over_mean.loss, errors)})
        if one.method == method
        else one
        for one in given.methods
    ]
    return given.model_copy(update={"methods": tuple(methods)})


def better(given: Combination | None, metric: Metric = HITS, record: RunRecord = RUN) -> list[Finding]:
    return list(better_method(record, metric, given))


def test_a_method_that_is_clearly_better_than_mean() -> None:
    [one] = better(combination(requested="mean", better=["stack", "weighted"]))
    assert (one.kind, one.anchor) == ("method", "ensemble")
    assert one.text == "stack is clearly better than mean: 8 errors fewer"
    assert one.evidence == (
        "The log loss of stack minus that of mean is -0.02000 (99.3 % interval -0.03500 to -0.00500), with 8 "
        "errors fewer (95 % interval 3 to 13 fewer), cross-fitted. "
        "`kit cv -c quick --set ensemble.method=stack` uses stack."
    )


def test_the_command_of_an_ensemble_of_runs_has_its_runs() -> None:
    [one] = better(combination(requested="mean", better=["stack"]), record=of_sources("a", "b"))
    assert one.evidence.endswith("`kit ensemble a b --method stack` uses stack.")


@pytest.mark.parametrize(("errors", "metric"), [(-3, HITS), (-8, LOSS)])
def test_without_clearly_fewer_errors_the_gain_is_that_of_the_log_loss(errors: int, metric: Metric) -> None:
    given = with_errors(combination(requested="mean", better=["stack"]), "stack", errors)
    [one] = better(given, metric)
    assert one.text == "stack has a clearly lower log loss than mean: 20.0 % lower"


def test_a_method_with_more_errors_is_better_for_probabilities_only() -> None:
    given = with_errors(combination(requested="mean", better=["stack"]), "stack", 1)
    assert better(given) == []
    assert len(better(given, LOSS)) == 1


def test_mean_is_better_than_a_method_with_a_clearly_higher_log_loss() -> None:
    given = combination(requested="vote", method="vote", better=["stack"], worse=["vote"])
    [one] = better(given)
    assert one.text == "mean is clearly better than vote: 8 errors fewer"
    assert "with 8 errors more (95 % interval 3 to 13 more), cross-fitted. `kit cv -c quick" in one.evidence
    assert one.evidence.endswith("--set ensemble.method=mean` uses mean.")
    # Greedy may trade log loss for errors.
    assert better(with_errors(given, "vote", -1)) == []


@pytest.mark.parametrize(
    "given",
    [
        None,
        combination(requested="mean"),
        combination(requested="mean", worse=["vote"]),
        # There is no interval between weighted and stack.
        combination(method="weighted", better=["stack", "weighted"]),
    ],
)
def test_no_method_is_better(given: Combination | None) -> None:
    assert better(given) == []


IDLE = ("nothing", "hurts")


def idle(
    verdicts: Mapping[str, Sequence[str]],
    *,
    without: Mapping[str, Difference] | None = None,
    named: str | None = None,
    teachers: Mapping[str, Sequence[str]] | None = None,
    record: RunRecord = RUN,
) -> list[Finding]:
    """Return the findings on models whose columns have these verdicts."""
    columns = [(model, seed) for model, own in verdicts.items() for seed in range(len(own))]
    flat = [verdict for own in verdicts.values() for verdict in own]
    given = combination(columns)
    values = [
        one.model_copy(update={"verdict": verdict, "change": change(0.001 * at, at - 1)})
        for at, (one, verdict) in enumerate(zip(given.columns, flat, strict=True))
    ]
    given = given.model_copy(update={"columns": tuple(values)})
    return list(worthless(record, HITS, given, without=without or {}, named=named, teachers=teachers or {}))


def test_a_model_none_of_whose_columns_helps_is_worth_nothing() -> None:
    [one] = idle({"cnn": ["helps"], "wide": IDLE})
    assert (one.kind, one.anchor, one.text) == (
        "column",
        "ensemble",
        "worth nothing, one column at a time: wide",
    )
    assert one.evidence == (
        "Without one of these 2 columns, the log loss changes by +0.00100 to +0.00200 and the errors by 0 to "
        "+1: not clearly worse. This holds for one column at a time; columns that are alike replace each "
        "other."
    )


def test_the_figures_of_a_single_column_are_no_range() -> None:
    [one] = idle({"a": ["helps"], "b": ["nothing"], "c": ["helps"]})
    assert one.evidence.startswith("Without it, the log loss changes by +0.00100 and the errors by 0: not")


@pytest.mark.parametrize(
    "verdicts",
    [
        {"a": ["helps"], "b": ["nothing"]},  # two columns
        {"a": ["helps", "helps"], "b": ["nothing", "helps"]},  # one seed of a model
        {"a": ["nothing"], "b": ["nothing"], "c": ["helps"]},  # most models
    ],
)
def test_chance_and_models_that_replace_each_other_are_not_named(
    verdicts: Mapping[str, Sequence[str]],
) -> None:
    assert idle(verdicts) == []


def test_a_model_is_named_by_one_finding_only() -> None:
    verdicts = {"a": ["helps"], "b": ["hurts"], "c": ["helps"], "d": ["nothing"]}
    [one] = idle(verdicts, named="b")
    assert one.text == "worth nothing: d"


def test_a_teacher_is_needed() -> None:
    assert idle({"a": ["helps"], "b": IDLE}, teachers={"a": ["b"]}) == []


def test_a_model_whose_columns_together_help_is_needed() -> None:
    verdicts = {"a": ["helps"], "b": IDLE}
    assert idle(verdicts, without={"b": Difference(-0.01, -0.02, -0.001)}) == []
    assert len(idle(verdicts, without={"b": Difference(-0.01, -0.02, 0.001)})) == 1


def test_an_ensemble_of_runs_is_repeated_without_a_run_that_is_worth_nothing() -> None:
    runs = of_sources("a", "b", "c")
    verdicts = {"a/cnn": ["helps"], "a/knn": ["helps"], "b": ["helps"], "c": ["nothing"]}
    [one] = idle(verdicts, record=runs)
    assert one.evidence.endswith("`kit ensemble a b` leaves out c.")
    [part] = idle({"a/cnn": ["helps"], "a/knn": ["nothing"], "b": ["helps"], "c": ["helps"]}, record=runs)
    assert "kit ensemble" not in part.evidence
