"""Synthetic reports with details, for the tests of pages."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from kit.ensembling.methods import METHODS
from kit.images import Images
from kit.metrics import mean_sd
from kit.records import (
    Change,
    ClassShare,
    ColumnReport,
    ColumnValue,
    Combination,
    Confusion,
    Curves,
    DataSize,
    Details,
    Diversity,
    ExpectedScore,
    Finding,
    Folds,
    FoldScore,
    Forecast,
    GalleryRow,
    Growth,
    GrowthPoint,
    HardRow,
    LabelErrors,
    MemberReport,
    MethodReport,
    ModelReport,
    Pair,
    Provenance,
    Reliability,
    ReliabilityBin,
    Report,
    Score,
    Seeds,
    SeedScore,
    Setting,
    SourceRun,
    Spread,
    Suspect,
    TestClass,
    TestPredictions,
    Times,
    UncertainRow,
)

ROWS, TEST_ROWS, TEST_SHOWN = 1000, 500, 12
LETTERS = tuple(f"letter {chr(65 + index)}" for index in range(26))
DIGITS = tuple(map(str, range(10)))


def score(errors: int, rows: int = ROWS) -> Score:
    value = 1 - errors / rows
    return Score(
        value=value,
        interval=(value - 0.01, min(value + 0.01, 1.0)),
        errors=errors,
        rows=rows,
        accuracy=value,
        log_loss=3 * errors / rows + 0.01,
    )


def example_report(
    *,
    models: Sequence[str] = ("cnn", "logistic"),
    seeds: Sequence[int] = (0, 1),
    labels: Sequence[str] = DIGITS,
    gallery: int = 40,
    details: bool = True,
    sample: bool = False,
) -> Report:
    """Return a report of models x seeds x 2 folds; the model "logistic" has no epochs.

    Of the gallery, every third row is right, every fourth is suspect, and labels and predictions cycle.
    """
    columns = [(model, seed) for model in models for seed in seeds]
    members = [_member(model, seed, fold) for model, seed in columns for fold in (0, 1)]
    return Report(
        run="example-1a2b3c4d",
        config="example",
        hash="1a2b3c4d" * 8,
        sample=sample,
        source="data/",
        backend="tensorflow",
        precision={"cnn": "float32"},
        metric="accuracy",
        data=DataSize(rows=ROWS, test_rows=TEST_ROWS, classes=len(labels)),
        oof=score(26),
        expected_score=ExpectedScore(low=0.9613, high=0.9871, rows=TEST_ROWS),
        ensemble="mean",
        tta=None,
        folds=Folds(
            mean=0.9721,
            sd=0.0022,
            each=tuple(FoldScore(fold=fold, members=4, mean=0.97, sd=0.002) for fold in (0, 1)),
        ),
        seeds=Seeds(
            mean=0.9733, sd=0.001, each=tuple(SeedScore(seed=seed, score=score(27)) for seed in seeds)
        ),
        models=tuple(_model(model, len(seeds) * 2) for model in models),
        columns=tuple(
            ColumnReport(
                model=model,
                seed=seed,
                weight=1 / len(columns),
                temperature=1.0,
                score=score(30 + seed),
                folds=_folds(model, seed, members),
            )
            for model, seed in columns
        ),
        members=tuple(members),
        confusions=(Confusion(label=labels[0], predicted=labels[1], count=7),),
        worst=(HardRow(row=17, label=labels[0], predicted=labels[1], probability=0.0031),),
        time=Times(wall_seconds=75.0, member_seconds=61.5, startup_seconds=8.0),
        warnings=(),
        notes=("The expected score does not include the variance of training.",),
        combination=combination(columns) if details and len(columns) > 1 else None,
        details=_details(columns, labels, gallery) if details else None,
    )


def combination(
    columns: Sequence[tuple[str, int]] = (("cnn", 0), ("cnn", 1), ("logistic", 0), ("logistic", 1)),
    *,
    requested: str = "auto",
    method: str = "mean",
    better: Sequence[str] = (),
    worse: Sequence[str] = (),
) -> Combination:
    """Return methods and columns compared; the value of the columns goes down from the first to the last.

    Args:
        columns: model and seed.
        requested: a method, or auto.
        method: that was used.
        better: methods with a clearly lower log loss than `mean`, and 8 errors fewer; the first is the best.
        worse: methods with a clearly higher log loss, and 8 errors more.
    """
    losses = {name: -0.02 + 0.001 * at for at, name in enumerate(better)} | dict.fromkeys(worse, 0.02)
    return Combination(
        requested=requested,
        method=method,
        methods=tuple(_method(name, losses.get(name, 0.0)) for name in METHODS),
        confidence=1 - 0.05 / 7,
        columns=tuple(_value(model, seed, at, len(columns)) for at, (model, seed) in enumerate(columns)),
        folds=2,
        same_folds=True,
    )


def _method(name: str, loss: float) -> MethodReport:
    errors = 8 * ((loss > 0) - (loss < 0))
    own = score(26 + errors).model_copy(update={"log_loss": 0.1 + loss})
    fits = name in {"weighted", "greedy", "stack", "best"}
    return MethodReport(
        method=name,
        score=own,
        fitted_score=own.model_copy(update={"errors": own.errors - 1}) if fits else None,
        over_mean=change(loss, errors),
        over_best=change(loss - 0.03, errors - 6),
        corrected_interval=(loss - 0.015, loss + 0.015),
    )


def source_run(name: str, members: int = 2) -> SourceRun:
    """Return the record of a run of an ensemble."""
    digest = name.encode().hex().zfill(64)[:64]
    return SourceRun(
        name=name,
        path=f"runs/{name}",
        hash=digest,
        content=digest,
        files=digest,
        members=members,
        tta=False,
    )


def change(loss: float, errors: int) -> Change:
    """Return a change with intervals of 0.01 and 5 errors to both sides."""
    return Change(
        loss=loss,
        loss_interval=(loss - 0.01, loss + 0.01),
        errors=errors,
        errors_interval=(errors - 5.2, errors + 5.2),
    )


def _value(model: str, seed: int, at: int, columns: int) -> ColumnValue:
    errors = 12 - 12 * at
    verdict: Literal["helps", "nothing", "hurts"] = "helps" if at == 0 else "nothing" if at == 1 else "hurts"
    return ColumnValue(
        column=f"{model}-s{seed}",
        weight=1 / columns,
        change=change(errors / 1000, errors),
        verdict=verdict,
    )


def example_images(gallery: int = 40) -> Images:
    """Return 28 x 28 grey images of the rows that `example_report` shows."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (gallery + TEST_SHOWN, 28, 28, 1), dtype=np.uint8)
    train = {_row(index): pixels[index] for index in range(gallery)}
    return Images(train, {index: pixels[gallery + index] for index in range(TEST_SHOWN)})


def _row(index: int) -> int:
    return 3 + 7 * index


def _member(model: str, seed: int, fold: int) -> MemberReport:
    epochs = Curves()
    if model != "logistic":
        steps = range(1, 11)
        epochs = Curves(
            loss=tuple(0.8 / step + 0.02 for step in steps),
            accuracy=tuple(1 - 0.2 / step for step in steps),
            val_loss=tuple(0.6 / step + 0.03 + 0.005 * seed for step in steps),
            val_score=tuple(1 - 0.15 / step - 0.005 * fold for step in steps),
            seconds=tuple(1.5 for _ in steps),
        )
    return MemberReport(
        member=f"{model}-f{fold}-s{seed}",
        model=model,
        fold=fold,
        seed=seed,
        score=score(30 + 5 * fold + 60 * (model == "logistic") + seed, ROWS // 2),
        train_score=0.9931,
        gap=0.0171,
        retried=False,
        seconds=15.4 if epochs.loss else 0.7,
        parameters=12_345,
        multiply_adds=678_901,
        epochs=epochs,
    )


def _model(model: str, members: int) -> ModelReport:
    return ModelReport(
        model=model,
        members=members,
        score=score(28 if model != "logistic" else 95),
        folds=Spread(mean=0.9712, sd=0.0031),
        train_score=0.9931,
        gap=0.0171,
        seconds=15.4 * members if model != "logistic" else 0.7 * members,
        parameters=12_345,
        multiply_adds=678_901,
    )


def _shares(first: int, classes: int) -> tuple[ClassShare, ...]:
    return tuple(
        ClassShare(label=(first + step) % classes, probability=probability)
        for step, probability in enumerate((0.61, 0.31, 0.05, 0.02, 0.01))
    )


def _folds(model: str, seed: int, members: Sequence[MemberReport]) -> Spread:
    own = [one.score.value for one in members if (one.model, one.seed) == (model, seed) and one.score]
    mean, sd = mean_sd([value for value in own if value is not None])
    return Spread(mean=mean, sd=sd)


def _gallery(count: int, classes: int, columns: int) -> tuple[GalleryRow, ...]:
    rows = []
    for index in range(count):
        predicted = index % classes
        label = predicted if index % 3 == 0 else (predicted + 1) % classes
        probability = 0.61 if label == predicted else 0.31 / (1 + index)
        rows.append(
            GalleryRow(
                row=_row(index),
                label=label,
                predicted=predicted,
                probability=probability,
                loss=-math.log(probability),
                top=_shares(predicted, classes),
                agree=columns - index % 2 * (columns > 1),
                columns=columns,
                disagreement=(index * 13 % 40) / 100,
                suspicion=((index % 4 == 0) + (index * 29 % 41) / 41) / 2,
                suspect=index % 4 == 0,
            )
        )
    return tuple(sorted(rows, key=lambda one: -one.loss))


def _details(columns: Sequence[tuple[str, int]], labels: Sequence[str], gallery: int) -> Details:
    classes, several = len(labels), len(columns) > 1
    confusion = np.diag(np.full(classes, ROWS // classes))
    confusion[0, 1], confusion[3, 2] = 7, 2
    rows = _gallery(gallery, classes, len(columns))
    return Details(
        labels=tuple(labels),
        findings=(
            Finding(
                kind="seeds",
                text="more seeds: about 6 errors fewer",
                evidence="With 2 more seeds, 26 errors are expected to become 20 (90 % band 2 to 10).",
                anchor="growth",
            ),
            Finding(
                kind="labels",
                text="12 labels look wrong",
                evidence="Estimate 12.4, 95 % interval 6 to 20.",
                anchor="labels",
            ),
        ),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        growth=_growth(len(columns)) if several else None,
        gallery=rows,
        gallery_complete=True,
        label_errors=LabelErrors(
            expected=12.4,
            interval=(6.1, 20.3),
            suspects=tuple(
                Suspect(
                    row=one.row, label=one.label, suggested=(one.label + 1) % classes, suspicion=one.suspicion
                )
                for one in rows
                if one.suspect
            ),
        ),
        reliability=_reliability(),
        diversity=_diversity(columns) if several else None,
        pairs=_pairs() if len({model for model, _ in columns}) > 1 else (),
        test=_test(labels, len(columns)),
        provenance=Provenance(
            command="kit cv -c example --set training.epochs=10",
            base="default",
            differences=(Setting(key="training.epochs", value="10", base="30"),),
            versions={"kit": "0.1.0", "python": "3.11.9"},
            machine="Linux, 2 cores, 8 GiB",
            fingerprint="ab12" * 16,
            started="2026-11-28T10:00:00Z",
            finished="2026-11-28T10:01:15Z",
        ),
    )


def _growth(columns: int) -> Growth:
    points = tuple(
        GrowthPoint(
            units=units,
            members=units,
            median=0.968 + 0.003 * units / columns,
            low=0.966 + 0.003 * units / columns,
            high=0.970 + 0.003 * units / columns,
            subsets=10,
        )
        for units in range(1, columns + 1)
    )
    ahead = Forecast(units=2 * columns, members=2 * columns, value=0.9733, low=0.971, high=0.976)
    return Growth(
        unit="column",
        metric="accuracy",
        points=points,
        forecast=(ahead,),
        errors_saved=6.2,
        errors_saved_band=(2.0, 10.0),
    )


def _reliability() -> Reliability:
    bins = tuple(
        ReliabilityBin(
            rows=200,
            confidence=confidence,
            accuracy=confidence - 0.01,
            interval=(confidence - 0.03, confidence + 0.005),
        )
        for confidence in (0.71, 0.9, 0.97, 0.99, 0.9995)
    )
    return Reliability(
        bins=bins,
        ece=0.0123,
        ece_interval=(0.0061, 0.0189),
        temperature=1.23,
        log_loss=0.0881,
        scaled_log_loss=0.0852,
        clear=True,
    )


def _diversity(columns: Sequence[tuple[str, int]]) -> Diversity:
    order = range(len(columns))
    return Diversity(
        columns=tuple(f"{model}-s{seed}" for model, seed in columns),
        disagreement=tuple(tuple(0.011 * abs(a - b) for b in order) for a in order),
        error_correlation=tuple(tuple(1.0 if a == b else 0.62 / abs(a - b) for b in order) for a in order),
    )


def _pairs() -> tuple[Pair, ...]:
    return (
        Pair(
            a="logistic",
            b="cnn",
            rows=ROWS,
            verdict="better",
            difference=0.067,
            interval=(0.05, 0.084),
            p=1e-9,
            p_corrected=1e-9,
            gained=80,
            lost=13,
            loss_difference=-0.2,
            loss_interval=(-0.23, -0.17),
            seconds_difference=58.8,
        ),
    )


def _test(labels: Sequence[str], columns: int) -> TestPredictions:
    share = 1 / len(labels)
    return TestPredictions(
        classes=tuple(
            TestClass(
                label=label,
                train_rows=round(ROWS * share),
                test_rows=round(TEST_ROWS * share),
                train_share=share,
                oof_share=share + 0.01,
                test_share=share if label else share + 0.06,
                test_interval=(share - 0.02, share + 0.02),
            )
            for label in range(len(labels))
        ),
        uncertain=tuple(
            UncertainRow(
                row=index, id=str(index + 1), top=_shares(index, len(labels)), agree=columns, columns=columns
            )
            for index in range(TEST_SHOWN)
        ),
    )
