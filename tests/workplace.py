"""A working directory with runs, and `kit` in a child process whose output must not contain secrets."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kit.config import Competition, load
from kit.records import Report, RunRecord
from kit.run_folder import Run
from kit.task.labels import LabelEncoder
from kit.task.submission import write_submission
from kit.task.task import make_task
from tests.kaggle_server import KEY, SIGNATURE, TOKEN

HERE = Path()
ROWS = 200
LABELS = {row + 1: row % 10 for row in range(ROWS)}


def write_run(
    name: str = "default-abababab",
    *,
    folder: Path = HERE,
    wrong: int = 3,
    accuracy: float = 0.985,
    **info: Any,
) -> Run:
    """Write a finished run whose submission has `wrong` errors, under runs/ in `folder`."""
    run = Run(folder / "runs" / name)
    known: dict[str, Any] = {
        "version": 2,
        "name": name,
        "config_name": "default",
        "config": load("default").model_dump(mode="json"),
        "hash": "ab" * 32,
        "sample": False,
        "test_rows": ROWS,
        "status": "complete",
        "started": "2026-01-01T00:00:00+00:00",
    }
    run.write_record(RunRecord.model_validate(known | info))
    run.write_report(report(accuracy))
    labels = np.array(list(LABELS.values()))
    labels[:wrong] = (labels[:wrong] + 1) % 10
    task = make_task(Competition(), LabelEncoder(tuple("0123456789")))
    probs = np.eye(10, dtype=np.float32)[labels]
    write_submission(run.submission_path, [str(row) for row in LABELS], probs, task.submission)
    return run


def report(accuracy: float) -> Report:
    """Return a minimal report with an OOF score and an expected score."""
    nothing = {"mean": None, "sd": None, "each": ()}
    score = {
        "value": accuracy,
        "interval": (accuracy - 0.01, accuracy + 0.01),
        "errors": 3,
        "rows": ROWS,
        "accuracy": accuracy,
        "log_loss": 0.1,
    }
    return Report.model_validate(
        {
            "version": 2,
            **dict.fromkeys(("run", "config", "hash", "source", "backend", "ensemble"), ""),
            **dict.fromkeys(("models", "columns", "members", "confusions", "worst", "warnings", "notes"), ()),
            "sample": False,
            "metric": "accuracy",
            "data": {"rows": ROWS, "test_rows": ROWS, "classes": 10},
            "oof": score,
            "expected_score": {"low": accuracy - 0.02, "high": accuracy + 0.02},
            "tta": None,
            "folds": nothing,
            "seeds": nothing,
            "time": {"member_seconds": 0.0, "startup_seconds": 0.0},
        }
    )


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


def start(*arguments: str, folder: Path = HERE, env: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    """Start `kit` in `folder`, with `env` added to the environment."""
    command = [sys.executable, "-m", "kit", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, cwd=folder, env=os.environ | (env or {})
    )


def ended(process: "subprocess.Popen[str]", *, folder: Path = HERE, timeout: float = 120) -> Ended:
    """Wait for `kit`, and check that its output and files contain no secrets."""
    out, err = process.communicate(timeout=timeout)
    texts = [out, err, *(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())]
    for secret in (KEY, TOKEN, SIGNATURE, "Authorization", "Basic ", "Bearer "):
        assert not any(secret in text for text in texts), f"{secret} was not masked"
    assert "--debug" in str(process.args) or "Traceback" not in err
    return Ended(process.returncode, out, err)


def kit(*arguments: str) -> Ended:
    """Run `kit` in the working directory."""
    return ended(start(*arguments))


def events(folder: Path = HERE) -> list[dict[str, Any]]:
    """Return the ledger's events."""
    return [json.loads(line) for line in (folder / "submissions/ledger.jsonl").read_text().splitlines()]
