"""Runs with planted predictions, to compare."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.metrics import METRICS
from kit.oof import Oof
from kit.records import Score
from kit.run_folder import Run
from tests.workplace import write_run

DIGITS = tuple("0123456789")


def probabilities(
    labels: NDArray[np.integer], wrong: Sequence[int] | range, classes: int = 10, top: float = 0.9
) -> NDArray[np.float64]:
    """Return (rows, classes): the label gets `top`; in the `wrong` rows, the next class gets it."""
    probs = np.full((len(labels), classes), (1 - top) / (classes - 1))
    guess = labels.copy()
    guess[list(wrong)] = (guess[list(wrong)] + 1) % classes
    probs[np.arange(len(labels)), guess] = top
    return probs


def planted(
    name: str,
    labels: NDArray[np.integer],
    probs: NDArray[np.floating],
    /,
    *,
    names: Sequence[str] = DIGITS,
    rows: NDArray[np.integer] | None = None,
    metric: str = "accuracy",
    seconds: float = 60.0,
    folds: int = 2,
    **info: Any,
) -> Run:
    """Write a finished run under runs/ whose oof.csv has these probabilities."""
    known: dict[str, Any] = {"labels": tuple(names), "fingerprint": "ab" * 32, "rows": len(labels)}
    run = write_run(name, **known | info)
    report = run.read_report()
    each = [{"fold": fold, "members": 1, "mean": None, "sd": None} for fold in range(folds)]
    run.write_report(
        report.model_validate(
            report.model_dump()
            | {
                "metric": metric,
                "config": name,
                "ensemble": "mean",
                "oof": Score.of(METRICS[metric], probs, labels),
                "folds": {"mean": None, "sd": None, "each": each},
                "time": {"wall_seconds": seconds, "member_seconds": seconds, "startup_seconds": 0.0},
            }
        )
    )
    run.write_oof(Oof(labels, probs, tuple(names), rows))
    return run
