import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.config import LogisticRegression, RandomForest, Svm
from kit.members import Member, unpack
from kit.training.job import Job
from kit.training.launch.local import WORKER

ROWS, TEST_ROWS = 60, 5


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    """Return a function that starts a worker on random images with a model, and has given it its job."""
    random = np.random.default_rng(0)
    np.save(tmp_path / "train_images.npy", random.integers(0, 256, (ROWS, 4, 4, 1), np.uint8))
    np.save(tmp_path / "train_labels.npy", np.arange(ROWS, dtype=np.uint8) % 3)
    np.save(tmp_path / "test_images.npy", random.integers(0, 256, (TEST_ROWS, 4, 4, 1), np.uint8))
    running = []

    def begin(model: Any) -> "subprocess.Popen[bytes]":
        pipe = subprocess.PIPE
        process = subprocess.Popen(WORKER, stdin=pipe, stdout=pipe, stderr=pipe)
        running.append(process)
        send(process, model, tmp_path)
        return process

    yield begin
    for process in running:
        process.kill()
        with process:
            pass


def send(process: "subprocess.Popen[bytes]", model: Any, folder: Path) -> None:
    """Give a worker the job of training `model` on the images in `folder`."""
    held_out = np.arange(ROWS) % 4 == 1
    job = Job(Member("m", 0, 0), model, (4, 4, 1), 3, folder, held_out, "none", "float32")
    assert process.stdin
    process.stdin.write(job.to_json().encode() + b"\n")
    process.stdin.flush()


def answer(process: "subprocess.Popen[bytes]") -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Return the epoch, the sizes and the arrays that a worker sends."""
    assert process.stdout
    epoch, sizes = json.loads(process.stdout.readline()), json.loads(process.stdout.readline())
    return epoch, sizes, process.stdout.read(sizes["arrays"])


def test_a_result_comes_in_two_blobs_and_warnings_go_to_stderr(start: Any) -> None:
    process = start(LogisticRegression(kind="logistic_regression", iterations=1))
    epoch, sizes, arrays = answer(process)
    assert set(epoch) == {"epoch", "val_loss", "val_accuracy"}
    assert sizes["network"] == 0
    assert unpack(arrays).val_probs.shape == (ROWS // 4, 3)
    assert unpack(arrays).test_probs.shape == (TEST_ROWS, 3)
    process.stdin.close()
    assert process.stdout.read() == b""
    assert b"ConvergenceWarning" in process.stderr.read()
    assert process.wait() == 0


def test_an_unexpected_error_is_told_in_a_line_with_the_traceback_on_stderr(start: Any) -> None:
    process = start(Svm(kind="svm", components=500))
    line = process.stdout.readline()
    process.stdin.close()
    assert json.loads(line)["failed"].startswith("ValueError: n_components=500 must be between")
    assert b"Traceback" in process.stderr.read()


def test_a_worker_takes_another_job_after_one_that_failed(start: Any, tmp_path: Path) -> None:
    process = start(Svm(kind="svm", components=500))
    assert "failed" in json.loads(process.stdout.readline())
    send(process, LogisticRegression(kind="logistic_regression"), tmp_path)
    assert unpack(answer(process)[2]).val_probs.shape == (ROWS // 4, 3)


def test_a_worker_ends_with_its_driver(start: Any) -> None:
    process = start(RandomForest(kind="random_forest", trees=10_000_000))
    time.sleep(0.2)
    process.stdin.close()
    assert process.wait(timeout=60) == 0


def test_a_worker_without_a_network_loads_no_keras() -> None:
    code = "import sys, kit.training.worker, kit.training.member, kit.training.job; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert {"keras", "tensorflow", "sklearn", "pandas"}.isdisjoint(loaded.split())
