from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.config import Cnn, LogisticRegression, Model, Stage, Training
from kit.members import Member, MemberResult
from kit.models.families import cost
from kit.records import Machine, RunRecord
from kit.runs import Run
from kit.training import machine
from kit.training.estimate import EVALUATION, estimate
from kit.training.job import Job

HERE = {"cpu": "a processor", "cores": 2, "gpu": None}
EPOCHS, ROWS, HELD_OUT = 4, 640, 320


def network(filters: int = 4, epochs: int = EPOCHS) -> Cnn:
    return Cnn(stages=(Stage(filters=filters),), training=Training(epochs=epochs))


def job(model: Model, **changes: Any) -> Job:
    held_out = np.arange(ROWS + HELD_OUT) < HELD_OUT
    made = Job(Member("cnn", 0, 0), model, (28, 28, 1), 10, "data", 1600, held_out, "tensorflow", "float32")
    return replace(made, **changes)


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Return a function that writes a run of one member: 3 s start-up, 1 s tracing, 2 s per epoch."""
    monkeypatch.setattr(machine, "describe", lambda: Machine.model_validate(HERE))

    def write(name: str = "one", model: Cnn | None = None, **info: Any) -> Run:
        run = Run(tmp_path / name)
        config = {"folds": {"count": 2}, "models": {"cnn": {}}, "seeds": [0]}
        common = {
            "config_name": "x",
            "hash": "",
            "sample": False,
            "version": 2,
            "config": config,
            "machine": HERE,
            "backend": "tensorflow",
            "precision": {"cnn": "float32"},
        }
        run.write_record(RunRecord.model_validate({**common, **info}))
        evaluation = EPOCHS * 2.0 * EVALUATION * HELD_OUT / ROWS
        history = {
            "epochs": {"seconds": [3.0, 2.0, 2.0, 2.0]},
            "tracing_seconds": 1.0,
            "startup_seconds": 3.0,
            "seconds": 1.0 + EPOCHS * 2.0 + evaluation,
            "steps": EPOCHS * 5,
            "batch_size": 128,
            "multiply_adds": cost(model or network(), (28, 28, 1), 10).multiply_adds,
        }
        rows, probs = np.arange(HELD_OUT), np.full((HELD_OUT, 10), 0.1, np.float32)
        run.write_member(Member("cnn", 1, 0), MemberResult(rows, probs, probs, history))
        return run

    return write


def test_the_same_training_takes_the_same_time(trained: Callable[..., Run]) -> None:
    run = trained()
    assert estimate([job(network())], 1, [run]) == pytest.approx(4 + 8 + 8 / 6)


def test_training_time_grows_with_epochs_but_startup_does_not(trained: Callable[..., Run]) -> None:
    run = trained()
    assert estimate([job(network(epochs=8))], 1, [run]) == pytest.approx(4 + 2 * (8 + 8 / 6))


def test_training_time_grows_with_multiply_adds(trained: Callable[..., Run]) -> None:
    run, wide = trained(), network(filters=8)
    ratio = cost(wide, (28, 28, 1), 10).multiply_adds / cost(network(), (28, 28, 1), 10).multiply_adds
    assert estimate([job(wide)], 1, [run]) == pytest.approx(4 + ratio * (8 + 8 / 6))


def test_a_network_with_teachers_trains_on_every_image(trained: Callable[..., Run]) -> None:
    run = trained()
    taught = job(network(), teachers=(Member("knn", 0, 0),))
    every = ROWS + HELD_OUT + 1600
    assert estimate([taught], 1, [run]) == pytest.approx(4 + 8 * every / ROWS + 8 / 6)


def test_the_nearest_network_decides(trained: Callable[..., Run]) -> None:
    near, far = trained("near"), trained("far", network(filters=64))
    assert estimate([job(network())], 1, [far, near]) == estimate([job(network())], 1, [near])


def test_three_members_on_two_workers_take_two_rounds(trained: Callable[..., Run]) -> None:
    run = trained()
    one = estimate([job(network())], 1, [run])
    assert one is not None
    assert estimate([job(network())] * 3, 2, [run]) == pytest.approx(2 * one)


@pytest.mark.parametrize(
    "other",
    [{"machine": {**HERE, "cpu": "another"}}, {"backend": "jax"}, {"precision": {"cnn": "bfloat16"}}],
    ids=lambda other: next(iter(other)),
)
def test_other_machines_backends_and_precisions_are_ignored(
    trained: Callable[..., Run], other: dict[str, Any]
) -> None:
    assert estimate([job(network())], 1, [trained(**other)]) is None


def test_a_damaged_run_is_skipped(trained: Callable[..., Run]) -> None:
    good, bad = trained("good"), trained("bad")
    bad.info_path.write_text("{")
    assert estimate([job(network())], 1, [bad, good]) is not None


def test_a_classical_model_has_no_estimate(trained: Callable[..., Run]) -> None:
    run = trained()
    jobs = [job(network()), job(LogisticRegression(kind="logistic_regression"))]
    assert estimate(jobs, 1, [run]) is None
