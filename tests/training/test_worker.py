import errno
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.config import LogisticRegression, RandomForest, Svm
from kit.errors import KitError
from kit.members import Member, unpack
from kit.processes import environment
from kit.training import member
from kit.training import worker as module
from kit.training.failures import DivergedError
from kit.training.job import Job
from kit.training.launch.local import WORKER
from kit.training.wire import Message, read_message

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
        # Not the folder of this process: a worker removes it when its stdin closes.
        env = environment("training", data=tmp_path) | {"KIT_SCRATCH": str(tmp_path / "scratch")}
        (tmp_path / "scratch").mkdir(exist_ok=True)
        process = subprocess.Popen(WORKER, stdin=pipe, stdout=pipe, stderr=pipe, env=env)
        running.append(process)
        send(process, model)
        return process

    yield begin
    for process in running:
        process.kill()
        with process:
            pass


def send(process: "subprocess.Popen[bytes]", model: Any, **changes: Any) -> None:
    """Give a worker the job of training `model`."""
    held_out = np.arange(ROWS) % 4 == 1
    job = Job(
        Member("m", 0, 0), model, (4, 4, 1), 3, "data", TEST_ROWS, held_out, "none", "float32", "accuracy"
    )
    assert process.stdin
    process.stdin.write(replace(job, **changes).to_bytes())
    process.stdin.flush()


def answer(process: "subprocess.Popen[bytes]") -> Message:
    """Return the next message of a worker that is not about what it does."""
    while "phase" in (message := message_of(process)).fields:
        pass
    return message


def message_of(process: "subprocess.Popen[bytes]") -> Message:
    """Return the next message of a worker."""
    assert process.stdout
    message = read_message(process.stdout)
    assert message
    return message


def test_a_worker_says_what_it_does_before_it_imports_libraries(start: Any) -> None:
    process = start(LogisticRegression(kind="logistic_regression", iterations=1))
    phases = [message_of(process).fields.get("phase") for _ in range(3)]
    assert phases == ["loading", "fitting", "predicting"]


def test_a_result_has_two_blobs_and_warnings_go_to_stderr(start: Any) -> None:
    process = start(LogisticRegression(kind="logistic_regression", iterations=1))
    assert answer(process).fields.keys() == {"of", "epoch", "val_loss", "val_score"}
    result = answer(process)
    arrays, network = result.blobs
    assert (result.fields, network) == ({"of": 0, "result": "member"}, b"")
    assert unpack(arrays).val_probs.shape == (ROWS // 4, 3)
    assert unpack(arrays).test_probs.shape == (TEST_ROWS, 3)
    process.stdin.close()
    assert process.stdout.read() == b""
    assert b"ConvergenceWarning" in process.stderr.read()
    assert process.wait() == 0


def test_only_the_test_rows_of_the_job_are_predicted(start: Any) -> None:
    model = LogisticRegression(kind="logistic_regression")
    process = start(model)
    send(process, model, test_rows=2)
    every, few = (unpack([answer(process), answer(process)][1].blobs[0]) for _ in range(2))
    np.testing.assert_array_equal(few.test_probs, every.test_probs[:2], strict=True)
    np.testing.assert_array_equal(few.val_probs, every.val_probs, strict=True)


def test_an_unexpected_error_is_reported_with_the_traceback_on_stderr(start: Any) -> None:
    process = start(Svm(kind="svm", components=500))
    message = answer(process)
    process.stdin.close()
    assert message.fields["failed"].startswith("ValueError: n_components=500 must be between")
    assert b"Traceback" in process.stderr.read()


def test_a_worker_takes_another_job_after_one_that_failed(start: Any) -> None:
    process = start(Svm(kind="svm", components=500))
    assert "failed" in answer(process).fields
    send(process, LogisticRegression(kind="logistic_regression"))
    assert "epoch" in answer(process).fields
    assert unpack(answer(process).blobs[0]).val_probs.shape == (ROWS // 4, 3)


def test_a_worker_ends_with_its_driver(start: Any, tmp_path: Path) -> None:
    process = start(RandomForest(kind="random_forest", trees=10_000_000))
    time.sleep(0.2)
    process.stdin.close()
    assert process.wait(timeout=60) == 0
    assert not (tmp_path / "scratch").exists()


def test_a_worker_without_a_network_loads_no_keras() -> None:
    code = "import sys, kit.training.worker, kit.training.member, kit.training.job; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert {"keras", "tensorflow", "sklearn", "pandas"}.isdisjoint(loaded.split())


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), "memory"),
        (RuntimeError("RESOURCE_EXHAUSTED: 8 GiB"), "memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory"),
        (KitError("no"), "other"),
        (ValueError("no"), "other"),
    ],
    ids=repr,
)
def test_a_worker_says_of_what_kind_its_failure_is(
    error: Exception, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(module, "_train", fail)
    out = BytesIO()
    module._answer([Message({})], out, 0.0)
    out.seek(0)
    message = read_message(out)
    assert message
    assert message.fields["kind"] == kind


def test_a_member_that_diverged_is_named_by_its_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KIT_DATA", str(tmp_path))

    def diverge(*arguments: Any) -> None:
        for number, reason in enumerate(("no", "nor this")):
            arguments[-1](number, DivergedError(reason))

    monkeypatch.setattr(member, "train_members", diverge)
    monkeypatch.setattr(Job, "from_message", lambda _: None)
    out = BytesIO()
    module._answer([Message({}), Message({})], out, 0.0)
    out.seek(0)
    messages = [found.fields for found in iter(lambda: read_message(out), None) if found]
    assert messages[-2:] == [
        {"of": number, "failed": reason, "hint": None, "kind": "diverged"}
        for number, reason in enumerate(("no", "nor this"))
    ]
