from dataclasses import fields, replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from kit.config import Cnn, KNearest, Stage, Training
from kit.members import ALL_ROWS, Member
from kit.training.job import Job, PseudoLabels
from kit.training.wire import read_message

NETWORK = Cnn(stages=(Stage(filters=4, pool="max"),), dropout=0.1, training=Training(epochs=7))


def job(**changes: Any) -> Job:
    made = Job(
        member=Member("cnn-a", 3, 7),
        model=NETWORK,
        shape=(28, 20, 1),
        classes=10,
        data="0123abcd",
        test_rows=9,
        held_out=np.arange(37) % 5 == 3,
        backend="tensorflow",
        precision="bfloat16",
        metric="accuracy",
    )
    return replace(made, **changes)


def sent(one: Job) -> Job:
    """Return the job as its worker receives it."""
    message = read_message(BytesIO(one.to_bytes()))
    assert message
    return Job.from_message(message)


@pytest.mark.parametrize("model", [NETWORK, KNearest(kind="knn", neighbours=2)])
def test_a_worker_receives_the_job_that_was_sent(model: Any) -> None:
    back = sent(job(model=model))
    np.testing.assert_array_equal(back.held_out, job().held_out, strict=True)
    for field in fields(Job):
        if field.name != "held_out":
            assert getattr(back, field.name) == getattr(job(model=model), field.name)


def test_rows_that_a_member_may_not_use_are_sent() -> None:
    unused = np.arange(37) % 5 == 1
    back = sent(job(unused=unused))
    assert back.unused is not None
    np.testing.assert_array_equal(back.unused, unused, strict=True)


def test_a_member_learns_from_the_rows_that_are_neither_held_out_nor_unused() -> None:
    assert job().train_rows.tolist() == [row for row in range(37) if row % 5 != 3]
    unused = np.arange(37) % 5 == 1
    assert job(unused=unused).train_rows.tolist() == [row for row in range(37) if row % 5 not in {1, 3}]


@pytest.mark.parametrize(
    ("watched", "rows"),
    [(None, [3, 8, 13, 18, 23, 28, 33]), (3, [3, 18, 33]), (100, [3, 8, 13, 18, 23, 28, 33]), (0, [])],
)
def test_the_watched_rows_are_from_all_parts_of_the_held_out_ones(
    watched: int | None, rows: list[int]
) -> None:
    assert sent(job(watched=watched)).watched_rows.tolist() == rows


def test_pseudo_labels_are_sent_bit_for_bit() -> None:
    random = np.random.default_rng(0)
    labels = PseudoLabels(*(random.random((rows, 10), np.float32) for rows in (7, 9)))
    teachers = (Member("knn", 3, 7), Member("net", 3, 7))
    back = sent(job(teachers=teachers, pseudo_labels=labels))
    assert back.teachers == teachers
    assert back.pseudo_labels
    np.testing.assert_array_equal(back.pseudo_labels.val, labels.val, strict=True)
    np.testing.assert_array_equal(back.pseudo_labels.test, labels.test, strict=True)


def test_a_job_is_not_sent_before_its_teachers_are_trained() -> None:
    with pytest.raises(ValueError, match="cnn-a-f3-s7: its teachers' predictions are missing"):
        job(teachers=(Member("knn", 3, 7),)).to_bytes()


def test_epochs_are_those_that_will_be_reported() -> None:
    assert job().epochs == 7
    assert job(model=KNearest(kind="knn")).epochs == 1


def test_every_member_has_a_random_seed_of_its_own() -> None:
    folds = [*range(10), ALL_ROWS]
    members = [Member(m, f, s) for m in ("cnn", "cnn2", "b") for f in folds for s in range(10)]
    seeds = {job(member=member).random_seed for member in members}
    assert len(seeds) == len(members)
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_the_random_seed_depends_on_nothing_but_the_member() -> None:
    assert job().random_seed == job(precision="float32", classes=3).random_seed
