"""The figures of a finished run: what report.json holds. Everything else that reports renders these."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit import metrics
from kit.config import Config
from kit.ensembling.columns import Column
from kit.ensembling.methods import Ensemble
from kit.ensembling.methods import blend as combined
from kit.members import ALL_ROWS, Member, MemberResult

FIGURES = ("accuracy", "errors", "rows", "interval", "log_loss")
"""What `score` gives."""
CONFUSIONS = 10
WORST = 20
NOTES = (
    "The expected score leaves out the variance of training: other seeds would give another figure.",
    "It is a little low: the test blend averages folds x seeds, the out-of-fold blend only the seeds that "
    "held a row out.",
)
ALL_ROWS_NOTE = (
    "Each test prediction is the mean, alike, of a column's {} fold members and of one trained on all rows; "
    "that one has no rows to be judged on: the out-of-fold figures are those of the fold members alone."
)
PSEUDO_LABELS_NOTE = (
    "Pseudo-labels: {} also learned the test images and those held out, by what {} of the same fold says of "
    "them, who knew no label of either."
)

Labels = NDArray[np.integer]


def summarise(
    info: Mapping[str, Any],
    config: Config,
    *,
    labels: Labels,
    columns: Sequence[Column],
    blend: Ensemble,
    members: Mapping[Member, MemberResult],
    tta: tuple[Ensemble, Ensemble] | None = None,
    warnings: Iterable[str] = (),
) -> dict[str, Any]:
    """Return every figure of a finished run as plain values for JSON, None in place of NaN and infinities.

    Accuracies, gaps and probabilities are fractions, losses nats, times seconds, rows 0-based.

    Args:
        info: run.json; read are name, config_name, hash, sample, source, backend, precision, wall_seconds.
        config: the resolved configuration.
        labels: (training rows,) from 0.
        columns: as `assemble` gives them.
        blend: what `config.blend` makes of them.
        members: the results behind the columns; their own log losses are not calibrated.
        tta: the blend without and with test-time augmentation, where networks have it.
        warnings: what else the reader should know, such as what the check of the data found.
    """
    oof = score(blend.oof, labels)
    test_rows, classes = blend.test.shape
    scored = config.competition.public_rows or test_rows
    low, high = metrics.expected_score(oof["accuracy"], oof["rows"], scored)
    trained = [_member(member, members[member], labels) for member in sorted(members)]
    judged = [one for one in trained if one["fold"] is not None]
    retried = [one["member"] for one in trained if one["retried"]]
    report = {
        "run": info["name"],
        "config": info["config_name"],
        **{key: info.get(key) for key in ("hash", "sample", "source", "backend", "precision")},
        "data": {"rows": len(labels), "test_rows": test_rows, "classes": classes},
        "oof": oof,
        "expected_score": {"low": low, "high": high, "rows": scored},
        "blend": config.blend.method,
        "tta": _test_time(*tta, labels, used=config.blend.tta) if tta else None,
        "folds": _folds(judged),
        "seeds": _seeds(columns, labels, config.blend.method),
        "models": _models(columns, labels, config.blend.method, trained),
        "columns": [
            {
                "model": column.model,
                "seed": column.seed,
                "weight": weight,
                "power": column.power,
                **score(column.oof, labels),
            }
            for column, weight in zip(columns, blend.weights, strict=True)
        ],
        "members": trained,
        **_mistakes(blend.oof, labels),
        "time": {
            "wall_seconds": info.get("wall_seconds"),
            "member_seconds": sum(one["seconds"] or 0.0 for one in trained),
            "startup_seconds": sum(
                result.history.get(part, 0.0)
                for result in members.values()
                for part in ("startup_seconds", "tracing_seconds")
            ),
        },
        "warnings": [*warnings]
        + ([f"trained again after their worker died: {', '.join(retried)}"] if retried else []),
        "notes": ([] if info.get("sample") else list(NOTES))
        + ([ALL_ROWS_NOTE.format(config.folds.count)] if len(judged) < len(trained) else [])
        + [
            PSEUDO_LABELS_NOTE.format(name, ", ".join(model.teachers))
            for name, model in config.models.items()
            if model.teachers
        ]
        + ([_calibrated(columns)] if config.blend.calibrate else []),
    }
    plain: dict[str, Any] = _plain(report)
    return plain


def score(probs: NDArray[np.floating], labels: Labels) -> dict[str, Any]:
    """Return accuracy, errors, rows, interval and log_loss of (rows, classes) probabilities."""
    rows = len(labels)
    errors = int(np.sum(probs.argmax(axis=1) != labels))
    return {
        "accuracy": 1 - errors / rows,
        "errors": errors,
        "rows": rows,
        "interval": list(metrics.wilson(errors, rows)),
        "log_loss": metrics.log_loss(probs, labels),
    }


def _member(member: Member, result: MemberResult, labels: Labels) -> dict[str, Any]:
    history, judged = result.history, member.fold != ALL_ROWS
    figures = score(result.val_probs, labels[result.val_rows]) if judged else dict.fromkeys(FIGURES)
    train = history.get("train_accuracy")
    return {
        "member": str(member),
        "model": member.model,
        "fold": member.fold if judged else None,
        "seed": member.seed,
        **figures,
        "train_accuracy": train,
        "gap": train - figures["accuracy"] if judged and train is not None else None,
        "retried": history.get("attempts", 1) > 1,
        **{key: history.get(key) for key in ("seconds", "parameters", "multiply_adds")},
    }


def _calibrated(columns: Sequence[Column]) -> str:
    powers = ", ".join(f"{column} {column.power:.2f}" for column in columns)
    return f"Probabilities are raised to a power fitted on other folds; of test rows, on all ({powers})."


def _spread(values: Iterable[float]) -> dict[str, float | None]:
    mean, sd = metrics.mean_sd(list(values))
    return {"mean": mean, "sd": sd}


def _folds(trained: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    each = [
        {"fold": fold, "members": len(own), **_spread(one["accuracy"] for one in own)}
        for fold, own in _grouped(trained, "fold").items()
    ]
    return {**_spread(one["mean"] for one in each), "each": each}


def _seeds(columns: Sequence[Column], labels: Labels, method: str) -> dict[str, Any]:
    seeds = dict.fromkeys(column.seed for column in columns)
    each = [
        {"seed": seed, **score(combined([one for one in columns if one.seed == seed], method).oof, labels)}
        for seed in seeds
    ]
    return {**_spread(one["accuracy"] for one in each), "each": each}


def _models(
    columns: Sequence[Column], labels: Labels, method: str, trained: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    return [
        {
            "model": model,
            "members": len(own),
            **score(combined([one for one in columns if one.model == model], method).oof, labels),
            "folds": _spread(one["accuracy"] for one in own if one["fold"] is not None),
            "train_accuracy": _mean(one["train_accuracy"] for one in own if one["fold"] is not None),
            "gap": _mean(one["gap"] for one in own),
            "seconds": sum(one["seconds"] or 0.0 for one in own),
            "parameters": own[0]["parameters"],
            "multiply_adds": own[0]["multiply_adds"],
        }
        for model, own in _grouped(trained, "model").items()
    ]


def _test_time(plain: Ensemble, views: Ensemble, labels: Labels, *, used: bool) -> dict[str, Any]:
    """Return the figures of both blends; the difference is with - without, paired row by row."""
    loss, plain_loss = (metrics.row_losses(one.oof, labels) for one in (views, plain))
    right, plain_right = (one.oof.argmax(axis=1) == labels for one in (views, plain))
    only_with, only_without, p = metrics.mcnemar(right, plain_right)
    return {
        "used": used,
        "without": score(plain.oof, labels),
        "with": score(views.oof, labels),
        "log_loss_difference": metrics.paired_bootstrap(loss, plain_loss)._asdict(),
        "right_only_with": only_with,
        "right_only_without": only_without,
        "p": p,
    }


def _mistakes(probs: NDArray[np.float64], labels: Labels) -> dict[str, Any]:
    predicted, classes = probs.argmax(axis=1), probs.shape[1]
    of_label = probs[np.arange(len(labels)), labels]
    counts = np.bincount(labels.astype(np.intp) * classes + predicted, minlength=classes**2)
    counts[:: classes + 1] = 0
    # Stable, so that ties come in the order of label, prediction and row.
    pairs = np.argsort(-counts, kind="stable")[:CONFUSIONS]
    rows = np.argsort(of_label, kind="stable")[:WORST]
    return {
        "confusions": [
            {"label": pair // classes, "predicted": pair % classes, "count": counts[pair]}
            for pair in pairs
            if counts[pair]
        ],
        "worst": [
            {"row": row, "label": labels[row], "predicted": predicted[row], "probability": of_label[row]}
            for row in rows
        ],
    }


def _grouped(trained: Sequence[Mapping[str, Any]], key: str) -> dict[Any, list[Mapping[str, Any]]]:
    groups = sorted({one[key] for one in trained})
    return {group: [one for one in trained if one[key] == group] for group in groups}


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return metrics.mean_sd(known)[0] if known else None


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(part) for key, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case np.generic():
            return _plain(value.item())
        case float() if not math.isfinite(value):
            return None
    return value
