import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.config import Augmentation, Cnn, LogisticRegression, Model, Stage, Training
from kit.members import Member, MemberResult
from kit.models.cost import EVALUATION
from kit.models.families import cost
from kit.records import Curves, History, Machine, RunRecord
from kit.run_folder import Run
from kit.training import machine
from kit.training.estimate import SAME, SIMILAR, Expected, expected
from kit.training.job import Job

MACHINE = Machine(
    platform="Linux", cpu="a processor", cores=2, memory_gib=8, memory_limit_gib=None, features=(), gpu=None
)
HERE = MACHINE.model_dump()
EPOCHS, ROWS, HELD_OUT = 4, 640, 320


def network(filters: int = 4, epochs: int = EPOCHS) -> Cnn:
    return Cnn(stages=(Stage(filters=filters),), training=Training(epochs=epochs))


def job(model: Model, **changes: Any) -> Job:
    held_out = np.arange(ROWS + HELD_OUT) < HELD_OUT
    made = Job(
        Member("cnn", 0, 0),
        model,
        (28, 28, 1),
        10,
        "data",
        1600,
        held_out,
        "tensorflow",
        "float32",
        "accuracy",
    )
    return replace(made, **changes)


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Return a function that writes a run of one member: 3 s start-up, 1 s tracing, 2 s per epoch."""
    monkeypatch.setattr(machine, "describe", lambda: MACHINE)

    def write(name: str = "one", model: Cnn | None = None, **info: Any) -> Run:
        run, settings = Run(tmp_path / name), (model or network()).model_dump(mode="json")
        config = {"folds": {"count": 2}, "models": {"cnn": settings}, "seeds": [0]}
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
        history = History(
            epochs=Curves(seconds=(3.0, 2.0, 2.0, 2.0)),
            tracing_seconds=1.0,
            startup_seconds=3.0,
            seconds=1.0 + EPOCHS * 2.0 + evaluation,
            steps=EPOCHS * 5,
            batch_size=128,
            multiply_adds=cost(model or network(), (28, 28, 1), 10).multiply_adds,
        )
        rows, probs = np.arange(HELD_OUT), np.full((HELD_OUT, 10), 0.1, np.float32)
        run.write_member(Member("cnn", 1, 0), MemberResult(rows, probs, probs, history))
        return run

    return write


def one(model: Model, *runs: Run, **changes: Any) -> Expected:
    [times] = expected([job(model, **changes)], runs)
    return times


EVALUATED = 8 * EVALUATION * HELD_OUT / ROWS
"""Seconds of the predictions of held-out rows in four epochs of two seconds."""


def test_the_same_training_takes_the_same_time(trained: Callable[..., Run]) -> None:
    times = one(network(), trained())
    assert times.doubt == SAME
    assert times.before == pytest.approx(3 + 1)
    assert times.training == pytest.approx(8 + EVALUATED)


def test_training_time_grows_with_epochs_but_startup_does_not(trained: Callable[..., Run]) -> None:
    times = one(network(epochs=8), trained())
    assert times.before == pytest.approx(4)
    assert times.training == pytest.approx(2 * (8 + EVALUATED))


def test_training_time_grows_with_multiply_adds(trained: Callable[..., Run]) -> None:
    run, wide = trained(), network(filters=8)
    ratio = cost(wide, (28, 28, 1), 10).multiply_adds / cost(network(), (28, 28, 1), 10).multiply_adds
    assert one(wide, run).training == pytest.approx(ratio * (8 + EVALUATED))


def test_the_time_after_the_training_grows_with_the_rows_to_predict(trained: Callable[..., Run]) -> None:
    run = trained()
    few, many = (one(network(), run, test_rows=rows).after for rows in (0, ROWS))
    # As many test rows as training rows: a third of an epoch's two seconds.
    assert many - few == pytest.approx(2 * EVALUATION)


def test_a_network_with_flips_predicts_two_views(trained: Callable[..., Run]) -> None:
    run = trained()
    flips = Augmentation(flip="horizontal")
    plain, views = (
        network().model_copy(update={"augmentation": flips.model_copy(update={"tta": tta})})
        for tta in (False, True)
    )
    seven = network().model_copy(update={"augmentation": Augmentation(tta=True)})
    more = one(views, run).after - one(plain, run).after
    assert more == pytest.approx((one(seven, run).after - one(network(), run).after) / 6)


def test_test_time_augmentation_predicts_seven_views(trained: Callable[..., Run]) -> None:
    run = trained()
    views = network().model_copy(update={"augmentation": Augmentation(tta=True)})
    more = one(views, run).after - one(network(), run).after
    assert more == pytest.approx(6 * (1600 + HELD_OUT) / ROWS * 2 * EVALUATION)


def test_a_network_with_teachers_learns_every_image(trained: Callable[..., Run]) -> None:
    taught = one(network(), trained(), teachers=(Member("knn", 0, 0),))
    every = ROWS + HELD_OUT + 1600
    assert taught.training == pytest.approx(8 * every / ROWS + EVALUATED)


def test_the_nearest_network_decides(trained: Callable[..., Run]) -> None:
    near, far = trained("near"), trained("far", network(filters=64))
    assert one(network(), far, near) == one(network(), near)
    assert one(network(), far).doubt == SIMILAR


@pytest.mark.parametrize(
    "other",
    [{"machine": {**HERE, "cpu": "another"}}, {"backend": "jax"}, {"precision": {"cnn": "bfloat16"}}],
    ids=lambda other: next(iter(other)),
)
def test_other_machines_backends_and_precisions_are_ignored(
    trained: Callable[..., Run], other: dict[str, Any]
) -> None:
    assert one(network(), trained(**other)).doubt == math.inf


def test_a_damaged_run_is_skipped(trained: Callable[..., Run]) -> None:
    good, bad = trained("good"), trained("bad")
    bad.info_path.write_text("{")
    assert one(network(), bad, good).doubt == SAME


LOGISTIC = LogisticRegression(kind="logistic_regression")


def test_a_classical_model_is_unknown_before_its_first_training(trained: Callable[..., Run]) -> None:
    assert one(LOGISTIC, trained()).doubt == math.inf


def test_a_classical_model_takes_as_long_per_row_as_the_last_of_its_kind(trained: Callable[..., Run]) -> None:
    run = trained(
        precision={},
        rows=ROWS + HELD_OUT,
        config={"folds": {"count": 2}, "models": {"cnn": {"kind": "logistic_regression"}}, "seeds": [0]},
    )
    times = one(LOGISTIC, run)
    assert times.doubt == SAME
    assert times.total == pytest.approx(3 + 9 + EVALUATED)
