"""Convert files of version 1, which have no version number, to version 2.

Incomplete files are not converted; their validation then names the missing key.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

Upgrade = Callable[[Any], Any]


def _from_version_1(upgrade: Upgrade) -> Upgrade:
    @wraps(upgrade)
    def upgraded(raw: Any) -> Any:
        if not isinstance(raw, dict) or "version" in raw:
            return raw
        with suppress(LookupError, TypeError, AttributeError, ArithmeticError):
            return upgrade(raw)
        return raw

    return upgraded


@_from_version_1
def run(raw: Any) -> Any:
    """Convert run.json: the precision of scikit-learn's models was not a mapping."""
    precision = raw.get("precision")
    return raw | {"precision": precision if isinstance(precision, dict) else {}}


@_from_version_1
def ensemble(raw: Any) -> Any:
    """Convert ensemble.json: temperatures were stored as powers (1 / temperature)."""
    return raw | {"temperatures": {column: 1 / power for column, power in raw["powers"].items()}}


@_from_version_1
def history(raw: Any) -> Any:
    """Convert a member's history: the only metric was accuracy."""
    curves = raw.get("epochs")
    if isinstance(curves, dict):
        raw = raw | {"epochs": curves | {"val_score": curves.get("val_accuracy", ())}}
    return {"train_score": raw.get("train_accuracy")} | raw


@_from_version_1
def report(raw: Any) -> Any:
    """Convert report.json: the only metric was accuracy, and scores were not separate records."""
    precision = raw.get("precision")
    return raw | {
        "metric": "accuracy",
        "ensemble": raw["blend"],
        "precision": precision if isinstance(precision, dict) else {},
        "oof": _score(raw["oof"]),
        "tta": _views(raw["tta"]) if raw.get("tta") else None,
        "seeds": raw["seeds"] | {"each": [_scored(one) for one in raw["seeds"]["each"]]},
        "models": [_scored(one) for one in raw["models"]],
        "columns": [_scored(one) | {"temperature": 1 / one.get("power", 1.0)} for one in raw["columns"]],
        "members": [_scored(one) for one in raw["members"]],
        "confusions": [_labelled(one) for one in raw["confusions"]],
        "worst": [_labelled(one) for one in raw["worst"]],
    }


def _score(raw: Any) -> Any:
    return raw | {"value": raw["accuracy"]}


def _scored(raw: Any) -> Any:
    return raw | {
        "score": None if raw["accuracy"] is None else _score(raw),
        "train_score": raw.get("train_accuracy"),
    }


def _labelled(raw: Any) -> Any:
    return raw | {key: str(raw[key]) for key in ("label", "predicted")}


def _views(raw: Any) -> Any:
    difference = raw["log_loss_difference"]
    return raw | {
        "without_views": _score(raw["without"]),
        "with_views": _score(raw["with"]),
        "loss_difference": difference["mean"],
        "loss_interval": (difference["low"], difference["high"]),
    }
