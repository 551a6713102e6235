from dataclasses import replace

import numpy as np

from kit.config import Cnn, Stage, Training
from kit.members import Member
from kit.training.bundles import bundled
from kit.training.job import Job

SPEC = Cnn(stages=(Stage(filters=2),), training=Training(batch_size=10))


def job(name: str = "a", fold: int = 0, *, rows: int = 100, held_out: int = 20, together: int = 3) -> Job:
    return Job(
        Member(name, fold, 0),
        SPEC,
        (4, 4, 1),
        3,
        "data",
        5,
        np.arange(rows) < held_out,
        "jax",
        "float32",
        "accuracy",
        together=together,
    )


def names(*jobs: Job) -> list[list[str]]:
    return [[str(one.member) for one in bundle] for bundle in bundled(jobs)]


def test_as_many_jobs_as_allowed_are_put_together_in_their_order() -> None:
    found = names(*(job(fold=fold) for fold in range(7)))
    assert found == [["a-f0-s0", "a-f1-s0", "a-f2-s0"], ["a-f3-s0", "a-f4-s0", "a-f5-s0"], ["a-f6-s0"]]


def test_networks_are_put_together_with_their_like() -> None:
    assert names(job("a"), job("b"), job("a", 1), job("b", 1)) == [
        ["a-f0-s0", "a-f1-s0"],
        ["b-f0-s0", "b-f1-s0"],
    ]


def test_jobs_of_the_same_number_of_steps_are_put_together() -> None:
    # 80, 81 and 79 rows in batches of 10: 8, 8 and 7 steps.
    jobs = [job(fold=number, held_out=held_out) for number, held_out in enumerate((20, 19, 21))]
    assert names(*jobs) == [["a-f0-s0", "a-f1-s0"], ["a-f2-s0"]]


def test_a_job_of_its_own_stays_alone() -> None:
    assert names(job(together=1), job(fold=1, together=1)) == [["a-f0-s0"], ["a-f1-s0"]]


def test_a_student_learns_from_the_test_rows_too() -> None:
    # All 100 training rows and 5 test rows, in batches of 10.
    student = replace(job(), teachers=(Member("b", 0, 0),))
    assert student.steps == (10, 10)
