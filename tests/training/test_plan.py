from pathlib import Path

import numpy as np
import pytest

from kit.config import Config, merged
from kit.errors import UserError
from kit.members import ALL_ROWS, Member, plan_members
from kit.training.plan import Numerics, make_jobs, makespan, plan, resolve_numerics

CONFIG = Config.model_validate(
    {
        "seeds": [4, 2],
        "folds": {"count": 2},
        "competition": {"image_shape": [4, 4], "classes": 3},
        "models": {
            "net": {"stages": [{"filters": 2}], "training": {"precision": "float32"}},
            "knn": {"kind": "knn"},
        },
    }
)


def test_the_plan_is_that_of_the_configuration() -> None:
    config = CONFIG.model_copy(update={"all_rows": True})
    assert plan(config) == plan_members(["net", "knn"], 2, [4, 2], all_rows=True)


def test_networks_have_a_backend_and_each_its_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert resolve_numerics(CONFIG) == Numerics("tensorflow", {"net": "float32"})


def test_without_a_network_there_is_no_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "nonsense")
    only = Config.model_validate({"models": {"knn": {"kind": "knn"}}})
    assert resolve_numerics(only) == Numerics(None, {})
    with pytest.raises(UserError, match="nonsense"):
        resolve_numerics(CONFIG)


def test_backend_and_precision_decide_a_run() -> None:
    settings = [
        Numerics(None, {}),
        Numerics("tensorflow", {"net": "float32"}),
        Numerics("tensorflow", {"net": "bfloat16"}),
        Numerics("jax", {"net": "float32"}),
    ]
    assert len({CONFIG.digest(**one.hash_fields()) for one in settings}) == 4


def test_a_job_holds_out_the_rows_of_its_fold_and_seed(tmp_path: Path) -> None:
    folds = np.array([[0, 0, 1, 1], [0, 1, 0, 1]], np.int8)
    members = [Member("net", 1, 4), Member("knn", 1, 2), Member("knn", ALL_ROWS, 2)]
    net, knn, all_rows = make_jobs(members, CONFIG, Numerics("jax", {"net": "bfloat16"}), folds, tmp_path)
    assert net.held_out.tolist() == [False, False, True, True]
    assert knn.held_out.tolist() == [False, True, False, True]
    assert all_rows.held_out.tolist() == [False] * 4
    assert (net.member, net.model, net.shape, net.classes) == (members[0], CONFIG.models["net"], (4, 4), 3)
    assert (net.backend, net.precision) == ("jax", "bfloat16")
    assert net.folder.is_absolute()


def test_a_network_learns_from_the_members_of_its_fold_and_seed(tmp_path: Path) -> None:
    models = {"knn": {"kind": "knn"}, "net": {"stages": [{"filters": 2}], "teachers": ["knn"]}}
    config = Config.model_validate(merged(CONFIG.model_dump(), {"models": models}))
    members, folds = plan(config), np.zeros((2, 4), np.int8)
    jobs = make_jobs(
        members, config, resolve_numerics(config), folds, tmp_path, stored=lambda one: tmp_path / f"{one}.npz"
    )
    taught = {str(job.member): [path.name for path in job.teachers] for job in jobs}
    assert taught["net-f1-s2"] == ["knn-f1-s2.npz"]
    assert taught["knn-f1-s2"] == []
    with pytest.raises(ValueError, match="net-f0-s4: nobody says where its teachers are stored"):
        make_jobs(members, config, resolve_numerics(config), folds, tmp_path)


def test_makespan_gives_the_next_task_to_an_idle_worker() -> None:
    assert makespan([4, 1, 1, 1, 4], 2) == 7
    assert makespan([], 3) == 0
