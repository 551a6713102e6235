"""(d) Combining columns: 42,000 training rows, 28,000 test rows, 10 classes."""

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kit.ensembling.columns import Column, assemble
from kit.ensembling.methods import METHODS, combine, fit
from kit.ensembling.problem import Problem
from kit.ensembling.selection import choose
from kit.members import Member, MemberResult
from kit.metrics import HITS
from kit.records import History
from tests.benchmarks.bench import Bench, Row

FOLDS, CLASSES = 5, 10


def run(bench: Bench) -> Iterator[Row]:
    """Yield the times of 100 members (20 columns) and of every method on 100 columns."""
    rows, test_rows = (400, 200) if bench.quick else (42_000, 28_000)
    yield from _members(bench, 2 if bench.quick else 20, rows, test_rows)
    yield from _methods(bench, 3 if bench.quick else 100, rows, test_rows)


def _members(bench: Bench, seeds: int, rows: int, test_rows: int) -> Iterator[Row]:
    folds, labels = folds_of(seeds, rows), np.arange(rows) % CLASSES
    members = make_members(folds, test_rows)
    times: dict[str, list[float]] = {"assemble": [], "combine": []}
    for _ in range(bench.repeat):
        started = time.perf_counter()
        columns = assemble(members, folds, range(seeds))
        assembled = time.perf_counter()
        combine(columns, labels, "mean", HITS)
        times["assemble"].append(assembled - started)
        times["combine"].append(time.perf_counter() - assembled)
    note = f"{len(members)} members, {rows:,} and {test_rows:,} rows"
    for stage, values in times.items():
        yield Row(f"{stage} members", "ms", tuple(1000 * value for value in values), note)


def _methods(bench: Bench, count: int, rows: int, test_rows: int) -> Iterator[Row]:
    labels = np.arange(rows) % CLASSES
    columns = assemble(make_members(folds_of(count, rows), test_rows), folds_of(count, rows), range(count))
    note = f"{count} columns, {rows:,} and {test_rows:,} rows, cross-fitted"
    for method in METHODS:
        yield Row(f"combine by {method}", "s", _times(bench, columns, labels, method), note)
    started = time.perf_counter()
    choose(columns, labels, "auto", HITS)
    note = f"{count} columns, {rows:,} and {test_rows:,} rows, with the value of each column"
    yield Row("compare every method", "s", (time.perf_counter() - started,), note)


def _times(
    bench: Bench, columns: list[Column], labels: NDArray[np.integer], method: str
) -> tuple[float, ...]:
    times = []
    for _ in range(bench.repeat):
        started = time.perf_counter()
        fit(Problem.of(columns, labels, HITS), method).combined()
        times.append(time.perf_counter() - started)
    return tuple(times)


def folds_of(seeds: int, rows: int) -> NDArray[np.int8]:
    """Return (seeds, rows) the fold that holds the row out, the same for each seed."""
    return np.tile(np.arange(rows) % FOLDS, (seeds, 1)).astype(np.int8)


def make_members(folds: NDArray[np.int8], test_rows: int) -> dict[Member, MemberResult]:
    """Return members of one model with random probabilities, that of row i's class i % CLASSES the highest.

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
            raw[np.arange(len(rows)), rows % CLASSES] += 0.5
            probs = raw / raw.sum(axis=1, keepdims=True)
            members[Member("cnn", fold, seed)] = MemberResult(
                rows, probs[: len(rows)], probs[len(rows) :], History()
            )
    return members
