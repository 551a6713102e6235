"""Synthetic reports of ensembles, for the tests of pages and terminals."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.config import Config
from kit.ensembling.columns import assemble
from kit.ensembling.selection import choose
from kit.members import Member, MemberResult
from kit.metrics import HITS
from kit.records import Curves, History, Report, RunRecord
from kit.reports.run.figures import summarise
from tests.reports.pages import source_run

ROWS, TEST_ROWS, CLASSES = 400, 30, 4
LABELS = np.arange(ROWS) % CLASSES
LONG = "lenet-with-a-name-of-about-sixty-characters-and-seeds-1a2b3c"


class Source(NamedTuple):
    """A run of an ensemble: its models with the strength of their predictions (0: noise)."""

    models: Mapping[str, float]
    seeds: Sequence[int]
    folds: int


SOURCES = {
    "digits": Source({"digits/cnn": 2.0, "digits/forest": 0.0}, (0, 1), 3),
    LONG: Source({LONG: 2.5}, (7,), 4),
    "knn": Source({"knn": 1.0}, (0,), 3),
}
"""Three runs with different folds and seeds; the forest predicts noise."""


def ensemble_report(method: str = "auto") -> Report:
    """Return the report of an ensemble of runs, as `kit ensemble` makes it."""
    random = np.random.default_rng(0)
    results, columns = {}, []
    for name, source in SOURCES.items():
        starts = [np.random.default_rng(100 * source.folds + seed) for seed in source.seeds]
        folds = np.stack([one.permutation(np.arange(ROWS) % source.folds) for one in starts]).astype(np.int8)
        members = {
            Member(model, fold, seed): _result(random, np.flatnonzero(held_out == fold), strength)
            for model, strength in source.models.items()
            for seed, held_out in zip(source.seeds, folds, strict=True)
            for fold in range(source.folds)
        }
        columns += assemble(members, folds, source.seeds, name)
        results.update(members)
    config = Config.model_validate(
        {"models": {"knn": {"kind": "knn"}}, "seeds": 2, "ensemble": {"method": method}}
    )
    combined, combination = choose(columns, LABELS, method, HITS)
    record = RunRecord(
        name="ensemble-1a2b3c4d",
        config_name="ensemble",
        config={},
        hash="1a2b3c4d" * 8,
        sample=False,
        sources=tuple(
            source_run(name, len(source.models) * len(source.seeds) * source.folds)
            for name, source in SOURCES.items()
        ),
    )
    return summarise(
        record,
        config,
        labels=LABELS,
        names=tuple(map(str, range(CLASSES))),
        columns=columns,
        combined=combined,
        combination=combination,
        folds=columns[0].held_out[None],
        members=results,
        test_ids=tuple(map(str, range(TEST_ROWS))),
    )


def _result(random: np.random.Generator, rows: NDArray[np.intp], strength: float) -> MemberResult:
    epochs = Curves(loss=(0.9, 0.5), accuracy=(0.6, 0.8), val_loss=(0.8, 0.6), val_score=(0.7, 0.8))
    history = History(epochs=epochs, train_score=0.9, seconds=3.0, parameters=1234, multiply_adds=56789)
    val, test = (
        _probabilities(random, labels, strength) for labels in (LABELS[rows], np.arange(TEST_ROWS) % CLASSES)
    )
    return MemberResult(rows, val, test, history)


def _probabilities(
    random: np.random.Generator, labels: NDArray[np.intp], strength: float
) -> NDArray[np.float32]:
    logits = random.normal(size=(len(labels), CLASSES))
    logits[np.arange(len(labels)), labels] += strength
    probs: NDArray[np.float64] = np.exp(logits)
    probs /= probs.sum(axis=1, keepdims=True)
    return probs.astype(np.float32)
