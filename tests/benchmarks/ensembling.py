"""(d) Combining 100 members: 42,000 training rows, 28,000 test rows, 10 classes."""

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kit.ensembling.columns import assemble
from kit.ensembling.methods import combine
from kit.members import Member, MemberResult
from kit.metrics import HITS
from kit.records import History
from tests.benchmarks.bench import Bench, Row

FOLDS, CLASSES = 5, 10


def run(bench: Bench) -> Iterator[Row]:
    seeds, rows, test_rows = (2, 400, 200) if bench.quick else (20, 42_000, 28_000)
    folds = np.tile(np.arange(rows) % FOLDS, (seeds, 1)).astype(np.int8)
    members = make_members(folds, test_rows)
    times: dict[str, list[float]] = {"assemble": [], "combine": []}
    for _ in range(bench.repeat):
        started = time.perf_counter()
        columns = assemble(members, folds, range(seeds))
        assembled = time.perf_counter()
        combine(columns, np.zeros(rows, int), "mean", HITS)
        times["assemble"].append(assembled - started)
        times["combine"].append(time.perf_counter() - assembled)
    note = f"{len(members)} members, {rows:,} and {test_rows:,} rows"
    for stage, values in times.items():
        yield Row(f"{stage} members", "ms", tuple(1000 * value for value in values), note)


def make_members(folds: NDArray[np.int8], test_rows: int) -> dict[Member, MemberResult]:
    """Return members of one model with random probabilities.

    Args:
        folds: (seeds, rows), the fold that holds the row out.
        test_rows: how many.
    """
    random = np.random.default_rng(0)
    members = {}
    for seed, held_out in enumerate(folds):
        for fold in range(FOLDS):
            rows = np.flatnonzero(held_out == fold)
            raw = random.random((len(rows) + test_rows, CLASSES), np.float32)
            probs = raw / raw.sum(axis=1, keepdims=True)
            members[Member("cnn", fold, seed)] = MemberResult(
                rows, probs[: len(rows)], probs[len(rows) :], History()
            )
    return members
