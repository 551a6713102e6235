"""Compute the figures of a finished run (report.json), which terminal, page and plots render."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.config import Config
from kit.ensembling.columns import Column
from kit.ensembling.methods import Combined
from kit.members import ALL_ROWS, Member, MemberResult
from kit.metrics import Metric
from kit.records import (
    Combination,
    Confusion,
    DataSize,
    ExpectedScore,
    HardRow,
    MemberReport,
    Report,
    RunRecord,
    Score,
    Times,
    ViewsReport,
)
from kit.reports.run.details import confusion_matrix, detail
from kit.reports.run.notes import notes_of
from kit.reports.run.parts import Parts
from kit.reports.run.scores import Scores, folds_of

CONFUSIONS = 10
WORST = 20
Labels = NDArray[np.integer]


def summarise(
    record: RunRecord,
    config: Config,
    *,
    labels: Labels,
    names: Sequence[str],
    columns: Sequence[Column],
    combined: Combined,
    combination: Combination | None,
    folds: NDArray[np.int8],
    members: Mapping[Member, MemberResult],
    test_ids: Sequence[str],
    tta: tuple[Combined, Combined] | None = None,
    warnings: Iterable[str] = (),
) -> Report:
    """Return every figure of a finished run.

    Args:
        record: run.json.
        config: the resolved configuration.
        labels: (training rows,) from 0.
        names: names of class 0, 1, ….
        columns: from `kit.ensembling.columns.assemble`.
        combined: the ensemble of these columns.
        combination: all methods on these columns; None with a single column.
        folds: (seeds, rows) int8, the fold that holds the row out.
        members: the results of which the columns consist; not calibrated.
        test_ids: (test rows,) ids of the submission.
        tta: the ensemble without and with test-time augmentation; None if no network predicts views.
        warnings: to show in the report, such as findings of the data check.
    """
    metric = metrics.METRICS[config.competition.metric]
    method = combination.method if combination else "mean"
    test_rows, classes = combined.test.shape
    scored = config.competition.public_rows or test_rows or len(labels)
    low, high = metric.expected(combined.oof, labels, scored)
    predicted = metric.decisions(combined.oof, labels)
    trained = [_member(metric, member, members[member], labels) for member in sorted(members)]
    judged = [one for one in trained if one.score is not None]
    parts = Parts(columns, labels, method, metric)
    scores = Scores(metric, labels, columns, parts)
    models = scores.models(trained)
    return Report(
        run=record.name,
        config=record.config_name,
        hash=record.hash,
        sample=record.sample,
        source=record.source,
        backend=record.backend,
        precision=record.precision,
        metric=metric.name,
        data=DataSize(rows=len(labels), test_rows=test_rows, classes=classes),
        oof=Score.of(metric, combined.oof, labels),
        expected_score=ExpectedScore(low=low, high=high, rows=scored),
        ensemble=method,
        sources=record.sources,
        combination=combination,
        tta=_views(metric, *tta, labels, used=config.ensemble.tta) if tta else None,
        folds=folds_of(judged if _are_comparable(record, columns) else ()),
        seeds=scores.seeds(),
        models=models,
        columns=scores.columns(combined.weights, trained),
        members=tuple(trained),
        confusions=_confusions(predicted, labels, names),
        worst=_worst(combined.oof, predicted, labels, names),
        time=_times(record, members.values()),
        # A report that is computed again gets the warnings of the one before.
        warnings=tuple(
            dict.fromkeys(
                (
                    *warnings,
                    *_retries(trained),
                )
            )
        ),
        notes=notes_of(record, config, metric, columns, all_rows=len(judged) < len(trained)),
        details=detail(
            record,
            config,
            labels=labels,
            names=names,
            columns=columns,
            parts=parts,
            combined=combined,
            combination=combination,
            folds=folds,
            test_ids=test_ids,
            models=models,
            members=trained,
        ),
    )


def _member(metric: Metric, member: Member, result: MemberResult, labels: Labels) -> MemberReport:
    history = result.history
    judged = member.fold != ALL_ROWS
    score = Score.of(metric, result.val_probs, labels[result.val_rows]) if judged else None
    # A run may be reported in another metric than it was trained under.
    train_score = history.train_score if history.metric == metric.name else None
    gap = None
    if score is not None and score.value is not None and train_score is not None:
        gap = metric.loss(score.value) - metric.loss(train_score)
    return MemberReport(
        member=str(member),
        model=member.model,
        fold=member.fold if judged else None,
        seed=member.seed,
        score=score,
        train_score=train_score,
        gap=gap,
        retried=history.attempts - history.seed_offset > 1,
        diverged=history.seed_offset > 0,
        seconds=history.seconds,
        parameters=history.parameters,
        multiply_adds=history.multiply_adds,
        epochs=history.epochs,
    )


def _retries(members: Sequence[MemberReport]) -> Iterator[str]:
    """Yield a sentence for each kind of retry."""
    if retried := [one.member for one in members if one.retried]:
        yield f"retried after their worker died: {', '.join(retried)}"
    if diverged := [one.member for one in members if one.diverged]:
        count = f"{len(diverged)} member{'s' * (len(diverged) > 1)}"
        verb = "were" if len(diverged) > 1 else "was"
        yield f"{count} diverged and {verb} trained again with other random numbers: {', '.join(diverged)}"


def _are_comparable(record: RunRecord, columns: Sequence[Column]) -> bool:
    """Return whether folds with the same number hold the same rows out, in all runs of an ensemble."""
    first = columns[0].held_out
    return not record.sources or all(np.array_equal(column.held_out, first) for column in columns)


def _views(metric: Metric, plain: Combined, views: Combined, labels: Labels, *, used: bool) -> ViewsReport:
    loss = metrics.LOSS.difference(views.oof, plain.oof, labels)
    right, plain_right = (metric.decisions(one.oof, labels) == labels for one in (views, plain))
    only_with, only_without, p = metrics.mcnemar(right, plain_right)
    return ViewsReport(
        used=used,
        without_views=Score.of(metric, plain.oof, labels),
        with_views=Score.of(metric, views.oof, labels),
        loss_difference=loss.mean,
        loss_interval=(loss.low, loss.high),
        right_only_with=only_with,
        right_only_without=only_without,
        p=p,
    )


def _confusions(predicted: Labels, labels: Labels, names: Sequence[str]) -> tuple[Confusion, ...]:
    classes = len(names)
    counts = confusion_matrix(predicted, labels, classes).ravel()
    counts[:: classes + 1] = 0
    # Stable: ties keep the order of label and prediction.
    pairs = np.argsort(-counts, kind="stable")[:CONFUSIONS]
    return tuple(
        Confusion(label=names[pair // classes], predicted=names[pair % classes], count=int(counts[pair]))
        for pair in pairs
        if counts[pair]
    )


def _worst(
    probs: NDArray[np.float64], predicted: Labels, labels: Labels, names: Sequence[str]
) -> tuple[HardRow, ...]:
    of_label = probs[np.arange(len(labels)), labels]
    return tuple(
        HardRow(
            row=int(row),
            label=names[labels[row]],
            predicted=names[predicted[row]],
            probability=float(of_label[row]),
        )
        for row in np.argsort(of_label, kind="stable")[:WORST]
    )


def _times(record: RunRecord, results: Iterable[MemberResult]) -> Times:
    histories = [result.history for result in results]
    return Times(
        wall_seconds=record.wall_seconds,
        member_seconds=sum(one.seconds or 0.0 for one in histories),
        startup_seconds=sum(one.startup_seconds + one.tracing_seconds for one in histories),
    )
