"""(e) How long `kit --help` and `kit report` take to answer, as processes of their own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kit.config import load
from kit.ensembling.columns import assemble
from kit.ensembling.methods import combine
from kit.metrics import HITS
from kit.records import RunRecord
from kit.reports.run.figures import summarise
from kit.run_folder import Run
from tests.benchmarks.bench import Bench, Row
from tests.benchmarks.ensembling import FOLDS, make_members


def run(bench: Bench) -> Iterator[Row]:
    folder = bench.folder / "answers"
    _write_run(Run(folder / "runs" / "example"))
    for arguments in (["--help"], ["report", "example"]):
        command = [sys.executable, "-m", "kit", *arguments]
        values = tuple(_seconds(command, folder) for _ in range(1 if bench.quick else max(5, bench.repeat)))
        yield Row(f"kit {arguments[0]}", "ms", tuple(1000 * value for value in values))


def _seconds(command: list[str], folder: Path) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started


def _write_run(run: Run) -> None:
    config, rows = load("default"), 100
    info = {
        "name": run.name,
        "config_name": "default",
        "hash": "0" * 64,
        "sample": False,
        "status": "complete",
    }
    info |= {"config": config.model_dump(mode="json"), "started": "2026-01-01T00:00:00+00:00"}
    folds = (np.arange(rows) % FOLDS).astype(np.int8)[None]
    members = make_members(folds, rows)
    columns = assemble(members, folds, [0])
    labels, record = np.arange(rows) % 10, RunRecord.model_validate(info)
    report = summarise(
        record,
        config,
        labels=labels,
        columns=columns,
        names=tuple(map(str, range(10))),
        combined=combine(columns, labels, "mean", HITS),
        combination=None,
        folds=folds,
        members=members,
        test_ids=tuple(map(str, range(1, len(columns[0].test) + 1))),
    )
    run.write_record(record)
    run.write_report(report)
