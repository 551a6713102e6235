from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.config import Cnn, KNearest, Stage, Training
from kit.members import ALL_ROWS, Member
from kit.training.job import Job

NETWORK = Cnn(stages=(Stage(filters=4, pool="max"),), dropout=0.1, training=Training(epochs=7))


def job(**changes: Any) -> Job:
    made = Job(
        member=Member("cnn-a", 3, 7),
        model=NETWORK,
        shape=(28, 20, 1),
        classes=10,
        folder=Path("/somewhere/über"),
        held_out=np.arange(37) % 5 == 3,
        backend="tensorflow",
        precision="bfloat16",
        teachers=(Path("/somewhere/members/knn-f3-s7.npz"), Path("/somewhere/members/net-f3-s7.npz")),
    )
    return replace(made, **changes)


@pytest.mark.parametrize("model", [NETWORK, KNearest(kind="knn", neighbours=2)])
def test_a_job_survives_the_way_to_its_worker(model: Any) -> None:
    line = job(model=model).to_json()
    assert "\n" not in line
    back = Job.from_json(line)
    np.testing.assert_array_equal(back.held_out, job().held_out, strict=True)
    assert replace(back, held_out=None) == replace(job(model=model), held_out=None)  # type: ignore[arg-type]  # arrays do not compare


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
